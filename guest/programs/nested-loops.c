// Loops five deep with early exits to every level; the counters of all levels are live at the innermost safe point.
#include "report.h"

int main(void) {
  unsigned sum = 0, visits = 0;
  for (unsigned a = 0; a < 4; a++) {
    for (unsigned b = a; b < 6; b++) {
      unsigned before = sum;
      for (unsigned c = 0; c < 5; c++) {
        if ((a ^ b ^ c) == 5) goto nextA;
        unsigned d = 0;
        do {
          for (unsigned e = d; e < 4; e++) {
            visits++;
            sum = sum * 31 + (a + 1) * (b + 2) * (c + 3) * (d + 4) * (e + 5);
            if (sum % 97 == 0) goto nextB;
            if (sum % 13 == 0) goto nextC;
          }
        } while (++d < 3);
      nextC:;
      }
    nextB:
      sum ^= before >> 3;
    }
  nextA:
    sum += a;
  }
  say_number("visits", visits);
  say_number("sum", sum);
  return pass();
}
