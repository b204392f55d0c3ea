// Several processes, driven by hand: what the engine would do with the results of their calls, step by step. All use one guest
// memory.

import { expect } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import type { Pid } from '../../base/ids.ts';
import { Blocked, Completed, Forked } from '../blocked.ts';
import type { KernelState, RestoreOptions } from '../kernel.ts';
import type { Process } from '../process.ts';
import type { Delivery } from '../signals/deliver.ts';
import type { GuestNumber, Thread } from '../thread.ts';
import { type FixtureOptions, RESULT } from './fixture.ts';
import { type Outcome, PARKED, ThreadFixture } from './thread-fixture.ts';

export const WNOHANG = 1;
export const WUNTRACED = 2;
export const WCONTINUED = 8;

export class TreeFixture extends ThreadFixture {
  /** What the engine was told: pids of processes and tids of threads that have ended. */
  readonly endedProcesses: number[] = [];
  readonly endedThreads: number[] = [];

  constructor(options: FixtureOptions = {}) {
    super(options);
    this.listen();
  }

  override restore(state: KernelState, options: Partial<RestoreOptions> = {}): void {
    super.restore(state, options);
    this.listen();
  }

  /** Saves, restores, makes the parked calls again; the new kernel says of itself what the old one said. */
  override resume(state: KernelState = this.kernel.save(), options: Partial<RestoreOptions> = {}): void {
    this.restore(structuredClone(state), options);
    for (const thread of [...this.kernel.scheduler.blocked]) this.again(thread);
    expect({ ...this.kernel.save(), clock: state.clock }).toEqual(state);
  }

  get init(): Process {
    return this.kernel.init;
  }

  process(pid: number): Process {
    return this.kernel.processes.get(pid as Pid)!;
  }

  get pids(): number[] {
    return [...this.kernel.processes.keys()];
  }

  /** The process calls fork, as its main thread or as `thread`. */
  fork(parent: Process = this.init, thread: Thread = parent.mainThread): Process {
    const result = this.as(thread, 'proc_fork', 1, RESULT);
    expect(result).toBeInstanceOf(Forked);
    const { child } = result as Forked;
    child.memory = this.memory;
    return child;
  }

  exit(process: Process, status = 0): void {
    this.kernel.tree.exit(process, { status });
  }

  /** A call that must succeed. */
  ok(process: Process, name: string, ...args: GuestNumber[]): void {
    expect(resultOf(this.as(process.mainThread, name, ...args))).toBe(Errno.ESUCCESS);
  }

  /** A call's errno. */
  errno(process: Process, name: string, ...args: GuestNumber[]): Outcome {
    return resultOf(this.as(process.mainThread, name, ...args));
  }

  /** waitpid: [pid, status], an errno, or PARKED. */
  wait(parent: Process = this.init, pid = -1, options = 0): readonly [number, number] | Outcome {
    return this.waited(this.as(parent.mainThread, 'waitpid', pid, RESULT, options, RESULT + 4));
  }

  /** The parked waitpid of the process, made again. */
  waitAgain(parent: Process = this.init): readonly [number, number] | Outcome {
    return this.waited(this.again(parent.mainThread));
  }

  private waited(outcome: Outcome): readonly [number, number] | Outcome {
    return outcome === Errno.ESUCCESS ? [this.u32(RESULT + 4), this.u32(RESULT)] : outcome;
  }

  deliver(process: Process): Delivery | undefined {
    return this.kernel.tree.deliver(process.mainThread);
  }

  /**
   * What the engine does before a thread goes on: a parked call that a handler interrupts is made once more. What the call answers if
   * it is over; a handler's call that goes on afterwards is shelved.
   */
  interrupt(thread: Thread): { readonly delivery: Delivery | undefined; readonly outcome: Outcome | undefined } {
    const delivery = this.kernel.tree.deliver(thread);
    if (delivery?.kind !== 'handler' || thread.call === undefined) return { delivery, outcome: undefined };
    this.kernel.current = thread;
    this.kernel.scheduler.wake(thread);
    thread.isInterrupted = true;
    const { name, args } = thread.call;
    const result = this.callOf(thread.process, name)(...args);
    thread.isInterrupted = false;
    if (result instanceof Blocked && delivery.restartsCall) {
      thread.shelve();
      return { delivery, outcome: PARKED };
    }
    thread.unblock();
    return { delivery, outcome: result instanceof Blocked ? Errno.EINTR : resultOf(result) };
  }

  private listen(): void {
    this.kernel.engine = {
      processEnded: ({ pid }) => this.endedProcesses.push(pid),
      threadEnded: ({ tid }) => this.endedThreads.push(tid),
    };
  }
}

function resultOf(outcome: Outcome): Outcome {
  return outcome instanceof Completed ? outcome.value : outcome;
}
