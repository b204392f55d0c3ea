// A token goes round a ring of threads: nothing but waits and wakes.
#include "locks.h"
#include "report.h"
#include "threads.h"
#include "wvm.h"

enum { THREADS = 6, LAPS = 8 };
static struct thread threads[THREADS];
static uint32_t tokens[THREADS], hops;

static void *pass_on(void *argument) {
  unsigned number = (unsigned)(uintptr_t)argument;
  unsigned next = (number + 1) % THREADS;
  for (unsigned lap = 0; lap < LAPS; lap++) {
    while (__atomic_load_n(&tokens[number], __ATOMIC_SEQ_CST) == 0) wvm_futex(&tokens[number], FUTEX_WAIT, 0, -1, 0, 0, 0);
    CHECK(hops++ == lap * THREADS + number);
    __atomic_store_n(&tokens[number], 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&tokens[next], 1, __ATOMIC_SEQ_CST);
    wvm_futex(&tokens[next], FUTEX_WAKE, 1, 0, 0, 0, 0);
  }
  return 0;
}

int main(void) {
  for (unsigned i = 0; i < THREADS; i++) CHECK(thread_create(&threads[i], pass_on, (void *)(uintptr_t)i) == 0);
  yield();
  __atomic_store_n(&tokens[0], 1, __ATOMIC_SEQ_CST);
  wvm_futex(&tokens[0], FUTEX_WAKE, 1, 0, 0, 0, 0);
  for (unsigned i = 0; i < THREADS; i++) thread_join(&threads[i]);
  say_number("hops", hops);
  CHECK(hops == THREADS * LAPS);
  return pass();
}
