// Signals and waits for groups of processes.
#include "tree.h"
#include <signal.h>

static int ready[2];

static int waits_for_signal(int group) {
  CHECK(setpgid(0, group) == 0);
  put(ready[1], 'r');
  for (;;) pause();
}

int main(void) {
  int status;
  CHECK(pipe(ready) == 0);
  CHECK(getpgrp() == getpgid(0));
  pid_t leader = start(waits_for_signal, 0);
  CHECK(get(ready[0]) == 'r' && getpgid(leader) == leader);
  pid_t member = start(waits_for_signal, leader);
  CHECK(get(ready[0]) == 'r' && getpgid(member) == leader);
  pid_t other = start(waits_for_signal, 0);
  CHECK(get(ready[0]) == 'r' && getpgid(other) == other);
  CHECK(waitpid(-leader, &status, WNOHANG) == 0);
  work(20);
  CHECK(killpg(leader, SIGTERM) == 0);
  for (int i = 0; i < 2; i++) {
    pid_t pid = waitpid(-leader, &status, 0);
    CHECK((pid == leader || pid == member) && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  }
  CHECK(waitpid(-leader, &status, 0) == -1 && errno == ECHILD);
  CHECK(killpg(leader, 0) == -1 && errno == ESRCH);
  CHECK(kill(other, 0) == 0 && kill(other, SIGKILL) == 0);
  CHECK_KILLED(other, SIGKILL);
  CHECK(setpgid(0, 4000) == -1 && (errno == EPERM || errno == ESRCH));
  return pass();
}
