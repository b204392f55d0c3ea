// A tree of processes in which each one does at random what its seed (the first argument) says: forks, runs this program anew,
// waits, kills, stops, continues, hands bytes to its children, uses what all share, sleeps, starts threads that meet at futexes.
// Every step is told, so that a run that goes another way prints something else.
#include "threads.h"
#include "tree.h"
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

enum { DEPTH_MAX = 3, CHILDREN_MAX = 3, THREADS_MAX = 2, STEPS = 9 };
// Numbers that a program that was run anew finds again.
enum { BUS_IN = 20, BUS_OUT, EVENTS };

struct child {
  pid_t pid;
  int to;
};
static struct child children[CHILDREN_MAX];
static int child_count, depth, from_parent = -1;
static uint32_t state;

static struct thread threads[THREADS_MAX];
static int thread_count;
static uint32_t gate, lock, counter;
static volatile sig_atomic_t hits;

static uint32_t rnd(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return (state >> 8) % below;
}

static void tell(const char *what, int64_t value) {
  struct line line = {.length = 0};
  line_digits(&line, (uint64_t)getpid(), 10);
  line_text(&line, " ");
  line_text(&line, what);
  line_text(&line, value < 0 ? " -" : " ");
  line_digits(&line, (uint64_t)(value < 0 ? -value : value), 10);
  line_write(&line);
}

static int64_t result(int64_t value) { return value < 0 ? -errno : value; }

static void hit(int signal) {
  (void)signal;
  hits++;
}

// ---- Threads ----

static void *meets(void *argument) {
  uint32_t mine = (uint32_t)(uintptr_t)argument, seen = gate;
  for (int i = 0; i < 3; i++) {
    while (lock) futex(&lock, 0, 1, -1, 0, 0);
    lock = 1;
    uint32_t old = counter;
    sched_yield();
    counter = old + mine;
    lock = 0;
    futex(&lock, 1, 1, 0, 0, 0);
    futex(&gate, 0, seen, (int64_t)(mine * 50000), 0, 0);
  }
  return argument;
}

static void starts_thread(void) {
  if (thread_count == THREADS_MAX) return;
  uint32_t mine = 1 + rnd(9);
  tell("thread", thread_create(&threads[thread_count], meets, (void *)(uintptr_t)mine));
  thread_count++;
}

static void joins_threads(void) {
  gate++;
  tell("open", futex(&gate, 1, 9, 0, 0, 0));
  int64_t sum = 0;
  for (int i = 0; i < thread_count; i++) sum += (int)(uintptr_t)thread_join(&threads[i]);
  thread_count = 0;
  tell("joined", sum);
  tell("counter", counter);
}

// ---- Processes ----

static void lives(int steps);

static void starts_child(int anew) {
  if (child_count == CHILDREN_MAX || depth == DEPTH_MAX) return;
  int ends[2];
  if (pipe(ends) != 0) return;
  uint32_t seed = state * 2654435761u + (uint32_t)child_count + 1;
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid > 0) {
    close(ends[0]);
    children[child_count++] = (struct child){pid, ends[1]};
    tell(anew ? "runs" : "forks", pid);
    return;
  }
  close(ends[1]);
  // The ends to its siblings, who would wait for it.
  for (int i = 0; i < child_count; i++) close(children[i].to);
  if (from_parent >= 0) close(from_parent);
  from_parent = ends[0];
  child_count = thread_count = 0;
  lock = 0;
  depth++;
  state = seed ? seed : 1;
  if (anew) {
    char texts[3][11] = {{0}};
    uint32_t values[3] = {state, (uint32_t)depth, (uint32_t)from_parent};
    for (int i = 0; i < 3; i++) {
      char *at = texts[i] + 10;
      do *--at = (char)('0' + values[i] % 10);
      while (values[i] /= 10);
      for (char *to = texts[i]; (*to++ = *at++) != 0;) continue;
    }
    char *argv[] = {"random-tree", texts[0], texts[1], texts[2], 0};
    execv("random-tree", argv);
    _exit(99);
  }
  lives(STEPS - 2 * depth);
  _exit((int)rnd(100));
}

