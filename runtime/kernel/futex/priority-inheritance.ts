// Priority-inheriting locks: FUTEX_LOCK_PI, TRYLOCK_PI, UNLOCK_PI, CMP_REQUEUE_PI. The word is 0 or the owner's tid, so that a
// lock nobody waits for needs no call; with FUTEX_WAITERS in it, locking and unlocking is the kernel's.
//
//   lock    free -> the caller's.  Held -> FUTEX_WAITERS into the word, the kernel notes the owner, the caller waits.
//   unlock  The first waiter, the highest, becomes the owner: its tid goes into the word, its call returns. Nobody can steal the lock between.
//   death   As unlock, with FUTEX_OWNER_DIED in the word.
//
// Waiters stand by rank (scheduling.ts), and while they wait the owner has the highest of their ranks, so that no thread between the
// two keeps it from unlocking: futexes.ts. Threads of SCHED_OTHER have one rank, whatever their nice values are, as on Linux. The
// owner is state of the kernel: ranks follow from it, deadlocks are found by it, and a word that contradicts it is refused.

import { Errno } from '../../../abi/errno.ts';
import { FUTEX_BITSET_MATCH_ANY, FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS } from '../../../abi/futex.ts';
import type { SystemCallResult } from '../blocked.ts';
import { storeU32 } from '../guest-access.ts';
import type { Process } from '../process.ts';
import { fail } from '../sys-error.ts';
import type { Thread } from '../thread.ts';
import type { FutexQueue, FutexWaiter } from './futex-queue.ts';
import { deadlineOf, type Futexes, type FutexTimeout, isOver, park } from './futexes.ts';

/** Locks live in the first memory: Linux programs have one. */
const MEMORY = 0;

/**
 * Errors: EDEADLK (the caller has it, or its owner waits for the caller), ESRCH (the owner is gone), EINVAL (word and kernel
 * contradict each other), ETIMEDOUT.
 */
export function lockPi(
  futexes: Futexes,
  thread: Thread,
  address: number,
  timeout: FutexTimeout | undefined,
): SystemCallResult {
  const deadlineNs = deadlineOf(thread, timeout);
  const parked = futexes.continueWait(thread, timeout, deadlineNs);
  if (parked !== undefined) return parked;
  const owner = acquire(futexes, thread, address);
  if (owner === undefined) return Errno.ESUCCESS;
  if (closesCircle(futexes, thread, owner)) fail(Errno.EDEADLK);
  if (isOver(thread, deadlineNs)) return Errno.ETIMEDOUT;
  if (!thread.isInterrupted) {
    storeWord(thread.process, address, loadWord(thread.process, address) | FUTEX_WAITERS);
    futexes.add(futexes.lockQueue(owner, MEMORY, address), thread, FUTEX_BITSET_MATCH_ANY, null);
  }
  return park(timeout, deadlineNs);
}

/** Errors: EAGAIN (held), and those of lockPi. */
export function tryLockPi(futexes: Futexes, thread: Thread, address: number): SystemCallResult {
  return acquire(futexes, thread, address) === undefined ? Errno.ESUCCESS : Errno.EAGAIN;
}

/** Errors: EPERM (not the caller's), EINVAL (plain waiters there, or the kernel knows another owner). */
export function unlockPi(futexes: Futexes, thread: Thread, address: number): SystemCallResult {
  const { process } = thread;
  if ((loadWord(process, address) & FUTEX_TID_MASK) !== thread.tid) fail(Errno.EPERM);
  const queue = futexes.find(process, MEMORY, address, true);
  if (queue === undefined) {
    if (futexes.find(process, MEMORY, address, false) !== undefined) fail(Errno.EINVAL);
    storeWord(process, address, 0);
    return Errno.ESUCCESS;
  }
  if (queue.owner !== thread) fail(Errno.EINVAL);
  handOver(futexes, queue, 0);
  return Errno.ESUCCESS;
}

/**
 * FUTEX_CMP_REQUEUE_PI, after the comparison: the first waiter gets the lock if it is free, or waits for it; up to `moveCount`
 * more wait for it. All must have named this lock: EINVAL. Gives the count of them. Errors: EDEADLK, ESRCH, EINVAL.
 */
