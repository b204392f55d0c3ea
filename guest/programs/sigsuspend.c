// Waiting for a signal with another mask: it cannot come too early, and the old mask is back afterwards.
#include "tree.h"
#include <signal.h>

static volatile sig_atomic_t hits;
static int fds[2];

static void hit(int signal) {
  (void)signal;
  hits++;
}

static int sends(int parent) {
  for (int i = 0; i < 3; i++) {
    CHECK(get(fds[0]) == 'n');
    CHECK(kill(parent, SIGUSR1) == 0);
    work(10);
  }
  return 0;
}

int main(void) {
  sigset_t blocked = 0, none = 0, mask;
  sigaddset(&blocked, SIGUSR1);
  CHECK(signal(SIGUSR1, hit) == SIG_DFL && sigprocmask(SIG_BLOCK, &blocked, 0) == 0);
  CHECK(pipe(fds) == 0);
  pid_t pid = start(sends, getpid());
  for (int i = 0; i < 3; i++) {
    put(fds[1], 'n');
    work(10);
    CHECK(hits == i);
    CHECK(sigsuspend(&none) == -1 && errno == EINTR && hits == i + 1);
    CHECK(sigprocmask(SIG_BLOCK, 0, &mask) == 0 && mask == blocked);
  }
  CHECK_EXIT(pid, 0);
  int got = 0;
  CHECK(raise(SIGUSR1) == 0 && sigwait(&blocked, &got) == 0 && got == SIGUSR1 && hits == 3);
  return pass();
}
