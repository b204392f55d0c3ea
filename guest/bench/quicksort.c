// Sorting with a comparator behind a function pointer: calls through the table in tight loops.
#include "bench.h"

enum { SIZE = 100000 };
static uint32_t values[SIZE];
static uint32_t compared;

static NOINLINE int ascending(uint32_t a, uint32_t b) { return (a > b) - (a < b); }
static NOINLINE int descending(uint32_t a, uint32_t b) { return compared++, (a < b) - (a > b); }

static NOINLINE void sort(int low, int high, int (*compare)(uint32_t, uint32_t)) {
  while (low < high) {
    uint32_t pivot = values[low + (high - low) / 2];
    int i = low, j = high;
    while (i <= j) {
      while (compare(values[i], pivot) < 0) i++;
      while (compare(values[j], pivot) > 0) j--;
      if (i <= j) {
        uint32_t swap = values[i];
        values[i++] = values[j];
        values[j--] = swap;
      }
    }
    sort(low, j, compare);
    low = i;
  }
}

int main(int argc, char **argv) {
  uint32_t seed = 7;
  uint64_t sum = 0;
  for (int i = rounds(argc, argv, 30); i > 0; i--) {
    for (int k = 0; k < SIZE; k++) values[k] = next_random(&seed);
    sort(0, SIZE - 1, i & 1 ? ascending : descending);
    for (int k = 1; k < SIZE; k++) CHECK(i & 1 ? values[k - 1] <= values[k] : values[k - 1] >= values[k]);
    sum = sum * 31 + values[SIZE / 2];
  }
  return checksum(sum + compared);
}
