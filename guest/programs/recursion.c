// Deep stacks of frames with every kind of result: each call site saves other values below it.
#include "report.h"

static NOINLINE int fibonacci(int n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

static NOINLINE unsigned ackermann(unsigned m, unsigned n) {
  if (m == 0) return n + 1;
  if (n == 0) return ackermann(m - 1, 1);
  return ackermann(m - 1, ackermann(m, n - 1));
}

static NOINLINE double halves(double value, int depth) {
  return depth == 0 ? value : value + halves(value / 2, depth - 1) * 0.5;
}

static NOINLINE uint64_t product(uint64_t low, uint64_t high) {
  if (low == high) return low;
  uint64_t middle = low + (high - low) / 2;
  return product(low, middle) * product(middle + 1, high);
}

static int isOdd(int n);
static NOINLINE int isEven(int n) { return n == 0 ? 1 : !isOdd(n - 1) ? 0 : 1; }
static NOINLINE int isOdd(int n) { return n == 0 ? 0 : !isEven(n - 1) ? 0 : 1; }

static int moves[3];
static NOINLINE void hanoi(int disks, int from, int to, int spare) {
  if (disks == 0) return;
  hanoi(disks - 1, from, spare, to);
  moves[from] -= 1;
  moves[to] += 1;
  hanoi(disks - 1, spare, to, from);
}

int main(void) {
  int fib = fibonacci(12);
  unsigned ack = ackermann(2, 4);
  double sum = halves(1024, 40);
  uint64_t factorial = product(1, 20);
  hanoi(6, 0, 2, 1);
  say_number("fibonacci", fib);
  say_number("ackermann", ack);
  say_number("halves", (int64_t)(sum * 1000));
  say_number("factorial", (int64_t)factorial);
  say_number("even", isEven(30));
  CHECK(fib == 144);
  CHECK(ack == 11);
  CHECK(factorial == 2432902008176640000ull);
  CHECK(isOdd(31) && !isOdd(30));
  CHECK(moves[0] == -6 && moves[1] == 0 && moves[2] == 6);
  return pass();
}
