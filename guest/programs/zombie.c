// Ended children keep their exact statuses until somebody asks.
#include "tree.h"

static const int ENDS[] = {0, 3, -SIGKILL, -SIGSEGV, -SIGTERM, 255};
enum { COUNT = sizeof ENDS / sizeof *ENDS };

static int ends(int how) {
  if (how >= 0) return how;
  kill(getpid(), -how);
  return 99;
}

int main(void) {
  int fds[2];
  pid_t pids[COUNT];
  CHECK(pipe(fds) == 0);
  for (int i = 0; i < COUNT; i++) pids[i] = start(ends, ENDS[i]);
  // All writing ends but the children's are closed: the end of the pipe says that they have ended.
  close(fds[1]);
  CHECK(get(fds[0]) == -1);
  work(40);
  for (int i = COUNT - 1; i >= 0; i--) {
    CHECK(kill(pids[i], 0) == 0);
    if (ENDS[i] >= 0) CHECK_EXIT(pids[i], ENDS[i]);
    else CHECK_KILLED(pids[i], -ENDS[i]);
    CHECK(kill(pids[i], 0) == -1 && errno == ESRCH);
  }
  CHECK(wait(0) == -1 && errno == ECHILD);
  return pass();
}
