// The thread that runs, seen from inside of its guest's calls: polls and system calls that have no result at once. Here is decided
// whether it goes on, or unwinds, and why: `takeStop` tells when the stack is unwound.

import { Blocked, Completed, type SystemCallResult } from '../kernel/blocked.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { GuestNumber } from '../kernel/thread.ts';
import type { CallRequests } from './call-requests.ts';
import type { FuelMeter } from './fuel-meter.ts';
import type { ImportedCall } from './guest-imports.ts';
import type { GuestProgram } from './guest-program.ts';
import type { GuestThread, Pending } from './guest-thread.ts';
import { finishInPlace, resultAtStart } from './in-place.ts';
import { LoopWatch } from './loop-watch.ts';
import type { MachineHooks } from './machine-hooks.ts';
import type { ParkedCalls } from './parked-calls.ts';
import { CALL, type Carried, POLL, type Stop, TURN } from './stop.ts';

/** Host calls and turns between two looks at the time, which take as long as a few of the fastest of them. */
export const PACE = 64;

export class RunningThread {
  /** Counted down by host calls and turns; at 0 it is time to look at the time. */
  readonly pace: { left: number };
  /** Undefined between two threads. */
  guest: GuestThread | undefined;
  /** Why it unwinds. */
  #stop: Stop | undefined;
  readonly #kernel: Kernel;
  readonly #meter: FuelMeter;
  readonly #requests: CallRequests;
  readonly #calls: ParkedCalls;
  readonly #hooks: MachineHooks;
  readonly #loops: LoopWatch = new LoopWatch();

  constructor(
    kernel: Kernel,
    meter: FuelMeter,
    pace: { left: number },
    requests: CallRequests,
    calls: ParkedCalls,
    hooks: MachineHooks,
  ) {
    this.#kernel = kernel;
    this.#meter = meter;
    this.pace = pace;
    this.#requests = requests;
    this.#calls = calls;
    this.#hooks = hooks;
  }

  /** It has unwound: why? */
  takeStop(): Stop {
    const stop = this.#stop!;
    this.#stop = undefined;
    return stop;
  }

  /** The pace is over: whether somebody wants the machine to stand still. */
  isToYield(): boolean {
    this.pace.left = PACE;
    return this.#hooks.isDue?.() === true && this.#hooks.wantsYield();
  }

  /** True: the stack is to unwind. */
  poll(program: GuestProgram, site: number): boolean {
    const guest = this.guest!;
    const meter = this.#meter;
    meter.settle(program.instance, guest);
    if (meter.isEmpty) return this.#unwindAtPoll({ kind: 'out-of-fuel' });
    const { scheduler, clock } = this.#kernel;
    const span = meter.endOf(guest);
    if (span !== 'slice') {
      scheduler.expire(clock.nowNs());
      if (span === 'turn' && !scheduler.isAlone) scheduler.endTurn(guest.thread);
    }
    meter.grant(program.instance, guest);
    if (this.#hooks.wantsYield()) return this.#unwindAtPoll({ kind: 'yielded' });
    if (guest.thread.hasSignal || scheduler.next() !== guest.thread) return this.#unwindAtPoll(TURN);
    return this.#loops.isLoop(program, site) && this.#unwindAtPoll(TURN);
  }

  /** A host call that has no result now: the value that it has after all; undefined: the stack is to unwind. */
  interrupted(
    program: GuestProgram,
    call: ImportedCall,
    args: readonly GuestNumber[],
    result: Exclude<SystemCallResult, number>,
  ): number | undefined {
    const guest = this.guest!;
    if (!program.isCapturable) {
      this.pace.left = PACE;
      if (this.guest?.program !== program) return resultAtStart(call, result);
      return this.#valueOf(finishInPlace(guest, call, args, result, this.#requests, this.#hooks.waitInPlace));
    }
    if (result instanceof Completed && this.pace.left <= 0 && this.isToYield()) {
      return this.#unwind({ kind: 'yielded' }, { kind: 'result', value: result.value });
    }
    if (result instanceof Blocked) {
      this.#calls.park(guest, call, args, result);
      return this.#unwind(TURN, CALL);
    }
    return this.#valueOf(this.#requests.carry(guest, call, result));
  }

  /** The stack is to unwind before the call is made. */
  holdBack({ module, name }: ImportedCall, args: readonly GuestNumber[]): void {
    this.guest!.thread.block(module, name, args, new Blocked([]));
    this.#unwind({ kind: 'yielded' }, CALL);
  }

  #valueOf(carried: Carried): number | undefined {
    return typeof carried === 'number' ? carried : this.#unwind(carried.stop, carried.pending);
  }

  #unwindAtPoll(stop: Stop): true {
    this.#unwind(stop, POLL);
    return true;
  }

  /** The stack is to unwind for `stop`, and the thread goes on later, with `pending`. */
  #unwind(stop: Stop, pending: Pending): undefined {
    this.#stop = stop;
    this.guest!.top!.pending = pending;
    return undefined;
  }
}
