// What a thread does to its stacks by a call: setjmp keeps a copy of the running one, longjmp goes back to it, and contexts are stacks
// of its own between which it switches. For all but a new context the stack is unwound.

import { Errno } from '../../abi/errno.ts';
import { type ContextCreated, type StackRestored, StackSaved } from '../kernel/blocked.ts';
import { storeU64 } from '../kernel/guest-access.ts';
import type { GuestThread } from './guest-thread.ts';

/** Returns the result of the call. */
export function createContext(guest: GuestThread, { entry, idAddr }: ContextCreated): number {
  const { program } = guest;
  const functionIndex = program.functionInTable(entry);
  if (functionIndex === undefined || !program.isContextEntry(functionIndex)) return Errno.EINVAL;
  storeU64(program.process.memory, idAddr, guest.addContext(functionIndex));
  return Errno.ESUCCESS;
}

/** False: the stack that is to be restored is not kept any more. */
export function changeStack(guest: GuestThread, change: StackSaved | StackRestored): boolean {
  if (change instanceof StackSaved) {
    storeU64(guest.program.process.memory, change.valueAddr, 0n);
    guest.saveCheckpoint(change.id, change.valueAddr);
    return true;
  }
  if (!guest.restoreCheckpoint(change.id, change.value)) return false;
  // A jump out of signal handlers: they are not returned from, and the mask stays as it is.
  guest.thread.interrupted.length = guest.activations.filter(({ isHandler }) => isHandler).length;
  return true;
}
