// What threads wait for each other with, over futexes: lib/locks.c. A program with shared memory links it with lib/thread.c and
// lib/bare.c; in one with the memory of a usual program it works under wvm alone.
//
// Functions return 0 or an errno of WASI.
#ifndef LOCKS_H
#define LOCKS_H

#include "futex.h"
#include <stdbool.h>
#include <stdint.h>

enum {
  LOCK_EAGAIN = 6,
  LOCK_EBUSY = 10,
  LOCK_EDEADLK = 16,
  LOCK_EFAULT = 21,
  LOCK_EINTR = 27,
  LOCK_EINVAL = 28,
  LOCK_ENOSYS = 52,
  LOCK_ENOTRECOVERABLE = 56,
  LOCK_EOWNERDEAD = 62,
  LOCK_EPERM = 63,
  LOCK_ESRCH = 71,
  LOCK_ETIMEDOUT = 73,
};

// The others that can run go first.
void yield(void);
uint32_t thread_self(void);

// 0 free, 1 held, 2 held and perhaps waited for.
struct mutex {
  uint32_t word;
};
void mutex_lock(struct mutex *mutex);
bool mutex_try(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

struct condition {
  uint32_t sequence;
};
// timeout_ns: -1 for none. LOCK_ETIMEDOUT with the mutex held, too.
int condition_wait(struct condition *condition, struct mutex *mutex, int64_t timeout_ns);
void condition_signal(struct condition *condition);
// Wakes one and lets the others wait for the mutex instead.
void condition_broadcast(struct condition *condition, struct mutex *mutex);

struct barrier {
  uint32_t size, arrived, round;
};
// True for the one that came last.
bool barrier_wait(struct barrier *barrier);

// Readers, or WRITER; writers that wait keep new readers out.
struct rwlock {
  uint32_t state, waiting_writers, sequence;
};
void rwlock_read(struct rwlock *lock);
void rwlock_write(struct rwlock *lock);
void rwlock_unlock(struct rwlock *lock);

struct semaphore {
  uint32_t count;
};
void semaphore_wait(struct semaphore *semaphore);
void semaphore_post(struct semaphore *semaphore);

// A mutex that is told when its owner has ended without giving it back. Its entry stands in the thread's robust list while it is
// held. `inherits`: it is a priority-inheriting one.
struct robust_mutex {
  struct robust_list entry;
  uint32_t word;
  uint32_t state;
  bool inherits;
};
// LOCK_EOWNERDEAD: it is the caller's, and what it guards may be in disorder; LOCK_ENOTRECOVERABLE: it was given back that way.
int robust_lock(struct robust_mutex *mutex);
void robust_repaired(struct robust_mutex *mutex);
void robust_unlock(struct robust_mutex *mutex);
// Every thread that uses them says so first.
void robust_begin(void);
struct robust_list_head *robust_head(void);

// The word is the owner's tid. While somebody waits, the owner has at least the priority of the highest one. deadline_ns: of the monotonic clock, -1 for none.
int pi_lock(uint32_t *word, int64_t deadline_ns);
int pi_try(uint32_t *word);
int pi_unlock(uint32_t *word);

#endif
