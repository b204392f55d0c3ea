// Children that hold any of the ends of some pipes find out what that means: contents, the end, EPIPE, in turn and then all at
// once. stdin says who holds what: children '1'.., pipes '1'.., and for each child 'a' + its ends (1 and 2 of the first pipe:
// reading and writing, 4 and 8 of the second). The machine is saved while they wait for their turn, and while they read.
#include "tree.h"
#include <sched.h>
#include <signal.h>

enum { PIPES_MAX = 2, CHILDREN_MAX = 3 };
static int pipe_count, child_count;
static int ends[PIPES_MAX][2], gates[CHILDREN_MAX][2], ready[2];

// "1 0 w 64": child 1 has written to pipe 0, with that result.
static void tell(int child, int pipe, const char *what, int value) {
  struct line line = {.length = 0};
  line_digits(&line, (unsigned)child, 10);
  line_text(&line, pipe == 0 ? " 0 " : " 1 ");
  line_text(&line, what);
  line_text(&line, " ");
  line_digits(&line, (unsigned)value, 10);
  line_write(&line);
}

static void wait_for_turn(int child) {
  put(ready[1], 'r');
  CHECK(get(gates[child][0]) == 'g');
}

static int holds(int mask, int pipe, int end) { return (mask >> (2 * pipe + end)) & 1; }

static int child(int number, int mask) {
  for (int p = 0; p < pipe_count; p++) {
    for (int end = 0; end < 2; end++) {
      if (!holds(mask, p, end)) close(ends[p][end]);
    }
  }
  wait_for_turn(number);
  char buffer[16];
  for (int p = 0; p < pipe_count; p++) {
    if (holds(mask, p, 1)) tell(number, p, "w", write(ends[p][1], "x", 1) == 1 ? 0 : errno);
    if (holds(mask, p, 0)) {
      ssize_t count = read(ends[p][0], buffer, sizeof buffer);
      tell(number, p, count < 0 ? "e" : "r", count < 0 ? errno : (int)count);
    }
  }
  wait_for_turn(number);
  for (int p = 0; p < pipe_count; p++) {
    if (!holds(mask, p, 1)) continue;
    CHECK(fcntl(ends[p][1], F_SETFL, 0) == 0);
    tell(number, p, "W", write(ends[p][1], "yz", 2) == 2 ? 0 : errno);
    close(ends[p][1]);
  }
  for (int p = 0; p < pipe_count; p++) {
    if (!holds(mask, p, 0)) continue;
    int total = 0;
    CHECK(fcntl(ends[p][0], F_SETFL, 0) == 0);
    while (get(ends[p][0]) >= 0) total++;
    tell(number, p, "R", total);
  }
  return number;
}

int main(void) {
  char config[8];
  ssize_t length = read(0, config, sizeof config);
  CHECK(length >= 2);
  child_count = config[0] - '0';
  pipe_count = config[1] - '0';
  CHECK(child_count <= CHILDREN_MAX && pipe_count <= PIPES_MAX && length >= 2 + child_count);
  signal(SIGPIPE, SIG_IGN);
  CHECK(pipe(ready) == 0);
  for (int i = 0; i < child_count; i++) CHECK(pipe(gates[i]) == 0);
  for (int p = 0; p < pipe_count; p++) CHECK(pipe2(ends[p], O_NONBLOCK) == 0);
  pid_t pids[CHILDREN_MAX];
  for (int i = 0; i < child_count; i++) {
    pids[i] = fork();
    CHECK(pids[i] >= 0);
    if (pids[i] == 0) _exit(child(i, config[2 + i] - 'a'));
  }
  for (int p = 0; p < pipe_count; p++) CHECK(close(ends[p][0]) == 0 && close(ends[p][1]) == 0);
  for (int i = 0; i < child_count; i++) CHECK(get(ready[0]) == 'r');
  CHECK(wvm_snapshot() >= 0);
  for (int i = 0; i < child_count; i++) {
    put(gates[i][1], 'g');
    CHECK(get(ready[0]) == 'r');
  }
  CHECK(wvm_snapshot() >= 0);
  for (int i = 0; i < child_count - 1; i++) put(gates[i][1], 'g');
  // Now all that can be read is read, and the others wait.
  for (int i = 0; i < 8; i++) sched_yield();
  CHECK(wvm_snapshot() >= 0);
  put(gates[child_count - 1][1], 'g');
  for (int i = 0; i < child_count; i++) CHECK_EXIT(pids[i], i);
  return pass();
}
