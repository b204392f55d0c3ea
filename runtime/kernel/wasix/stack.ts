// Saved stacks: setjmp and longjmp of libraries that were built without exceptions. The engine keeps the stack; the kernel
// gives it an id, which the guest carries in its jmp_buf. Ids are never used twice by one thread, so a stack that is gone is told
// from one that came later. The guest's memory, its own stack there included, is left as it is, as by a longjmp(3) of Linux.

import { STACK_SNAPSHOT } from '../../../abi/wasix.ts';
import { StackRestored, StackSaved, type SystemCallResult, Trapped } from '../blocked.ts';
import { checkRange, storeU64 } from '../guest-access.ts';
import type { WasiContext } from '../wasi/context.ts';

/**
 * Keeps the caller's stack. Results: STACK_SNAPSHOT at `snapshot`; a u64 at `value`, 0 now, and what stack_restore brings when it
 * returns here again. Errors: EFAULT. See: setjmp(3).
 */
export function stack_checkpoint(context: WasiContext, snapshot: number, value: number): SystemCallResult {
  const { memory } = context.process;
  const snapshotAddr = checkRange(memory, snapshot, STACK_SNAPSHOT.size);
  const valueAddr = checkRange(memory, value, 8);
  const { current } = context.kernel;
  current.stackCount++;
  memory.bytes.fill(0, snapshotAddr, snapshotAddr + STACK_SNAPSHOT.size);
  storeU64(memory, snapshotAddr + STACK_SNAPSHOT.user, current.stackCount);
  storeU64(memory, valueAddr, 0n);
  return new StackSaved(current.stackCount, valueAddr);
}

/** Goes on where the stack was saved. It cannot return, so a stack that is no longer there is a trap. See: longjmp(3). */
export function stack_restore(context: WasiContext, snapshot: number, value: bigint): SystemCallResult {
  const { bytes, view } = context.process.memory;
  const addr = snapshot >>> 0;
  if (addr + STACK_SNAPSHOT.size > bytes.length) return new Trapped('memory access out of bounds');
  return new StackRestored(view.getBigUint64(addr + STACK_SNAPSHOT.user, true), BigInt.asUintN(64, value));
}
