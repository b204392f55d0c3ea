// Robust mutexes: a thread ends while it holds some, and whoever waits is told; plain ones and priority-inheriting ones.
#include "locks.h"
#include "report.h"
#include "threads.h"
#include "wvm.h"

enum { HELD = 3 };
static struct thread holder, waiters[HELD];
static struct robust_mutex mutexes[HELD];
static uint32_t holder_tid;
static bool may_end;

// Ends with all of them in its hands.
static void *hold(void *argument) {
  (void)argument;
  robust_begin();
  holder_tid = thread_self();
  for (unsigned i = 0; i < HELD; i++) {
    CHECK(robust_lock(&mutexes[i]) == 0);
    CHECK((mutexes[i].word & FUTEX_TID_MASK) == holder_tid);
  }
  CHECK(robust_head()->list.next != &robust_head()->list);
  while (!__atomic_load_n(&may_end, __ATOMIC_SEQ_CST)) yield();
  return 0;
}

static void *wait_for(void *argument) {
  struct robust_mutex *mutex = argument;
  robust_begin();
  int error = robust_lock(mutex);
  if (error == LOCK_EOWNERDEAD) robust_repaired(mutex);
  if (error != LOCK_ENOTRECOVERABLE) robust_unlock(mutex);
  CHECK(robust_head()->list.next == &robust_head()->list);
  return (void *)(uintptr_t)(unsigned)error;
}

// The holder ends while all of the waiters wait for its mutexes; or, with no waiters, before.
static void let_holder_end(bool isWaitedFor) {
  may_end = false;
  CHECK(thread_create(&holder, hold, 0) == 0);
  yield();
  if (isWaitedFor) {
    for (unsigned i = 0; i < HELD; i++) {
      CHECK(thread_create(&waiters[i], wait_for, &mutexes[i]) == 0);
      yield();
      CHECK((mutexes[i].word & FUTEX_WAITERS) != 0);
    }
  }
  __atomic_store_n(&may_end, true, __ATOMIC_SEQ_CST);
  thread_join(&holder);
}

static void check_deaths(const char *kind, bool inherits) {
  say(kind);
  for (unsigned i = 0; i < HELD; i++) mutexes[i] = (struct robust_mutex){.inherits = inherits};
  let_holder_end(true);
  for (unsigned i = 0; i < HELD; i++) CHECK(thread_join(&waiters[i]) == (void *)LOCK_EOWNERDEAD);
  // Repaired: it is as good as new.
  CHECK(robust_lock(&mutexes[0]) == 0);
  if (inherits) CHECK(robust_lock(&mutexes[0]) == LOCK_EDEADLK);
  robust_unlock(&mutexes[0]);

  let_holder_end(false);
  // Its end comes after what join waits for.
  while (!(__atomic_load_n(&mutexes[0].word, __ATOMIC_SEQ_CST) & FUTEX_OWNER_DIED)) yield();
  CHECK((mutexes[1].word & FUTEX_TID_MASK) == 0);
  CHECK(robust_lock(&mutexes[1]) == LOCK_EOWNERDEAD);
  robust_unlock(&mutexes[1]);
  CHECK(robust_lock(&mutexes[1]) == LOCK_ENOTRECOVERABLE);
  CHECK(robust_lock(&mutexes[0]) == LOCK_EOWNERDEAD);
  robust_repaired(&mutexes[0]);
  robust_unlock(&mutexes[0]);
  CHECK(mutexes[0].word == 0 || inherits);
}

static void check_registration(void) {
  uint32_t head = 0, length = 0;
  CHECK(wvm_get_robust_list(0, &head, &length) == 0);
  CHECK(head == (uint32_t)(uintptr_t)robust_head() && length == 12);
  CHECK(wvm_set_robust_list(robust_head(), 8) == LOCK_EINVAL);
  CHECK(wvm_set_robust_list((void *)4096, 24) == 0);
  CHECK(wvm_get_robust_list(thread_self(), &head, &length) == 0);
  CHECK(head == 4096 && length == 24);
  CHECK(wvm_get_robust_list(123456, &head, &length) == LOCK_ESRCH);
  robust_begin();

  may_end = false;
  CHECK(thread_create(&holder, hold, 0) == 0);
  yield();
  CHECK(wvm_get_robust_list(holder_tid, &head, &length) == 0);
  CHECK(head != (uint32_t)(uintptr_t)robust_head() && length == 12);
  __atomic_store_n(&may_end, true, __ATOMIC_SEQ_CST);
  thread_join(&holder);
}

int main(void) {
  robust_begin();
  check_registration();
  check_deaths("plain", false);
  check_deaths("priority-inheriting", true);
  return pass();
}
