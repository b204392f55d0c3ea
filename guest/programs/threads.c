// Threads with stacks and thread-local variables of their own over one shared memory.
#include "report.h"
#include "threads.h"

enum { THREADS = 4, ROUNDS = 25 };
static struct thread threads[THREADS];
static _Thread_local unsigned mine = 1000;
static unsigned counter, order;

static void *count(void *argument) {
  unsigned number = (unsigned)(uintptr_t)argument;
  volatile unsigned on_stack[8] = {number};
  for (unsigned i = 0; i < ROUNDS; i++) {
    __atomic_fetch_add(&counter, number, __ATOMIC_SEQ_CST);
    on_stack[i % 8] += i;
    mine += number;
  }
  CHECK(mine == 1000 + ROUNDS * number);
  unsigned sum = 0;
  for (unsigned i = 0; i < 8; i++) sum += on_stack[i];
  CHECK(sum == number + ROUNDS * (ROUNDS - 1) / 2);
  if (number == 2) thread_exit(&threads[1], (void *)222);
  return (void *)(uintptr_t)(__atomic_add_fetch(&order, 1, __ATOMIC_SEQ_CST) + 100);
}

int main(void) {
  for (unsigned i = 0; i < THREADS; i++) CHECK(thread_create(&threads[i], count, (void *)(uintptr_t)(i + 1)) == 0);
  unsigned results = 0;
  for (unsigned i = 0; i < THREADS; i++) results += (unsigned)(uintptr_t)thread_join(&threads[i]);
  CHECK(results == 101 + 102 + 103 + 222);
  CHECK(mine == 1000);
  say_number("counter", counter);
  CHECK(counter == ROUNDS * (1 + 2 + 3 + 4));
  return pass();
}
