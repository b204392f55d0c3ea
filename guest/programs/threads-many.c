// A thousand threads, each with a stack and variables of its own, that all wait at one gate and are let through in their order.
#include "locks.h"
#include "report.h"
#include "threads.h"
#include "wvm.h"
#include <limits.h>

enum { THREADS = 1000 };
static struct thread threads[THREADS];
static uint32_t gate, waiting, passed;
static _Thread_local unsigned mine;

static void *pass_gate(void *argument) {
  unsigned number = (unsigned)(uintptr_t)argument;
  volatile unsigned on_stack = number * 7;
  mine = number;
  __atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
  CHECK(wvm_futex(&gate, FUTEX_WAIT, 0, -1, 0, 0, 0) == 0);
  CHECK(mine == number && on_stack == number * 7);
  CHECK(__atomic_fetch_add(&passed, 1, __ATOMIC_SEQ_CST) == number);
  return (void *)(uintptr_t)number;
}

int main(void) {
  for (unsigned i = 0; i < THREADS; i++) CHECK(thread_create(&threads[i], pass_gate, (void *)(uintptr_t)i) == 0);
  while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) < THREADS) yield();
  yield();
  gate = 1;
  uint32_t woken = 0;
  CHECK(wvm_futex(&gate, FUTEX_WAKE, 1, 0, 0, 0, &woken) == 0 && woken == 1);
  CHECK(wvm_futex(&gate, FUTEX_WAKE, INT_MAX, 0, 0, 0, &woken) == 0 && woken == THREADS - 1);
  unsigned sum = 0;
  for (unsigned i = 0; i < THREADS; i++) sum += (unsigned)(uintptr_t)thread_join(&threads[i]);
  say_number("sum", sum);
  CHECK(sum == THREADS * (THREADS - 1) / 2);
  CHECK(passed == THREADS && mine == 0);
  return pass();
}
