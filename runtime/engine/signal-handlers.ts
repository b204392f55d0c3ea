// A signal handler runs as an activation of its own, over whatever the thread was in. What it interrupts goes on when it has
// returned: frames at a poll, or a parked call, which by then has its result, fails with EINTR, or is shelved to be made again.

import { Errno } from '../../abi/errno.ts';
import { Blocked } from '../kernel/blocked.ts';
import type { Activation, GuestThread } from './guest-thread.ts';
import type { ParkedCalls } from './parked-calls.ts';
import { type Stop, TURN } from './stop.ts';

/** LLVM's leaf functions use this much below C's stack pointer without moving it. */
const RED_ZONE_BYTES = 128;
const STACK_ALIGNMENT = 16;

/** The kernel's order to run a handler. */
interface HandlerCall {
  /** Export that is called. */
  readonly entry: string;
  readonly args: readonly number[];
  readonly restartsCall: boolean;
}

/** Undefined: the handler is next. Else why the thread stands still before it. */
export function beginHandler(guest: GuestThread, handler: HandlerCall, calls: ParkedCalls): Stop | undefined {
  const { program } = guest;
  if (guest.top?.pending.kind === 'call') {
    const stop = interruptCall(guest, handler.restartsCall, calls);
    if (stop !== undefined) return stop;
  }
  const entry = program.exportedFunction(handler.entry);
  if (entry === undefined) {
    const error = new WebAssembly.RuntimeError(`no export ${handler.entry} to run signal handlers`);
    return { kind: 'trap', error };
  }
  const { stackPointer } = program;
  if (stackPointer !== undefined) program.stackPointer = (stackPointer - RED_ZONE_BYTES) & -STACK_ALIGNMENT;
  const pending = { kind: 'begin', args: handler.args } as const;
  guest.activations.push({ entry, stack: undefined, pending, isHandler: true, stackPointer });
  return undefined;
}

/** The call is made once more: only if it still waits is it interrupted. */
function interruptCall(guest: GuestThread, restartsCall: boolean, calls: ParkedCalls): Stop | undefined {
  const { thread } = guest;
  thread.isInterrupted = true;
  const result = calls.make(guest);
  thread.isInterrupted = false;
  if (!(result instanceof Blocked)) {
    const stop = calls.conclude(guest, result);
    // Another signal may have come with the result: this one's handler is begun all the same.
    return stop === TURN ? undefined : stop;
  }
  if (restartsCall) {
    thread.restart = result.restart;
    thread.shelve();
  } else {
    thread.unblock();
    guest.top!.pending = { kind: 'result', value: Errno.EINTR };
  }
  return undefined;
}

/** The handler has returned, and its activation is gone. */
export function endHandler({ program, thread }: GuestThread, { stackPointer }: Activation): void {
  if (stackPointer !== undefined) program.stackPointer = stackPointer;
  thread.process.kernel.tree.handlerReturned(thread);
}
