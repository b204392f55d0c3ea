// 33 processes: 32 children wait for their turn and hand it on, last to first.
#include "tree.h"

enum { CHILDREN = 32 };
static int pipes[CHILDREN + 1][2];

static int hands_on(int place) {
  int number;
  CHECK(read(pipes[place + 1][0], &number, sizeof number) == sizeof number);
  number += place;
  CHECK(write(pipes[place][1], &number, sizeof number) == sizeof number);
  return place;
}

int main(void) {
  pid_t pids[CHILDREN];
  for (int i = 0; i <= CHILDREN; i++) CHECK(pipe(pipes[i]) == 0);
  for (int i = 0; i < CHILDREN; i++) pids[i] = start(hands_on, i);
  work(10);
  int number = 10000;
  CHECK(write(pipes[CHILDREN][1], &number, sizeof number) == sizeof number);
  CHECK(read(pipes[0][0], &number, sizeof number) == sizeof number);
  say_number("sum", number);
  CHECK(number == 10000 + CHILDREN * (CHILDREN - 1) / 2);
  for (int i = CHILDREN - 1; i >= 0; i--) CHECK_EXIT(pids[i], i);
  return pass();
}
