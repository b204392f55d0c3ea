// cat [FILE...]: files one after another, or standard input.
#include "tool.h"

int main(int argc, char *argv[]) {
  static char *standard_input[] = {"-", 0};
  int status = 0;
  for (char **name = argc > 1 ? argv + 1 : standard_input; *name; name++) {
    int fd = open_input("cat", *name);
    if (fd < 0) {
      status = 1;
      continue;
    }
    char buffer[4096];
    ssize_t count;
    while ((count = read(fd, buffer, sizeof buffer)) > 0) {
      put_bytes(buffer, (size_t)count);
      flush();
    }
    if (count < 0) {
      complain("cat", *name, strerror(errno));
      status = 1;
    }
    if (fd) close(fd);
  }
  return status;
}
