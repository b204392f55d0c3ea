// SIGCHLD comes once for each change of a child; who ignores it has no zombies.
#include "tree.h"
#include <signal.h>

static volatile sig_atomic_t hits, last_pid, last_status, last_code;

static void on_child(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)context;
  hits++;
  last_pid = info->si_pid;
  last_status = info->si_status;
  last_code = info->si_code;
}

static int ends(int code) {
  work(10);
  return code;
}

static int stops(int unused) {
  (void)unused;
  raise(SIGSTOP);
  return 0;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO};
  sigset_t blocked = 0, old;
  sigaddset(&blocked, SIGCHLD);
  CHECK(sigaction(SIGCHLD, &action, 0) == 0 && sigprocmask(SIG_BLOCK, &blocked, &old) == 0);
  pid_t pid = start(ends, 9);
  CHECK(sigsuspend(&old) == -1 && hits == 1 && last_pid == pid && last_status == 9 && last_code == CLD_EXITED);
  CHECK_EXIT(pid, 9);
  work(20);
  CHECK(hits == 1);

  pid = start(stops, 0);
  CHECK(sigsuspend(&old) == -1 && hits == 2 && last_code == CLD_STOPPED && last_status == SIGSTOP);
  CHECK(kill(pid, SIGKILL) == 0);
  CHECK(sigsuspend(&old) == -1 && hits == 3 && last_code == CLD_KILLED && last_status == SIGKILL);
  CHECK_KILLED(pid, SIGKILL);
  say("told of an end, a stop and a kill");

  CHECK(sigprocmask(SIG_SETMASK, &old, 0) == 0);
  CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
  for (int i = 0; i < 3; i++) start(ends, i);
  CHECK(wait(0) == -1 && errno == ECHILD);
  CHECK(hits == 3);
  return pass();
}
