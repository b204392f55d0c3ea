// Threads and futexes as WASIX has them.
#include "locks.h"
#include "report.h"
#include "threads.h"
#include "wvm.h"

enum { THREADS = 3 };
static struct thread threads[THREADS];
static uint32_t word, started, ended;

static void *work(void *argument) {
  (void)argument;
  uint8_t woken = 9;
  struct wasix_option_timestamp never = {.tag = WASIX_OPTION_NONE};
  __atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
  CHECK(wasix_futex_wait(&word, 0, &never, &woken) == 0);
  CHECK(woken == 1);
  CHECK(wasix_thread_sleep(1000000) == 0);
  __atomic_add_fetch(&ended, 1, __ATOMIC_SEQ_CST);
  return 0;
}

// The first word is the stack, as the entry wants it.
static uint32_t spawn(struct thread *thread) {
  uint32_t tid = 0;
  thread->stack_top = thread->stack + sizeof thread->stack;
  thread->body = work;
  thread->is_running = 1;
  CHECK(wasix_thread_spawn_v2(thread, &tid) == 0);
  return tid;
}

int main(void) {
  uint32_t tids[THREADS], number = 0;
  uint8_t woken = 9;
  CHECK(wasix_thread_parallelism(&number) == 0 && number == 1);
  for (unsigned i = 0; i < THREADS; i++) {
    tids[i] = spawn(&threads[i]);
    CHECK(tids[i] != thread_self() && (i == 0 || tids[i] != tids[i - 1]));
  }
  while (__atomic_load_n(&started, __ATOMIC_SEQ_CST) < THREADS) yield();
  yield();

  struct wasix_option_timestamp soon = {.tag = WASIX_OPTION_SOME, .value = 1000};
  CHECK(wasix_futex_wait(&word, 0, &soon, &woken) == 0 && woken == 0);
  CHECK(wasix_futex_wait(&word, 1, &soon, &woken) == 0 && woken == 1);
  CHECK(wasix_futex_wake(&word, &woken) == 0 && woken == 1);
  CHECK(wasix_futex_wake_all(&word, &woken) == 0 && woken == 1);
  CHECK(wasix_futex_wake_all(&word, &woken) == 0 && woken == 0);
  CHECK(wasix_thread_join(thread_self()) == LOCK_EDEADLK);
  for (unsigned i = 0; i < THREADS; i++) CHECK(wasix_thread_join(tids[i]) == 0);
  CHECK(ended == THREADS);
  CHECK(wasix_thread_join(tids[0]) == 0);
  say_number("ended", ended);
  return pass();
}
