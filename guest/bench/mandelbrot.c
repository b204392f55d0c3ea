// Escape-time iteration: a float loop with a data-dependent exit.
#include "bench.h"

enum { SIZE = 256, LIMIT = 200 };

static NOINLINE unsigned line(int y) {
  unsigned sum = 0;
  for (int x = 0; x < SIZE; x++) {
    double cr = 3.0 * x / SIZE - 2.2, ci = 2.4 * y / SIZE - 1.2, zr = 0, zi = 0;
    unsigned n = 0;
    while (n < LIMIT && zr * zr + zi * zi <= 4) {
      double next = zr * zr - zi * zi + cr;
      zi = 2 * zr * zi + ci;
      zr = next;
      n++;
    }
    sum = sum * 3 + n;
  }
  return sum;
}

int main(int argc, char **argv) {
  uint64_t sum = 0;
  for (int i = rounds(argc, argv, 25); i > 0; i--)
    for (int y = 0; y < SIZE; y++) sum = sum * 31 + line(y);
  return checksum(sum);
}
