// Power iteration on an implicit matrix: a division per step of the inner loop, calls that are inlined.
#include "bench.h"
#include <math.h>

enum { SIZE = 300 };
static double u[SIZE], v[SIZE], t[SIZE];

static double element(int i, int j) { return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1); }

static NOINLINE void times(const double *in, double *out, int transposed) {
  for (int i = 0; i < SIZE; i++) {
    double sum = 0;
    for (int j = 0; j < SIZE; j++) sum += (transposed ? element(j, i) : element(i, j)) * in[j];
    out[i] = sum;
  }
}

int main(int argc, char **argv) {
  for (int i = 0; i < SIZE; i++) u[i] = 1;
  for (int i = rounds(argc, argv, 350); i > 0; i--) {
    times(u, t, 0), times(t, v, 1);
    times(v, t, 0), times(t, u, 1);
  }
  double uv = 0, vv = 0;
  for (int i = 0; i < SIZE; i++) uv += u[i] * v[i], vv += v[i] * v[i];
  return checksum(bits_of(sqrt(uv / vv)));
}
