// The threads that wait at one address, by rank and then in the order in which they came. The queue exists while somebody waits.
//
// Two kinds of queues can be at one address, as on Linux: waiters of plain waits, and waiters for a priority-inheriting lock,
// whose owner the kernel knows. Calls of one kind that meet waiters of the other answer EINVAL.

import type { FateTable } from '../fate.ts';
import type { Process } from '../process.ts';
import type { Thread } from '../thread.ts';

export class FutexWaiter {
  static readonly fates: FateTable = { thread: 'saved', bitset: 'saved', lockAddress: 'saved', queue: 'derived' };

  readonly thread: Thread;
  /** Woken only by wakes with one of these bits. */
  readonly bitset: number;
  /** FUTEX_WAIT_REQUEUE_PI: the lock that it is to be moved to. */
  readonly lockAddress: number | null;
  /** Derived: where it stands now. */
  queue: FutexQueue;

  constructor(thread: Thread, bitset: number, lockAddress: number | null, queue: FutexQueue) {
    this.thread = thread;
    this.bitset = bitset;
    this.lockAddress = lockAddress;
    this.queue = queue;
  }
}

export class FutexQueue {
  static readonly fates: FateTable = {
    process: 'saved',
    memory: 'saved',
    address: 'saved',
    owner: 'saved',
    waiters: 'saved',
  };

  readonly process: Process;
  /** Index of the memory in the module. */
  readonly memory: number;
  readonly address: number;
  /** Who holds the priority-inheriting lock that is waited for; undefined for plain waits. */
  owner: Thread | undefined;
  /** Highest rank first, then first come. */
  readonly waiters: Set<FutexWaiter> = new Set();

  constructor(process: Process, memory: number, address: number, owner: Thread | undefined) {
    this.process = process;
    this.memory = memory;
    this.address = address;
    this.owner = owner;
  }

  /** The last of `waiters`, once that was looked for. */
  #last: FutexWaiter | undefined;

  /** Behind all waiters of its rank, or of a higher one. */
  enter(waiter: FutexWaiter): void {
    const { waiters } = this;
    const { rank } = waiter.thread;
    const last = this.#last;
    const isLast = rank === 0 || (last !== undefined && last.thread.rank >= rank && waiters.has(last));
    const behind = isLast ? [] : [...waiters].filter(({ thread }) => thread.rank < rank);
    for (const other of behind) waiters.delete(other);
    waiters.add(waiter);
    for (const other of behind) waiters.add(other);
    this.#last = behind[behind.length - 1] ?? waiter;
  }

  /** The waiter has another rank now. */
  reorder(waiter: FutexWaiter): void {
    this.waiters.delete(waiter);
    this.enter(waiter);
  }

  get first(): FutexWaiter | undefined {
    for (const waiter of this.waiters) return waiter;
    return undefined;
  }
}
