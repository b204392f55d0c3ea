// Recursion with next to no work per call: the price of a call that may be stopped.
#include "bench.h"

static NOINLINE int fibonacci(int n) { return n < 2 ? 1 : fibonacci(n - 1) + fibonacci(n - 2); }

static volatile int argument = 31; // unknown to the compiler, which would else call once for all rounds

int main(int argc, char **argv) {
  uint64_t sum = 0;
  for (int i = rounds(argc, argv, 80); i > 0; i--) sum += (uint64_t)fibonacci(argument) + (uint64_t)i;
  return checksum(sum);
}
