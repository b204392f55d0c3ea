// Mutual exclusion: increments that would be lost without the mutex, because every thread gives its turn away amid each.
#include "locks.h"
#include "report.h"
#include "threads.h"

enum { THREADS = 6, ROUNDS = 10 };
static struct thread threads[THREADS];
static struct mutex mutex, other;
static unsigned counter, inside, refused;

static void *count(void *argument) {
  (void)argument;
  for (unsigned i = 0; i < ROUNDS; i++) {
    mutex_lock(&mutex);
    CHECK(inside++ == 0);
    unsigned seen = counter;
    yield();
    counter = seen + 1;
    CHECK(--inside == 0);
    mutex_unlock(&mutex);
    if (i % 3 == 0) yield();
  }
  if (!mutex_try(&other)) refused++;
  return 0;
}

int main(void) {
  mutex_lock(&other);
  for (unsigned i = 0; i < THREADS; i++) CHECK(thread_create(&threads[i], count, 0) == 0);
  for (unsigned i = 0; i < THREADS; i++) thread_join(&threads[i]);
  say_number("counter", counter);
  CHECK(counter == THREADS * ROUNDS);
  CHECK(refused == THREADS);
  mutex_unlock(&other);
  CHECK(mutex_try(&other));
  CHECK(mutex.word == 0);
  return pass();
}
