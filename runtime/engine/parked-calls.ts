// A call that waits is parked: its stack is unwound, and the kernel's record of the thread has its name and arguments. When what it
// waits for may have come true, the same call is made again, and either waits on or has a result.

import { Blocked, type SystemCallResult } from '../kernel/blocked.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { GuestNumber } from '../kernel/thread.ts';
import type { CallRequests } from './call-requests.ts';
import type { ImportedCall } from './guest-imports.ts';
import type { CallTrace } from './guest-program.ts';
import type { GuestThread } from './guest-thread.ts';
import { RESULT_ZERO, type Stop, TURN } from './stop.ts';

export class ParkedCalls {
  readonly #kernel: Kernel;
  readonly #requests: CallRequests;
  readonly #trace: CallTrace | undefined;

  constructor(kernel: Kernel, requests: CallRequests, trace: CallTrace | undefined) {
    this.#kernel = kernel;
    this.#requests = requests;
    this.#trace = trace;
  }

  /** The running thread is to wait in the call. */
  park(guest: GuestThread, call: ImportedCall, args: readonly GuestNumber[], result: Blocked): void {
    guest.thread.block(call.module, call.name, args, result);
    this.#kernel.scheduler.block(guest.thread);
    guest.call = call;
  }

  /** Makes the parked call of the thread's top activation. */
  make(guest: GuestThread): SystemCallResult {
    const { module, name, args } = guest.thread.call!;
    const call =
      guest.call?.name === name && guest.call.module === module ? guest.call : guest.program.callNamed(module, name)!;
    guest.call = call;
    const result = call.run(...args);
    this.#trace?.(guest.thread.process, module, name, args, result);
    return result;
  }

  /** The parked call has come to this. Undefined: it has a result, and the thread can go on. */
  conclude(guest: GuestThread, result: SystemCallResult): Stop | undefined {
    const { thread } = guest;
    const { module, name, args } = thread.call!;
    const top = guest.top!;
    if (result instanceof Blocked) {
      thread.block(module, name, args, result);
      this.#kernel.scheduler.block(thread);
      return TURN;
    }
    thread.unblock();
    const carried = typeof result === 'number' ? result : this.#requests.carry(guest, guest.call!, result);
    if (typeof carried === 'number') {
      top.pending = carried === 0 ? RESULT_ZERO : { kind: 'result', value: carried };
      // The call may have made a thread ready that runs first.
      return this.#kernel.scheduler.next() === thread ? undefined : TURN;
    }
    top.pending = carried.pending;
    return carried.stop;
  }
}
