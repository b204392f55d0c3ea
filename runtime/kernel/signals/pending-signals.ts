// Signals that were sent and not taken yet: those of a process, which any of its threads may take, or those of one thread.
//
// - A standard signal is pending once, with what its first sender said; a real-time signal queues.
// - take() gives the lowest number first, and the oldest of one number: Linux's order.

import { SIGNAL_LAST, SIGNAL_RTMIN } from '../../../abi/signals.ts';
import type { FateTable } from '../fate.ts';
import { badRecord, checkArray, checkInteger, checkRecord } from '../validate.ts';
import { bitOf, hasSignal } from './signal-set.ts';

/** A signal with what its handler is told. Plain data, saved. */
export interface SignalInfo {
  readonly signal: number;
  /** SignalCode: why it was sent. */
  readonly code: number;
  /** The sender's; 0: the kernel. */
  readonly pid: number;
  /** sigqueue's value, or the status of a child. */
  readonly value: number;
}

/** Queued signals of one set; Linux counts them per user (RLIMIT_SIGPENDING), and has a multiple of this. */
const QUEUE_MAX = 1024;
const ID_MAX = 2 ** 30;

export class PendingSignals {
  static readonly fates: FateTable = { queue: 'saved', set: 'derived' };

  /** In the order of arrival. */
  queue: SignalInfo[] = [];
  /** Derived: the signals in the queue. */
  set = 0n;

  get isEmpty(): boolean {
    return this.queue.length === 0;
  }

  get isFull(): boolean {
    return this.queue.length >= QUEUE_MAX;
  }

  add(info: SignalInfo): void {
    const isPending = hasSignal(this.set, info.signal);
    if (isPending && (info.signal < SIGNAL_RTMIN || this.isFull)) return;
    this.queue.push(info);
    this.set |= bitOf(info.signal);
  }

  /** Takes the first signal of `set` out. */
  take(set: bigint): SignalInfo | undefined {
    if ((this.set & set) === 0n) return undefined;
    let first: SignalInfo | undefined;
    for (const info of this.queue) {
      if (hasSignal(set, info.signal) && (first === undefined || info.signal < first.signal)) first = info;
    }
    this.queue.splice(this.queue.indexOf(first!), 1);
    this.#count();
    return first;
  }

  /** Drops every signal of `set`. */
  discard(set: bigint): void {
    if ((this.set & set) === 0n) return;
    this.queue = this.queue.filter(({ signal }) => !hasSignal(set, signal));
    this.#count();
  }

  save(): readonly SignalInfo[] {
    return [...this.queue];
  }

  static check(state: readonly SignalInfo[], where: string): void {
    const standard = new Set<number>();
    for (const [index, info] of checkArray(state, QUEUE_MAX + SIGNAL_LAST, where).entries()) {
      const place = `${where}[${index}]`;
      checkRecord(info, place);
      checkInteger(info.signal, 1, SIGNAL_LAST, `${place}.signal`);
      checkInteger(info.code, -128, 128, `${place}.code`);
      checkInteger(info.pid, 0, ID_MAX, `${place}.pid`);
      checkInteger(info.value, 0, 2 ** 32 - 1, `${place}.value`);
      if (info.signal >= SIGNAL_RTMIN) continue;
      if (standard.has(info.signal)) badRecord(place, `signal ${info.signal} is pending twice`);
      standard.add(info.signal);
    }
  }

  static restore(state: readonly SignalInfo[]): PendingSignals {
    const pending = new PendingSignals();
    pending.queue = [...state];
    pending.#count();
    return pending;
  }

  #count(): void {
    this.set = this.queue.reduce((set, { signal }) => set | bitOf(signal), 0n);
  }
}
