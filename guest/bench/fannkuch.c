// Permutations and pancake flips: short loops with unpredictable trip counts on small arrays.
#include "bench.h"

static uint64_t fannkuch(int n) {
  int first[12], flips[12], count[12], best = 0, sign = 1, sum = 0;
  for (int i = 0; i < n; i++) first[i] = count[i] = i;
  for (;;) {
    if (first[0]) {
      for (int i = 0; i < n; i++) flips[i] = first[i];
      int done = 1;
      for (int top = flips[0]; flips[top]; done++) {
        int next = flips[top];
        flips[top] = top;
        for (int low = 1, high = top - 1; low < high; low++, high--) {
          int swap = flips[low];
          flips[low] = flips[high];
          flips[high] = swap;
        }
        top = next;
      }
      if (done > best) best = done;
      sum += sign * done;
    }
    if (sign == 1) {
      int swap = first[0];
      first[0] = first[1], first[1] = swap;
      sign = -1;
      continue;
    }
    int swap = first[1];
    first[1] = first[2], first[2] = swap;
    sign = 1;
    for (int i = 2; i < n; i++) {
      if (count[i]) {
        count[i]--;
        break;
      }
      if (i == n - 1) return (uint64_t)(uint32_t)sum << 32 | (uint32_t)best;
      count[i] = i;
      int bottom = first[0];
      for (int k = 0; k <= i; k++) first[k] = first[k + 1];
      first[i + 1] = bottom;
    }
  }
}

int main(int argc, char **argv) {
  uint64_t sum = 0;
  for (int i = rounds(argc, argv, 12); i > 0; i--) sum = sum * 7 + fannkuch(9);
  return checksum(sum);
}
