// Runs the guest of one machine, in slices: between two of them its stack is unwound, Node's event loop turns, and what was asked of
// the machine meanwhile is served.
//
//   loaded ──run()──> running <──> blocked: waits for the world outside
//                        ├──> frozen: a snapshot has stopped it, run() may be called again; or it is held, see hold()
//                        └──> ended
//
// A guest that waits has no frames on the native stack either, so a snapshot at any moment finds plain data.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { WvmError } from '../../base/wvm-error.ts';
import { backtraceOf } from '../../engine/backtrace.ts';
import type { GuestMachine } from '../../engine/guest-machine.ts';
import type { Step } from '../../engine/stop.ts';
import type { HostParts } from './host-parts.ts';
import type { MachineOptions } from './machine-options.ts';
import { deadlockText, type MachineExit, type MachineStats } from './machine-status.ts';
import type { SaveRequest, SaveRequests } from './save-requests.ts';
import { waitForEvents } from './wait-for-events.ts';

/** About as long as computing guests take from one poll to the next. */
const DUE_MS = 1;
/** The guest runs this long at most before the event loop turns. */
const SLICE_MS = 10;
/** While what it captured is being stored, which takes some dozens of turns. */
const STORING_SLICE_MS = 2;

export interface RunLoopParts {
  /** Of the machine, for errors. */
  readonly name: string;
  readonly guest: GuestMachine;
  readonly host: HostParts;
  readonly saves: SaveRequests;
  readonly options: Pick<MachineOptions, 'timeoutMs' | 'interrupt' | 'trial'>;
  /** MachineOptions.stops.polls */
  readonly stopsAtPolls: boolean;
  /** MachineOptions.stops.onStop, of this machine. */
  readonly onStop: (() => boolean | Promise<boolean>) | undefined;
  readonly beforeEnd: (() => Promise<void>) | undefined;
  readonly onSelfSnapshot: (() => Promise<number>) | undefined;
  /** Its state is another, or it has run for a while. */
  readonly onProgress: () => void;
  /** Called once, when it has ended. */
  readonly onEnd: () => void;
}

export class RunLoop {
  readonly #parts: RunLoopParts;
  #state: MachineStats['state'] = 'loaded';
  #exit: MachineExit | undefined;
  #isKilled = false;
  /** The guest stands still in the middle of a step, for an action that takes a snapshot of it. */
  #isHeld = false;
  /** Meanwhile another snapshot was taken, one that stops it. */
  #isToStop = false;
  /** The end that a stop came before. */
  #putOff: MachineExit | undefined;
  #sliceEndMs = 0;
  /** When a guest that makes host calls instead of computing is to be asked as if it had come to a poll. */
  #dueMs = 0;
  #wantsTurn = false;
  #wake: (() => void) | undefined;
  #deadlineMs = Number.POSITIVE_INFINITY;

  constructor(parts: RunLoopParts) {
    this.#parts = parts;
  }

  get state(): MachineStats['state'] {
    return this.#state;
  }

  /** How it has ended, if it has. */
  get exit(): MachineExit | undefined {
    return this.#exit;
  }

