// A machine's processes on their engine: runs one thread at a time, in the order of the kernel's scheduler. `step` runs until the
// world outside is needed.
//
//   1. A host call without a result unwinds the stack: it is parked (Blocked), or the thread, the process or its program changes.
//   2. A poll unwinds at the end of a turn if others are ready, at a request from outside, and when a signal is to be delivered. A
//      finished host call unwinds, too, if it has woken a thread of a higher rank.
//   3. The next thread in order goes on: a signal handler first, then its parked call is made again or its stack resumed.
//
// 1 and 2 happen in running-thread.ts; what they have unwound for is carried out by call-requests.ts; 3 is here.
//
// Invariant: while step() does not run, every thread's stack is unwound: a snapshot finds plain data.

import type { Pid } from '../base/ids.ts';
import { Exited } from '../kernel/blocked.ts';
import { MAIN_CONTEXT } from '../kernel/contexts.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Process } from '../kernel/process.ts';
import { CallRequests } from './call-requests.ts';
import type { CompiledModule } from './compile.ts';
import { FuelMeter } from './fuel-meter.ts';
import { GuestProcess } from './guest-process.ts';
import { GuestProgram, type ProgramHost } from './guest-program.ts';
import type { GuestThread } from './guest-thread.ts';
import type { Outcome } from './instance.ts';
import type { MachineHooks } from './machine-hooks.ts';
import type { MemoryPool } from './memory-pool.ts';
import { ParkedCalls } from './parked-calls.ts';
import { ProcessChanges } from './process-changes.ts';
import { ProcessTable } from './process-table.ts';
import { PACE, RunningThread } from './running-thread.ts';
import { beginHandler, endHandler } from './signal-handlers.ts';
import { StackArea } from './stack-area.ts';
import type { InstanceState, ThreadState } from './state.ts';
import { POLL, type Step, type Stop } from './stop.ts';
import { QUANTUM } from './turn.ts';

export interface MachineEngineOptions {
  readonly kernel: Kernel;
  /** Of all memories of one process. */
  readonly maxMemoryBytes: number;
  /** Stop after this much work, counted from the first start. */
  readonly fuelLimit: bigint | undefined;
  /** A turn unless a test wants a poll at every safe point (0). */
  readonly fuelSlice?: number;
  readonly fuelUsed?: bigint;
  readonly hooks: MachineHooks;
  readonly memoryPool?: MemoryPool;
}

/** Calls that never wait, and do something to the stack that they are made on. */
const CHANGE_STACK: ReadonlySet<string> = new Set([
  'proc_fork',
  'proc_fork_env',
  'proc_snapshot',
  'snapshot',
  'stack_checkpoint',
  'stack_restore',
  'context_switch',
]);

export class GuestMachine {
  readonly kernel: Kernel;
  readonly #host: ProgramHost;
  readonly #meter: FuelMeter;
  readonly #table: ProcessTable;
  readonly #changes: ProcessChanges;
  readonly #requests: CallRequests;
  readonly #calls: ParkedCalls;
  readonly #running: RunningThread;
  /** After a resume: parked calls have been made again, so that they wait for something. */
  #isArmed = true;

