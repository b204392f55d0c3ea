// Six loops within one another around a single addition: loop overhead and nothing else.
#include "bench.h"

static volatile uint32_t limit = 16;

int main(int argc, char **argv) {
  uint32_t sum = 0, n = limit;
  for (int i = rounds(argc, argv, 3); i > 0; i--)
    for (uint32_t a = 0; a < n; a++)
      for (uint32_t b = 0; b < n; b++)
        for (uint32_t c = 0; c < n; c++)
          for (uint32_t d = 0; d < n; d++)
            for (uint32_t e = 0; e < n; e++)
              for (uint32_t f = 0; f < n; f++) sum = (sum << 1 | sum >> 31) + (a + b * c + d * e * f);
  return checksum(sum);
}
