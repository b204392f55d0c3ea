// An alarm interrupts a wait once; its rest is known, and setting another replaces it.
#include "tree.h"
#include <signal.h>
#include <time.h>

static volatile sig_atomic_t hits;

static void hit(int signal) {
  (void)signal;
  hits++;
}

static int is_ended_by_alarm(int unused) {
  (void)unused;
  CHECK(alarm(0) == 0);
  CHECK(signal(SIGALRM, SIG_DFL) != SIG_ERR);
  struct itimerval soon = {.it_value = {.tv_usec = 20000}};
  CHECK(setitimer(ITIMER_REAL, &soon, 0) == 0);
  for (;;) pause();
}

int main(void) {
  CHECK(signal(SIGALRM, hit) == SIG_DFL);
  CHECK(alarm(1000) == 0);
  work(20);
  // The child does not inherit the alarm.
  CHECK_KILLED(start(is_ended_by_alarm, 0), SIGALRM);
  unsigned rest = alarm(0);
  CHECK(rest > 900 && rest <= 1000 && alarm(0) == 0);
  struct timespec begin, end, rest_of_day = {0}, day = {.tv_sec = 86400};
  CHECK(clock_gettime(CLOCK_MONOTONIC, &begin) == 0);
  struct itimerval soon = {.it_value = {.tv_usec = 50000}};
  CHECK(setitimer(ITIMER_REAL, &soon, 0) == 0);
  CHECK(nanosleep(&day, &rest_of_day) == -1 && errno == EINTR && hits == 1);
  CHECK(rest_of_day.tv_sec >= 86000 && rest_of_day.tv_sec < 86400);
  CHECK(clock_gettime(CLOCK_MONOTONIC, &end) == 0);
  CHECK((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000 >= 50);
  return pass();
}
