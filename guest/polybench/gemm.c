// C = alpha A B + beta C.
#include "kernel.h"

enum { SIZE = 220 };
static double a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];

static NOINLINE void kernel(double alpha, double beta) {
  for (int i = 0; i < SIZE; i++) {
    for (int j = 0; j < SIZE; j++) c[i][j] *= beta;
    for (int k = 0; k < SIZE; k++)
      for (int j = 0; j < SIZE; j++) c[i][j] += alpha * a[i][k] * b[k][j];
  }
}

int main(int argc, char **argv) {
  FILL(a, SIZE, SIZE, (i * j + 1) % SIZE);
  FILL(b, SIZE, SIZE, (i * (j + 1)) % SIZE);
  FILL(c, SIZE, SIZE, (i * (j + 2)) % SIZE);
  for (int i = rounds(argc, argv, 60); i > 0; i--) kernel(1.5, 0.5);
  return checksum(fold(&c[0][0], SIZE * SIZE));
}
