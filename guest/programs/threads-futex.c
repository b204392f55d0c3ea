// futex(2) itself: errors, bitsets, requeues, FUTEX_WAKE_OP, the move to a lock, timeouts. And that instructions and calls wait
// in the same queues.
#include "locks.h"
#include "report.h"
#include "threads.h"
#include "wvm.h"
#include <limits.h>

enum { WAITERS = 4 };
static struct thread threads[WAITERS];
static uint32_t word, other, lock, ready, ended;

static uint32_t count;
static int call(uint32_t *addr, uint32_t op, uint32_t value, int64_t value2, uint32_t *addr2, uint32_t value3) {
  count = UINT_MAX;
  return wvm_futex(addr, op, value, value2, addr2, value3, &count);
}

static void *wait_plainly(void *argument) {
  (void)argument;
  __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
  int error = wvm_futex(&word, FUTEX_WAIT, 0, -1, 0, 0, 0);
  __atomic_add_fetch(&ended, 1, __ATOMIC_SEQ_CST);
  return (void *)(uintptr_t)(unsigned)error;
}

static void *wait_for_bit(void *argument) {
  __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
  int error = wvm_futex(&word, FUTEX_WAIT_BITSET, 0, -1, 0, 1u << (uintptr_t)argument, 0);
  __atomic_add_fetch(&ended, 1, __ATOMIC_SEQ_CST);
  return (void *)(uintptr_t)(unsigned)error;
}

static void *wait_for_lock(void *argument) {
  (void)argument;
  __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
  int error = wvm_futex(&word, FUTEX_WAIT_REQUEUE_PI, 0, -1, &lock, 0, 0);
  CHECK((lock & FUTEX_TID_MASK) == thread_self());
  __atomic_add_fetch(&ended, 1, __ATOMIC_SEQ_CST);
  yield();
  CHECK(pi_unlock(&lock) == 0);
  return (void *)(uintptr_t)(unsigned)error;
}

static void *wait_by_instruction(void *argument) {
  (void)argument;
  __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
  int result = __builtin_wasm_memory_atomic_wait32((int *)&word, 0, -1);
  __atomic_add_fetch(&ended, 1, __ATOMIC_SEQ_CST);
  return (void *)(uintptr_t)(unsigned)result;
}

// All of them wait when it returns.
static void begin(void *(*body)(void *)) {
  ready = ended = word = other = 0;
  for (unsigned i = 0; i < WAITERS; i++) CHECK(thread_create(&threads[i], body, (void *)(uintptr_t)i) == 0);
  while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) < WAITERS) yield();
  yield();
}

static void finish(void) {
  for (unsigned i = 0; i < WAITERS; i++) CHECK(thread_join(&threads[i]) == 0);
  CHECK(ended == WAITERS);
}

static void expect_ended(unsigned expected) {
  while (__atomic_load_n(&ended, __ATOMIC_SEQ_CST) < expected) yield();
  yield();
  CHECK(ended == expected);
}

static void check_errors(void) {
  uint32_t *misaligned = (uint32_t *)((char *)&word + 2);
  uint32_t *outside = (uint32_t *)0xfffffff0u;
  CHECK(call(&word, FUTEX_WAIT, 1, -1, 0, 0) == LOCK_EAGAIN);
  CHECK(call(misaligned, FUTEX_WAIT, 0, -1, 0, 0) == LOCK_EINVAL);
  CHECK(call(outside, FUTEX_WAKE, 1, -1, 0, 0) == LOCK_EFAULT);
  CHECK(call(&word, 2, 0, -1, 0, 0) == LOCK_ENOSYS);
  CHECK(call(&word, 99, 0, -1, 0, 0) == LOCK_ENOSYS);
  CHECK(call(&word, FUTEX_WAKE_BITSET, 1, -1, 0, 0) == LOCK_EINVAL);
  CHECK(call(&word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, 1000, 0, 0) == LOCK_ETIMEDOUT);
  CHECK(call(&word, FUTEX_WAIT_BITSET, 0, 1, 0, 1) == LOCK_ETIMEDOUT);
  CHECK(call(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, 1, 0, 1) == LOCK_ETIMEDOUT);
  CHECK(call(&word, FUTEX_WAKE, INT_MAX, -1, 0, 0) == 0 && count == 0);
}

int main(void) {
  check_errors();

  say("bitset");
  begin(wait_for_bit);
  CHECK(call(&word, FUTEX_WAKE_BITSET, INT_MAX, 0, 0, 1 << 1 | 1 << 3) == 0 && count == 2);
  expect_ended(2);
  CHECK(call(&word, FUTEX_WAKE, INT_MAX, 0, 0, 0) == 0 && count == 2);
  finish();

  say("requeue");
  begin(wait_plainly);
  CHECK(call(&word, FUTEX_CMP_REQUEUE, 1, 2, &other, 1) == LOCK_EAGAIN);
  CHECK(call(&word, FUTEX_CMP_REQUEUE, 1, 2, &other, 0) == 0 && count == 3);
  expect_ended(1);
  CHECK(call(&other, FUTEX_WAKE, 1, 0, 0, 0) == 0 && count == 1);
  expect_ended(2);
  CHECK(call(&word, FUTEX_REQUEUE, 0, INT_MAX, &other, 0) == 0 && count == 1);
  CHECK(call(&word, FUTEX_WAKE, INT_MAX, 0, 0, 0) == 0 && count == 0);
  CHECK(call(&other, FUTEX_WAKE, INT_MAX, 0, 0, 0) == 0 && count == 2);
  finish();

  say("wake-op");
  begin(wait_plainly);
  uint32_t more = FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_GT, 100);
  CHECK(call(&other, FUTEX_WAKE_OP, 1, 1, &word, more) == 0 && count == 0 && word == 5);
  uint32_t clear = FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, 5);
  CHECK(call(&other, FUTEX_WAKE_OP, 1, INT_MAX, &word, clear) == 0 && count == WAITERS && word == 0);
  finish();

  say("requeue to a lock");
  CHECK(pi_lock(&lock, -1) == 0);
  begin(wait_for_lock);
  CHECK(call(&word, FUTEX_WAKE, 1, 0, 0, 0) == LOCK_EINVAL);
  CHECK(call(&word, FUTEX_CMP_REQUEUE_PI, 1, INT_MAX, &lock, 0) == 0 && count == WAITERS);
  CHECK(ended == 0 && lock == (FUTEX_WAITERS | thread_self()));
  CHECK(pi_unlock(&lock) == 0);
  finish();

  say("instructions");
  begin(wait_by_instruction);
  CHECK(call(&word, FUTEX_WAKE, 2, 0, 0, 0) == 0 && count == 2);
  CHECK(__builtin_wasm_memory_atomic_notify((int *)&word, UINT_MAX) == 2);
  finish();
  begin(wait_plainly);
  CHECK(__builtin_wasm_memory_atomic_notify((int *)&word, 3) == 3);
  CHECK(__builtin_wasm_memory_atomic_notify((int *)&word, 3) == 1);
  finish();
  CHECK(__builtin_wasm_memory_atomic_wait32((int *)&word, 1, -1) == 1);
  CHECK(__builtin_wasm_memory_atomic_wait32((int *)&word, 0, 1000) == 2);
  return pass();
}