  /** As Machine.run. */
  async run(): Promise<MachineExit> {
    if (this.#exit !== undefined) return this.#exit;
    const { guest, host, saves, options } = this.#parts;
    if (saves.showsMemory) await saves.keepImages();
    if (options.timeoutMs !== undefined && this.#deadlineMs === Number.POSITIVE_INFINITY) {
      this.#deadlineMs = performance.now() + options.timeoutMs;
    }
    guest.kernel.clock.start();
    this.#become('running');
    // What the image allows.
    for (const output of host.outputs) output.pump();
    try {
      for (;;) {
        const exit = await this.#betweenSlices();
        if (exit !== undefined) return exit;
        const end = await this.#after(this.#step());
        if (end !== undefined) return end;
      }
    } catch (error) {
      this.#end({ kind: 'stopped', reason: 'kill' });
      throw error;
    }
  }

  /** Served at the next safe point. */
  request(request: SaveRequest): void {
    if (this.#state === 'ended') {
      request.reject(this.hasEnded());
    } else if (this.#state === 'running' || this.#state === 'blocked') {
      this.#parts.saves.add(request);
      this.interrupt();
    } else this.#serve(request);
  }

  /** As Machine.kill. */
  kill(): void {
    this.#isKilled = true;
    this.interrupt();
    if (this.#state === 'loaded' || this.#state === 'frozen') this.#end({ kind: 'stopped', reason: 'kill' });
  }

  /** Somebody wants something of the guest, which may be waiting. */
  interrupt(): void {
    this.#wantsTurn = true;
    this.#wake?.();
  }

  hasEnded(): WvmError {
    return new WvmError('WVM_SNAPSHOT_FAILED', `${this.#parts.name}: the program has ended`);
  }

  /** MachineHooks.isDue */
  isDue(): boolean {
    return performance.now() >= this.#dueMs;
  }

  /** MachineHooks.wantsYield */
  wantsYield(): boolean {
    this.#dueMs = performance.now() + DUE_MS;
    const { host, options, stopsAtPolls, onProgress } = this.#parts;
    // Every millisecond or so: nobody waits longer for what the guest has written.
    host.files.flush();
    onProgress();
    if (stopsAtPolls || this.#wantsTurn) return true;
    return options.interrupt === undefined || this.#needsTurns
      ? performance.now() >= this.#sliceEndMs
      : Atomics.load(options.interrupt, 0) !== 0 || performance.now() >= this.#deadlineMs;
  }

  /**
   * Something goes on between slices of the guest: memory for a copy is made ready, an image is being encoded, other
   * threads wait for the world outside, or output is due that nobody takes.
   */
  get #needsTurns(): boolean {
    const { guest, host, saves } = this.#parts;
    const isDue = host.outputs.some(({ dueBytes }) => dueBytes > 0);
    return saves.needsTurns || guest.kernel.scheduler.streamWaiters.size > 0 || isDue;
  }

  #become(state: MachineStats['state']): void {
    this.#state = state;
    this.#parts.onProgress();
  }

  /** The guest stands still. If it is held: the action that holds it may have to wait until this one is done. */
  #serve(request: SaveRequest): void {
    this.#isToStop ||= this.#isHeld && request.stop;
    void this.#parts.saves.serve(request);
  }

