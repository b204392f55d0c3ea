// A buffer of four places between three producers and two consumers; a broadcast; a wait that ends by time.
#include "locks.h"
#include "report.h"
#include "threads.h"

enum { PRODUCERS = 3, CONSUMERS = 2, MESSAGES = 20, PLACES = 4, SLEEPERS = 5 };
static struct thread threads[PRODUCERS + CONSUMERS + SLEEPERS];
static struct mutex mutex;
static struct condition filled, emptied, gate;
static unsigned places[PLACES], first, held, sum, taken, last[PRODUCERS], passed;
static bool is_open;

static void *produce(void *argument) {
  unsigned producer = (unsigned)(uintptr_t)argument;
  for (unsigned i = 1; i <= MESSAGES; i++) {
    mutex_lock(&mutex);
    while (held == PLACES) CHECK(condition_wait(&emptied, &mutex, -1) == 0);
    places[(first + held++) % PLACES] = producer << 16 | i;
    condition_signal(&filled);
    mutex_unlock(&mutex);
  }
  return 0;
}

static void *consume(void *argument) {
  (void)argument;
  unsigned count = 0;
  mutex_lock(&mutex);
  while (taken < PRODUCERS * MESSAGES) {
    if (held == 0) {
      CHECK(condition_wait(&filled, &mutex, -1) == 0);
      continue;
    }
    unsigned message = places[first];
    first = (first + 1) % PLACES;
    held--;
    taken++;
    count++;
    // The messages of one producer come in their order.
    CHECK(++last[message >> 16] == (message & 0xffff));
    sum += message & 0xffff;
    condition_signal(&emptied);
    if (taken == PRODUCERS * MESSAGES) condition_broadcast(&filled, &mutex);
    mutex_unlock(&mutex);
    yield();
    mutex_lock(&mutex);
  }
  mutex_unlock(&mutex);
  return (void *)(uintptr_t)count;
}

static void *sleep_at_gate(void *argument) {
  (void)argument;
  mutex_lock(&mutex);
  while (!is_open) CHECK(condition_wait(&gate, &mutex, -1) == 0);
  passed++;
  mutex_unlock(&mutex);
  return 0;
}

int main(void) {
  unsigned made = 0, count = 0;
  for (unsigned i = 0; i < PRODUCERS; i++) CHECK(thread_create(&threads[made++], produce, (void *)(uintptr_t)i) == 0);
  for (unsigned i = 0; i < CONSUMERS; i++) CHECK(thread_create(&threads[made++], consume, 0) == 0);
  for (unsigned i = 0; i < made; i++) count += (unsigned)(uintptr_t)thread_join(&threads[i]);
  CHECK(count == PRODUCERS * MESSAGES);
  say_number("sum", sum);
  CHECK(sum == PRODUCERS * MESSAGES * (MESSAGES + 1) / 2);

  for (unsigned i = 0; i < SLEEPERS; i++) CHECK(thread_create(&threads[made + i], sleep_at_gate, 0) == 0);
  yield();
  mutex_lock(&mutex);
  CHECK(passed == 0);
  is_open = true;
  condition_broadcast(&gate, &mutex);
  yield();
  CHECK(passed == 0);
  mutex_unlock(&mutex);
  for (unsigned i = 0; i < SLEEPERS; i++) thread_join(&threads[made + i]);
  CHECK(passed == SLEEPERS);

  mutex_lock(&mutex);
  CHECK(condition_wait(&gate, &mutex, 1000000) == LOCK_ETIMEDOUT);
  mutex_unlock(&mutex);
  CHECK(mutex.word == 0);
  return pass();
}
