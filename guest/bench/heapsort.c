// Heap sort in place: loads and stores with branches that depend on data.
#include "bench.h"

enum { SIZE = 200000 };
static double values[SIZE + 1];

static NOINLINE void heapsort_all(int count) {
  int left = count / 2 + 1, right = count;
  for (;;) {
    double value;
    if (left > 1) {
      value = values[--left];
    } else {
      value = values[right];
      values[right--] = values[1];
      if (right == 1) {
        values[1] = value;
        return;
      }
    }
    int i = left;
    for (int j = left * 2; j <= right; j *= 2) {
      if (j < right && values[j] < values[j + 1]) j++;
      if (value >= values[j]) break;
      values[i] = values[j];
      i = j;
    }
    values[i] = value;
  }
}

int main(int argc, char **argv) {
  uint32_t seed = 42;
  uint64_t sum = 0;
  for (int i = rounds(argc, argv, 12); i > 0; i--) {
    for (int k = 1; k <= SIZE; k++) values[k] = next_random(&seed) / 3.0;
    heapsort_all(SIZE);
    for (int k = 2; k <= SIZE; k++) CHECK(values[k - 1] <= values[k]);
    sum ^= bits_of(values[SIZE / 3]);
  }
  return checksum(sum);
}
