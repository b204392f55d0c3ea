// Clocks: the monotonic one never goes back, also when the machine is stopped and resumed between two reads.
#include "report.h"
#include <time.h>

static int64_t read_clock(clockid_t id) {
  struct timespec time;
  CHECK(clock_gettime(id, &time) == 0);
  CHECK(time.tv_nsec >= 0 && time.tv_nsec < 1000000000);
  return time.tv_sec * 1000000000ll + time.tv_nsec;
}

int main(void) {
  int64_t last = read_clock(CLOCK_MONOTONIC), first = last;
  int64_t real = read_clock(CLOCK_REALTIME);
  for (int i = 0; i < 120; i++) {
    int64_t now = read_clock(CLOCK_MONOTONIC);
    CHECK(now >= last);
    last = now;
  }
  CHECK(last - first < 600ll * 1000000000);
  CHECK(real >= 1000000000ll * 1000000000 && read_clock(CLOCK_REALTIME) - real < 600ll * 1000000000);
  struct timespec resolution;
  CHECK(clock_getres(CLOCK_MONOTONIC, &resolution) == 0 && resolution.tv_nsec > 0);
  return pass();
}
