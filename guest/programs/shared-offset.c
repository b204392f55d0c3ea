// Duplicates and a child's copies are one open file with one offset; a file opened twice has two.
#include "tree.h"
#include <string.h>

static int opened;

static int reads_two(int fd) {
  char text[2];
  CHECK(read(fd, text, 2) == 2 && memcmp(text, "cd", 2) == 0);
  work(10);
  CHECK(lseek(opened, 0, SEEK_CUR) == 6);
  CHECK(lseek(fd, -1, SEEK_END) == 9);
  return 0;
}

int main(void) {
  int fd = open("shared-offset.txt", O_RDWR | O_CREAT | O_TRUNC, 0644);
  CHECK(fd >= 0 && write(fd, "abcdefghij", 10) == 10);
  CHECK(lseek(fd, 0, SEEK_SET) == 0);
  opened = open("shared-offset.txt", O_RDONLY);
  int copy = dup(fd);
  CHECK(opened > fd && copy > opened);
  char text[6];
  CHECK(read(copy, text, 2) == 2 && read(opened, text, 6) == 6);
  pid_t pid = start(reads_two, fd);
  work(10);
  CHECK_EXIT(pid, 0);
  CHECK(lseek(copy, 0, SEEK_CUR) == 9 && lseek(fd, 0, SEEK_CUR) == 9 && lseek(opened, 0, SEEK_CUR) == 6);
  // Flags belong to the open file, too; close-on-exec to the descriptor.
  CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0 && (fcntl(copy, F_GETFL) & O_APPEND));
  CHECK(fcntl(copy, F_SETFD, FD_CLOEXEC) == 0);
  CHECK(fcntl(copy, F_GETFD) == FD_CLOEXEC && fcntl(fd, F_GETFD) == 0);
  CHECK(unlink("shared-offset.txt") == 0);
  return pass();
}
