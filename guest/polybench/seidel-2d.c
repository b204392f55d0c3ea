// Nine-point average in place: every step waits for the one before it.
#include "kernel.h"

enum { SIZE = 300 };
static double a[SIZE][SIZE];

static NOINLINE void kernel(int steps) {
  for (int t = 0; t < steps; t++)
    for (int i = 1; i < SIZE - 1; i++)
      for (int j = 1; j < SIZE - 1; j++)
        a[i][j] = (a[i - 1][j - 1] + a[i - 1][j] + a[i - 1][j + 1] + a[i][j - 1] + a[i][j] + a[i][j + 1] + a[i + 1][j - 1] +
                   a[i + 1][j] + a[i + 1][j + 1]) / 9.0;
}

int main(int argc, char **argv) {
  FILL(a, SIZE, SIZE, i * (j + 2) + 2);
  kernel(5 * rounds(argc, argv, 50));
  return checksum(fold(&a[0][0], SIZE * SIZE));
}
