// What the guests that test trees of processes share. A child proves its own part and exits with 0; its parent checks that.
#ifndef TREE_H
#define TREE_H

#include "posix.h"
#include "report.h"

// Something to be stopped in.
static inline NOINLINE unsigned work(unsigned rounds) {
  volatile unsigned value = 1;
  for (unsigned i = 0; i < rounds; i++) value = value * 1664525 + 1013904223;
  return value;
}

// A child that runs `body` and ends with its result.
static inline NOINLINE pid_t start(int (*body)(int argument), int argument) {
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) _exit(body(argument));
  return pid;
}

static inline NOINLINE int status_of(pid_t pid) {
  int status = -1;
  CHECK(waitpid(pid, &status, 0) == pid);
  return status;
}

#define CHECK_EXIT(pid, code) CHECK(status_of(pid) == (code) << 8)
#define CHECK_KILLED(pid, signal) CHECK((status_of(pid) & 0x7f) == (signal))

// One byte through a pipe: how processes take turns.
static inline NOINLINE void put(int fd, char byte) { CHECK(write(fd, &byte, 1) == 1); }

// The next byte; -1 at the end.
static inline NOINLINE int get(int fd) {
  char byte;
  ssize_t count = read(fd, &byte, 1);
  CHECK(count >= 0);
  return count == 0 ? -1 : byte;
}

#endif
