// An interval timer goes on by itself until it is disarmed; what it tells of itself fits.
#include "tree.h"
#include <signal.h>

static volatile sig_atomic_t ticks;

static void tick(int signal) {
  (void)signal;
  ticks++;
}

int main(void) {
  struct itimerval timer = {.it_value = {.tv_usec = 30000}, .it_interval = {.tv_usec = 10000}}, now;
  sigset_t blocked = 0, old;
  sigaddset(&blocked, SIGALRM);
  CHECK(signal(SIGALRM, tick) == SIG_DFL && sigprocmask(SIG_BLOCK, &blocked, &old) == 0);
  CHECK(setitimer(ITIMER_REAL, &timer, 0) == 0);
  CHECK(getitimer(ITIMER_REAL, &now) == 0);
  CHECK(now.it_interval.tv_usec == 10000 && now.it_value.tv_usec <= 30000 && now.it_value.tv_sec == 0);
  while (ticks < 4) {
    work(10);
    CHECK(sigsuspend(&old) == -1 && errno == EINTR);
  }
  timer = (struct itimerval){0};
  CHECK(setitimer(ITIMER_REAL, &timer, &now) == 0 && now.it_interval.tv_usec == 10000);
  CHECK(getitimer(ITIMER_REAL, &now) == 0 && now.it_value.tv_sec == 0 && now.it_value.tv_usec == 0);
  return pass();
}
