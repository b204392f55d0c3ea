// Timers that send a signal to a process, once or over and over: setitimer(2), alarm(2) and WASIX's proc_raise_interval. One
// per signal and process, so ITIMER_REAL is the timer of SIGALRM. A fork inherits none, exec keeps them.
//
// - Deadlines are absolute: machine time, or the process's processor time. Both stand still while the machine is an image, so
//   what is left at a snapshot is left at the resume.
// - Expirations that were missed are one signal, as on Linux.

import { SIGNAL_LAST } from '../../abi/signals.ts';
import type { FateTable } from './fate.ts';
import type { Process } from './process.ts';
import { badRecord, checkArray, checkBigint, checkInteger, checkRecord, INT64_MAX } from './validate.ts';

/** 'cpu': time that the process spends running. */
export type TimerClock = 'machine' | 'cpu';

export interface IntervalTimerState {
  readonly signal: number;
  readonly clock: TimerClock;
  readonly deadlineNs: bigint;
  readonly intervalNs: bigint;
}

export class IntervalTimer {
  static readonly fates: FateTable = {
    process: 'derived',
    signal: 'saved',
    clock: 'saved',
    deadlineNs: 'saved',
    intervalNs: 'saved',
  };

  /** Derived: who gets the signal. */
  readonly process: Process;
  readonly signal: number;
  readonly clock: TimerClock;
  /** When it expires next, on its clock. */
  deadlineNs: bigint;
  /** 0: once. */
  readonly intervalNs: bigint;

  constructor(process: Process, signal: number, clock: TimerClock, deadlineNs: bigint, intervalNs: bigint) {
    this.process = process;
    this.signal = signal;
    this.clock = clock;
    this.deadlineNs = deadlineNs;
    this.intervalNs = intervalNs;
  }

  /** What its clock says. */
  nowNs(): bigint {
    return this.clock === 'cpu' ? this.process.cpuTimeNs() : this.process.kernel.clock.nowNs();
  }

  /** Until the next expiration, more than 0. */
  leftNs(): bigint {
    const left = this.deadlineNs - this.nowNs();
    return left > 0n ? left : 1n;
  }

  save(): IntervalTimerState {
    const { signal, clock, deadlineNs, intervalNs } = this;
    return { signal, clock, deadlineNs, intervalNs };
  }

  static check(states: readonly IntervalTimerState[], where: string): void {
    let last = 0;
    for (const [index, state] of checkArray(states, SIGNAL_LAST, where).entries()) {
      const place = `${where}[${index}]`;
      checkRecord(state, place);
      last = checkInteger(state.signal, last + 1, SIGNAL_LAST, `${place}.signal`);
      if (state.clock !== 'machine' && state.clock !== 'cpu') badRecord(`${place}.clock`, 'unknown clock');
      checkBigint(state.deadlineNs, 0n, INT64_MAX, `${place}.deadlineNs`);
      checkBigint(state.intervalNs, 0n, INT64_MAX, `${place}.intervalNs`);
    }
  }

  static restore(process: Process, { signal, clock, deadlineNs, intervalNs }: IntervalTimerState): IntervalTimer {
    return new IntervalTimer(process, signal, clock, deadlineNs, intervalNs);
  }
}

/** The armed timers of the machine. */
export class IntervalTimers {
  static readonly fates: FateTable = { armed: 'derived' };

  /** Derived: those of all processes, in the order in which they were armed. */
  readonly armed: Set<IntervalTimer> = new Set();

  /** The process's timer of `signal`, anew: after `delayNs` (0: disarmed), then every `intervalNs` (0: once). */
  set(process: Process, signal: number, clock: TimerClock, delayNs: bigint, intervalNs: bigint): void {
    this.disarm(process, signal);
    if (delayNs === 0n) return;
    const timer = new IntervalTimer(process, signal, clock, 0n, clampTime(intervalNs));
    timer.deadlineNs = clampTime(timer.nowNs() + delayNs);
    this.arm(timer);
  }

  arm(timer: IntervalTimer): void {
    timer.process.timers.set(timer.signal, timer);
    this.armed.add(timer);
  }

  disarm(process: Process, signal: number): void {
    const timer = process.timers.get(signal);
    if (timer === undefined) return;
    process.timers.delete(signal);
    this.armed.delete(timer);
  }

  disarmAll(process: Process): void {
    for (const signal of [...process.timers.keys()]) this.disarm(process, signal);
  }

  /** Sends the signals of all timers whose time has come, earliest deadline first. `nowNs`: machine time. */
  expire(nowNs: bigint): void {
    if (this.armed.size === 0) return;
    const due: IntervalTimer[] = [];
    for (const timer of this.armed) {
      if (timer.deadlineNs <= (timer.clock === 'machine' ? nowNs : timer.nowNs())) due.push(timer);
    }
    if (due.length === 0) return;
    due.sort((a, b) => (a.deadlineNs < b.deadlineNs ? -1 : a.deadlineNs > b.deadlineNs ? 1 : 0));
    for (const timer of due) {
      const { process, signal, intervalNs } = timer;
      if (intervalNs === 0n) this.disarm(process, signal);
      else
        timer.deadlineNs +=
          (((timer.clock === 'machine' ? nowNs : timer.nowNs()) - timer.deadlineNs) / intervalNs + 1n) * intervalNs;
      process.kernel.tree.sendTimerSignal(process, signal);
    }
  }

  /** Machine time at which the next one expires if nothing runs until then; processor time then stands still. */
  nextDeadlineNs(): bigint | undefined {
    let earliest: bigint | undefined;
    for (const { clock, deadlineNs } of this.armed) {
      if (clock === 'machine' && (earliest === undefined || deadlineNs < earliest)) earliest = deadlineNs;
    }
    return earliest;
  }
}

/** Times beyond what the clock can say are never reached. */
function clampTime(timeNs: bigint): bigint {
  return timeNs > INT64_MAX ? INT64_MAX : timeNs;
}
