// Why a thread, or the machine, stands still. Plain data between what happens inside a guest's call (running-thread.ts) and what is
// done when its stack is unwound (call-requests.ts).

import type { ExecWanted, Exited, Forked, StackRestored, StackSaved } from '../kernel/blocked.ts';
import type { GuestProcess } from './guest-process.ts';
import type { Pending } from './guest-thread.ts';

export type Step =
  | { readonly kind: 'exited'; readonly status: number; readonly signal: number | undefined }
  | { readonly kind: 'trapped'; readonly error: Error; readonly process: GuestProcess }
  /** All threads wait; the scheduler says for what. */
  | { readonly kind: 'blocked' }
  /** All threads wait for each other. */
  | { readonly kind: 'deadlocked' }
  | { readonly kind: 'yielded' }
  | { readonly kind: 'self-snapshot' }
  | { readonly kind: 'out-of-fuel' };

/** Why a thread stands still. */
export type Stop =
  | Step
  | { readonly kind: 'exit'; readonly exited: Exited }
  | { readonly kind: 'trap'; readonly error: Error }
  | { readonly kind: 'fork'; readonly forked: Forked }
  | { readonly kind: 'exec'; readonly wanted: ExecWanted }
  | { readonly kind: 'stack'; readonly change: StackSaved | StackRestored }
  | { readonly kind: 'context'; readonly id: bigint }
  | { readonly kind: 'thread-ended' }
  /** Its turn is over, or something is to be done before it goes on. */
  | { readonly kind: 'turn' };

/** What becomes of a call without a result: the value it has after all, or how the thread stands still. */
export type Carried = number | { readonly stop: Stop; readonly pending: Pending };

export const TURN: Stop = { kind: 'turn' };
export const POLL: Pending = { kind: 'poll' };
export const CALL: Pending = { kind: 'call' };
export const RESULT_ZERO: Pending = { kind: 'result', value: 0 };
