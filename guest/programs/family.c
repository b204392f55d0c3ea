// A small tree with one process of every kind: one that reads, one that sleeps, one that polls, one that is stopped, one with
// threads in a session of its own, two that have ended. Each living one has a file of its own open in its middle. The machine is
// saved when all are there; then everybody goes on and proves that all is as it was.
#include "threads.h"
#include "tree.h"
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

static int ready[2], go[2], done[2];
static struct thread threads[2];
static uint32_t gate;

// family-N.txt, read up to its third byte.
static int own_file(int number) {
  char name[] = "family-0.txt";
  name[7] = (char)('0' + number);
  int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
  char text[3];
  CHECK(fd >= 0 && write(fd, "abcdef", 6) == 6 && lseek(fd, 0, SEEK_SET) == 0 && read(fd, text, 3) == 3);
  return fd;
}

static void prove_file(int fd) {
  char text[4] = {0};
  CHECK(read(fd, text, 4) == 3 && strcmp(text, "def") == 0);
  CHECK(getpid() != 1 && getppid() >= 1);
}

static int reads(int unused) {
  (void)unused;
  int fd = own_file(1);
  put(ready[1], 'r');
  CHECK(get(go[0]) == 'g');
  prove_file(fd);
  return 11;
}

static int sleeps(int unused) {
  (void)unused;
  int fd = own_file(2);
  put(ready[1], 's');
  struct timespec before, after, second = {1, 0};
  clock_gettime(CLOCK_MONOTONIC, &before);
  CHECK(nanosleep(&second, 0) == 0);
  clock_gettime(CLOCK_MONOTONIC, &after);
  CHECK((after.tv_sec - before.tv_sec) * 1000000000ll + (after.tv_nsec - before.tv_nsec) >= 1000000000ll);
  prove_file(fd);
  return 12;
}

static int polls(int unused) {
  (void)unused;
  int fd = own_file(3);
  put(ready[1], 'p');
  struct pollfd both[2] = {{.fd = done[0], .events = POLLIN}, {.fd = fd, .events = 0}};
  CHECK(poll(both, 1, 500) == 0);
  prove_file(fd);
  return 13;
}

static int has_child(int unused) {
  CHECK(setpgid(0, 0) == 0);
  int fd = own_file(4);
  pid_t pid = start(polls, unused);
  put(ready[1], 'c');
  CHECK_EXIT(pid, 13);
  prove_file(fd);
  return 14;
}

static int is_stopped(int unused) {
  (void)unused;
  int fd = own_file(5);
  put(ready[1], 't');
  CHECK(raise(SIGSTOP) == 0);
  prove_file(fd);
  return 15;
}

static void *waits(void *argument) {
  put(ready[1], 'w');
  while (gate == 0) futex(&gate, 0, 0, -1, 0, 0);
  return (char *)argument + 1;
}

static int has_threads(int unused) {
  (void)unused;
  int fd = own_file(6);
  CHECK(setsid() == getpid());
  for (int i = 0; i < 2; i++) CHECK(thread_create(&threads[i], waits, (void *)(uintptr_t)(5 + i)) == 0);
  CHECK(get(go[0]) == 'g');
  gate = 1;
  CHECK(futex(&gate, 1, 9, 0, 0, 0) == 2);
  for (int i = 0; i < 2; i++) CHECK(thread_join(&threads[i]) == (void *)(uintptr_t)(6 + i));
  prove_file(fd);
  return 16;
}

static int ends(int status) { return status; }

static int is_killed(int unused) {
  (void)unused;
  kill(getpid(), SIGKILL);
  return 99;
}

int main(void) {
  CHECK(pipe(ready) == 0 && pipe(go) == 0 && pipe(done) == 0);
  int (*const bodies[])(int) = {reads, sleeps, has_child, is_stopped, has_threads};
  pid_t pids[5];
  for (int i = 0; i < 5; i++) pids[i] = start(bodies[i], 0);
  pid_t ended = start(ends, 7), killed = start(is_killed, 0);
  // r, s, p, c, t, and two threads.
  for (int i = 0; i < 7; i++) CHECK(get(ready[0]) > 0);
  int status;
  CHECK(waitpid(pids[3], &status, WUNTRACED) == pids[3] && status == (SIGSTOP << 8 | 0x7f));
  for (int i = 0; i < 4; i++) sched_yield();
  CHECK(wvm_snapshot() >= 0);
  say("goes on");
  put(go[1], 'g');
  put(go[1], 'g');
  CHECK(kill(pids[3], SIGCONT) == 0);
  for (int i = 4; i >= 0; i--) {
    int expected[] = {11, 12, 14, 15, 16};
    CHECK_EXIT(pids[i], expected[i]);
  }
  CHECK_EXIT(ended, 7);
  CHECK_KILLED(killed, SIGKILL);
  CHECK(wait(0) == -1 && errno == ECHILD);
  return pass();
}
