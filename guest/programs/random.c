// Random bytes: not constant, not repeated, roughly even. Prints no random value, so its output is always the same.
#include "report.h"
#include <string.h>

int main(void) {
  unsigned char blocks[8][64];
  for (int i = 0; i < 8; i++) CHECK(getentropy(blocks[i], sizeof blocks[i]) == 0);
  int ones = 0;
  for (int i = 0; i < 8; i++) {
    for (int k = 0; k < i; k++) CHECK(memcmp(blocks[i], blocks[k], 64) != 0);
    for (int k = 0; k < 64; k++) ones += __builtin_popcount(blocks[i][k]);
  }
  CHECK(ones > 1748 && ones < 2348);
  return pass();
}
