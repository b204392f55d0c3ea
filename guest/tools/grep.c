// grep [-F] [-v] [-c] [-q] TEXT [FILE]: lines that hold a text; patterns are not known.
#include "tool.h"

int main(int argc, char *argv[]) {
  int is_inverted = 0, counts = 0, is_quiet = 0, first = 1;
  for (; first < argc && argv[first][0] == '-' && argv[first][1]; first++) {
    for (const char *option = argv[first] + 1; *option; option++) {
      if (*option == 'v') is_inverted = 1;
      else if (*option == 'c') counts = 1;
      else if (*option == 'q') is_quiet = 1;
      else if (*option != 'F') {
        complain("grep", argv[first], "unknown option");
        return 2;
      }
    }
  }
  if (first >= argc) {
    complain("grep", "usage", "grep [-F] [-v] [-c] [-q] TEXT [FILE]");
    return 2;
  }
  int fd = open_input("grep", argc > first + 1 ? argv[first + 1] : "-");
  if (fd < 0) return 2;
  long long found = 0;
  size_t used = 0, capacity = 4096;
  char *text = malloc(capacity);
  for (int ended = 0; !ended;) {
    if (!text) return 2;
    ssize_t count = read(fd, text + used, capacity - used - 1);
    ended = count <= 0;
    used += ended ? 0 : (size_t)count;
    text[used] = 0;
    // Whole lines, and at the end of the file what is left.
    char *line = text;
    for (char *end; (end = strchr(line, '\n')) || (ended && *line); line = end ? end + 1 : text + used) {
      if (end) *end = 0;
      if ((strstr(line, argv[first]) != 0) == is_inverted) continue;
      found++;
      if (is_quiet) return 0;
      if (!counts) {
        put_text(line);
        put_text("\n");
      }
    }
    used -= (size_t)(line - text);
    memmove(text, line, used + 1);
    if (capacity - used < 2) text = realloc(text, capacity *= 2);
  }
  if (counts) {
    put_number(found);
    put_text("\n");
  }
  flush();
  return found == 0;
}