  #step(): Step {
    const { guest, saves, options } = this.#parts;
    this.#wantsTurn = false;
    this.#sliceEndMs = performance.now() + (saves.isBeingStored ? STORING_SLICE_MS : SLICE_MS);
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 100;
    try {
      return options.trial === undefined ? guest.step() : options.trial.step(() => guest.step());
    } finally {
      Error.stackTraceLimit = limit;
    }
  }

  async #after(step: Step): Promise<MachineExit | undefined> {
    const { guest, onStop, beforeEnd } = this.#parts;
    switch (step.kind) {
      case 'exited': {
        const signal = step.signal === undefined ? {} : { signal: step.signal };
        return await this.#finish({ kind: 'exit', code: step.status, ...signal });
      }
      case 'trapped': {
        const trap = backtraceOf(step.error, step.process.compiled, step.process.instance);
        await this.#letGo();
        return this.#end({ kind: 'trap', ...trap });
      }
      case 'deadlocked':
        await this.#letGo();
        return this.#end({ kind: 'trap', message: deadlockText(guest.kernel), backtrace: [] });
      case 'out-of-fuel':
        return await this.#finish({ kind: 'stopped', reason: 'fuel' });
      case 'self-snapshot':
        await this.#selfSnapshot();
        return undefined;
      case 'yielded':
        if (guest.isAboutToCall('proc_exit')) await this.#hold(beforeEnd);
        if (onStop === undefined) await nextTurn();
        else if (await onStop()) return this.#stopped();
        return undefined;
      case 'blocked':
        this.#become('blocked');
        await this.#waitForEvents();
        this.#become('running');
        return undefined;
    }
  }

  /** Requests from outside, between two slices. */
  async #betweenSlices(): Promise<MachineExit | undefined> {
    const { saves } = this.#parts;
    if (this.#isKilled) return this.#end({ kind: 'stopped', reason: 'kill' });
    if (this.#isToStop) return this.#stopped();
    if (performance.now() >= this.#deadlineMs) return await this.#finish({ kind: 'stopped', reason: 'timeout' });
    for (let request = saves.due(); request !== undefined; request = saves.due()) {
      if (request.stop) {
        this.#become('frozen');
        await saves.serve(request);
        return this.#stopped();
      }
      void saves.serve(request);
    }
    return this.#putOff && (await this.#finish(this.#putOff));
  }

  async #selfSnapshot(): Promise<void> {
    const { guest, onSelfSnapshot } = this.#parts;
    if (onSelfSnapshot === undefined) {
      // Nobody to keep it: the guest learns that it could not be saved.
      guest.answerSnapshot(-1);
      return;
    }
    await this.#hold(async () => {
      try {
        guest.answerSnapshot(await onSelfSnapshot());
      } catch (error) {
        if (!(error instanceof WvmError)) throw error;
        guest.answerSnapshot(-1);
      }
    });
  }

  /** The guest stands still, and can be saved, while `action` does its work. True if it is to stop now. */
  async #hold(action: (() => Promise<void>) | undefined): Promise<boolean> {
    if (action === undefined) return false;
    const { saves } = this.#parts;
    this.#become('frozen');
    this.#isHeld = true;
    for (let next = saves.next(); next !== undefined; next = saves.next()) this.#serve(next);
    await action();
    this.#isHeld = false;
    // It may have been killed.
    if (this.#exit === undefined) this.#become('running');
    return this.#isToStop;
  }

  /** A snapshot has stopped it; run() may be called again. */
  #stopped(): MachineExit {
    this.#isToStop = false;
    this.#become('frozen');
    return { kind: 'stopped', reason: 'snapshot' };
  }

  /** The guest comes to its end: it can be saved for the last time, and what may go out goes. If that snapshot stops it, later. */
  async #finish(exit: MachineExit): Promise<MachineExit> {
    const { guest, beforeEnd } = this.#parts;
    // Before the call that ends it, it was held already (see 'yielded').
    const isHeldBefore = exit.kind === 'exit' && !guest.hasReturned;
    if (!isHeldBefore && (await this.#hold(beforeEnd))) {
      this.#putOff = exit;
      return this.#stopped();
    }
    await this.#drain();
    return this.#end(exit);
  }

  /** Whatever is held goes out: no snapshot of what has just happened will ever be. */
  async #letGo(): Promise<void> {
    for (const output of this.#parts.host.outputs) output.allow(output.written);
    await this.#drain();
  }

  /** Waits until what may go out has gone; not after kill(). */
  async #drain(): Promise<void> {
    const { host, saves } = this.#parts;
    let isDrained = false;
    const drained = Promise.all(host.outputs.map((output) => output.drained())).then(() => {
      isDrained = true;
    });
    // Requests wake it, too: nothing can be saved any more, and nobody shall wait for a reader to hear that.
    while (!isDrained && !this.#isKilled) {
      saves.refuseAll(() => this.hasEnded());
      const { promise: woken, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await Promise.race([drained, woken]);
    }
    this.#wake = undefined;
  }

  async #waitForEvents(): Promise<void> {
    const { guest, host, saves } = this.#parts;
    if (!saves.isEmpty || this.#isKilled) return;
    const { ended, end } = waitForEvents(guest.kernel, host.streams, this.#deadlineMs);
    this.#wake = end;
    await ended;
    this.#wake = undefined;
  }

  #end(exit: MachineExit): MachineExit {
    if (this.#exit !== undefined) return this.#exit;
    this.#exit = exit;
    this.#become('ended');
    this.#parts.saves.refuseAll(() => this.hasEnded());
    this.#parts.onEnd();
    return exit;
  }
}
