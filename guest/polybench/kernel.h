// What the numeric kernels share: matrices filled by a formula, folded to a checksum of exact bits.
#ifndef KERNEL_H
#define KERNEL_H

#include "bench.h"

#define FILL(matrix, rows, columns, formula)                                  \
  for (int i = 0; i < (rows); i++)                                            \
    for (int j = 0; j < (columns); j++) matrix[i][j] = (double)(formula) / (rows)

static inline uint64_t fold(const double *values, int count) {
  uint64_t sum = 0;
  for (int i = 0; i < count; i++) sum = (sum << 5 | sum >> 59) ^ bits_of(values[i]);
  return sum;
}

#endif
