// Which thread runs next. Ordinary threads (rank 0) stand in one queue, first in first out; one of them runs until it blocks, ends,
// or has used up its turn of fuel while others are ready. Threads of a higher rank, real-time ones and those that somebody of
// a higher rank waits for, stand before it: the highest first, first in first out within a rank. Fuel is counted, so the same
// input gives the same interleaving.
//
//   ahead, then ready ──next()──> running ──rotate()──> ahead or ready (at the tail of its rank)
//     ^                              └──block()──> blocked ──wake()──> ahead or ready
//
// - The running thread stays the head of the queue: a machine that is saved and resumed goes on with it. Only a thread of a higher
//   rank comes before it; then the engine ends the running one's stretch, and it goes on later with what is left of its turn.
// - A blocked thread costs nothing: it stands in the wait queues of its `waits`, among the sleepers, or waits for a host stream.
// - A thread of a stopped process is left out of the queue until the process goes on.

import { SchedPolicy } from '../../abi/scheduling.ts';
import type { WaitFor } from './blocked.ts';
import type { FateTable } from './fate.ts';
import { IntervalTimers } from './interval-timers.ts';
import type { Thread } from './thread.ts';

export type StreamWait = Extract<WaitFor, { readonly stream: number }>;

export class Scheduler {
  static readonly fates: FateTable = {
    ahead: 'saved',
    ready: 'saved',
    blocked: 'saved',
    timed: 'derived',
    earliestNs: 'derived',
    streamWaiters: 'derived',
    held: 'derived',
    timers: 'derived',
  };

  /** What runs before `ready`, by descending rank. Those of rank 0 had a higher one, and go on before the others. */
  readonly ahead: Thread[] = [];
  /** Of rank 0. The head of `ahead`, or else of this, is the running thread, or the next to run. */
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
    if (this.ahead.length > 0) return this.ahead[0];
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
    if (this.ready.delete(thread)) return true;
    const at = this.ahead.length === 0 ? -1 : this.ahead.indexOf(thread);
    if (at === -1) return false;
    this.ahead.splice(at, 1);
    return true;
  }

  /** As the last one of its rank; `isFirst`: as the first one. */
  #enterReady(thread: Thread, isFirst = false): void {
    const { rank } = thread;
    if (rank === 0 && !isFirst) {
      this.ready.add(thread);
      return;
    }
    const { ahead } = this;
    let low = 0;
    for (let high = ahead.length; low < high; ) {
      const middle = (low + high) >>> 1;
      const other = ahead[middle]!.rank;
      if (other > rank || (other === rank && !isFirst)) low = middle + 1;
      else high = middle;
    }
    ahead.splice(low, 0, thread);
  }

  /** Able to run, and not held. */
  isReady(thread: Thread): boolean {
    return this.ready.has(thread) || (this.ahead.length > 0 && this.ahead.includes(thread));
  }

  /** All that can run, in their order. */
  inOrder(): Thread[] {
    return [...this.ahead, ...this.ready];
  }

  /** A new thread, or one that has been parked: it runs after all of its rank that are ready now. One that is ready stays where it is. */
  add(thread: Thread): void {
    if (thread.process.isStopped) this.held.add(thread);
    else if (this.ahead.length === 0 || !this.ahead.includes(thread)) this.#enterReady(thread);
  }

  /** The thread, which can run, lets the others of its rank run first: sched_yield. */
  rotate(thread: Thread): void {
    if (this.#leaveReady(thread)) this.add(thread);
  }

  /** The running thread has used up its turn. Who has its rank by SCHED_FIFO, or inherits it, does not take turns. */
  endTurn(thread: Thread): void {
    if (thread.rank === 0 || thread.scheduling.policy === SchedPolicy.SCHED_RR) this.rotate(thread);
  }

  /**
   * Of a thread in any state. One that can run goes to the end of a higher rank, and to the front of a lower one, as sched(7) says
   * of SCHED_FIFO.
   */
  changeRank(thread: Thread, rank: number): void {
    if (rank === thread.rank) return;
    const isLowered = rank < thread.rank;
    const isReady = this.#leaveReady(thread);
    thread.rank = rank;
    if (isReady) this.#enterReady(thread, isLowered);
  }

  get isAlone(): boolean {
    return this.ready.size + this.ahead.length <= 1;
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
    if (thread.rank > 0 && !thread.process.isStopped) this.#enterReady(thread, isStillLending(thread));
    else this.add(thread);
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
    for (const thread of threads) if (this.held.delete(thread)) this.add(thread);
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

/**
 * It is woken, by its timeout or a signal, while it waits for a lock: it goes before the others of its rank, as the owner of the lock
 * has that rank from it and may never end.
 */
function isStillLending(thread: Thread): boolean {
  return thread.process.kernel.futexes.waiting.get(thread)?.queue.owner !== undefined;
}

function deadlineOf(waits: readonly WaitFor[]): bigint | undefined {
  let earliest: bigint | undefined;
  for (const wait of waits) {
    if (wait.kind === 'timer' && (earliest === undefined || wait.deadlineNs < earliest)) earliest = wait.deadlineNs;
  }
  return earliest;
}
