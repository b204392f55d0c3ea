// Ends by exit(42) from three calls deep, with atexit handlers that still print.
#include "report.h"

static void last(void) { say("last handler"); }
static void first(void) { say("first handler"); }

static NOINLINE void leave(int depth) {
  if (depth == 0) exit(42);
  leave(depth - 1);
  say("not reached");
}

int main(void) {
  CHECK(atexit(last) == 0 && atexit(first) == 0);
  say("leaving");
  leave(3);
  return 1;
}
