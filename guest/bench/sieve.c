// Sieve of Eratosthenes: the tightest of store loops.
#include "bench.h"
#include <string.h>

enum { SIZE = 1 << 20 };
static unsigned char composite[SIZE];

int main(int argc, char **argv) {
  uint64_t sum = 0;
  for (int i = rounds(argc, argv, 60); i > 0; i--) {
    memset(composite, 0, sizeof composite);
    unsigned primes = 0, last = 0;
    for (unsigned n = 2; n < SIZE; n++) {
      if (composite[n]) continue;
      primes++;
      last = n;
      if (n < 1024)
        for (unsigned k = n * n; k < SIZE; k += n) composite[k] = 1;
    }
    sum = sum * 31 + primes + last;
  }
  return checksum(sum);
}
