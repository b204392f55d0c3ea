// Threads that never wait are taken turns with, by the work they do: whoever finds that another has run notes the change. The
// notes are part of the memory, so turns fall at the same places however often the machine is saved.
#include "locks.h"
#include "report.h"
#include "threads.h"

enum { THREADS = 3, TURNS = 2, NOTES = 16 };
static struct thread threads[THREADS];
static uint32_t running = THREADS, changes, runs[THREADS];
static uint8_t notes[NOTES];
static uint64_t results[THREADS];

static NOINLINE uint64_t mix(uint64_t state) {
  for (unsigned i = 0; i < 200; i++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    state = state * 6364136223846793005u + 1442695040888963407u;
  }
  return state;
}

static void *work(void *argument) {
  unsigned number = (unsigned)(uintptr_t)argument;
  uint64_t state = number + 1;
  while (__atomic_load_n(&runs[number], __ATOMIC_SEQ_CST) < TURNS) {
    if (__atomic_exchange_n(&running, number, __ATOMIC_SEQ_CST) != number) {
      runs[number]++;
      notes[changes++ % NOTES] = (uint8_t)('0' + number);
    }
    state = mix(state);
  }
  results[number] = state;
  return 0;
}

int main(void) {
  for (unsigned i = 0; i < THREADS; i++) CHECK(thread_create(&threads[i], work, (void *)(uintptr_t)i) == 0);
  for (unsigned i = 0; i < THREADS; i++) thread_join(&threads[i]);
  CHECK(changes == THREADS * TURNS);
  // In a circle.
  for (unsigned i = 0; i < THREADS * TURNS; i++) CHECK(notes[i] == '0' + i % THREADS);
  for (unsigned i = 0; i < THREADS; i++) CHECK(results[i] != 0);
  say_number("changes", changes);
  return pass();
}
