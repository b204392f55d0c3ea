// Nice values: a thread's share of the processor is 1.25 times that of one with a nice value that is one more. Turns are counted by
// work, so the shares are the same in every run.
#include "locks.h"
#include "report.h"
#include "threads.h"
#include "wvm.h"

enum { THREADS = 3 };
static struct thread threads[THREADS];
static const int values[THREADS] = {-5, 0, 5};
static uint32_t running = THREADS, turns, work[THREADS];

// Until everybody has had a whole turn.
static void *compute(void *argument) {
  unsigned number = (unsigned)(uintptr_t)argument;
  while (__atomic_load_n(&turns, __ATOMIC_SEQ_CST) <= THREADS) {
    __atomic_add_fetch(&work[number], 1, __ATOMIC_SEQ_CST);
    if (__atomic_exchange_n(&running, number, __ATOMIC_SEQ_CST) != number) __atomic_add_fetch(&turns, 1, __ATOMIC_SEQ_CST);
  }
  return 0;
}

static int nice_of(int32_t tid) {
  uint32_t value = 99;
  CHECK(wvm_getpriority(0, tid, &value) == 0);
  return (int)value;
}

int main(void) {
  CHECK(nice_of(0) == 0);
  for (unsigned i = 0; i < THREADS; i++) {
    // A thread begins with the value of the one that makes it.
    CHECK(wvm_setpriority(0, 0, values[i]) == 0);
    CHECK(thread_create(&threads[i], compute, (void *)(uintptr_t)i) == 0);
    CHECK(nice_of(threads[i].tid) == values[i]);
  }
  CHECK(wvm_setpriority(0, 0, 100) == 0 && nice_of(0) == 19);
  CHECK(wvm_setpriority(0, 0, -100) == 0 && nice_of(0) == -20);
  CHECK(wvm_setpriority(0, 0, 0) == 0);
  CHECK(wvm_setpriority(3, 0, 0) == LOCK_EINVAL);
  CHECK(wvm_setpriority(0, 4711, 0) == LOCK_ESRCH);
  for (unsigned i = 0; i < THREADS; i++) thread_join(&threads[i]);
  // 3.05 : 1 : 0.33
  say_number("percent of the nice one", (int64_t)work[2] * 100 / work[1]);
  say_number("percent of the selfish one", (int64_t)work[0] * 100 / work[1]);
  CHECK(work[2] * 100 / work[1] == 32);
  CHECK(work[0] * 100 / work[1] == 305);
  return pass();
}
