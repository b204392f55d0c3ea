// The signals of one thread: its mask, what was sent to it alone, and what it waits for.

import type { FateTable } from '../fate.ts';
import { badRecord, checkBigint, checkRecord, UINT64_MAX } from '../validate.ts';
import { PendingSignals, type SignalInfo } from './pending-signals.ts';
import { UNBLOCKABLE } from './signal-set.ts';

export interface ThreadSignalsState {
  readonly mask: bigint;
  readonly pending: readonly SignalInfo[];
  readonly suspendedMask: bigint | null;
  readonly awaited: bigint;
}

export class ThreadSignals {
  static readonly fates: FateTable = { mask: 'saved', pending: 'saved', suspendedMask: 'saved', awaited: 'saved' };

  /** Signals that it does not take now. */
  mask = 0n;
  pending: PendingSignals = new PendingSignals();
  /** The mask that comes back when sigsuspend is over; null: it is not in one. */
  suspendedMask: bigint | null = null;
  /** What sigtimedwait waits for: such a signal is its result, not the handler's. */
  awaited = 0n;

  /** For a thread that begins as a copy of this one: what is pending is not inherited. */
  clone(): ThreadSignals {
    const copy = new ThreadSignals();
    copy.mask = this.mask;
    return copy;
  }

  save(): ThreadSignalsState {
    const { mask, suspendedMask, awaited } = this;
    return { mask, pending: this.pending.save(), suspendedMask, awaited };
  }

  static check(state: ThreadSignalsState, isParked: boolean, where: string): void {
    checkRecord(state, where);
    checkMask(state.mask, `${where}.mask`);
    PendingSignals.check(state.pending, `${where}.pending`);
    if (state.suspendedMask !== null) checkMask(state.suspendedMask, `${where}.suspendedMask`);
    checkBigint(state.awaited, 0n, UINT64_MAX, `${where}.awaited`);
    if (!isParked && (state.suspendedMask !== null || state.awaited !== 0n)) badRecord(where, 'of no call');
  }

  static restore(state: ThreadSignalsState): ThreadSignals {
    const restored = new ThreadSignals();
    restored.mask = state.mask;
    restored.pending = PendingSignals.restore(state.pending);
    restored.suspendedMask = state.suspendedMask;
    restored.awaited = state.awaited;
    return restored;
  }
}

export function checkMask(mask: bigint, where: string): void {
  checkBigint(mask, 0n, UINT64_MAX, where);
  if ((mask & UNBLOCKABLE) !== 0n) badRecord(where, 'blocks what cannot be blocked');
}
