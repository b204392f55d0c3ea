// Integer matrix product, three plain loops.
#include "bench.h"

enum { SIZE = 200 };
static int32_t a[SIZE][SIZE], b[SIZE][SIZE], c[SIZE][SIZE];

static NOINLINE void multiply(void) {
  for (int i = 0; i < SIZE; i++)
    for (int j = 0; j < SIZE; j++) {
      int32_t sum = 0;
      for (int k = 0; k < SIZE; k++) sum += a[i][k] * b[k][j];
      c[i][j] = sum;
    }
}

int main(int argc, char **argv) {
  uint32_t seed = 1;
  for (int i = 0; i < SIZE; i++)
    for (int j = 0; j < SIZE; j++) a[i][j] = (int32_t)(next_random(&seed) & 63), b[i][j] = (int32_t)(next_random(&seed) & 63);
  uint64_t sum = 0;
  for (int i = rounds(argc, argv, 50); i > 0; i--) {
    multiply();
    sum = sum * 31 + (uint64_t)c[i % SIZE][7];
    a[i % SIZE][3] ^= i;
  }
  return checksum(sum);
}
