// Handlers run with the sender and the value; a call that waits ends with EINTR, or is made again.
#include "tree.h"
#include <poll.h>
#include <signal.h>

static volatile sig_atomic_t last_signal, last_value, last_pid, last_code, hits, details;
static int fds[2];
static pid_t child;

static void plain(int signal) {
  last_signal = signal;
  hits++;
}

static void detailed(int signal, siginfo_t *info, void *context) {
  CHECK(context == 0 && info->si_signo == signal);
  last_signal = signal;
  last_value = info->si_value.sival_int;
  last_pid = info->si_pid;
  last_code = info->si_code;
  details++;
}

static int interrupts(int parent) {
  // Until the parent says that it was interrupted: the first one may come before it waits.
  do CHECK(kill(parent, SIGUSR1) == 0);
  while (poll(&(struct pollfd){.fd = fds[0], .events = POLLIN}, 1, 1) == 0);
  CHECK(get(fds[0]) == 'g');
  work(20);
  CHECK(sigqueue(parent, SIGUSR2, (union sigval){.sival_int = 77}) == 0);
  return 0;
}

int main(void) {
  struct sigaction action = {.sa_handler = plain}, old;
  CHECK(sigaction(SIGUSR1, &action, &old) == 0 && old.sa_handler == SIG_DFL);
  CHECK(sigaction(SIGUSR1, 0, &old) == 0 && old.sa_handler == plain);
  CHECK(raise(SIGUSR1) == 0 && hits == 1 && last_signal == SIGUSR1);
  CHECK(sigaction(SIGKILL, &action, 0) == -1 && errno == EINVAL);

  int never[2], status;
  char byte;
  CHECK(pipe(fds) == 0 && pipe(never) == 0);
  child = start(interrupts, getpid());
  CHECK(read(never[0], &byte, 1) == -1 && errno == EINTR && hits > 1);
  say("interrupted");

  action = (struct sigaction){.sa_sigaction = detailed, .sa_flags = SA_SIGINFO | SA_RESTART};
  CHECK(sigaction(SIGUSR2, &action, 0) == 0);
  action = (struct sigaction){.sa_handler = plain, .sa_flags = SA_RESTART};
  CHECK(sigaction(SIGUSR1, &action, 0) == 0);
  put(fds[1], 'g');
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(details == 1 && last_signal == SIGUSR2 && last_value == 77 && last_pid == child && last_code == SI_QUEUE);
  say("call made again");

  hits = 0;
  action = (struct sigaction){.sa_handler = plain, .sa_flags = SA_RESETHAND};
  CHECK(sigaction(SIGUSR1, &action, 0) == 0 && raise(SIGUSR1) == 0 && hits == 1);
  CHECK(sigaction(SIGUSR1, 0, &old) == 0 && old.sa_handler == SIG_DFL);
  return pass();
}
