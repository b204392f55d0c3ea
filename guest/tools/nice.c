// nice [-n N] [COMMAND ARGUMENT...]: runs the command with a nice value that is N more, 10 if nothing is said. Without a command it
// says what the nice value is.
#include "tool.h"

int main(int argc, char *argv[]) {
  int first = 1;
  long increment = 10;
  if (argc > 1 && strncmp(argv[1], "-n", 2) == 0) {
    const char *number = argv[1][2] ? argv[1] + 2 : argc > 2 ? argv[2] : "";
    char *end;
    increment = strtol(number, &end, 10);
    first = argv[1][2] ? 2 : 3;
    if (end == number || *end) {
      complain("nice", "not a number", number);
      return 125;
    }
  }
  if (first >= argc) {
    if (first > 1) {
      complain("nice", "usage", "nice [-n N] [COMMAND ARGUMENT...]");
      return 125;
    }
    put_number(getpriority(PRIO_PROCESS, 0));
    put_text("\n");
    flush();
    return 0;
  }
  errno = 0;
  nice(increment > 40 ? 40 : increment < -40 ? -40 : (int)increment);
  if (errno != 0) {
    complain("nice", "nice value", strerror(errno));
    return 125;
  }
  execvp(argv[first], argv + first);
  complain("nice", argv[first], strerror(errno));
  return errno == ENOENT ? 127 : 126;
}
