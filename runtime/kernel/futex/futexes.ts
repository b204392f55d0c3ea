// Every thread of the machine that waits for a futex: the only implementation below memory.atomic.wait, WASIX's futex_wait and
// futex(2).
//
//   1. A call looks at the word and adds its thread to the queue of (process, memory, address), and is parked.
//   2. Who wakes it takes it out and leaves the result in its restart record; the call made again finds that and returns it.
//   3. A thread whose time is over, or that a signal interrupts, takes itself out when its call is made again.
//
// - Processes share no memory, so a queue belongs to one process.
// - A queue is ordered by rank, the highest first, then first come; the order is state, and so is the owner of a
//   priority-inheriting lock; nothing here is told by the word alone.
// - The owner of a lock has the rank of the highest one that waits for it, if its own priority is less, and hands that on to the
//   owner of the lock that it waits for itself. Whatever changes a queue, an owner or a priority ends in #inherit().
// - A thread stands in one queue at most. A parked call that stands in none and has no result begins anew: it was interrupted.

import { Errno } from '../../../abi/errno.ts';
import { Blocked, type SystemCallResult } from '../blocked.ts';
import type { FateTable } from '../fate.ts';
import type { Process } from '../process.ts';
import type { Scheduling } from '../scheduling.ts';
import type { Thread } from '../thread.ts';
import { badRecord } from '../validate.ts';
import { FutexQueue, FutexWaiter } from './futex-queue.ts';
import type { FutexQueueState } from './futex-state.ts';

/** When a wait ends by itself. */
export interface FutexTimeout {
  /** From the first try of the call, or a time of one of the clocks. */
  readonly clock: 'relative' | 'monotonic' | 'realtime';
  readonly ns: bigint;
}

export interface FutexWait {
  readonly memory: number;
  readonly address: number;
  readonly bitset: number;
  /** FUTEX_WAIT_REQUEUE_PI: the lock to be moved to. */
  readonly lockAddress: number | null;
  readonly timeout: FutexTimeout | undefined;
  /** Whether the word still is what the caller saw. */
  isExpected(): boolean;
}

/** More memories than any engine takes, and more bytes than a memory can have. */
const MEMORY_STRIDE = 2 ** 40;

export class Futexes {
  static readonly fates: FateTable = { tables: 'saved', waiting: 'derived', owned: 'derived' };

  /** Queues by process, then by place. */
  readonly tables: Map<Process, Map<number, FutexQueue>> = new Map();
  /** Derived: the place of every waiting thread. */
  readonly waiting: Map<Thread, FutexWaiter> = new Map();
  /** Derived: priority-inheriting locks that somebody waits for, by owner. */
  readonly owned: Map<Thread, Set<FutexQueue>> = new Map();
  /** What was emptied last is what is filled next, where two threads wake each other. */
  #spareQueue: FutexQueue | undefined;
  #spareTable: Map<number, FutexQueue> | undefined;

  /** ESUCCESS when woken, EAGAIN for a changed word, ETIMEDOUT; or Blocked. */
  wait(thread: Thread, wait: FutexWait): SystemCallResult {
    const deadlineNs = deadlineOf(thread, wait.timeout);
    const parked = this.continueWait(thread, wait.timeout, deadlineNs);
    if (parked !== undefined) return parked;
    if (!wait.isExpected()) return Errno.EAGAIN;
    if (isOver(thread, deadlineNs)) return Errno.ETIMEDOUT;
    const { memory, address, bitset, lockAddress } = wait;
    if (!thread.isInterrupted) {
      this.add(this.plainQueue(thread.process, memory, address), thread, bitset, lockAddress);
    }
    return park(wait.timeout, deadlineNs);
  }

  /** What a parked call comes to when it is made again; undefined if it is to begin from the start. */
  continueWait(
    thread: Thread,
    timeout: FutexTimeout | undefined,
    deadlineNs: bigint | undefined,
  ): SystemCallResult | undefined {
    const result = thread.restart?.result;
    if (result !== undefined) return result;
    const waiter = this.waiting.get(thread);
    if (waiter === undefined) return undefined;
    if (isOver(thread, deadlineNs)) {
      this.remove(waiter);
      return Errno.ETIMEDOUT;
    }
    // A handler may run long, and lets wakes go by: the word is looked at again when it returns.
    if (thread.isInterrupted) this.remove(waiter);
    return park(timeout, deadlineNs);
  }

  /**
   * Wakes up to `count` threads that wait with one of the bits of `bitset`; how many there were. Who waits to be given a lock is
   * not woken without it.
   */
  wake(process: Process, memory: number, address: number, count: number, bitset: number): number {
    const queue = this.find(process, memory, address, false);
    if (queue === undefined) return 0;
    let woken = 0;
    for (const waiter of queue.waiters) {
      if (woken >= count) break;
      if ((waiter.bitset & bitset) === 0 || waiter.lockAddress !== null) continue;
      this.release(waiter, Errno.ESUCCESS);
      woken++;
    }
    return woken;
  }

