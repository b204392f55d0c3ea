// Sets of signals as 64-bit masks: signal n is bit n-1, as in Linux's sigset_t.

import { SIGNAL_LAST, Signal } from '../../../abi/signals.ts';

/** The set of one signal. */
export function bitOf(signal: number): bigint {
  return 1n << BigInt(signal - 1);
}

export function hasSignal(set: bigint, signal: number): boolean {
  return (set & bitOf(signal)) !== 0n;
}

function setOf(...signals: readonly number[]): bigint {
  return signals.reduce((set, signal) => set | bitOf(signal), 0n);
}

export const ALL_SIGNALS: bigint = (1n << BigInt(SIGNAL_LAST)) - 1n;
/** Cannot be caught, ignored or blocked. */
export const UNBLOCKABLE: bigint = setOf(Signal.SIGKILL, Signal.SIGSTOP);
/** Their default action stops the process. */
export const STOP_SIGNALS: bigint = setOf(Signal.SIGSTOP, Signal.SIGTSTP, Signal.SIGTTIN, Signal.SIGTTOU);
/** Their default action does nothing. */
export const IGNORED_BY_DEFAULT: bigint = setOf(Signal.SIGCHLD, Signal.SIGURG, Signal.SIGWINCH, Signal.SIGCONT);
