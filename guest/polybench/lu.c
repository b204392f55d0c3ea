// LU decomposition in place.
#include "kernel.h"

enum { SIZE = 240 };
static double a[SIZE][SIZE];

static NOINLINE void kernel(void) {
  for (int i = 0; i < SIZE; i++) {
    for (int j = 0; j < i; j++) {
      for (int k = 0; k < j; k++) a[i][j] -= a[i][k] * a[k][j];
      a[i][j] /= a[j][j];
    }
    for (int j = i; j < SIZE; j++)
      for (int k = 0; k < i; k++) a[i][j] -= a[i][k] * a[k][j];
  }
}

int main(int argc, char **argv) {
  uint64_t sum = 0;
  for (int n = rounds(argc, argv, 80); n > 0; n--) {
    FILL(a, SIZE, SIZE, i == j ? SIZE * 2 + n : (i * 7 + j * 3 + n) % SIZE);
    kernel();
    sum ^= fold(&a[0][0], SIZE * SIZE);
  }
  return checksum(sum);
}
