// Robust lists: a thread keeps a list of the locks it holds in its own memory and tells the kernel where it begins. When the
// thread ends, the kernel walks the list, carefully, since it can hold anything:
//
//   head   next | futexOffset | pending      entry   next | ...the rest of the lock...; its word is at entry + futexOffset
//
// - A lock that the thread really holds (its tid is in the word) gets FUTEX_OWNER_DIED in place of the tid, and its first waiter
//   is woken: it finds out, repairs what the lock guards, and goes on.
// - `pending` is the lock that the thread was about to take or give back: it may be held without being in the list.
// - The walk ends at an address outside of memory, at a misaligned word, and after ROBUST_LIST_LIMIT entries.
// - Words of an ended process are seen by nobody, because processes share no memory; its list is not walked.
// The length of the head is what the guest gave, and is kept: it says which layout the list has.

import { Errno } from '../../../abi/errno.ts';
import {
  FUTEX_BITSET_MATCH_ANY,
  FUTEX_OWNER_DIED,
  FUTEX_TID_MASK,
  FUTEX_WAITERS,
  ROBUST_LIST_LIMIT,
  ROBUST_LIST_PI,
  ROBUST_LISTS,
  type RobustListLayout,
} from '../../../abi/futex.ts';
import type { GuestMemory } from '../guest-memory.ts';
import { fail } from '../sys-error.ts';
import type { Thread } from '../thread.ts';
import { badRecord, checkBigint, checkInteger, checkRecord, UINT64_MAX } from '../validate.ts';
import type { Futexes } from './futexes.ts';
import { loadWord, releaseLocks, storeWord } from './priority-inheritance.ts';

/** As registered: neither the head nor the length is anybody's but the guest's. */
export interface RobustList {
  /** Address of the head. */
  readonly head: bigint;
  /** Size of the head in bytes: 12 or 24. */
  readonly length: number;
}

/** EINVAL for a length that no layout has. */
export function setRobustList(thread: Thread, list: RobustList): void {
  if (!ROBUST_LISTS.has(list.length)) fail(Errno.EINVAL);
  thread.robustList = list;
}

/** A list of an image goes through the same check as one of a guest; WVM_IMAGE_BAD_RECORD. */
export function checkRobustList(list: RobustList | null, where: string): void {
  if (list === null) return;
  checkRecord(list, where);
  checkBigint(list.head, 0n, UINT64_MAX, `${where}.head`);
  checkInteger(list.length, 0, 2 ** 32 - 1, `${where}.length`);
  if (!ROBUST_LISTS.has(list.length)) {
    badRecord(
      `${where}.length`,
      `a robust list head of ${list.length} bytes, known are ${[...ROBUST_LISTS.keys()].join(' and ')}`,
    );
  }
}

/**
 * The thread ends, or its program is replaced; its memory must still be there, and it must still be one of its process's threads.
 * Gives up its locks and its place in a queue.
 */
export function releaseFutexes(thread: Thread): void {
  const { futexes } = thread.process.kernel;
  const waiter = futexes.waiting.get(thread);
  if (waiter !== undefined) futexes.remove(waiter);
  if (thread.robustList !== null && thread.process.threads.size > 1) walk(futexes, thread, thread.robustList);
  thread.robustList = null;
  releaseLocks(futexes, thread);
}

function walk(futexes: Futexes, thread: Thread, { head, length }: RobustList): void {
  const { memory } = thread.process;
  const layout = ROBUST_LISTS.get(length)!;
  const loadHead = (field: number): bigint | undefined => loadPointer(memory, layout, head + BigInt(field));
  let entry = loadHead(layout.next);
  const offset = loadHead(layout.futexOffset);
  const pending = loadHead(layout.pending);
  if (entry === undefined || offset === undefined || pending === undefined) return;
  for (let count = 0; count < ROBUST_LIST_LIMIT && withoutFlag(entry) !== head; count++) {
    const next = loadPointer(memory, layout, withoutFlag(entry));
    if (withoutFlag(entry) !== withoutFlag(pending)) {
      if (!markDead(futexes, thread, layout, entry, offset, false)) return;
    }
    if (next === undefined) return;
    entry = next;
  }
  if (withoutFlag(pending) !== 0n) markDead(futexes, thread, layout, pending, offset, true);
}

/** False if the word cannot be there. */
function markDead(
  futexes: Futexes,
  thread: Thread,
  layout: RobustListLayout,
  entry: bigint,
  offset: bigint,
  isPending: boolean,
): boolean {
  const { process } = thread;
  const address = Number(BigInt.asUintN(layout.wordSize * 8, withoutFlag(entry) + offset));
  if (address % 4 !== 0 || address + 4 > process.memory.bytes.length) return false;
  const isLockPi = (entry & BigInt(ROBUST_LIST_PI)) !== 0n;
  const word = loadWord(process, address);
  const owner = word & FUTEX_TID_MASK;
  const wake = (): number => futexes.wake(process, 0, address, 1, FUTEX_BITSET_MATCH_ANY);
  // It had given the lock back, but had not come to wake who waits for it.
  if (isPending && !isLockPi && owner === 0) wake();
  if (owner !== thread.tid) return true;
  storeWord(process, address, (word & FUTEX_WAITERS) | FUTEX_OWNER_DIED);
  // Whoever waits for a priority-inheriting lock is given it by releaseLocks().
  if (!isLockPi && (word & FUTEX_WAITERS) !== 0) wake();
  return true;
}

function loadPointer(memory: GuestMemory, layout: RobustListLayout, address: bigint): bigint | undefined {
  if (address < 0n || address + BigInt(layout.wordSize) > BigInt(memory.bytes.length)) return undefined;
  const at = Number(address);
  return layout.wordSize === 4 ? BigInt(memory.view.getUint32(at, true)) : memory.view.getBigUint64(at, true);
}

function withoutFlag(entry: bigint): bigint {
  return entry & ~BigInt(ROBUST_LIST_PI);
}
