// Which thread runs next. One queue of ready threads, first in first out; a thread runs until it blocks, ends, or has used
// up its quantum of fuel while others are ready. Fuel is counted, so the same input gives the same interleaving.
//
//   ready ──next()──> running ──rotate()──> ready (at the tail)
//     ^                  └──block()──> blocked ──wake()──> ready
//
// - The running thread stays the head of the queue: a machine that is saved and resumed goes on with it.
// - A blocked thread costs nothing: it stands in the wait queues of its `waits`, among the sleepers, or waits for a host stream.
// - A thread of a stopped process is left out of the queue until the process goes on.

import type { WaitFor } from './blocked.ts';
import type { FateTable } from './fate.ts';
import { IntervalTimers } from './interval-timers.ts';
import type { Thread } from './thread.ts';

export type StreamWait = Extract<WaitFor, { readonly stream: number }>;

export class Scheduler {
  static readonly fates: FateTable = {
    ready: 'saved',
    blocked: 'saved',
    timed: 'derived',
    earliestNs: 'derived',
    streamWaiters: 'derived',
    held: 'derived',
    timers: 'derived',
  };

  /** The head is the running thread, or the next to run. */
  readonly ready: Set<Thread> = new Set();
  /** In the order in which their calls were parked. */
  readonly blocked: Set<Thread> = new Set();
  /** Derived: blocked threads that wait for a time, among other things. */
  readonly timed: Set<Thread> = new Set();
  /** Derived: none of `timed` waits for an earlier time; it may be that none waits for this one any more. */
  earliestNs: bigint | undefined = undefined;
  /** Derived: blocked threads that wait for a host stream, among other things. */
  readonly streamWaiters: Set<Thread> = new Set();
  /** Derived: ready threads of stopped processes. */
  readonly held: Set<Thread> = new Set();
  /** Derived: the processes' armed interval timers. */
  readonly timers: IntervalTimers = new IntervalTimers();

  /** The first of `ready`, once it was looked for, and what comes behind it: a set that loses its first member again and again is slow. */
  #head: Thread | undefined;
  #behindHead: SetIterator<Thread> = this.ready.values();

  /** The thread whose turn it is; undefined if none can run. */
  next(): Thread | undefined {
    if (this.#head !== undefined) return this.#head;
    let { value } = this.#behindHead.next();
    if (value === undefined) {
      // At its end an iterator stays there, whatever is added.
      this.#behindHead = this.ready.values();
      value = this.#behindHead.next().value;
    }
    this.#head = value;
    return value;
  }

  #leaveReady(thread: Thread): boolean {
    if (thread === this.#head) this.#head = undefined;
    return this.ready.delete(thread);
  }

  /** A new thread, or one that has been parked: it runs after all that are ready now. */
  add(thread: Thread): void {
    if (thread.process.isStopped) this.held.add(thread);
    else this.ready.add(thread);
  }

  /** The head has had its turn. */
  rotate(): void {
    const thread = this.next();
    if (thread === undefined) return;
    this.#leaveReady(thread);
    this.add(thread);
  }

  get isAlone(): boolean {
    return this.ready.size <= 1;
  }

  /** Takes a thread whose call was just parked (Thread.block) out of the queue. */
  block(thread: Thread): void {
    this.#leaveReady(thread);
    if (this.held.size > 0) this.held.delete(thread);
    this.blocked.add(thread);
    for (const wait of thread.waits) {
      if (wait.kind === 'queue') wait.queue.waiters.add(thread);
      else if (wait.kind === 'timer') this.#addTimed(thread, wait.deadlineNs);
      else this.streamWaiters.add(thread);
    }
    // A signal came before the call was parked, or the call (sigsuspend) has unblocked one.
    if (thread.hasSignal) this.wake(thread);
  }

  /** One of a blocked thread's waits has come true, or a signal has come; any other thread is left as it is. */
  wake(thread: Thread): void {
    if (!this.blocked.has(thread)) return;
    this.#forget(thread);
    this.add(thread);
  }

  /** The thread has ended. */
  remove(thread: Thread): void {
    this.#forget(thread);
    this.#leaveReady(thread);
    this.held.delete(thread);
  }

  /** The process was stopped: its threads leave the queue. */
  hold(threads: Iterable<Thread>): void {
    for (const thread of threads) if (this.#leaveReady(thread)) this.held.add(thread);
  }

  /** The process goes on. */
  release(threads: Iterable<Thread>): void {
    for (const thread of threads) if (this.held.delete(thread)) this.ready.add(thread);
  }

  /** Wakes every thread whose time has come, earliest deadline first, after the interval timers have sent their signals. */
  expire(nowNs: bigint): void {
    this.timers.expire(nowNs);
    if (this.earliestNs === undefined || nowNs < this.earliestNs) return;
    const due: { thread: Thread; deadlineNs: bigint }[] = [];
    for (const thread of this.timed) {
      const deadlineNs = deadlineOf(thread.waits);
      if (deadlineNs !== undefined && deadlineNs <= nowNs) due.push({ thread, deadlineNs });
    }
    due.sort((a, b) => (a.deadlineNs < b.deadlineNs ? -1 : a.deadlineNs > b.deadlineNs ? 1 : 0));
    for (const { thread } of due) this.wake(thread);
    this.earliestNs = this.#earliestOfTimed();
  }

  /** Machine time at which the first sleeper is to be woken, or the first interval timer expires. */
  nextDeadlineNs(): bigint | undefined {
    this.earliestNs = this.#earliestOfTimed();
    const timerNs = this.timers.nextDeadlineNs();
    if (timerNs === undefined) return this.earliestNs;
    const isTimerFirst = this.earliestNs === undefined || timerNs < this.earliestNs;
    return isTimerFirst ? timerNs : this.earliestNs;
  }

  /** A host stream has become readable or writable. */
  wakeStream(kind: 'readable' | 'writable', stream: number): void {
    for (const thread of [...this.streamWaiters]) {
      if (thread.waits.some((wait) => wait.kind === kind && wait.stream === stream)) this.wake(thread);
    }
  }

  /** Host streams that some thread waits for. */
  streamWaits(): StreamWait[] {
    const waits: StreamWait[] = [];
    for (const thread of this.streamWaiters) {
      for (const wait of thread.waits) if (wait.kind === 'readable' || wait.kind === 'writable') waits.push(wait);
    }
    return waits;
  }

  #addTimed(thread: Thread, deadlineNs: bigint): void {
    this.timed.add(thread);
    if (this.earliestNs === undefined || deadlineNs < this.earliestNs) this.earliestNs = deadlineNs;
  }

  #earliestOfTimed(): bigint | undefined {
    let earliest: bigint | undefined;
    for (const { waits } of this.timed) {
      const deadlineNs = deadlineOf(waits);
      if (deadlineNs !== undefined && (earliest === undefined || deadlineNs < earliest)) earliest = deadlineNs;
    }
    return earliest;
  }

  #forget(thread: Thread): void {
    if (!this.blocked.delete(thread)) return;
    if (this.timed.size > 0) this.timed.delete(thread);
    if (this.streamWaiters.size > 0) this.streamWaiters.delete(thread);
    for (const wait of thread.waits) if (wait.kind === 'queue') wait.queue.waiters.delete(thread);
  }
}

function deadlineOf(waits: readonly WaitFor[]): bigint | undefined {
  let earliest: bigint | undefined;
  for (const wait of waits) {
    if (wait.kind === 'timer' && (earliest === undefined || wait.deadlineNs < earliest)) earliest = wait.deadlineNs;
  }
  return earliest;
}
