// Cholesky decomposition of a symmetric, diagonally dominant matrix.
#include "kernel.h"
#include <math.h>

enum { SIZE = 300 };
static double a[SIZE][SIZE];

static NOINLINE void kernel(void) {
  for (int i = 0; i < SIZE; i++) {
    for (int j = 0; j < i; j++) {
      for (int k = 0; k < j; k++) a[i][j] -= a[i][k] * a[j][k];
      a[i][j] /= a[j][j];
    }
    for (int k = 0; k < i; k++) a[i][i] -= a[i][k] * a[i][k];
    a[i][i] = sqrt(a[i][i]);
  }
}

int main(int argc, char **argv) {
  uint64_t sum = 0;
  for (int n = rounds(argc, argv, 40); n > 0; n--) {
    FILL(a, SIZE, SIZE, i == j ? SIZE * SIZE + n : (i + j) % 17 + 1);
    kernel();
    sum ^= fold(&a[0][0], SIZE * SIZE);
  }
  return checksum(sum);
}
