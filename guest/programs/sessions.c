// Sessions: a process that leads no group can begin one, and is alone in it with its children.
#include "tree.h"

static int fds[2];

static int child_of_session(int session) {
  CHECK(getsid(0) == session && getpgrp() == session);
  CHECK(setpgid(0, 0) == 0 && getpgrp() == getpid() && getsid(0) == session);
  return 0;
}

static int begins_session(int unused) {
  (void)unused;
  CHECK(getsid(0) == getsid(getppid()));
  pid_t sid = setsid();
  CHECK(sid == getpid() && getsid(0) == sid && getpgrp() == sid);
  CHECK(setsid() == -1 && errno == EPERM);
  CHECK_EXIT(start(child_of_session, sid), 0);
  put(fds[1], 's');
  work(20);
  CHECK(getsid(0) == sid);
  CHECK(get(fds[0]) == 'e');
  return 0;
}

int main(void) {
  int back[2];
  CHECK(pipe(fds) == 0 && pipe(back) == 0);
  int to_child = back[1], from_child = fds[0];
  pid_t pid = fork();
  if (pid == 0) {
    fds[0] = back[0];
    _exit(begins_session(0));
  }
  CHECK(get(from_child) == 's');
  CHECK(getsid(pid) == pid && getsid(0) != pid);
  // Not a child of this session any more.
  CHECK(setpgid(pid, getpgrp()) == -1 && errno == EPERM);
  put(to_child, 'e');
  CHECK_EXIT(pid, 0);
  return pass();
}
