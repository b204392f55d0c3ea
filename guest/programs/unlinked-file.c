// An open file without a name: its contents live as long as somebody has it open.
#include "tree.h"
#include <string.h>

static int appends(int fd) {
  CHECK(lseek(fd, 0, SEEK_END) == 6);
  CHECK(write(fd, "child ", 6) == 6);
  work(20);
  return 0;
}

int main(void) {
  char text[19] = "";
  int fd = open("unlinked-file.txt", O_RDWR | O_CREAT | O_EXCL, 0644);
  CHECK(fd >= 0 && write(fd, "first ", 6) == 6);
  CHECK(unlink("unlinked-file.txt") == 0);
  CHECK(open("unlinked-file.txt", O_RDONLY) == -1 && errno == ENOENT);
  pid_t pid = start(appends, fd);
  CHECK_EXIT(pid, 0);
  CHECK(write(fd, "parent", 6) == 6);
  work(20);
  CHECK(pread(fd, text, 18, 0) == 18 && strcmp(text, "first child parent") == 0);
  CHECK(ftruncate(fd, 5) == 0 && lseek(fd, 0, SEEK_END) == 5);
  CHECK(pread(fd, text, 18, 0) == 5 && memcmp(text, "first", 5) == 0);
  return pass();
}
