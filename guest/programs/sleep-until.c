// Sleeps until points in time on the monotonic and the real-time clock, given as absolute times.
#include "report.h"
#include <time.h>

static int64_t now(clockid_t id) {
  struct timespec time;
  CHECK(clock_gettime(id, &time) == 0);
  return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static void sleepUntil(clockid_t id, int64_t nanoseconds) {
  struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  CHECK(clock_nanosleep(id, TIMER_ABSTIME, &time, NULL) == 0);
  CHECK(now(id) >= nanoseconds);
}

int main(void) {
  int64_t start = now(CLOCK_MONOTONIC);
  for (int i = 1; i <= 4; i++) sleepUntil(CLOCK_MONOTONIC, start + i * 3000000);
  sleepUntil(CLOCK_REALTIME, now(CLOCK_REALTIME) + 2000000);
  sleepUntil(CLOCK_MONOTONIC, start);
  CHECK(now(CLOCK_MONOTONIC) - start >= 14000000);
  return pass();
}