  /** Wakes the first `wakeCount` and moves up to `moveCount` more to the end of another queue; how many these were together. */
  requeue(from: FutexQueue, memory: number, address: number, wakeCount: number, moveCount: number): number {
    let done = 0;
    let target: FutexQueue | undefined;
    for (const waiter of [...from.waiters]) {
      if (done - wakeCount >= moveCount) break;
      if (++done <= wakeCount) this.release(waiter, Errno.ESUCCESS);
      else if (from.memory !== memory || from.address !== address) {
        target ??= this.plainQueue(from.process, memory, address);
        this.move(waiter, target);
      }
    }
    return done;
  }

  /** After a resume, when the memory is there: the kernel writes to locks by itself. WVM_IMAGE_BAD_RECORD. */
  checkAddresses(process: Process): void {
    const sizeBytes = process.memory.bytes.length;
    for (const { owner, address } of this.tables.get(process)?.values() ?? []) {
      if (owner !== undefined && address + 4 > sizeBytes) {
        badRecord(`process ${process.pid}: futexes`, `a lock at ${address}, the memory has ${sizeBytes} bytes`);
      }
    }
  }

  find(process: Process, memory: number, address: number, isLock: boolean): FutexQueue | undefined {
    return this.tables.get(process)?.get(placeOf(memory, address, isLock));
  }

  /** The queue of plain waits at that place. */
  plainQueue(process: Process, memory: number, address: number): FutexQueue {
    const found = this.find(process, memory, address, false);
    if (found !== undefined) return found;
    const spare = this.#spareQueue;
    if (spare?.process === process && spare.memory === memory && spare.address === address) return spare;
    return new FutexQueue(process, memory, address, undefined);
  }

  /** The queue for the lock at that place, which `owner` holds. */
  lockQueue(owner: Thread, memory: number, address: number): FutexQueue {
    const found = this.find(owner.process, memory, address, true);
    if (found !== undefined) return found;
    const queue = new FutexQueue(owner.process, memory, address, undefined);
    this.setOwner(queue, owner);
    return queue;
  }

  add(queue: FutexQueue, thread: Thread, bitset: number, lockAddress: number | null): void {
    this.#add(queue, thread, bitset, lockAddress);
    if (queue.owner !== undefined) this.#inherit(queue.owner);
  }

