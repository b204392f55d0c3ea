// Locks over futexes. See: futex(2), "Futexes Are Tricky" (U. Drepper) for the three states of the mutex.
#include "locks.h"
#include "wvm.h"
#include <limits.h>
#include <stddef.h>

#define LOAD(word) __atomic_load_n(word, __ATOMIC_SEQ_CST)
#define STORE(word, value) __atomic_store_n(word, value, __ATOMIC_SEQ_CST)
#define EXCHANGE(word, value) __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST)
#define ADD(word, value) __atomic_add_fetch(word, value, __ATOMIC_SEQ_CST)

static bool change(uint32_t *word, uint32_t from, uint32_t to) {
  return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static int wait(uint32_t *word, uint32_t value, int64_t timeout_ns) {
  return wvm_futex(word, FUTEX_WAIT, value, timeout_ns, 0, 0, 0);
}

static void wake(uint32_t *word, int count) { wvm_futex(word, FUTEX_WAKE, (uint32_t)count, 0, 0, 0, 0); }

void yield(void) { wasix_thread_sleep(0); }

uint32_t thread_self(void) {
  static _Thread_local uint32_t tid;
  if (tid == 0) wasix_thread_id(&tid);
  return tid;
}

// ---- Mutexes and conditions ----

static void lock_contended(struct mutex *mutex) {
  // With shared memory by the instructions, as every library does it: they stand in the same queues.
  while (EXCHANGE(&mutex->word, 2) != 0) {
#ifdef __wasm_atomics__
    __builtin_wasm_memory_atomic_wait32((int *)&mutex->word, 2, -1);
#else
    wait(&mutex->word, 2, -1);
#endif
  }
}

void mutex_lock(struct mutex *mutex) {
  if (!change(&mutex->word, 0, 1)) lock_contended(mutex);
}

bool mutex_try(struct mutex *mutex) { return change(&mutex->word, 0, 1); }

void mutex_unlock(struct mutex *mutex) {
  if (EXCHANGE(&mutex->word, 0) == 2) wake(&mutex->word, 1);
}

int condition_wait(struct condition *condition, struct mutex *mutex, int64_t timeout_ns) {
  uint32_t sequence = LOAD(&condition->sequence);
  mutex_unlock(mutex);
  int error = wait(&condition->sequence, sequence, timeout_ns);
  // Others may have been moved to the mutex with this one.
  lock_contended(mutex);
  return error == LOCK_ETIMEDOUT ? error : 0;
}

void condition_signal(struct condition *condition) {
  ADD(&condition->sequence, 1);
  wake(&condition->sequence, 1);
}

void condition_broadcast(struct condition *condition, struct mutex *mutex) {
  uint32_t sequence = ADD(&condition->sequence, 1);
  if (wvm_futex(&condition->sequence, FUTEX_CMP_REQUEUE, 1, INT_MAX, &mutex->word, sequence, 0) == LOCK_EAGAIN)
    wake(&condition->sequence, INT_MAX);
}

// ---- Barriers, semaphores ----

bool barrier_wait(struct barrier *barrier) {
  uint32_t round = LOAD(&barrier->round);
  if (ADD(&barrier->arrived, 1) == barrier->size) {
    STORE(&barrier->arrived, 0);
    ADD(&barrier->round, 1);
    wake(&barrier->round, INT_MAX);
    return true;
  }
  while (LOAD(&barrier->round) == round) wait(&barrier->round, round, -1);
  return false;
}

void semaphore_wait(struct semaphore *semaphore) {
  for (;;) {
    uint32_t count = LOAD(&semaphore->count);
    if (count == 0) wait(&semaphore->count, 0, -1);
    else if (change(&semaphore->count, count, count - 1)) return;
  }
}

void semaphore_post(struct semaphore *semaphore) {
  ADD(&semaphore->count, 1);
  wake(&semaphore->count, 1);
}

// ---- Readers and writers ----

static const uint32_t WRITER = 0x80000000u;

void rwlock_read(struct rwlock *lock) {
  for (;;) {
    uint32_t sequence = LOAD(&lock->sequence), state = LOAD(&lock->state);
    if (state == WRITER || LOAD(&lock->waiting_writers) > 0) wait(&lock->sequence, sequence, -1);
    else if (change(&lock->state, state, state + 1)) return;
  }
}

void rwlock_write(struct rwlock *lock) {
  ADD(&lock->waiting_writers, 1);
  for (;;) {
    uint32_t sequence = LOAD(&lock->sequence);
    if (change(&lock->state, 0, WRITER)) break;
    wait(&lock->sequence, sequence, -1);
  }
  ADD(&lock->waiting_writers, -1);
}

void rwlock_unlock(struct rwlock *lock) {
  if (LOAD(&lock->state) == WRITER) STORE(&lock->state, 0);
  else if (ADD(&lock->state, -1) != 0) return;
  ADD(&lock->sequence, 1);
  wake(&lock->sequence, INT_MAX);
}

// ---- Robust mutexes ----

enum { CONSISTENT, BROKEN, NOT_RECOVERABLE };

static _Thread_local struct robust_list_head robust;

struct robust_list_head *robust_head(void) { return &robust; }

void robust_begin(void) {
  robust.list.next = &robust.list;
  robust.futex_offset = (long)offsetof(struct robust_mutex, word) - (long)offsetof(struct robust_mutex, entry);
  robust.list_op_pending = 0;
  wvm_set_robust_list(&robust, sizeof robust);
}

static struct robust_list *flagged(struct robust_mutex *mutex) {
  return (struct robust_list *)((uintptr_t)&mutex->entry | mutex->inherits);
}

static struct robust_list *without_flag(struct robust_list *entry) {
  return (struct robust_list *)((uintptr_t)entry & ~(uintptr_t)1);
}

// Order matters only if the thread can end between two of these steps; then the pending entry tells.
static void link_entry(struct robust_mutex *mutex) {
  mutex->entry.next = robust.list.next;
  robust.list.next = flagged(mutex);
}

static void unlink_entry(struct robust_mutex *mutex) {
  struct robust_list *at = &robust.list;
  while (without_flag(at->next) != &mutex->entry) at = without_flag(at->next);
  at->next = mutex->entry.next;
}

static int take_plain(struct robust_mutex *mutex, uint32_t *died) {
  uint32_t self = thread_self();
  uint32_t flags = 0;
  for (;;) {
    uint32_t word = LOAD(&mutex->word);
    if ((word & FUTEX_TID_MASK) == self) return LOCK_EDEADLK;
    if ((word & FUTEX_TID_MASK) == 0) {
      *died = word & FUTEX_OWNER_DIED;
      if (change(&mutex->word, word, self | flags | (word & FUTEX_WAITERS))) return 0;
    } else if ((word & FUTEX_WAITERS) || change(&mutex->word, word, word | FUTEX_WAITERS)) {
      wait(&mutex->word, word | FUTEX_WAITERS, -1);
      // Others may wait behind this one.
      flags = FUTEX_WAITERS;
    }
  }
}

static int take_inheriting(struct robust_mutex *mutex, uint32_t *died) {
  int error = pi_lock(&mutex->word, -1);
  if (error == 0) *died = __atomic_fetch_and(&mutex->word, ~FUTEX_OWNER_DIED, __ATOMIC_SEQ_CST) & FUTEX_OWNER_DIED;
  return error;
}

int robust_lock(struct robust_mutex *mutex) {
  uint32_t died = 0;
  robust.list_op_pending = flagged(mutex);
  int error = mutex->inherits ? take_inheriting(mutex, &died) : take_plain(mutex, &died);
  if (error == 0) link_entry(mutex);
  robust.list_op_pending = 0;
  if (error != 0) return error;
  if (mutex->state == NOT_RECOVERABLE) {
    robust_unlock(mutex);
    return LOCK_ENOTRECOVERABLE;
  }
  if (died) mutex->state = BROKEN;
  return mutex->state == BROKEN ? LOCK_EOWNERDEAD : 0;
}

void robust_repaired(struct robust_mutex *mutex) { mutex->state = CONSISTENT; }

void robust_unlock(struct robust_mutex *mutex) {
  robust.list_op_pending = flagged(mutex);
  unlink_entry(mutex);
  if (mutex->state == BROKEN) mutex->state = NOT_RECOVERABLE;
  if (mutex->inherits) pi_unlock(&mutex->word);
  else if (EXCHANGE(&mutex->word, 0) & FUTEX_WAITERS) wake(&mutex->word, mutex->state == NOT_RECOVERABLE ? INT_MAX : 1);
  robust.list_op_pending = 0;
}

// ---- Priority-inheriting locks ----

int pi_lock(uint32_t *word, int64_t deadline_ns) {
  uint32_t self = thread_self();
  return change(word, 0, self) ? 0 : wvm_futex(word, FUTEX_LOCK_PI2, 0, deadline_ns, 0, 0, 0);
}

int pi_try(uint32_t *word) {
  uint32_t self = thread_self();
  return change(word, 0, self) ? 0 : wvm_futex(word, FUTEX_TRYLOCK_PI, 0, 0, 0, 0, 0);
}

int pi_unlock(uint32_t *word) {
  uint32_t self = thread_self();
  return change(word, self, 0) ? 0 : wvm_futex(word, FUTEX_UNLOCK_PI, 0, 0, 0, 0, 0);
}
