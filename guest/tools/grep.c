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
  size_t size;
  char *text = read_all(fd, &size);
  long long found = 0;
  for (char *line = text; line < text + size;) {
    char *end = strchr(line, '\n');
    if (end) *end = 0;
    if ((strstr(line, argv[first]) != 0) != is_inverted) {
      found++;
      if (!counts && !is_quiet) {
        put_text(line);
        put_text("\n");
      }
    }
    line = end ? end + 1 : text + size;
  }
  if (counts) {
    put_number(found);
    put_text("\n");
  }
  flush();
  return found == 0;
}