  #add(queue: FutexQueue, thread: Thread, bitset: number, lockAddress: number | null): void {
    const waiter = new FutexWaiter(thread, bitset, lockAddress, queue);
    this.waiting.set(thread, waiter);
    this.#enter(waiter, queue);
  }

  /** Into another queue, behind all of its rank; its call stays parked. */
  move(waiter: FutexWaiter, queue: FutexQueue): void {
    this.#leave(waiter);
    this.#enter(waiter, queue);
    if (queue.owner !== undefined) this.#inherit(queue.owner);
  }

  /** Out of its queue, without a result. */
  remove(waiter: FutexWaiter): void {
    this.#leave(waiter);
    this.waiting.delete(waiter.thread);
  }

  /** Out of its queue; the call it is parked in gets `errno`. */
  release(waiter: FutexWaiter, errno: Errno): void {
    this.remove(waiter);
    const { thread } = waiter;
    thread.restart = { ...thread.restart, result: errno };
    thread.process.kernel.scheduler.wake(thread);
  }

  /** The kernel's knowledge of who holds a lock, while somebody waits for it. */
  setOwner(queue: FutexQueue, owner: Thread | undefined): void {
    const before = queue.owner;
    this.#noteOwner(queue, owner);
    if (before !== undefined) this.#inherit(before);
    if (owner !== undefined) this.#inherit(owner);
  }

  #noteOwner(queue: FutexQueue, owner: Thread | undefined): void {
    if (queue.owner !== undefined) {
      const locks = this.owned.get(queue.owner);
      locks?.delete(queue);
      if (locks?.size === 0) this.owned.delete(queue.owner);
    }
    queue.owner = owner;
    if (owner === undefined) return;
    const locks = this.owned.get(owner);
    if (locks === undefined) this.owned.set(owner, new Set([queue]));
    else locks.add(queue);
  }

  /** Another policy, priority or nice value; whoever has its rank from this thread follows. */
  setScheduling(thread: Thread, scheduling: Scheduling): void {
    thread.scheduling = scheduling;
    this.#inherit(thread);
  }

  /**
   * Gives the thread the rank that it has now, and what follows from that: its place in the queue that it waits in, the rank of that
   * lock's owner, and so on. It ends, because nobody waits for himself.
   */
  #inherit(thread: Thread): void {
    for (let at: Thread | undefined = thread; at !== undefined; ) {
      const rank = this.#rankOf(at);
      if (rank === at.rank) return;
      at.process.kernel.scheduler.changeRank(at, rank);
      const waiter = this.waiting.get(at);
      waiter?.queue.reorder(waiter);
      at = waiter?.queue.owner;
    }
  }

  #rankOf(thread: Thread): number {
    let rank = thread.scheduling.priority;
    const locks = this.owned.get(thread);
    if (locks !== undefined) for (const { first } of locks) rank = Math.max(rank, first?.thread.rank ?? 0);
    return rank;
  }

  /** The process has ended, and all its threads with it: nobody is left to be woken. */
  processEnded(process: Process): void {
    for (const thread of process.threads.values()) thread.robustList = null;
    for (const queue of this.tables.get(process)?.values() ?? []) {
      this.setOwner(queue, undefined);
      for (const waiter of queue.waiters) this.waiting.delete(waiter.thread);
    }
    this.tables.delete(process);
    this.#spareQueue = undefined;
  }

  /** In the order of places, whatever the history was. */
  save(): FutexQueueState[] {
    const states: FutexQueueState[] = [];
    for (const table of this.tables.values()) {
      for (const queue of table.values()) {
        states.push({
          pid: queue.process.pid,
          memory: queue.memory,
          address: queue.address,
          owner: queue.owner?.tid ?? null,
          waiters: Array.from(queue.waiters, ({ thread, bitset, lockAddress }) => ({
            tid: thread.tid,
            bitset,
            lockAddress,
          })),
        });
      }
    }
    return states.sort(comparePlaces);
  }

  /** From records that checkFutexes() has passed. The threads have their ranks already, which the order of the queues is by. */
  static restore(states: readonly FutexQueueState[], threads: ReadonlyMap<number, Thread>): Futexes {
    const futexes = new Futexes();
    for (const { memory, address, owner, waiters } of states) {
      const { process } = threads.get(waiters[0]!.tid)!;
      const queue = new FutexQueue(process, memory, address, undefined);
      if (owner !== null) futexes.#noteOwner(queue, threads.get(owner)!);
      for (const { tid, bitset, lockAddress } of waiters) futexes.#add(queue, threads.get(tid)!, bitset, lockAddress);
    }
    return futexes;
  }

  #enter(waiter: FutexWaiter, queue: FutexQueue): void {
    waiter.queue = queue;
    queue.enter(waiter);
    if (queue.waiters.size > 1) return;
    let table = this.tables.get(queue.process);
    if (table === undefined) {
      table = this.#spareTable ?? new Map();
      this.#spareTable = undefined;
      this.tables.set(queue.process, table);
    }
    table.set(placeOf(queue.memory, queue.address, queue.owner !== undefined), queue);
  }

  /** A queue without waiters is forgotten. */
  #leave(waiter: FutexWaiter): void {
    const { queue } = waiter;
    queue.waiters.delete(waiter);
    if (queue.waiters.size > 0) {
      if (queue.owner !== undefined) this.#inherit(queue.owner);
      return;
    }
    const table = this.tables.get(queue.process)!;
    table.delete(placeOf(queue.memory, queue.address, queue.owner !== undefined));
    if (table.size === 0) {
      this.tables.delete(queue.process);
      this.#spareTable = table;
    }
    if (queue.owner !== undefined) this.setOwner(queue, undefined);
    this.#spareQueue = queue;
  }
}

/** Machine time at which the wait ends. A relative one counts from the first try, also in a resumed machine. */
export function deadlineOf(thread: Thread, timeout: FutexTimeout | undefined): bigint | undefined {
  if (timeout === undefined) return undefined;
  const { clock } = thread.process.kernel;
  if (timeout.clock === 'monotonic') return timeout.ns;
  if (timeout.clock === 'realtime') return clock.nowNs() + timeout.ns - clock.realtimeNs();
  return thread.restart?.deadlineNs ?? clock.nowNs() + timeout.ns;
}

export function isOver(thread: Thread, deadlineNs: bigint | undefined): boolean {
  return deadlineNs !== undefined && thread.process.kernel.clock.isOver(deadlineNs);
}

export function park(timeout: FutexTimeout | undefined, deadlineNs: bigint | undefined): Blocked {
  if (deadlineNs === undefined) return new Blocked([], {});
  return new Blocked([{ kind: 'timer', deadlineNs }], timeout?.clock === 'relative' ? { deadlineNs } : {});
}

/** Words are aligned, so the lowest bit is free. */
function placeOf(memory: number, address: number, isLock: boolean): number {
  return memory * MEMORY_STRIDE + address + (isLock ? 1 : 0);
}

function comparePlaces(a: FutexQueueState, b: FutexQueueState): number {
  const place = (state: FutexQueueState): number => placeOf(state.memory, state.address, state.owner !== null);
  return a.pid - b.pid || place(a) - place(b);
}
