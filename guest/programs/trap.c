// Traps inside nested named functions: the backtrace must name innermost, middle and outermost.
// argv[1]: unreachable (default), division, memory, indirect, overflow (endless recursion), conversion.
#include "report.h"
#include <string.h>

static volatile int zero, big = 1 << 30;
static volatile double huge = 1e300;
typedef int (*callback)(int, int, int);

NOINLINE int innermost(const char *kind, int depth) {
  if (strcmp(kind, "division") == 0) return depth / zero;
  if (strcmp(kind, "memory") == 0) return *(volatile int *)(uintptr_t)(0xfffffff0u - (unsigned)zero);
  if (strcmp(kind, "indirect") == 0) return ((callback)(uintptr_t)(big))(1, 2, 3);
  if (strcmp(kind, "overflow") == 0) return innermost(kind, depth + 1) + big;
  if (strcmp(kind, "conversion") == 0) {
    int result;
    __asm__ volatile("local.get %1\n i32.trunc_f64_s\n local.set %0" : "=r"(result) : "r"(huge));
    return result;
  }
  __builtin_trap();
}

NOINLINE int middle(const char *kind, int depth) { return innermost(kind, depth + 1) * 2 + zero; }
NOINLINE int outermost(const char *kind) { return middle(kind, 1) + 1 + zero; }

int main(int argc, char **argv) {
  say("before the trap");
  say_number("not reached", outermost(argc > 1 ? argv[1] : "unreachable"));
  return 0;
}
