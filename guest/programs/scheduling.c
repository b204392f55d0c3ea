// Policies and nice values of processes: a child inherits them, and a value can be given to a process, to its group or to all.
#include "tree.h"

static int nice_of(int which, id_t who) {
  errno = 0;
  int value = getpriority(which, who);
  CHECK(errno == 0);
  return value;
}

static int inherit(int argument) {
  struct sched_param param;
  CHECK(nice_of(PRIO_PROCESS, 0) == argument);
  CHECK(sched_getscheduler(0) == SCHED_RR);
  CHECK(sched_getparam(0, &param) == 0 && param.sched_priority == 7);
  param.sched_priority = 8;
  CHECK(sched_setparam(0, &param) == 0);
  CHECK(sched_getscheduler(0) == SCHED_RR);
  CHECK(nice(1000) == 19);
  CHECK(nice(-5) == 14);
  return argument;
}

// Ready to run until it is told to end.
static int wait_for_end(int fd) {
  char byte;
  CHECK(read(fd, &byte, 1) == 0);
  return (unsigned char)(nice_of(PRIO_PROCESS, 0) + 20);
}

static int read_byte(int fd) {
  char byte;
  return read(fd, &byte, 1) == 1 ? 0 : 1;
}

int main(void) {
  struct sched_param param = {.sched_priority = 7};
  CHECK(sched_getscheduler(0) == SCHED_OTHER);
  CHECK(sched_get_priority_min(SCHED_RR) == 1 && sched_get_priority_max(SCHED_FIFO) == 99);
  CHECK(sched_get_priority_max(SCHED_OTHER) == 0 && sched_get_priority_max(3) == -1 && errno == EINVAL);
  CHECK(nice(3) == 3);
  CHECK(sched_setscheduler(0, SCHED_RR, &param) == 0);
  CHECK(sched_setscheduler(0, -1, &param) == -1 && errno == EINVAL);
  CHECK_EXIT(start(inherit, 3), 3);
  CHECK(nice_of(PRIO_PROCESS, 0) == 3);
  param.sched_priority = 0;
  CHECK(sched_setscheduler(0, SCHED_OTHER, &param) == 0);

  // A higher one that is woken runs at once: the child has ended when the write returns.
  int fds[2];
  CHECK(pipe(fds) == 0);
  pid_t child = start(read_byte, fds[0]);
  param.sched_priority = 1;
  CHECK(sched_setscheduler(child, SCHED_FIFO, &param) == 0);
  CHECK(waitpid(child, 0, WNOHANG) == 0);
  CHECK(write(fds[1], "x", 1) == 1);
  CHECK(waitpid(child, 0, WNOHANG) == child);

  pid_t children[3];
  for (unsigned i = 0; i < 3; i++) {
    children[i] = fork();
    if (children[i] != 0) continue;
    close(fds[1]);
    _exit(wait_for_end(fds[0]));
  }
  CHECK(setpgid(children[1], children[1]) == 0 && setpgid(children[2], children[1]) == 0);
  CHECK(setpriority(PRIO_PGRP, (id_t)children[1], 8) == 0);
  CHECK(setpriority(PRIO_PROCESS, (id_t)children[2], -4) == 0);
  CHECK(nice_of(PRIO_PGRP, (id_t)children[1]) == -4);
  CHECK(nice_of(PRIO_PGRP, 0) == 3);
  CHECK(nice_of(PRIO_USER, 0) == -4);
  CHECK(getpriority(PRIO_USER, 5) == -1 && errno == ESRCH);
  CHECK(getpriority(PRIO_PGRP, 4711) == -1 && errno == ESRCH);
  CHECK(setpriority(4, 0, 0) == -1 && errno == EINVAL);
  close(fds[1]);
  CHECK_EXIT(children[0], 23);
  CHECK_EXIT(children[1], 28);
  CHECK_EXIT(children[2], 16);
  return pass();
}
