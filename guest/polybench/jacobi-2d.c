// Five-point average from one grid to another and back.
#include "kernel.h"

enum { SIZE = 400 };
static double a[SIZE][SIZE], b[SIZE][SIZE];

static NOINLINE void kernel(int steps) {
  for (int t = 0; t < steps; t++) {
    for (int i = 1; i < SIZE - 1; i++)
      for (int j = 1; j < SIZE - 1; j++) b[i][j] = 0.2 * (a[i][j] + a[i][j - 1] + a[i][j + 1] + a[i + 1][j] + a[i - 1][j]);
    for (int i = 1; i < SIZE - 1; i++)
      for (int j = 1; j < SIZE - 1; j++) a[i][j] = 0.2 * (b[i][j] + b[i][j - 1] + b[i][j + 1] + b[i + 1][j] + b[i - 1][j]);
  }
}

int main(int argc, char **argv) {
  FILL(a, SIZE, SIZE, i * (j + 2) + 2);
  FILL(b, SIZE, SIZE, i * (j + 3) + 3);
  kernel(10 * rounds(argc, argv, 20));
  return checksum(fold(&a[0][0], SIZE * SIZE));
}
