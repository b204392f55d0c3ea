// Numbers of futex(2) and layout of robust lists. Source: linux/futex.h.

/** Operation, the low bits of `op`. */
export const FutexOp = {
  FUTEX_WAIT: 0,
  FUTEX_WAKE: 1,
  FUTEX_REQUEUE: 3,
  FUTEX_CMP_REQUEUE: 4,
  FUTEX_WAKE_OP: 5,
  FUTEX_LOCK_PI: 6,
  FUTEX_UNLOCK_PI: 7,
  FUTEX_TRYLOCK_PI: 8,
  FUTEX_WAIT_BITSET: 9,
  FUTEX_WAKE_BITSET: 10,
  FUTEX_WAIT_REQUEUE_PI: 11,
  FUTEX_CMP_REQUEUE_PI: 12,
  FUTEX_LOCK_PI2: 13,
} as const;

/** Says that no other process uses the futex; memory is never shared between processes here, so it changes nothing. */
export const FUTEX_PRIVATE_FLAG = 128;
/** The timeout is a time of CLOCK_REALTIME. */
export const FUTEX_CLOCK_REALTIME = 256;

export const FUTEX_BITSET_MATCH_ANY = 0xffff_ffff;

/** The word of a robust or priority-inheriting lock: flags, and the tid of its owner. */
export const FUTEX_WAITERS = 0x8000_0000;
export const FUTEX_OWNER_DIED = 0x4000_0000;
export const FUTEX_TID_MASK = 0x3fff_ffff;

/** FUTEX_WAKE_OP's value3: operation in bits 28-30, comparison in 24-27, operands of 12 bits below. */
export const FutexWakeOp = { SET: 0, ADD: 1, OR: 2, ANDN: 3, XOR: 4 } as const;
/** The operand is 1 shifted left by it. */
export const FUTEX_OP_OPARG_SHIFT = 8;
export const FutexCompare = { EQ: 0, NE: 1, LT: 2, LE: 3, GT: 4, GE: 5 } as const;

export interface RobustListLayout {
  /** Bytes of a pointer and of a long. */
  readonly wordSize: 4 | 8;
  /** Address of the first entry; an entry begins with the address of the next. The list ends where it began. */
  readonly next: number;
  /** From an entry to its lock's word; signed. */
  readonly futexOffset: number;
  /** The entry that is being locked or unlocked, or 0. */
  readonly pending: number;
}

/** struct robust_list_head, by the length that the guest gives: of 32-bit and of 64-bit programs. */
export const ROBUST_LISTS: ReadonlyMap<number, RobustListLayout> = new Map<number, RobustListLayout>([
  [12, { wordSize: 4, next: 0, futexOffset: 4, pending: 8 }],
  [24, { wordSize: 8, next: 0, futexOffset: 8, pending: 16 }],
]);
/** Low bit of an entry's address: the lock is a priority-inheriting one. */
export const ROBUST_LIST_PI = 1;
/** Entries that are looked at when a thread ends; more is taken for a loop. */
export const ROBUST_LIST_LIMIT = 2048;
