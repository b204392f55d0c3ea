// setjmp and longjmp by the host: a stack is kept and restored, again and again, without exceptions in the module.
#include "report.h"
#include "wvm.h"

static struct wasix_stack_snapshot point;
static volatile int jumps;

static NOINLINE int deep(int depth) {
  if (depth == 0) {
    jumps++;
    wasix_stack_restore(&point, (uint64_t)(uint32_t)jumps);
  }
  return deep(depth - 1) + depth;
}

int main(void) {
  volatile int before = 7;
  uint64_t value;
  CHECK(wasix_stack_checkpoint(&point, &value) == 0);
  say_number("came with", (int64_t)value);
  CHECK(before == 7 && (int)value == jumps);
  if (value < 3) deep(5 + (int)value);
  return pass();
}
