// Policies: who is ready and higher runs, equals in the order in which they came. SCHED_RR threads take turns, SCHED_FIFO threads do
// not; ordinary ones run when nobody else can.
#include "locks.h"
#include "report.h"
#include "threads.h"
#include "wvm.h"
#include <sched.h>

enum { THREADS = 4 };
static struct thread threads[THREADS];
static char notes[32];
static unsigned note_count;
static char last;

static void note(char what) {
  if (note_count < sizeof notes - 1) notes[note_count++] = what;
}

static void expect(const char *text) {
  notes[note_count] = 0;
  say(notes);
  for (unsigned i = 0; i <= note_count; i++) CHECK(notes[i] == text[i]);
  note_count = 0;
  last = 0;
}

static void set(struct thread *thread, int policy, int priority) {
  CHECK(wvm_sched_setscheduler((uint32_t)thread->tid, policy, priority) == 0);
}

static void begin(unsigned which, void *(*body)(void *argument), int policy, int priority) {
  CHECK(thread_create(&threads[which], body, (void *)(uintptr_t)which) == 0);
  set(&threads[which], policy, priority);
}

static void join_all(unsigned count) {
  for (unsigned i = 0; i < count; i++) thread_join(&threads[i]);
}

static void *say_name(void *argument) {
  note((char)('a' + (uintptr_t)argument));
  return 0;
}

static void *yield_twice(void *argument) {
  for (unsigned i = 0; i < 3; i++) {
    note((char)('a' + (uintptr_t)argument));
    yield();
  }
  return 0;
}

// More than one turn, less than two; notes when another one has run in between.
static void *compute(void *argument) {
  char name = (char)('a' + (uintptr_t)argument);
  for (volatile unsigned i = 0; i < 110000; i++) {
    if (__atomic_load_n(&last, __ATOMIC_SEQ_CST) == name) continue;
    __atomic_store_n(&last, name, __ATOMIC_SEQ_CST);
    note(name);
  }
  return 0;
}

static void order(void) {
  begin(0, say_name, SCHED_OTHER, 0);
  begin(1, say_name, SCHED_RR, 10);
  begin(2, say_name, SCHED_FIFO, 10);
  begin(3, say_name, SCHED_FIFO, 20);
  join_all(4);
  // They have come down from main's priority, each to the front.
  expect("dcba");
  // Raised: to the end of its new priority; the same: it stays; lowered: to the front.
  begin(0, say_name, SCHED_FIFO, 10);
  begin(1, say_name, SCHED_FIFO, 20);
  begin(2, say_name, SCHED_FIFO, 20);
  begin(3, say_name, SCHED_FIFO, 30);
  set(&threads[0], SCHED_FIFO, 20);
  set(&threads[1], SCHED_FIFO, 20);
  set(&threads[3], SCHED_FIFO, 20);
  join_all(4);
  expect("dcba");
  for (unsigned i = 0; i < 3; i++) begin(i, yield_twice, SCHED_FIFO, i == 2 ? 20 : 10);
  join_all(3);
  expect("cccbababa");
}

static void turns(void) {
  begin(0, compute, SCHED_RR, 10);
  begin(1, compute, SCHED_RR, 10);
  join_all(2);
  expect("baba");
  begin(0, say_name, SCHED_FIFO, 10);
  begin(1, compute, SCHED_FIFO, 10);
  join_all(2);
  expect("ba");
}

static void refusals(void) {
  uint32_t policy = 9, priority = 9;
  CHECK(wvm_sched_setscheduler(0, SCHED_OTHER, 1) == LOCK_EINVAL);
  CHECK(wvm_sched_setscheduler(0, SCHED_FIFO, 0) == LOCK_EINVAL);
  CHECK(wvm_sched_setscheduler(0, SCHED_FIFO, 100) == LOCK_EINVAL);
  CHECK(wvm_sched_setscheduler(0, 3, 0) == LOCK_EINVAL);
  CHECK(wvm_sched_setscheduler(0, SCHED_FIFO | 0x40000000, 1) == LOCK_EINVAL);
  CHECK(wvm_sched_setscheduler(4711, SCHED_FIFO, 1) == LOCK_ESRCH);
  CHECK(wvm_sched_setscheduler(0xffffffff, SCHED_FIFO, 1) == LOCK_EINVAL);
  CHECK(wvm_sched_getscheduler(4711, &policy, &priority) == LOCK_ESRCH);
  CHECK(wvm_sched_setscheduler(0, -1, 98) == 0);
  CHECK(wvm_sched_getscheduler(0, &policy, &priority) == 0);
  CHECK(policy == SCHED_FIFO && priority == 98);
}

int main(void) {
  uint32_t policy = 9, priority = 9;
  CHECK(wvm_sched_getscheduler(0, &policy, &priority) == 0);
  CHECK(policy == SCHED_OTHER && priority == 0);
  CHECK(wvm_sched_setscheduler(0, -1, 1) == LOCK_EINVAL);
  CHECK(wvm_sched_setscheduler(0, SCHED_FIFO, 99) == 0);
  order();
  turns();
  refusals();
  return pass();
}
