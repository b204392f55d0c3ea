// The end of a pipe comes when its last writing end is closed, wherever that end was; nobody reads, nobody writes.
#include "tree.h"

static int fds[2];

static int closes_late(int unused) {
  (void)unused;
  close(fds[0]);
  int copy = dup(fds[1]);
  close(fds[1]);
  put(copy, 'a');
  work(20);
  close(copy);
  work(20);
  return 0;
}

int main(void) {
  CHECK(pipe(fds) == 0);
  CHECK(write(fds[0], "x", 1) == -1 && errno == EBADF);
  char byte;
  CHECK(read(fds[1], &byte, 1) == -1 && errno == EBADF);
  pid_t pid = start(closes_late, 0);
  close(fds[1]);
  CHECK(get(fds[0]) == 'a');
  CHECK(get(fds[0]) == -1);
  CHECK(get(fds[0]) == -1);
  CHECK_EXIT(pid, 0);

  CHECK(signal(SIGPIPE, SIG_IGN) == SIG_DFL);
  CHECK(pipe(fds) == 0);
  put(fds[1], 'b');
  close(fds[0]);
  CHECK(write(fds[1], "c", 1) == -1 && errno == EPIPE);
  return pass();
}
