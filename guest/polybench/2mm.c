// D = alpha A B C + beta D, by way of an intermediate product.
#include "kernel.h"

enum { SIZE = 180 };
static double a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE], d[SIZE][SIZE], product[SIZE][SIZE];

static NOINLINE void kernel(double alpha, double beta) {
  for (int i = 0; i < SIZE; i++)
    for (int j = 0; j < SIZE; j++) {
      double sum = 0;
      for (int k = 0; k < SIZE; k++) sum += alpha * a[i][k] * b[k][j];
      product[i][j] = sum;
    }
  for (int i = 0; i < SIZE; i++)
    for (int j = 0; j < SIZE; j++) {
      double sum = d[i][j] * beta;
      for (int k = 0; k < SIZE; k++) sum += product[i][k] * c[k][j];
      d[i][j] = sum;
    }
}

int main(int argc, char **argv) {
  FILL(a, SIZE, SIZE, (i * j + 1) % SIZE);
  FILL(b, SIZE, SIZE, (i * (j + 1)) % SIZE);
  FILL(c, SIZE, SIZE, (i * (j + 3) + 1) % SIZE);
  FILL(d, SIZE, SIZE, (i * (j + 2)) % SIZE);
  for (int i = rounds(argc, argv, 20); i > 0; i--) kernel(0.002, 0.5);
  return checksum(fold(&d[0][0], SIZE * SIZE));
}
