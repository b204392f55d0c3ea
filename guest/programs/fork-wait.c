// Children end with different statuses; the parent waits for one by name, for any, and without waiting.
#include "tree.h"

static int shared = 1;

static int ends_with(int code) {
  CHECK(getppid() == 1 && getpid() > 1);
  shared += code;
  work(10);
  CHECK(shared == 1 + code);
  return code;
}

static int waits_for_byte(int fd) { return get(fd); }

int main(void) {
  CHECK(getpid() == 1);
  pid_t first = start(ends_with, 7), second = start(ends_with, 255);
  CHECK_EXIT(second, 255);
  CHECK_EXIT(first, 7);
  CHECK(shared == 1);
  say("statuses kept apart");

  int fds[2], status;
  CHECK(pipe(fds) == 0);
  pid_t waiting = start(waits_for_byte, fds[0]);
  CHECK(waitpid(waiting, &status, WNOHANG) == 0);
  work(10);
  CHECK(waitpid(-1, &status, WNOHANG) == 0);
  put(fds[1], 42);
  CHECK(wait(&status) == waiting && WIFEXITED(status) && WEXITSTATUS(status) == 42);
  CHECK(wait(&status) == -1 && errno == ECHILD);
  CHECK(waitpid(first, &status, 0) == -1 && errno == ECHILD);
  return pass();
}
