// Five processes in a ring of pipes pass a number round; each adds its place.
#include "tree.h"

enum { PROCESSES = 5, ROUNDS = 6 };
static int ring[PROCESSES][2];

static int member(int place) {
  int from = ring[place][0], to = ring[(place + 1) % PROCESSES][1];
  for (int round = 0; round < ROUNDS; round++) {
    unsigned number;
    CHECK(read(from, &number, sizeof number) == sizeof number);
    work(2);
    number += (unsigned)place;
    CHECK(write(to, &number, sizeof number) == sizeof number);
  }
  return 0;
}

int main(void) {
  pid_t pids[PROCESSES];
  for (int i = 0; i < PROCESSES; i++) CHECK(pipe(ring[i]) == 0);
  for (int i = 1; i < PROCESSES; i++) pids[i] = start(member, i);
  unsigned number = 1000;
  for (int round = 0; round < ROUNDS; round++) {
    CHECK(write(ring[1][1], &number, sizeof number) == sizeof number);
    CHECK(read(ring[0][0], &number, sizeof number) == sizeof number);
    say_number("round", number);
  }
  CHECK(number == 1000 + ROUNDS * (1 + 2 + 3 + 4));
  for (int i = 1; i < PROCESSES; i++) CHECK_EXIT(pids[i], 0);
  return pass();
}
