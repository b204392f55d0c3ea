// sort [-n] [-r] [FILE]: lines in the order of their bytes, or of the numbers that they begin with.
#include "tool.h"

static int is_numeric, is_reverse;

static int compare(const void *a, const void *b) {
  const char *left = *(const char *const *)a, *right = *(const char *const *)b;
  int order = 0;
  if (is_numeric) {
    long long x = atoll(left), y = atoll(right);
    order = (x > y) - (x < y);
  }
  if (order == 0) order = strcmp(left, right);
  return is_reverse ? -order : order;
}

int main(int argc, char *argv[]) {
  int first = 1;
  for (; first < argc && argv[first][0] == '-' && argv[first][1]; first++) {
    if (strchr(argv[first], 'n')) is_numeric = 1;
    if (strchr(argv[first], 'r')) is_reverse = 1;
  }
  int fd = open_input("sort", argc > first ? argv[first] : "-");
  if (fd < 0) return 1;
  size_t size, count = 0, capacity = 64;
  char *text = read_all(fd, &size), **lines = malloc(capacity * sizeof *lines);
  for (char *line = text; line < text + size;) {
    char *end = strchr(line, '\n');
    if (end) *end = 0;
    if (count == capacity) lines = realloc(lines, (capacity *= 2) * sizeof *lines);
    if (!lines) return 2;
    lines[count++] = line;
    line = end ? end + 1 : text + size;
  }
  qsort(lines, count, sizeof *lines, compare);
  for (size_t i = 0; i < count; i++) {
    put_text(lines[i]);
    put_text("\n");
  }
  flush();
  return 0;
}