static void waits_for(int index) {
  struct child child = children[index];
  children[index] = children[--child_count];
  close(child.to);
  // A stopped one may still hold the ends of another.
  kill(child.pid, SIGCONT);
  for (int i = 0; i < child_count; i++) kill(children[i].pid, SIGCONT);
  int status = -1;
  tell("waited", result(waitpid(child.pid, &status, 0)));
  tell("status", status);
}

static void signals_child(void) {
  static const int SIGNALS[] = {SIGTERM, SIGKILL, SIGUSR1, SIGSTOP, SIGCONT, SIGUSR1};
  int signal = SIGNALS[rnd(6)];
  pid_t pid = child_count == 0 ? getpid() : children[rnd((uint32_t)child_count)].pid;
  if (child_count == 0) signal = SIGUSR1;
  tell("signal", signal);
  tell("sent", result(kill(pid, signal)));
}

// ---- Steps ----

static void sleeps(uint32_t microseconds) {
  struct timespec time = {0, (long)microseconds * 1000};
  tell("slept", result(nanosleep(&time, 0)));
}

static void does_something(void) {
  char byte = (char)('a' + rnd(26));
  uint64_t value = 1 + rnd(3);
  switch (rnd(18)) {
    case 0: case 1: case 2: return starts_child(0);
    case 3: return starts_child(1);
    case 4:
      if (child_count == 0) return;
      return tell("gives", result(write(children[rnd((uint32_t)child_count)].to, &byte, 1)));
    case 5:
      if (from_parent < 0) return;
      return tell("gets", read(from_parent, &byte, 1) == 1 ? byte : 0);
    case 6:
      if (child_count > 0) waits_for((int)rnd((uint32_t)child_count));
      return;
    case 7: case 8: return signals_child();
    case 9: return tell("puts", result(write(BUS_OUT, &byte, 1)));
    case 10: return tell("takes", read(BUS_IN, &byte, 1) == 1 ? byte : -errno);
    case 11: return tell("adds", result(write(EVENTS, &value, 8)));
    case 12: return tell("counts", read(EVENTS, &value, 8) == 8 ? (int64_t)value : -errno);
    case 13: return starts_thread();
    case 14: return joins_threads();
    case 15: return sleeps(rnd(2000));
    case 16: {
      struct itimerval timer = {.it_value = {.tv_usec = (int)(100 + rnd(900))}};
      return tell("alarm", setitimer(ITIMER_REAL, &timer, 0));
    }
    default:
      work(rnd(400));
      sched_yield();
  }
}

static void lives(int steps) {
  for (int i = 0; i < steps; i++) does_something();
  if (thread_count > 0) joins_threads();
  while (child_count > 0) waits_for(0);
  tell("hits", hits);
}

static uint32_t number(const char *text) { return (uint32_t)strtoul(text, 0, 10); }

int main(int argc, char *argv[]) {
  CHECK(argc >= 2);
  state = number(argv[1]) ? number(argv[1]) : 1;
  struct sigaction action = {.sa_handler = hit, .sa_flags = SA_RESTART};
  CHECK(sigaction(SIGUSR1, &action, 0) == 0 && sigaction(SIGALRM, &action, 0) == 0);
  signal(SIGPIPE, SIG_IGN);
  if (argc == 4) {
    depth = (int)number(argv[2]);
    from_parent = (int)number(argv[3]);
    lives(STEPS - 2 * depth);
    return (int)rnd(100);
  }
  int bus[2];
  CHECK(pipe2(bus, O_NONBLOCK) == 0 && dup2(bus[0], BUS_IN) == BUS_IN && dup2(bus[1], BUS_OUT) == BUS_OUT);
  int events = eventfd(0, EFD_NONBLOCK);
  CHECK(events >= 0 && dup2(events, EVENTS) == EVENTS);
  // So that there is a tree.
  starts_child(0);
  starts_child(0);
  lives(2 * STEPS);
  // Orphans, some of them stopped.
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) >= 0;) {
    if (pid > 0) {
      tell("orphan", pid);
      tell("status", status);
      continue;
    }
    kill(-1, SIGCONT);
    sleeps(500);
  }
  CHECK(errno == ECHILD);
  return pass();
}
