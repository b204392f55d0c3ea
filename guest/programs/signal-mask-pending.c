// Blocked signals wait: usual ones once, queued ones all and in order, with their values; a child inherits the mask alone.
#include "tree.h"
#include <signal.h>

enum { QUEUED = 34 };
static char order[16];
static volatile sig_atomic_t count;

static void note(int signal, siginfo_t *info, void *context) {
  (void)context;
  order[count++] = signal == QUEUED ? (char)('0' + info->si_value.sival_int) : signal == SIGUSR1 ? 'u' : 't';
}

static sigset_t set_of(int first, int second, int third) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, first);
  sigaddset(&set, second);
  sigaddset(&set, third);
  return set;
}

static int inherits(int unused) {
  (void)unused;
  sigset_t pending, mask;
  CHECK(sigpending(&pending) == 0 && pending == 0);
  CHECK(sigprocmask(SIG_BLOCK, 0, &mask) == 0 && mask == set_of(SIGUSR1, SIGTERM, QUEUED));
  CHECK(sigprocmask(SIG_UNBLOCK, &mask, 0) == 0 && count == 0);
  return 0;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
  CHECK(sigaction(SIGUSR1, &action, 0) == 0 && sigaction(SIGTERM, &action, 0) == 0);
  CHECK(sigaction(QUEUED, &action, 0) == 0);
  sigset_t set = set_of(SIGUSR1, SIGTERM, QUEUED), old, pending;
  CHECK(sigprocmask(SIG_BLOCK, &set, &old) == 0 && old == 0);
  for (int i = 1; i <= 3; i++) CHECK(sigqueue(getpid(), QUEUED, (union sigval){.sival_int = i}) == 0);
  CHECK(kill(getpid(), SIGUSR1) == 0 && kill(getpid(), SIGUSR1) == 0 && kill(getpid(), SIGTERM) == 0);
  work(20);
  CHECK(sigpending(&pending) == 0 && pending == set && count == 0);
  CHECK_EXIT(start(inherits, 0), 0);

  // Taken without its handler.
  siginfo_t info;
  set = set_of(SIGTERM, SIGTERM, SIGTERM);
  CHECK(sigtimedwait(&set, &info, &(struct timespec){0}) == SIGTERM && info.si_pid == getpid());
  CHECK(sigtimedwait(&set, &info, &(struct timespec){0}) == -1 && errno == EAGAIN);
  work(20);
  CHECK(sigprocmask(SIG_SETMASK, &old, 0) == 0);
  CHECK(count == 4);
  say(order);
  sigset_t none;
  CHECK(sigpending(&none) == 0 && none == 0);
  return pass();
}