export function requeuePi(futexes: Futexes, from: FutexQueue, lockAddress: number, moveCount: number): number {
  const { process } = from;
  const waiters = [...from.waiters].slice(0, moveCount + 1);
  if (waiters.some((waiter) => waiter.lockAddress !== lockAddress)) fail(Errno.EINVAL);
  for (const waiter of waiters) {
    const errno = moveToLock(futexes, waiter, process, lockAddress);
    if (errno === Errno.ESUCCESS) futexes.release(waiter, errno);
    // As on Linux, whoever was moved before stays there.
    else if (errno !== undefined) fail(errno);
  }
  return waiters.length;
}

/** The thread has ended: whoever waits for its locks gets them, and is told by FUTEX_OWNER_DIED. */
export function releaseLocks(futexes: Futexes, thread: Thread): void {
  for (const queue of [...(futexes.owned.get(thread) ?? [])]) handOver(futexes, queue, FUTEX_OWNER_DIED);
}

/** The owner that must be waited for; undefined if the thread has the lock now. */
function acquire(futexes: Futexes, thread: Thread, address: number): Thread | undefined {
  const { process } = thread;
  const word = loadWord(process, address);
  const tid = word & FUTEX_TID_MASK;
  if (tid === thread.tid) fail(Errno.EDEADLK);
  const queue = futexes.find(process, MEMORY, address, true);
  if (queue !== undefined) {
    if (queue.owner!.tid !== tid) fail(Errno.EINVAL);
    return queue.owner;
  }
  if (futexes.find(process, MEMORY, address, false) !== undefined) fail(Errno.EINVAL);
  if (tid === 0) {
    storeWord(process, address, (word & FUTEX_OWNER_DIED) | thread.tid);
    return undefined;
  }
  return process.threads.get(tid as Thread['tid']) ?? fail(Errno.ESRCH);
}

/** ESUCCESS: it has the lock; undefined: it waits for it; else why it can do neither. */
function moveToLock(futexes: Futexes, waiter: FutexWaiter, process: Process, address: number): Errno | undefined {
  const { thread } = waiter;
  const word = loadWord(process, address);
  const tid = word & FUTEX_TID_MASK;
  if (tid === thread.tid) return Errno.EDEADLK;
  const queue = futexes.find(process, MEMORY, address, true);
  if (queue === undefined && tid === 0) {
    storeWord(process, address, (word & FUTEX_OWNER_DIED) | thread.tid);
    return Errno.ESUCCESS;
  }
  const owner = queue?.owner ?? process.threads.get(tid as Thread['tid']);
  if (owner === undefined) return Errno.ESRCH;
  if (owner.tid !== tid) return Errno.EINVAL;
  if (closesCircle(futexes, thread, owner)) return Errno.EDEADLK;
  storeWord(process, address, word | FUTEX_WAITERS);
  futexes.move(waiter, futexes.lockQueue(owner, MEMORY, address));
  return undefined;
}

/** The first waiter becomes the owner. FUTEX_WAITERS stays: only the kernel can tell whether another one waits. */
function handOver(futexes: Futexes, queue: FutexQueue, flags: number): void {
  const next = queue.first!;
  storeWord(queue.process, queue.address, flags | FUTEX_WAITERS | next.thread.tid);
  futexes.release(next, Errno.ESUCCESS);
  if (queue.waiters.size > 0) futexes.setOwner(queue, next.thread);
}

/** Whether `owner` waits, over however many locks, for one that `thread` has. */
function closesCircle(futexes: Futexes, thread: Thread, owner: Thread): boolean {
  for (let next: Thread | undefined = owner; next !== undefined; next = futexes.waiting.get(next)?.queue.owner) {
    if (next === thread) return true;
  }
  return false;
}

export function loadWord(process: Process, address: number): number {
  return process.memory.view.getUint32(address, true);
}

export function storeWord(process: Process, address: number, value: number): void {
  storeU32(process.memory, address, value);
}
