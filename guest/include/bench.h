// Frame of the benchmarks: argv[1] is the number of rounds, the output one line with a checksum.
#ifndef BENCH_H
#define BENCH_H

#include "report.h"

// Without an argument a benchmark makes as many rounds as take 0.2 to 1 s.
static inline int rounds(int argc, char **argv, int usual) {
  if (argc < 2) return usual;
  int count = 0;
  for (const char *p = argv[1]; *p >= '0' && *p <= '9'; p++) count = count * 10 + (*p - '0');
  return count;
}

static inline uint32_t next_random(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  return *state ^= *state << 5;
}

static inline int checksum(uint64_t value) {
  say_hex("checksum", value);
  return 0;
}

static inline uint64_t bits_of(double value) {
  union {
    double value;
    uint64_t bits;
  } both = {value};
  return both.bits;
}

#endif
