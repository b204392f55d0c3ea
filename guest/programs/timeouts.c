// One process for every way to wait for a time. Each waits for 600 ms, and finds that it was that long: on the machine's clock,
// which stands still while the machine is an image.
#include "threads.h"
#include "tree.h"
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>

enum { WAIT_MS = 600, LATE_MS = 500 };
static int empty[2];
static volatile sig_atomic_t hits;
static uint32_t word;
static struct thread thread;

static int64_t now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000ll + time.tv_nsec / 1000000;
}

static void hit(int signal) {
  (void)signal;
  hits++;
}

static int by_sleep(int unused) {
  (void)unused;
  struct timespec time = {0, WAIT_MS * 1000000};
  return nanosleep(&time, 0);
}

static int by_poll(int unused) {
  (void)unused;
  struct pollfd end = {.fd = empty[0], .events = POLLIN};
  return poll(&end, 1, WAIT_MS);
}

static int by_epoll(int unused) {
  (void)unused;
  int set = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = empty[0]};
  CHECK(set >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, empty[0], &event) == 0);
  return epoll_wait(set, &event, 1, WAIT_MS);
}

static int by_futex(int unused) {
  (void)unused;
  return futex(&word, 0, 0, WAIT_MS * 1000000ll, 0, 0) == -1 && errno == ETIMEDOUT ? 0 : 1;
}

static int by_signal(int unused) {
  (void)unused;
  sigset_t set = 0;
  sigaddset(&set, SIGUSR1);
  struct timespec time = {0, WAIT_MS * 1000000};
  return sigtimedwait(&set, 0, &time) == -1 && errno == EAGAIN ? 0 : 1;
}

// The alarm comes while it waits for something that never comes.
static int by_alarm(int unused) {
  (void)unused;
  struct sigaction action = {.sa_handler = hit};
  struct itimerval timer = {.it_value = {.tv_usec = WAIT_MS * 1000}}, left;
  CHECK(sigaction(SIGALRM, &action, 0) == 0 && setitimer(ITIMER_REAL, &timer, 0) == 0);
  char byte;
  CHECK(read(empty[0], &byte, 1) == -1 && errno == EINTR && hits == 1);
  CHECK(getitimer(ITIMER_REAL, &left) == 0 && left.it_value.tv_sec == 0 && left.it_value.tv_usec == 0);
  return 0;
}

// Ticks of which a third are over when the machine is saved.
static int by_interval(int unused) {
  (void)unused;
  struct sigaction action = {.sa_handler = hit};
  struct timeval tick = {.tv_usec = WAIT_MS * 1000 / 6};
  struct itimerval timer = {tick, tick};
  CHECK(sigaction(SIGALRM, &action, 0) == 0 && setitimer(ITIMER_REAL, &timer, 0) == 0);
  while (hits < 6) pause();
  return 0;
}

static void *waits(void *argument) { return (char *)argument + by_futex(0); }

static int by_thread(int unused) {
  (void)unused;
  CHECK(thread_create(&thread, waits, (void *)8) == 0);
  return thread_join(&thread) == (void *)8 ? 0 : 1;
}

static int times(int (*wait)(int)) {
  int64_t before = now_ms();
  int result = wait(0);
  int64_t took = now_ms() - before;
  CHECK(result == 0);
  // Rounded down twice.
  CHECK(took >= WAIT_MS - 1 && took < WAIT_MS + LATE_MS);
  return 0;
}

int main(void) {
  static int (*const WAITS[])(int) = {by_sleep, by_poll, by_epoll, by_futex, by_signal, by_alarm, by_interval, by_thread};
  enum { COUNT = sizeof WAITS / sizeof *WAITS };
  CHECK(pipe(empty) == 0);
  pid_t pids[COUNT];
  for (int i = 0; i < COUNT; i++) {
    pids[i] = fork();
    CHECK(pids[i] >= 0);
    if (pids[i] == 0) _exit(times(WAITS[i]));
  }
  say("all wait");
  for (int i = 0; i < COUNT; i++) CHECK_EXIT(pids[i], 0);
  return pass();
}
