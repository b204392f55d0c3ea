// Threads that wait for one condition of one kernel object (data in a pipe, room in it, a child's end), first come first
// woken. Who changes the object calls wakeAll(); a woken thread makes its call again and waits on if it came too late.
//
// Invariant: a thread stands in exactly the queues of its `waits` while it is blocked, and in none otherwise.

import type { FateTable } from './fate.ts';
import type { Thread } from './thread.ts';

export class WaitQueue {
  static readonly fates: FateTable = { waiters: 'derived' };

  /** Derived: parked calls are made again at a resume, in the order in which they were parked. */
  readonly waiters: Set<Thread> = new Set();

  wakeAll(): void {
    const { size } = this.waiters;
    if (size === 0) return;
    if (size === 1) {
      for (const thread of this.waiters) thread.process.kernel.scheduler.wake(thread);
      return;
    }
    for (const thread of [...this.waiters]) thread.process.kernel.scheduler.wake(thread);
  }
}
