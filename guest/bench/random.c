// A linear congruential generator: one loop of a few instructions, millions of rounds, nothing else.
#include "bench.h"

static NOINLINE double run(uint32_t count, uint32_t state) {
  double sum = 0;
  for (uint32_t i = 0; i < count; i++) {
    state = (state * 3877 + 29573) % 139968;
    sum += state / 139968.0;
  }
  return sum;
}

int main(int argc, char **argv) {
  double sum = 0;
  for (int i = rounds(argc, argv, 60); i > 0; i--) sum += run(1000000, (uint32_t)i);
  return checksum(bits_of(sum));
}
