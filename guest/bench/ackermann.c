// Deep recursion in two arguments: thousands of frames at once.
#include "bench.h"

static NOINLINE unsigned ackermann(unsigned m, unsigned n) {
  if (m == 0) return n + 1;
  if (n == 0) return ackermann(m - 1, 1);
  return ackermann(m - 1, ackermann(m, n - 1));
}

static volatile unsigned argument = 8; // unknown to the compiler, which would else call once for all rounds

int main(int argc, char **argv) {
  uint64_t sum = 0;
  for (int i = rounds(argc, argv, 100); i > 0; i--) sum = sum * 3 + ackermann(3, argument);
  return checksum(sum);
}