  constructor(options: MachineEngineOptions) {
    const { kernel, hooks } = options;
    this.kernel = kernel;
    this.#meter = new FuelMeter({
      slice: options.fuelSlice ?? QUANTUM,
      limit: options.fuelLimit,
      used: options.fuelUsed ?? 0n,
    });
    const pace = { left: PACE };
    this.#host = {
      maxMemoryBytes: options.maxMemoryBytes,
      memoryPool: options.memoryPool,
      stackArea: new StackArea(),
      pace,
      stopsBeforeCall: hooks.stopsBeforeCall,
      trace: hooks.trace,
      poll: (program, site) => this.#running.poll(program, site),
      interrupted: (program, call, args, result) => this.#running.interrupted(program, call, args, result),
      holdBack: (call, args) => this.#running.holdBack(call, args),
    };
    this.#table = new ProcessTable(kernel, hooks);
    this.#changes = new ProcessChanges(kernel, this.#table, this.#host, hooks);
    this.#requests = new CallRequests(kernel, this.#changes);
    this.#calls = new ParkedCalls(kernel, this.#requests, hooks.trace);
    this.#running = new RunningThread(kernel, this.#meter, pace, this.#requests, this.#calls, hooks);
    kernel.engine = this.#table;
  }

  /** The first program begins. */
  start(compiled: CompiledModule): void {
    this.#changes.start(this.kernel.init, compiled);
  }

  /** A process of an image, its memories still empty. Throws WVM_IMAGE_BAD_RECORD, WVM_IMAGE_BAD_FRAME. */
  restore(process: Process, compiled: CompiledModule, instance: InstanceState, threads: readonly ThreadState[]): void {
    const restored = new GuestProcess(new GuestProgram(this.#host, process, compiled, instance));
    restored.restoreThreads(threads);
    this.#table.add(restored);
    this.#isArmed = false;
  }

  /** The live processes, by pid. */
  get processes(): ReadonlyMap<Pid, GuestProcess> {
    return this.#table.processes;
  }

  /** Processes by pid, the root first; what is not in an image is not here. */
  sorted(): GuestProcess[] {
    return this.#table.sorted();
  }

  get root(): GuestProcess {
    return this.#table.processes.get(this.kernel.init.pid)!;
  }

  get fuelUsed(): bigint {
    return BigInt(this.#meter.used);
  }

  get memoryBytes(): number {
    return this.#table.memory.bytes;
  }

  /** The machine has ended: memories that it kept for processes to come. */
  takeSpareMemories(): WebAssembly.Memory[] {
    return this.#table.takeSpareMemories();
  }

  /** True if the first process has returned from its last function, and no call has ended it. */
  get hasReturned(): boolean {
    const main = this.#table.threadOf(this.kernel.init.mainThread);
    return main !== undefined && main.top === undefined && main.entries.length === 0;
  }

  /** True if the next thing that happens is that the first process ends, by this call. */
  isAboutToCall(name: string): boolean {
    const next = this.kernel.scheduler.next();
    return next !== undefined && next.process === this.kernel.init && next.call?.name === name;
  }

  /** Delivers the id of the snapshot that a thread asked for, or -1: it was not taken. */
  answerSnapshot(id: number): void {
    this.#requests.answerSnapshot(id);
  }

  /** Runs threads until the world outside is needed. */
  step(): Step {
    const { scheduler } = this.kernel;
    const running = this.#running;
    const armed = this.#arm();
    if (armed !== undefined) return armed;
    for (;;) {
      if (--running.pace.left <= 0 && running.isToYield()) return { kind: 'yielded' };
      const next = scheduler.next();
      if (next === undefined) return this.#idle();
      const thread = this.#table.threadOf(next)!;
      this.kernel.current = next;
      running.guest = thread;
      const step = this.#run(thread);
      running.guest = undefined;
      if (step !== undefined) return step;
      const { end } = this.kernel.init;
      if (end !== undefined) {
        return { kind: 'exited', status: end.status, signal: end.signal === 0 ? undefined : end.signal };
      }
    }
  }

  /** Calls that were parked in an image are made again, in their order, before anything else happens. */
  #arm(): Step | undefined {
    if (this.#isArmed) return undefined;
    const { scheduler, clock } = this.kernel;
    clock.endsNoWait = true;
    for (const thread of [...scheduler.blocked]) {
      if (thread.waits.length > 0) continue;
      const guest = this.#table.threadOf(thread)!;
      this.kernel.current = thread;
      this.#running.guest = guest;
      // Either it waits again, in its old place of the order, or it has come true meanwhile.
      scheduler.wake(thread);
      const stop = this.#calls.conclude(guest, this.#calls.make(guest));
      this.#running.guest = undefined;
      const step = stop === undefined ? undefined : this.#requests.carryOut(guest, stop);
      if (step !== undefined) return step;
    }
    clock.endsNoWait = false;
    this.#isArmed = true;
    return undefined;
  }

  #idle(): Step {
    const { scheduler } = this.kernel;
    const isWaiting = scheduler.nextDeadlineNs() !== undefined || scheduler.streamWaiters.size > 0;
    return { kind: isWaiting ? 'blocked' : 'deadlocked' };
  }

  /** The thread's turn, or what is left of it. Undefined: the next thread in order goes on. */
  #run(guest: GuestThread): Step | undefined {
    const { program, thread } = guest;
    const isDelivered = thread.hasSignal && !this.#isToChangeStack(guest);
    const delivery = isDelivered ? this.kernel.tree.deliver(thread) : undefined;
    if (delivery !== undefined && delivery.kind !== 'handler') return undefined;
    program.load(guest);
    if (delivery !== undefined) {
      const stop = beginHandler(guest, delivery, this.#calls);
      if (stop !== undefined) return this.#requests.carryOut(guest, stop);
    }
    this.#table.memory.note(program);
    const { instance } = program;
    const isMetered = program.isCapturable;
    if (isMetered) this.#meter.grant(instance, guest);
    const outcome = this.#advance(guest);
    if (isMetered) this.#meter.settle(instance, guest);
    return 'stop' in outcome ? this.#requests.carryOut(guest, outcome.stop) : this.#after(guest, outcome);
  }

  /** Its next call, which was held back, is one that is made on the stack as it is: a handler begins afterwards. */
  #isToChangeStack({ top, thread }: GuestThread): boolean {
    return top?.pending.kind === 'call' && CHANGE_STACK.has(thread.call!.name);
  }

  /** One go: a call made again, a stack resumed, a function entered. */
  #advance(guest: GuestThread): Outcome | { readonly stop: Stop } {
    const { instance } = guest.program;
    const top = guest.top;
    if (top === undefined) {
      const next = guest.entries.shift();
      // An image of a thread that has returned from its last function: it ends again.
      if (next === undefined) return { stop: { kind: 'exit', exited: new Exited(0) } };
      const entry = next.functionIndex;
      guest.activations.push({ entry, stack: undefined, pending: POLL, isHandler: false, stackPointer: undefined });
      return instance.call(entry, next.args);
    }
    if (top.pending.kind === 'begin') {
      const { args } = top.pending;
      top.pending = POLL;
      return instance.call(top.entry, args);
    }
    if (top.pending.kind === 'call') {
      const stop = this.#calls.conclude(guest, this.#calls.make(guest));
      if (stop !== undefined) return { stop };
    }
    const { pending, stack } = top;
    // A host function called in tail position has no frame below it if it was the entry itself.
    if (stack === undefined) return { kind: 'returned', values: [] };
    top.stack = undefined;
    top.pending = POLL;
    if (pending.kind === 'poll') return instance.resume(stack, undefined);
    return instance.resume(stack, pending.kind === 'result' ? pending.value : 0);
  }

  #after(guest: GuestThread, outcome: Outcome): Step | undefined {
    switch (outcome.kind) {
      case 'returned':
        return this.#returned(guest);
      case 'trapped':
        return this.#requests.carryOut(guest, { kind: 'trap', error: outcome.error });
      case 'suspended': {
        const top = guest.top!;
        top.stack = outcome.stack.bytes.length === 0 ? undefined : outcome.stack;
        return this.#requests.carryOut(guest, this.#running.takeStop());
      }
    }
  }

  /** The top activation has returned. */
  #returned(guest: GuestThread): Step | undefined {
    const done = guest.activations.pop()!;
    if (done.isHandler) {
      endHandler(guest, done);
      return undefined;
    }
    if (guest.entries.length > 0) return undefined;
    const { current } = guest.thread.contexts;
    if (current === MAIN_CONTEXT) return this.#changes.endThread(guest);
    const error = new WebAssembly.RuntimeError(`the function of context ${current} has returned`);
    return this.#requests.carryOut(guest, { kind: 'trap', error });
  }
}
