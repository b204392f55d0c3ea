// Threads that meet in rounds, readers and writers, and a place for two at a time.
#include "locks.h"
#include "report.h"
#include "threads.h"

enum { THREADS = 5, ROUNDS = 6, SLOTS = 2 };
static struct thread threads[THREADS];
static struct barrier barrier = {.size = THREADS};
static struct rwlock lock;
static struct semaphore slots = {.count = SLOTS};
static unsigned last_ones, arrived[ROUNDS], writes, pair[2], readers, most_readers, inside, most_inside;

static void meet(unsigned round) {
  __atomic_add_fetch(&arrived[round], 1, __ATOMIC_SEQ_CST);
  if (barrier_wait(&barrier)) __atomic_add_fetch(&last_ones, 1, __ATOMIC_SEQ_CST);
  CHECK(arrived[round] == THREADS);
}

static void read_pair(void) {
  rwlock_read(&lock);
  unsigned now = __atomic_add_fetch(&readers, 1, __ATOMIC_SEQ_CST);
  if (now > most_readers) most_readers = now;
  unsigned before = pair[0];
  yield();
  CHECK(pair[0] == before && pair[1] == before);
  __atomic_sub_fetch(&readers, 1, __ATOMIC_SEQ_CST);
  rwlock_unlock(&lock);
}

static void write_pair(void) {
  rwlock_write(&lock);
  CHECK(readers == 0);
  pair[0]++;
  yield();
  pair[1]++;
  writes++;
  rwlock_unlock(&lock);
}

static void *work(void *argument) {
  unsigned number = (unsigned)(uintptr_t)argument;
  for (unsigned round = 0; round < ROUNDS; round++) {
    meet(round);
    if ((number + round) % THREADS == 0) write_pair();
    else read_pair();
    semaphore_wait(&slots);
    unsigned now = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    CHECK(now <= SLOTS);
    if (now > most_inside) most_inside = now;
    yield();
    __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    semaphore_post(&slots);
  }
  return 0;
}

int main(void) {
  for (unsigned i = 0; i < THREADS; i++) CHECK(thread_create(&threads[i], work, (void *)(uintptr_t)i) == 0);
  for (unsigned i = 0; i < THREADS; i++) thread_join(&threads[i]);
  CHECK(last_ones == ROUNDS);
  CHECK(writes == ROUNDS && pair[0] == ROUNDS && pair[1] == ROUNDS);
  CHECK(most_readers > 1);
  CHECK(most_inside == SLOTS);
  CHECK(slots.count == SLOTS && lock.state == 0);
  say_number("rounds", barrier.round);
  return pass();
}
