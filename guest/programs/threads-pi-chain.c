// Priorities handed on over two locks, and all that changes them: another priority of a waiter, a timeout, an owner that ends. Who
// is served first is the highest; among equals, who came first.
#include "locks.h"
#include "report.h"
#include "threads.h"
#include "wvm.h"
#include <sched.h>

enum { THREADS = 5 };
static struct thread threads[THREADS];
static uint32_t first, second, steps;
static char notes[32];
static unsigned note_count;

static void note(char what) { notes[note_count++] = what; }

static void expect(const char *text) {
  notes[note_count] = 0;
  say(notes);
  for (unsigned i = 0; i <= note_count; i++) CHECK(notes[i] == text[i]);
  note_count = 0;
}

// Waits at a plain futex until main lets it go on.
static void pause_until(uint32_t step) {
  for (uint32_t seen; (seen = __atomic_load_n(&steps, __ATOMIC_SEQ_CST)) < step;)
    wvm_futex(&steps, FUTEX_WAIT, seen, -1, 0, 0, 0);
}

static void let_go_on(void) {
  __atomic_add_fetch(&steps, 1, __ATOMIC_SEQ_CST);
  wvm_futex(&steps, FUTEX_WAKE, 100, 0, 0, 0, 0);
}

static int priority_of(struct thread *thread) {
  uint32_t priority;
  CHECK(wvm_sched_getscheduler((uint32_t)thread->tid, 0, &priority) == 0);
  return (int)priority;
}

static void set(struct thread *thread, int priority) {
  CHECK(wvm_sched_setscheduler((uint32_t)thread->tid, priority == 0 ? SCHED_OTHER : SCHED_FIFO, priority) == 0);
}

static void begin(unsigned which, void *(*body)(void *argument), int priority) {
  CHECK(thread_create(&threads[which], body, (void *)(uintptr_t)which) == 0);
  set(&threads[which], priority);
}

// Lets everybody run who can; main is above all of them.
static void wait_a_while(void) { wasix_thread_sleep(1000000); }

static void join_all(unsigned count) {
  for (unsigned i = 0; i < count; i++) thread_join(&threads[i]);
}

// ---- The chain ----

static void *hold_first(void *argument) {
  (void)argument;
  CHECK(pi_lock(&first, -1) == 0);
  pause_until(1);
  note('a');
  CHECK(pi_unlock(&first) == 0);
  note('A');
  return 0;
}

static void *hold_both(void *argument) {
  (void)argument;
  CHECK(pi_lock(&second, -1) == 0);
  CHECK(pi_lock(&first, -1) == 0);
  note('b');
  CHECK(pi_unlock(&first) == 0);
  CHECK(pi_unlock(&second) == 0);
  note('B');
  return 0;
}

static void *want_second(void *argument) {
  (void)argument;
  CHECK(pi_lock(&second, -1) == 0);
  note('c');
  CHECK(pi_unlock(&second) == 0);
  return 0;
}

static void *rival(void *argument) {
  (void)argument;
  pause_until(1);
  note('r');
  return 0;
}

// Low holds the first lock, middle the second and waits for the first, high waits for the second; a rival above middle.
static void chain(void) {
  begin(0, hold_first, 5);
  wait_a_while();
  begin(1, hold_both, 10);
  wait_a_while();
  begin(2, want_second, 30);
  begin(3, rival, 20);
  wait_a_while();
  CHECK(priority_of(&threads[0]) == 5);
  let_go_on();
  join_all(4);
  expect("abcrBA");
  steps = 0;
}

// The same, but high becomes high only while it waits, and then less than the rival again.
static void changed_waiter(int priority, const char *expected) {
  begin(0, hold_first, 5);
  wait_a_while();
  begin(1, hold_both, 10);
  wait_a_while();
  begin(2, want_second, 15);
  begin(3, rival, 20);
  wait_a_while();
  set(&threads[2], 40);
  if (priority != 40) set(&threads[2], priority);
  let_go_on();
  join_all(4);
  expect(expected);
  steps = 0;
}

// ---- The order of waiters ----

static void *take_turn(void *argument) {
  CHECK(pi_lock(&first, -1) == 0);
  note((char)('0' + (uintptr_t)argument));
  CHECK(pi_unlock(&first) == 0);
  return 0;
}

static void order(void) {
  static const int priorities[THREADS] = {0, 20, 30, 20, 0};
  CHECK(pi_lock(&first, -1) == 0);
  for (unsigned i = 0; i < THREADS; i++) {
    begin(i, take_turn, priorities[i]);
    wait_a_while();
  }
  // Among the ordinary ones a nice value changes nothing.
  CHECK(wvm_setpriority(0, threads[4].tid, -20) == 0);
  CHECK(pi_unlock(&first) == 0);
  join_all(THREADS);
  expect("21304");
}

// ---- Timeouts and ends ----

static int64_t now(void) {
  uint64_t time;
  __attribute__((import_module("wasi_snapshot_preview1"), import_name("clock_time_get"))) int clock_time_get(
      int id, uint64_t precision, uint64_t *time);
  CHECK(clock_time_get(1, 1, &time) == 0);
  return (int64_t)time;
}

static void *give_up(void *argument) {
  (void)argument;
  CHECK(pi_lock(&first, now() + 500000) == LOCK_ETIMEDOUT);
  note('t');
  return 0;
}

static void *end_with_it(void *argument) {
  (void)argument;
  CHECK(pi_lock(&first, -1) == 0);
  pause_until(2);
  note('e');
  return 0;
}

static void *inherit_it(void *argument) {
  (void)argument;
  CHECK(pi_lock(&first, -1) == 0);
  CHECK(first & FUTEX_OWNER_DIED);
  note('i');
  CHECK(pi_unlock(&first) == 0);
  return 0;
}

static void *second_rival(void *argument) {
  (void)argument;
  pause_until(2);
  note('r');
  return 0;
}

static void timeouts_and_ends(void) {
  begin(0, end_with_it, 5);
  wait_a_while();
  begin(1, give_up, 30);
  wait_a_while();
  steps = 1;
  begin(2, second_rival, 20);
  wait_a_while();
  // The one that gave up has taken back what it lent: the rival runs first.
  let_go_on();
  join_all(3);
  expect("tre");
  CHECK(first == 0 || (first & FUTEX_TID_MASK) == (uint32_t)threads[0].tid);
  first = 0;
  steps = 1;
  begin(0, end_with_it, 5);
  wait_a_while();
  begin(1, inherit_it, 30);
  begin(2, second_rival, 20);
  wait_a_while();
  let_go_on();
  join_all(3);
  expect("eir");
  steps = 0;
}

int main(void) {
  CHECK(wvm_sched_setscheduler(0, SCHED_FIFO, 99) == 0);
  chain();
  changed_waiter(40, "abcrBA");
  changed_waiter(15, "rabcBA");
  order();
  timeouts_and_ends();
  CHECK((first & FUTEX_TID_MASK) == 0 && second == 0);
  return pass();
}
