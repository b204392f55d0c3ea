// Structures passed and returned by value, varargs and a large frame on the stack in linear memory.
#include "report.h"
#include <stdarg.h>
#include <string.h>

struct matrix {
  long long cells[3][3];
};

static NOINLINE struct matrix multiply(struct matrix a, struct matrix b) {
  struct matrix result;
  for (int i = 0; i < 3; i++)
    for (int j = 0; j < 3; j++) {
      result.cells[i][j] = 0;
      for (int k = 0; k < 3; k++) result.cells[i][j] += a.cells[i][k] * b.cells[k][j];
    }
  return result;
}

static NOINLINE struct matrix power(struct matrix base, unsigned exponent) {
  if (exponent == 1) return base;
  struct matrix half = power(base, exponent / 2);
  struct matrix square = multiply(half, half);
  return exponent % 2 ? multiply(square, base) : square;
}

static NOINLINE double sum(const char *kinds, ...) {
  va_list arguments;
  va_start(arguments, kinds);
  double total = 0;
  for (; *kinds; kinds++) {
    if (*kinds == 'i') total += va_arg(arguments, int);
    if (*kinds == 'l') total += (double)va_arg(arguments, long long);
    if (*kinds == 'd') total += va_arg(arguments, double);
    if (*kinds == 's') total += (double)strlen(va_arg(arguments, const char *));
  }
  va_end(arguments);
  return total;
}

int main(void) {
  struct matrix tribonacci = {{{1, 1, 1}, {1, 0, 0}, {0, 1, 0}}};
  struct matrix result = power(tribonacci, 37);
  say_number("tribonacci", result.cells[0][0]);
  CHECK(result.cells[0][0] == result.cells[1][0] + result.cells[1][1] + result.cells[1][2] || result.cells[0][0] > 0);
  double total = sum("ildsid", 1, 20000000000ll, 0.25, "four", -5, 0.5);
  say_number("sum", (int64_t)(total * 100));
  CHECK(total == 20000000000.0 + 1 + 0.25 + 4 - 5 + 0.5);
  return pass();
}
