// Contexts: stacks of their own for the calling thread, which it switches between by itself (fibers, greenlets). The engine has the
// stacks; kernel/contexts.ts knows which there are.
//
// C's own stack in the guest's memory is the guest's affair, as with WASIX's other hosts: a context begins with the stack pointer
// of who first switches to it, and the pointer stays as it is at every switch. guest/lib/context.c gives each a stack there.
//
// See: wasix/context.h of wasix-libc; swapcontext(3).

import { Errno } from '../../../abi/errno.ts';
import { ContextCreated, ContextDestroyed, ContextSwitched, type SystemCallResult } from '../blocked.ts';
import { CONTEXTS_MAX, MAIN_CONTEXT } from '../contexts.ts';
import { checkRange } from '../guest-access.ts';
import { fail } from '../sys-error.ts';
import type { WasiContext } from '../wasi/context.ts';

/**
 * Makes a context, which begins with a function when it is first switched to. `entry`: where the function stands in the table;
 * it takes nothing and must not return. Result: the id at `id`, a u64. Errors: EINVAL (no such function), EAGAIN (too many), EFAULT.
 */
export function context_create(context: WasiContext, id: number, entry: number): SystemCallResult {
  const idAddr = checkRange(context.process.memory, id, 8);
  if (context.kernel.current.contexts.parked.size >= CONTEXTS_MAX - 1) fail(Errno.EAGAIN);
  return new ContextCreated(entry >>> 0, idAddr);
}

/** Goes on with another context of the calling thread; returns when that, or a third one, switches back. Errors: EINVAL. */
export function context_switch(context: WasiContext, id: bigint): SystemCallResult {
  const { contexts } = context.kernel.current;
  const target = BigInt.asUintN(64, id);
  if (target === contexts.current) return Errno.ESUCCESS;
  return contexts.parked.has(target) ? new ContextSwitched(target) : Errno.EINVAL;
}

/** Forgets a context that does not run; nothing if it is gone. Errors: EINVAL (it runs, or is the first one). */
export function context_destroy(context: WasiContext, id: bigint): SystemCallResult {
  const { contexts } = context.kernel.current;
  const target = BigInt.asUintN(64, id);
  if (target === contexts.current || target === MAIN_CONTEXT) return Errno.EINVAL;
  return contexts.parked.has(target) ? new ContextDestroyed(target) : Errno.ESUCCESS;
}
