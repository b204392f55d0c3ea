// Descriptors over an exec: those marked close-on-exec are gone, the others are the same open files.
#include "tree.h"
#include <stdlib.h>
#include <string.h>

enum { KEPT = 20, CLOSED = 21, CLEARED = 22, OUTPUT = 23 };

static int is_closed(int fd) { return fcntl(fd, F_GETFD) == -1 && errno == EBADF; }

static int executed(void) {
  CHECK(get(KEPT) == 'k');
  CHECK(is_closed(CLOSED));
  CHECK(fcntl(CLEARED, F_GETFD) == 0 && fcntl(KEPT, F_GETFD) == 0);
  put(OUTPUT, 'o');
  work(10);
  return 6;
}

int main(int argc, char *argv[]) {
  (void)argv;
  if (argc > 1) return executed();
  int input[2], output[2];
  CHECK(pipe2(input, O_CLOEXEC) == 0 && pipe2(output, O_CLOEXEC) == 0);
  pid_t pid = fork();
  if (pid == 0) {
    // A duplicate has no mark, unless it is asked for.
    CHECK(dup2(input[0], KEPT) == KEPT && dup3(input[0], CLOSED, O_CLOEXEC) == CLOSED);
    CHECK(fcntl(input[0], F_DUPFD_CLOEXEC, CLEARED) == CLEARED && fcntl(CLEARED, F_GETFD) == FD_CLOEXEC);
    CHECK(fcntl(CLEARED, F_SETFD, 0) == 0 && dup2(output[1], OUTPUT) == OUTPUT);
    execv("self", (char *[]){"self", "executed", 0});
    _exit(1);
  }
  put(input[1], 'k');
  close(output[1]);
  CHECK(get(output[0]) == 'o');
  // The child's own copies of the writing end went with the exec.
  CHECK(get(output[0]) == -1);
  CHECK_EXIT(pid, 6);
  return pass();
}
