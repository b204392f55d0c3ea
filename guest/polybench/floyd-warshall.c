// Shortest paths between all pairs.
#include "kernel.h"

enum { SIZE = 240 };
static double path[SIZE][SIZE];

static NOINLINE void kernel(void) {
  for (int k = 0; k < SIZE; k++)
    for (int i = 0; i < SIZE; i++)
      for (int j = 0; j < SIZE; j++) {
        double through = path[i][k] + path[k][j];
        if (through < path[i][j]) path[i][j] = through;
      }
}

int main(int argc, char **argv) {
  uint64_t sum = 0;
  for (int n = rounds(argc, argv, 25); n > 0; n--) {
    FILL(path, SIZE, SIZE, (i * j + n) % 7 + 1 + ((i + j) % 13 == 0) * 999.0);
    kernel();
    sum ^= fold(&path[0][0], SIZE * SIZE);
  }
  return checksum(sum);
}
