// The machine's clocks. Monotonic time belongs to the machine: it stops while the machine is an image and goes on
// without a jump after a resume. Real time is the host's.
//
// With a seed time is virtual: every read by the guest advances it by a fixed step, and when all threads sleep the
// engine jumps to the next deadline. Then a run depends on its inputs alone.

import type { FateTable } from './fate.ts';
import type { ClockPort } from './ports.ts';
import { checkBigint, checkBoolean, checkRecord, INT64_MAX } from './validate.ts';

/** What one read of a virtual clock costs: about what clock_gettime costs under an emulator. */
const VIRTUAL_STEP_NS = 1_000n;
/** Real time at virtual time 0: 2001-09-09T01:46:40Z, the billionth second. */
const VIRTUAL_EPOCH_NS = 1_000_000_000_000_000_000n;

export interface ClockState {
  readonly virtual: boolean;
  readonly monotonicNs: bigint;
}

export class MachineClock {
  static readonly fates: FateTable = {
    virtual: 'saved',
    port: 'host',
    // Machine time is saved; the offset to this host's clock is not.
    offsetNs: 'derived',
    // Only until the machine runs again.
    pausedNs: 'derived',
    virtualNs: 'saved',
    endsNoWait: 'derived',
  };

  readonly virtual: boolean;
  /** Host: not part of the image. */
  readonly port: ClockPort;
  /** Derived: machine monotonic time minus the host's. */
  offsetNs: bigint;
  /** Machine monotonic time while it is virtual. */
  virtualNs: bigint;
  /** Derived: what nowNs() says while time stands still; undefined while it goes on. */
  pausedNs: bigint | undefined;
  /**
   * Derived: calls that were parked in an image are being made again. Whose time is over already has not been told so yet; in the machine
   * that was saved, Scheduler.expire() would have done it, later.
   */
  endsNoWait = false;

  constructor(port: ClockPort, virtual: boolean) {
    this.port = port;
    this.virtual = virtual;
    this.offsetNs = 0n;
    this.virtualNs = 0n;
    this.pausedNs = undefined;
  }

  /** Machine monotonic time; looking at it costs nothing. */
  nowNs(): bigint {
    if (this.pausedNs !== undefined) return this.pausedNs;
    return this.virtual ? this.virtualNs : this.port.monotonicNs() + this.offsetNs;
  }

  /** Whether a wait until then ends. */
  isOver(deadlineNs: bigint): boolean {
    return !this.endsNoWait && deadlineNs <= this.nowNs();
  }

  realtimeNs(): bigint {
    return this.virtual ? VIRTUAL_EPOCH_NS + this.virtualNs : this.port.realtimeNs();
  }

  /** Called before the guest is told a time: virtual time passes. */
  tick(): void {
    if (this.virtual) this.virtualNs += VIRTUAL_STEP_NS;
  }

  /** All threads sleep: virtual time jumps to `deadlineNs`. Real clocks are waited for by the engine. */
  jumpTo(deadlineNs: bigint): void {
    if (this.virtual && deadlineNs > this.virtualNs) this.virtualNs = deadlineNs;
  }

  /** Time stands still at `atNs` until start(): a machine that was resumed and does not run yet. */
  pauseAt(atNs: bigint): void {
    if (!this.virtual) this.pausedNs = atNs;
  }

  /** Time goes on, without a jump. */
  start(): void {
    if (this.pausedNs === undefined) return;
    this.offsetNs = this.pausedNs - this.port.monotonicNs();
    this.pausedNs = undefined;
  }

  save(): ClockState {
    return { virtual: this.virtual, monotonicNs: this.nowNs() };
  }

  static check(state: ClockState, where: string): void {
    checkRecord(state, where);
    checkBoolean(state.virtual, `${where}.virtual`);
    checkBigint(state.monotonicNs, 0n, INT64_MAX, `${where}.monotonicNs`);
  }

  static restore(port: ClockPort, state: ClockState): MachineClock {
    const clock = new MachineClock(port, state.virtual);
    if (state.virtual) clock.virtualNs = state.monotonicNs;
    else clock.offsetNs = state.monotonicNs - port.monotonicNs();
    return clock;
  }
}
