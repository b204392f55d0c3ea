// Numbers of futex(2), which are Linux's, and the robust list of a thread. The calls are wvm_futex and wvm_set_robust_list.
#ifndef FUTEX_H
#define FUTEX_H

#include <stdint.h>

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_REQUEUE 3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_WAKE_OP 5
#define FUTEX_LOCK_PI 6
#define FUTEX_UNLOCK_PI 7
#define FUTEX_TRYLOCK_PI 8
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define FUTEX_WAIT_REQUEUE_PI 11
#define FUTEX_CMP_REQUEUE_PI 12
#define FUTEX_LOCK_PI2 13
#define FUTEX_PRIVATE_FLAG 128
#define FUTEX_CLOCK_REALTIME 256
#define FUTEX_WAITERS 0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK 0x3fffffffu

#define FUTEX_OP_SET 0
#define FUTEX_OP_ADD 1
#define FUTEX_OP_OR 2
#define FUTEX_OP_ANDN 3
#define FUTEX_OP_XOR 4
#define FUTEX_OP_CMP_EQ 0
#define FUTEX_OP_CMP_GT 4
#define FUTEX_OP(op, operand, cmp, limit) \
  ((uint32_t)(op) << 28 | (uint32_t)(cmp) << 24 | ((uint32_t)(operand) & 0xfff) << 12 | ((uint32_t)(limit) & 0xfff))

// An entry lies in the lock; the low bit of its address says that the lock is a priority-inheriting one.
struct robust_list {
  struct robust_list *next;
};

struct robust_list_head {
  struct robust_list list;
  // From an entry to the word of its lock.
  long futex_offset;
  // What is being locked or unlocked.
  struct robust_list *list_op_pending;
};

#endif
