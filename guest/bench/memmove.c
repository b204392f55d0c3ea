// Block moves and fills of mixed sizes: most of the time in single memory instructions or the library's copy loops.
#include "bench.h"
#include <string.h>

enum { SIZE = 1 << 20 };
static unsigned char buffer[SIZE];

int main(int argc, char **argv) {
  uint32_t seed = 17;
  for (int i = 0; i < SIZE; i++) buffer[i] = (unsigned char)next_random(&seed);
  uint64_t sum = 0;
  for (int i = rounds(argc, argv, 600); i > 0; i--) {
    memmove(buffer + 1, buffer, SIZE - 1);
    memmove(buffer, buffer + 4096, SIZE / 2);
    for (int k = 0; k < 2000; k++) {
      uint32_t random = next_random(&seed);
      uint32_t length = random & 511, from = random >> 8 & (SIZE - 1024), to = (random >> 4) * 7 & (SIZE - 1024);
      memmove(buffer + (to < SIZE - 1024 ? to : 0), buffer + (from < SIZE - 1024 ? from : 0), length);
    }
    memset(buffer + SIZE / 4, i, 10000);
    sum = sum * 31 + buffer[SIZE / 3] + buffer[SIZE / 4 + 20000];
  }
  return checksum(sum);
}
