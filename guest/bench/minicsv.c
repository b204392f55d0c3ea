// Splits lines into fields, trims them, reads numbers and looks names up: a loop per field, few bytes each.
#include "bench.h"
#include <string.h>

enum { ROWS = 4000, WIDTH = 40 };
static char text[ROWS * WIDTH + 1];
static const char *const names[] = {"ash", "birch", "cedar", "elm", "hazel", "larch", "maple", "oak"};
static int64_t totals[8];

static NOINLINE int nameIndex(const char *field, unsigned length) {
  for (int i = 0; i < 8; i++)
    if (strlen(names[i]) == length && memcmp(names[i], field, length) == 0) return i;
  return -1;
}

static NOINLINE int64_t number(const char *field, unsigned length) {
  int64_t value = 0;
  int negative = length && *field == '-';
  for (unsigned i = (unsigned)negative; i < length; i++) value = value * 10 + (field[i] - '0');
  return negative ? -value : value;
}

static NOINLINE unsigned parse(const char *p) {
  unsigned rows = 0;
  while (*p) {
    int column = 0, name = -1;
    for (;;) {
      while (*p == ' ') p++;
      const char *start = p;
      while (*p && *p != ',' && *p != '\n') p++;
      const char *end = p;
      while (end > start && end[-1] == ' ') end--;
      unsigned length = (unsigned)(end - start);
      if (column == 0) name = nameIndex(start, length);
      else if (name >= 0) totals[name] += number(start, length) * column;
      column++;
      if (*p == 0) break;
      if (*p++ == '\n') break;
    }
    rows++;
  }
  return rows;
}

int main(int argc, char **argv) {
  uint32_t seed = 11;
  char *out = text;
  for (int row = 0; row < ROWS; row++) {
    const char *name = names[next_random(&seed) & 7];
    while (*name) *out++ = *name++;
    for (int column = 0; column < 3; column++) {
      *out++ = ',';
      if (next_random(&seed) & 1) *out++ = ' ';
      if (next_random(&seed) & 1) *out++ = '-';
      for (unsigned digits = 1 + next_random(&seed) % 5; digits; digits--) *out++ = (char)('0' + next_random(&seed) % 10);
    }
    *out++ = '\n';
  }
  uint64_t sum = 0;
  for (int i = rounds(argc, argv, 700); i > 0; i--) sum += parse(text);
  for (int i = 0; i < 8; i++) sum = sum * 31 + (uint64_t)totals[i];
  return checksum(sum);
}
