// longjmp over several frames, in and out of loops, lowered by the compiler to legacy WebAssembly exceptions.
#include "report.h"
#include "setjmp.h"

static jmp_buf outer, inner;
static int cleanups;

static NOINLINE void dive(int depth, jmp_buf *target, int value) {
  if (depth == 0) longjmp(*target, value);
  dive(depth - 1, target, value);
  cleanups++;
}

static NOINLINE int attempt(int value) {
  volatile int tries = 0;
  int code = setjmp(inner);
  tries++;
  if (code < 3) dive(code + 2, &inner, code + 1);
  if (value == 2) longjmp(outer, 77);
  return code * 10 + tries;
}

int main(void) {
  volatile int sum = 0;
  volatile int rounds = 0;
  int code = setjmp(outer);
  say_number("setjmp", code);
  while (rounds < 6) {
    rounds++;
    sum += attempt(rounds % 4);
    say_number("sum", sum);
  }
  CHECK(code == 77 && rounds == 6);
  CHECK(cleanups == 0);
  return pass();
}
