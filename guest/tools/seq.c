// seq [FIRST [STEP]] LAST: numbers, one a line.
#include "tool.h"

int main(int argc, char *argv[]) {
  if (argc < 2 || argc > 4) {
    complain("seq", "usage", "seq [FIRST [STEP]] LAST");
    return 1;
  }
  long long first = argc > 2 ? atoll(argv[1]) : 1, step = argc > 3 ? atoll(argv[2]) : 1, last = atoll(argv[argc - 1]);
  if (step == 0) return 1;
  for (long long number = first; step > 0 ? number <= last : number >= last; number += step) {
    put_number(number);
    put_text("\n");
  }
  flush();
  return 0;
}
