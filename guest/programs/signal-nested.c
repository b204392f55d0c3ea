// Handlers interrupt handlers, unless the mask of the action holds their signals back; SA_NODEFER lets one interrupt itself.
#include "tree.h"
#include <signal.h>

static char order[32];
static volatile sig_atomic_t count, depth;

static void note(char what) { order[count++] = what; }

static void outer(int signal) {
  (void)signal;
  note('(');
  raise(SIGUSR2);
  work(6);
  raise(SIGTERM);
  note(')');
}

static void inner(int signal) {
  (void)signal;
  note('i');
  work(6);
}

static void last(int signal) {
  (void)signal;
  note('l');
}

static void recursive(int signal) {
  note('r');
  if (++depth < 3) raise(signal);
  depth--;
}

int main(void) {
  struct sigaction action = {.sa_handler = outer};
  sigaddset(&action.sa_mask, SIGTERM);
  CHECK(sigaction(SIGUSR1, &action, 0) == 0);
  CHECK(signal(SIGUSR2, inner) == SIG_DFL && signal(SIGTERM, last) == SIG_DFL);
  for (int i = 0; i < 2; i++) {
    CHECK(raise(SIGUSR1) == 0);
    note(' ');
  }
  action = (struct sigaction){.sa_handler = recursive, .sa_flags = SA_NODEFER};
  CHECK(sigaction(SIGHUP, &action, 0) == 0 && raise(SIGHUP) == 0 && depth == 0);
  say(order);
  sigset_t mask;
  CHECK(sigprocmask(SIG_BLOCK, 0, &mask) == 0 && mask == 0);
  return pass();
}
