// Priority-inheriting locks: the kernel hands them over, in the order of the waiters, and finds circles.
#include "locks.h"
#include "report.h"
#include "threads.h"
#include "wvm.h"

enum { WAITERS = 4 };
static struct thread threads[WAITERS];
static uint32_t lock, second, order[WAITERS], served, tids[WAITERS];

static void *take_turn(void *argument) {
  unsigned number = (unsigned)(uintptr_t)argument;
  tids[number] = thread_self();
  CHECK(pi_lock(&lock, -1) == 0);
  CHECK((lock & FUTEX_TID_MASK) == thread_self());
  order[served++] = number;
  yield();
  CHECK(pi_unlock(&lock) == 0);
  return 0;
}

static void *take_both(void *argument) {
  (void)argument;
  CHECK(pi_lock(&second, -1) == 0);
  CHECK(pi_lock(&lock, -1) == 0);
  CHECK(pi_unlock(&lock) == 0);
  CHECK(pi_unlock(&second) == 0);
  return 0;
}

static void *end_with_it(void *argument) {
  (void)argument;
  CHECK(pi_lock(&second, -1) == 0);
  for (int i = 0; i < 3; i++) yield();
  return 0;
}

static int64_t now(void) {
  uint64_t time;
  __attribute__((import_module("wasi_snapshot_preview1"), import_name("clock_time_get"))) int clock_time_get(
      int id, uint64_t precision, uint64_t *time);
  CHECK(clock_time_get(1, 1, &time) == 0);
  return (int64_t)time;
}

int main(void) {
  CHECK(pi_lock(&lock, -1) == 0);
  CHECK(pi_lock(&lock, -1) == LOCK_EDEADLK);
  CHECK(pi_try(&lock) == LOCK_EDEADLK);
  for (unsigned i = 0; i < WAITERS; i++) {
    CHECK(thread_create(&threads[i], take_turn, (void *)(uintptr_t)i) == 0);
    yield();
    CHECK(lock == (FUTEX_WAITERS | thread_self()));
  }
  CHECK(pi_unlock(&lock) == 0);
  // Handed over already: it cannot be stolen.
  CHECK(lock == (FUTEX_WAITERS | tids[0]));
  CHECK(pi_try(&lock) == LOCK_EAGAIN);
  CHECK(pi_unlock(&lock) == LOCK_EPERM);
  for (unsigned i = 0; i < WAITERS; i++) thread_join(&threads[i]);
  for (unsigned i = 0; i < WAITERS; i++) CHECK(order[i] == i);
  say_number("served", served);
  CHECK(pi_lock(&lock, -1) == 0);

  CHECK(thread_create(&threads[0], take_both, 0) == 0);
  yield();
  CHECK(pi_lock(&second, -1) == LOCK_EDEADLK);
  CHECK(pi_lock(&second, now() + 1000000) == LOCK_EDEADLK);
  CHECK(pi_unlock(&lock) == 0);
  thread_join(&threads[0]);
  CHECK(second == 0);

  CHECK(thread_create(&threads[1], end_with_it, 0) == 0);
  yield();
  CHECK(pi_lock(&second, now() + 1000) == LOCK_ETIMEDOUT || second == (FUTEX_WAITERS | FUTEX_OWNER_DIED | thread_self()));
  if ((second & FUTEX_TID_MASK) != thread_self()) CHECK(pi_lock(&second, -1) == 0);
  CHECK(second == (FUTEX_WAITERS | FUTEX_OWNER_DIED | thread_self()));
  CHECK(pi_unlock(&second) == 0);
  CHECK(second == 0);
  thread_join(&threads[1]);
  return pass();
}
