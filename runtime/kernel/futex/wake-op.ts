// The word operation of FUTEX_WAKE_OP: changes a word and says whether its old value passes a comparison.

import { Errno } from '../../../abi/errno.ts';
import { FUTEX_OP_OPARG_SHIFT, FutexCompare, FutexWakeOp } from '../../../abi/futex.ts';
import { fail } from '../sys-error.ts';

export interface WakeOp {
  /** New value of the word. */
  apply(old: number): number;
  /** Whether the second futex is woken, too. */
  passes(old: number): boolean;
}

/** ENOSYS for an operation or comparison that there is not. */
export function decodeWakeOp(encoded: number): WakeOp {
  const code = (encoded >>> 28) & 15;
  const compare = (encoded >>> 24) & 15;
  // Operands are signed, of 12 bits.
  let operand = (encoded << 8) >> 20;
  const limit = (encoded << 20) >> 20;
  if ((code & FUTEX_OP_OPARG_SHIFT) !== 0) operand = 1 << (operand & 31);
  const operation = code & ~FUTEX_OP_OPARG_SHIFT;
  if (operation > FutexWakeOp.XOR || compare > FutexCompare.GE) fail(Errno.ENOSYS);
  return {
    apply: (old) => OPERATIONS[operation]!(old, operand),
    passes: (old) => COMPARISONS[compare]!(old | 0, limit),
  };
}

/** By FutexWakeOp. */
const OPERATIONS: readonly ((old: number, operand: number) => number)[] = [
  (_, operand) => operand,
  (old, operand) => (old + operand) | 0,
  (old, operand) => old | operand,
  (old, operand) => old & ~operand,
  (old, operand) => old ^ operand,
];

/** By FutexCompare; signed. */
const COMPARISONS: readonly ((old: number, limit: number) => boolean)[] = [
  (old, limit) => old === limit,
  (old, limit) => old !== limit,
  (old, limit) => old < limit,
  (old, limit) => old <= limit,
  (old, limit) => old > limit,
  (old, limit) => old >= limit,
];
