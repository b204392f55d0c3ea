// Sleeps by nanosleep and usleep; the monotonic clock must show at least the time asked for.
#include "report.h"
#include <time.h>

static int64_t now(void) {
  struct timespec time;
  CHECK(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
  return time.tv_sec * 1000000000ll + time.tv_nsec;
}

int main(void) {
  int64_t start = now();
  for (int i = 0; i < 5; i++) {
    int64_t before = now();
    struct timespec wanted = {0, 2000000};
    CHECK(nanosleep(&wanted, NULL) == 0);
    CHECK(now() - before >= 2000000);
    say("slept");
  }
  int64_t before = now();
  CHECK(usleep(3000) == 0);
  CHECK(now() - before >= 3000000);
  int64_t total = now() - start;
  CHECK(total >= 13000000);
  return pass();
}
