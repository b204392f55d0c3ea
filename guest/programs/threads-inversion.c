// Priority inversion: a low thread holds a lock, a middle one computes, a high one waits for the lock. If the lock hands on the
// priority the high one has it before the middle one ends; if it does not, the middle one keeps the low one from giving it back.
#include "locks.h"
#include "report.h"
#include "threads.h"
#include "wvm.h"
#include <sched.h>

enum { LOW, MIDDLE, HIGH, THREADS };
static struct thread threads[THREADS];
static uint32_t inheriting, is_held;
static struct mutex plain;
static bool inherits;
static char notes[16];
static unsigned note_count;

static void note(char what) { notes[note_count++] = what; }

static void take(void) {
  if (inherits) CHECK(pi_lock(&inheriting, -1) == 0);
  else mutex_lock(&plain);
}

static void give_back(void) {
  if (inherits) CHECK(pi_unlock(&inheriting) == 0);
  else mutex_unlock(&plain);
}

static NOINLINE void compute(unsigned rounds) {
  static volatile unsigned value;
  for (unsigned i = 0; i < rounds; i++) value = value * 1664525 + 1013904223;
}

static void *low(void *argument) {
  (void)argument;
  take();
  // Main goes on at once, and makes the two others.
  __atomic_store_n(&is_held, 1, __ATOMIC_SEQ_CST);
  wvm_futex(&is_held, FUTEX_WAKE, 1, 0, 0, 0, 0);
  compute(20);
  note('l');
  give_back();
  note('L');
  return 0;
}

static void *middle(void *argument) {
  (void)argument;
  note('m');
  compute(40);
  note('M');
  return 0;
}

static void *high(void *argument) {
  (void)argument;
  note('h');
  take();
  note('H');
  give_back();
  return 0;
}

// Threads begin with main's priority and behind it: they run when main waits.
static void begin(int which, void *(*body)(void *argument), int policy, int priority) {
  CHECK(thread_create(&threads[which], body, 0) == 0);
  CHECK(wvm_sched_setscheduler((uint32_t)threads[which].tid, policy, priority) == 0);
}

static const char *play(bool with_inheritance, int low_policy, int low_priority) {
  inherits = with_inheritance;
  note_count = 0;
  is_held = 0;
  begin(LOW, low, low_policy, low_priority);
  while (__atomic_load_n(&is_held, __ATOMIC_SEQ_CST) == 0) wvm_futex(&is_held, FUTEX_WAIT, 0, -1, 0, 0, 0);
  begin(MIDDLE, middle, SCHED_FIFO, 20);
  begin(HIGH, high, SCHED_FIFO, 30);
  for (unsigned i = 0; i < THREADS; i++) thread_join(&threads[i]);
  notes[note_count] = 0;
  say(notes);
  return notes;
}

static bool is(const char *text, const char *other) {
  while (*text && *text == *other) text++, other++;
  return *text == *other;
}

int main(void) {
  CHECK(wvm_sched_setscheduler(0, SCHED_FIFO, 99) == 0);
  CHECK(is(play(true, SCHED_FIFO, 10), "hlHmML"));
  CHECK(is(play(false, SCHED_FIFO, 10), "hmMlHL"));
  CHECK(is(play(true, SCHED_OTHER, 0), "hlHmML"));
  CHECK(is(play(false, SCHED_OTHER, 0), "hmMlHL"));
  CHECK(inheriting == 0 && plain.word == 0);
  return pass();
}
