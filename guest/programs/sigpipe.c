// Writing where nobody reads: the signal ends the writer, runs its handler, or is ignored.
#include "tree.h"
#include <signal.h>

static volatile sig_atomic_t hits;
static int fds[2];

static void hit(int signal) {
  (void)signal;
  hits++;
}

static int writes(int handled) {
  static const char bytes[8192] = "x";
  if (handled) CHECK(signal(SIGPIPE, hit) == SIG_DFL);
  for (;;) {
    if (write(fds[1], bytes, sizeof bytes) == sizeof bytes) continue;
    CHECK(handled && errno == EPIPE && hits == 1);
    return 3;
  }
}

int main(void) {
  for (int handled = 0; handled < 2; handled++) {
    CHECK(pipe(fds) == 0);
    // The children read from nothing, either.
    pid_t pid = fork();
    if (pid == 0) {
      close(fds[0]);
      _exit(writes(handled));
    }
    close(fds[1]);
    CHECK(get(fds[0]) == 'x');
    work(10);
    close(fds[0]);
    if (handled) CHECK_EXIT(pid, 3);
    else CHECK_KILLED(pid, SIGPIPE);
  }
  return pass();
}
