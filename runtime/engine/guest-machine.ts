// A machine's processes on their engine: runs one thread at a time, in the order of the kernel's scheduler, and carries out
// what system calls ask of the engine: fork, exec, threads, ends. `step` runs until the world outside is needed.
//
//   1. A host call without a result unwinds the stack: it is parked (Blocked), or the thread, the process or its program changes.
//   2. A poll unwinds at the end of a turn if others are ready, at a request from outside, and when a signal is to be delivered. A
//      finished host call unwinds, too, if it has woken a thread of a higher rank.
//   3. The next thread in order goes on: a signal handler first, then its parked call is made again or its stack resumed.
//
// Invariant: while step() does not run, every thread's stack is unwound: a snapshot finds plain data.

import { Errno } from '../../abi/errno.ts';
import type { Pid } from '../base/ids.ts';
import { WvmError } from '../base/wvm-error.ts';
import {
  Blocked,
  Completed,
  ContextCreated,
  ContextDestroyed,
  ContextSwitched,
  ExecWanted,
  Exited,
  Forked,
  type ProgramFile,
  SnapshotWanted,
  Spawned,
  type StackRestored,
  StackSaved,
  type SystemCallResult,
  ThreadEnded,
  ThreadSpawned,
  Trapped,
} from '../kernel/blocked.ts';
import { MAIN_CONTEXT } from '../kernel/contexts.ts';
import { storeU32, storeU64 } from '../kernel/guest-access.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Process } from '../kernel/process.ts';
import type { GuestNumber, Thread } from '../kernel/thread.ts';
import type { CompiledModule } from './compile.ts';
import { FuelMeter } from './fuel-meter.ts';
import type { ImportedCall } from './guest-imports.ts';
import { GuestProcess } from './guest-process.ts';
import { type CallTrace, GuestProgram, type ProgramHost } from './guest-program.ts';
import type { GuestThread, Pending } from './guest-thread.ts';
import type { InstanceOptions, Outcome } from './instance.ts';
import type { MemoryPool } from './memory-pool.ts';
import { SparePrograms } from './spare-programs.ts';
import { StackArea } from './stack-area.ts';
import type { InstanceState, ThreadState } from './state.ts';
import { QUANTUM } from './turn.ts';

/** Polls in a row after which a function counts as one long loop: some 20 ms. */
const LOOP_POLLS = 20;
/** Host calls and turns between two looks at the time, which take as long as a few of the fastest of them. */
const PACE = 64;
/** LLVM's leaf functions use this much below C's stack pointer without moving it. */
const RED_ZONE_BYTES = 128;
const STACK_ALIGNMENT = 16;

export interface MachineHooks {
  /** Asked at every poll; true unwinds the stack and ends the step. */
  wantsYield(): boolean;
  /**
   * Asked now and then between polls, by guests that make host calls or take turns instead of computing: true if wantsYield() has
   * not been asked for a while.
   */
  readonly isDue?: () => boolean;
  /** Asked before every host call; true stops the thread before the call is made. */
  readonly stopsBeforeCall?: (process: Process, name: string) => boolean;
  /** Told of every finished or parked host call. */
  readonly trace?: CallTrace;
  /** A module that cannot be captured waits here, without unwinding; false if it cannot wait for that. */
  waitInPlace(blocked: Blocked): boolean;
  /** Compiles a program for exec and spawn. Throws WvmError. */
  loadProgram(program: ProgramFile): CompiledModule;
  /** A process other than the first has trapped. */
  processTrapped(process: GuestProcess, error: Error): void;
  /** A process other than the first has ended, however that came. */
  processEnded(process: Process): void;
  /** A program could not be started. */
  programFailed(process: Process, program: ProgramFile, error: WvmError): void;
  /** Asked when a process has ended: nobody looks at its memories any more. */
  mayReuseMemories(): boolean;
  /** Memories of a process that has ended, if mayReuseMemories(). */
  memoriesFree(memories: readonly WebAssembly.Memory[]): void;
}

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
  readonly compileOptimised: InstanceOptions['compileOptimised'];
  readonly memoryPool?: MemoryPool;
}

export type Step =
  | { readonly kind: 'exited'; readonly status: number; readonly signal: number | undefined }
  | { readonly kind: 'trapped'; readonly error: Error; readonly process: GuestProcess }
  /** All threads wait; the scheduler says for what. */
  | { readonly kind: 'blocked' }
  /** All threads wait for each other. */
  | { readonly kind: 'deadlocked' }
  | { readonly kind: 'yielded' }
  | { readonly kind: 'self-snapshot' }
  | { readonly kind: 'out-of-fuel' };

/** Why a thread stands still. */
type Stop =
  | Step
  | { readonly kind: 'exit'; readonly exited: Exited }
  | { readonly kind: 'trap'; readonly error: Error }
  | { readonly kind: 'fork'; readonly forked: Forked }
  | { readonly kind: 'exec'; readonly wanted: ExecWanted }
  | { readonly kind: 'stack'; readonly change: StackSaved | StackRestored }
  | { readonly kind: 'context'; readonly id: bigint }
  | { readonly kind: 'thread-ended' }
  /** Its turn is over, or something is to be done before it goes on. */
  | { readonly kind: 'turn' };

/** What becomes of a call without a result: the value it has after all, or how the thread stands still. */
type Carried = number | { readonly stop: Stop; readonly pending: Pending };

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
const POLL: Pending = { kind: 'poll' };
const CALL: Pending = { kind: 'call' };
const RESULT_ZERO: Pending = { kind: 'result', value: 0 };
const TURN: Stop = { kind: 'turn' };

export class GuestMachine {
  readonly kernel: Kernel;
  /** The live processes, by pid. */
  readonly processes: Map<Pid, GuestProcess> = new Map();
  readonly #options: MachineEngineOptions;
  readonly #host: ProgramHost;
  readonly #meter: FuelMeter;
  readonly #threads: Map<Thread, GuestThread> = new Map();
  /** Of processes that have ended, for the forks of their programs. */
  readonly #spares: SparePrograms = new SparePrograms();
  #current: GuestThread | undefined;
  /** Of all processes, as it was when those that have run since began to. */
  #memoryBytes = 0;
  readonly #counted: Map<GuestProgram, number> = new Map();
  readonly #ran: Set<GuestProgram> = new Set();
  #ranLast: GuestProgram | undefined;
  /** Why the running thread unwinds. */
  #stop: Stop | undefined;
  /** The thread that waits for the id of its snapshot. */
  #snapshotting: GuestThread | undefined;
  /** It gets the id; else only whether the snapshot was taken. */
  #snapshotGivesId = true;
  /** After a resume: parked calls have been made again, so that they wait for something. */
  #isArmed = true;
  /** The function that polled last, and how many polls in a row came from it. */
  #pollFunction = -1;
  #pollProgram: GuestProgram | undefined;
  #pollsInFunction = 0;
  /** Functions whose frame was once replaced by an optimised continuation while it looped. */
  readonly #replaced = new WeakMap<CompiledModule, Set<number>>();

  constructor(options: MachineEngineOptions) {
    this.kernel = options.kernel;
    this.#options = options;
    this.#meter = new FuelMeter({
      slice: options.fuelSlice ?? QUANTUM,
      limit: options.fuelLimit,
      used: options.fuelUsed ?? 0n,
    });
    this.#host = {
      maxMemoryBytes: options.maxMemoryBytes,
      compileOptimised: options.compileOptimised,
      memoryPool: options.memoryPool,
      stackArea: new StackArea(),
      pace: { left: PACE },
      stopsBeforeCall: options.hooks.stopsBeforeCall,
      trace: options.hooks.trace,
      poll: (program, site) => this.#poll(program, site),
      interrupted: (program, call, args, result) => this.#interrupted(program, call, args, result),
      holdBack: ({ module, name }, args) => {
        this.#current!.thread.block(module, name, args, new Blocked([]));
        this.#unwind({ kind: 'yielded' }, CALL);
      },
    };
    this.kernel.engine = {
      processEnded: (process) => this.#forgetProcess(process),
      threadEnded: (thread) => this.#forgetThread(thread),
    };
  }

  /** The first program begins. */
  start(compiled: CompiledModule): void {
    const { init } = this.kernel;
    const process = new GuestProcess(new GuestProgram(this.#host, init, compiled));
    this.#adopt(process, process.start(init.mainThread));
  }

  /** A process of an image, its memories still empty. Throws WVM_IMAGE_BAD_RECORD, WVM_IMAGE_BAD_FRAME. */
  restore(process: Process, compiled: CompiledModule, instance: InstanceState, threads: readonly ThreadState[]): void {
    const restored = new GuestProcess(new GuestProgram(this.#host, process, compiled, instance));
    restored.restoreThreads(threads);
    this.processes.set(process.pid, restored);
    this.#count(restored.program);
    for (const [thread, guest] of restored.threads) this.#threads.set(thread, guest);
    this.#isArmed = false;
  }

  #processOf(guest: GuestThread): GuestProcess {
    return this.processes.get(guest.thread.process.pid)!;
  }

  get root(): GuestProcess {
    return this.processes.get(this.kernel.init.pid)!;
  }

  get fuelUsed(): bigint {
    return BigInt(this.#meter.used);
  }

  get memoryBytes(): number {
    for (const program of this.#ran) this.#count(program);
    this.#ran.clear();
    this.#ranLast = this.#current?.program;
    if (this.#ranLast !== undefined) this.#ran.add(this.#ranLast);
    return this.#memoryBytes;
  }

  /** Only a process that runs can make its memory larger. */
  #count(program: GuestProgram): void {
    const { memoryBytes } = program;
    this.#memoryBytes += memoryBytes - (this.#counted.get(program) ?? 0);
    this.#counted.set(program, memoryBytes);
  }

  /** True if the first process has returned from its last function, and no call has ended it. */
  get hasReturned(): boolean {
    const main = this.#threads.get(this.kernel.init.mainThread);
    return main !== undefined && main.top === undefined && main.entries.length === 0;
  }

  /** True if the next thing that happens is that the first process ends, by this call. */
  isAboutToCall(name: string): boolean {
    const next = this.kernel.scheduler.next();
    return next !== undefined && next.process === this.kernel.init && next.call?.name === name;
  }

  /** Processes by pid, the root first; what is not in an image is not here. */
  sorted(): GuestProcess[] {
    return [...this.processes.values()].sort((a, b) => a.process.pid - b.process.pid);
  }

  /** Delivers the id of the snapshot that a thread asked for, or -1: it was not taken. */
  answerSnapshot(id: number): void {
    const top = this.#snapshotting?.top;
    const value = this.#snapshotGivesId ? id : id > 0 ? Errno.ESUCCESS : Errno.ENOTSUP;
    if (top !== undefined) top.pending = { kind: 'result', value };
    this.#snapshotting = undefined;
  }

  /** Runs threads until the world outside is needed. */
  step(): Step {
    const { scheduler } = this.kernel;
    const armed = this.#arm();
    if (armed !== undefined) return armed;
    for (;;) {
      if (--this.#host.pace.left <= 0 && this.#isToYield()) return { kind: 'yielded' };
      const next = scheduler.next();
      if (next === undefined) return this.#idle();
      const thread = this.#threads.get(next)!;
      this.kernel.current = next;
      this.#current = thread;
      const step = this.#run(thread);
      this.#current = undefined;
      if (step !== undefined) return step;
      const { end } = this.kernel.init;
      if (end !== undefined) {
        return { kind: 'exited', status: end.status, signal: end.signal === 0 ? undefined : end.signal };
      }
    }
  }

  /** The pace is over: whether somebody wants the machine to stand still. */
  #isToYield(): boolean {
    const { hooks } = this.#options;
    this.#host.pace.left = PACE;
    return hooks.isDue?.() === true && hooks.wantsYield();
  }

  /** Calls that were parked in an image are made again, in their order, before anything else happens. */
  #arm(): Step | undefined {
    if (this.#isArmed) return undefined;
    const { scheduler } = this.kernel;
    for (const thread of [...scheduler.blocked]) {
      if (thread.waits.length > 0) continue;
      const guest = this.#threads.get(thread)!;
      this.kernel.current = thread;
      this.#current = guest;
      // Either it waits again, in its old place of the order, or it has come true meanwhile.
      scheduler.wake(thread);
      const stop = this.#conclude(guest, this.#make(guest));
      this.#current = undefined;
      const step = stop === undefined ? undefined : this.#carryOut(guest, stop);
      if (step !== undefined) return step;
    }
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
    const { kernel } = this;
    const isDelivered = guest.thread.hasSignal && !this.#isToChangeStack(guest);
    const delivery = isDelivered ? kernel.tree.deliver(guest.thread) : undefined;
    if (delivery !== undefined) {
      if (delivery.kind !== 'handler') return undefined;
      guest.program.load(guest);
      const stop = this.#beginHandler(guest, delivery.entry, delivery.args, delivery.restartsCall);
      if (stop !== undefined) return this.#carryOut(guest, stop);
    } else guest.program.load(guest);
    if (guest.program !== this.#ranLast) this.#ran.add((this.#ranLast = guest.program));
    const { instance } = guest.program;
    const isMetered = guest.program.isCapturable;
    if (isMetered) this.#meter.grant(instance, guest);
    const outcome = this.#advance(guest);
    if (isMetered) this.#meter.settle(instance, guest);
    return 'stop' in outcome ? this.#carryOut(guest, outcome.stop) : this.#after(guest, outcome);
  }

  /** Its next call, which was held back, is one that is made on the stack as it is: a handler begins afterwards. */
  #isToChangeStack({ top, thread }: GuestThread): boolean {
    return top?.pending.kind === 'call' && CHANGE_STACK.has(thread.call!.name);
  }

  #after(guest: GuestThread, outcome: Outcome): Step | undefined {
    switch (outcome.kind) {
      case 'returned':
        return this.#returned(guest);
      case 'trapped':
        return this.#carryOut(guest, { kind: 'trap', error: outcome.error });
      case 'suspended': {
        const top = guest.top!;
        top.stack = outcome.stack.bytes.length === 0 ? undefined : outcome.stack;
        const stop = this.#stop!;
        this.#stop = undefined;
        return this.#carryOut(guest, stop);
      }
    }
  }

  /** The top activation has returned. */
  #returned(guest: GuestThread): Step | undefined {
    const done = guest.activations.pop()!;
    if (done.isHandler) {
      if (done.stackPointer !== undefined) guest.program.stackPointer = done.stackPointer;
      this.kernel.tree.handlerReturned(guest.thread);
      return undefined;
    }
    if (guest.entries.length > 0) return undefined;
    const { current } = guest.thread.contexts;
    if (current === MAIN_CONTEXT) return this.#ended(guest);
    const error = new WebAssembly.RuntimeError(`the function of context ${current} has returned`);
    return this.#carryOut(guest, { kind: 'trap', error });
  }

  /** The thread has returned from its last function. */
  #ended(guest: GuestThread): Step | undefined {
    const { thread } = guest;
    if (thread.tid === (thread.process.pid as number)) return this.#exit(thread.process, new Exited(0));
    this.kernel.tree.endThread(thread);
    return undefined;
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
      const carried = this.#conclude(guest, this.#make(guest));
      if (carried !== undefined) return { stop: carried };
    }
    const { pending, stack } = top;
    // A host function called in tail position has no frame below it if it was the entry itself.
    if (stack === undefined) return { kind: 'returned', values: [] };
    top.stack = undefined;
    top.pending = POLL;
    if (pending.kind === 'poll') return instance.resume(stack, undefined);
    return instance.resume(stack, pending.kind === 'result' ? pending.value : 0);
  }

  /** Makes the parked call of the thread's top activation. */
  #make(guest: GuestThread): SystemCallResult {
    const { module, name, args } = guest.thread.call!;
    const call =
      guest.call?.name === name && guest.call.module === module ? guest.call : guest.program.callNamed(module, name)!;
    guest.call = call;
    const result = call.run(...args);
    this.#options.hooks.trace?.(guest.thread.process, module, name, args, result);
    return result;
  }

  /** The parked call has come to this. Undefined: it has a result, and the thread can go on. */
  #conclude(guest: GuestThread, result: SystemCallResult): Stop | undefined {
    const { thread } = guest;
    const { module, name, args } = thread.call!;
    const top = guest.top!;
    if (result instanceof Blocked) {
      thread.block(module, name, args, result);
      this.kernel.scheduler.block(thread);
      return TURN;
    }
    thread.unblock();
    const carried = typeof result === 'number' ? result : this.#carry(guest, guest.call!, result);
    if (typeof carried === 'number') {
      top.pending = carried === 0 ? RESULT_ZERO : { kind: 'result', value: carried };
      // The call may have made a thread ready that runs first.
      return this.kernel.scheduler.next() === thread ? undefined : TURN;
    }
    top.pending = carried.pending;
    return carried.stop;
  }

  /** A host call of the running thread that has no result now. */
  #interrupted(
    program: GuestProgram,
    call: ImportedCall,
    args: readonly GuestNumber[],
    result: Exclude<SystemCallResult, number>,
  ): number | undefined {
    if (!program.isCapturable) {
      this.#host.pace.left = PACE;
      return this.#inPlace(program, call, args, result);
    }
    const guest = this.#current!;
    if (result instanceof Completed && this.#host.pace.left <= 0 && this.#isToYield()) {
      return this.#unwind({ kind: 'yielded' }, { kind: 'result', value: result.value });
    }
    if (result instanceof Blocked) {
      guest.thread.block(call.module, call.name, args, result);
      this.kernel.scheduler.block(guest.thread);
      guest.call = call;
      return this.#unwind(TURN, CALL);
    }
    const carried = this.#carry(guest, call, result);
    return typeof carried === 'number' ? carried : this.#unwind(carried.stop, carried.pending);
  }

  /** What a finished call asks of the engine, other than to wait. */
  #carry(guest: GuestThread, call: ImportedCall, result: Exclude<SystemCallResult, number | Blocked>): Carried {
    if (result instanceof Completed) {
      const pending: Pending = { kind: 'result', value: result.value };
      const isTurnOver = guest.thread.hasSignal || this.kernel.scheduler.next() !== guest.thread;
      return isTurnOver ? { stop: TURN, pending } : result.value;
    }
    if (result instanceof Exited) return { stop: { kind: 'exit', exited: result }, pending: RESULT_ZERO };
    if (result instanceof Trapped) {
      return { stop: { kind: 'trap', error: new WebAssembly.RuntimeError(result.message) }, pending: RESULT_ZERO };
    }
    if (result instanceof SnapshotWanted) {
      this.#snapshotGivesId = result.givesId;
      return { stop: { kind: 'self-snapshot' }, pending: { kind: 'self-snapshot' } };
    }
    if (result instanceof Forked) return { stop: { kind: 'fork', forked: result }, pending: RESULT_ZERO };
    if (result instanceof ExecWanted) return { stop: { kind: 'exec', wanted: result }, pending: RESULT_ZERO };
    if (result instanceof Spawned) return this.#spawn(result, call);
    if (result instanceof ThreadSpawned) return this.#spawnThread(this.#processOf(guest), result);
    if (result instanceof ThreadEnded) return { stop: { kind: 'thread-ended' }, pending: RESULT_ZERO };
    if (result instanceof ContextCreated) return this.#createContext(guest, result);
    if (result instanceof ContextSwitched) return { stop: { kind: 'context', id: result.id }, pending: RESULT_ZERO };
    if (result instanceof ContextDestroyed) {
      guest.removeContext(result.id);
      return Errno.ESUCCESS;
    }
    return { stop: { kind: 'stack', change: result }, pending: RESULT_ZERO };
  }

  /** The thread stands still, for `stop`. */
  #carryOut(guest: GuestThread, stop: Stop): Step | undefined {
    switch (stop.kind) {
      case 'turn':
      case 'thread-ended':
        return undefined;
      case 'exit':
        return this.#exit(guest.thread.process, stop.exited);
      case 'trap':
        return this.#trap(this.#processOf(guest), stop.error);
      case 'fork':
        this.#fork(guest, stop.forked);
        return undefined;
      case 'exec':
        return this.#exec(guest, stop.wanted);
      case 'stack':
        return this.#changeStack(guest, stop.change);
      case 'context':
        guest.switchContext(stop.id);
        return undefined;
      case 'self-snapshot':
        this.#snapshotting = guest;
        return stop;
      default:
        return stop;
    }
  }

  #exit(process: Process, exited: Exited): Step | undefined {
    if (process === this.kernel.init) return { kind: 'exited', status: exited.status, signal: exited.signal };
    this.kernel.tree.exit(process, exited.signal === undefined ? { status: exited.status } : { signal: exited.signal });
    return undefined;
  }

  #trap(process: GuestProcess, error: Error): Step | undefined {
    if (process.process === this.kernel.init) return { kind: 'trapped', error, process };
    this.#options.hooks.processTrapped(process, error);
    this.kernel.tree.trap(process.process, error.message);
    return undefined;
  }

  #fork(guest: GuestThread, { child, pidAddr }: Forked): void {
    const parent = guest.program;
    try {
      this.#checkMemory(parent.memoryBytes);
      const spare = this.#spares.take(parent.compiled);
      parent.load(guest);
      const forked = new GuestProcess(parent.copy(child, spare));
      if (spare !== undefined && spare !== forked.program) this.#options.hooks.memoriesFree(spare.instance.memories);
      this.#adopt(forked, forked.adoptCopy(guest, child.mainThread));
      storeU32(child.memory, pidAddr, 0);
      storeU32(parent.process.memory, pidAddr, child.pid);
    } catch (error) {
      if (!(error instanceof WvmError)) throw error;
      this.kernel.tree.abandon(child);
      guest.top!.pending = { kind: 'result', value: Errno.ENOMEM };
    }
  }

  #exec(guest: GuestThread, { program, args, env }: ExecWanted): Step | undefined {
    const { process } = guest.thread;
    const { hooks } = this.#options;
    const { memory } = process;
    try {
      const next = new GuestProcess(new GuestProgram(this.#host, process, hooks.loadProgram(program)));
      const old = this.#processOf(guest);
      this.kernel.tree.commitExec(process, guest.thread, args, env);
      for (const thread of old.threads.keys()) this.#threads.delete(thread);
      this.processes.delete(process.pid);
      this.#adopt(next, next.start(process.mainThread));
      this.#release(old.program);
    } catch (error) {
      if (!(error instanceof WvmError)) throw error;
      process.memory = memory;
      hooks.programFailed(process, program, error);
      const { stack } = guest.top!;
      // proc_exec has no result in which to tell: the process ends as a shell's child would.
      if (stack === undefined || !guest.program.instance.continuations.awaitsResult(stack))
        return this.#exit(process, new Exited(EXEC_FAILED));
      guest.top!.pending = { kind: 'result', value: Errno.ENOEXEC };
    }
    return undefined;
  }

  #spawn({ child, program, value }: Spawned, call: ImportedCall): Carried {
    const { hooks } = this.#options;
    try {
      const process = new GuestProcess(new GuestProgram(this.#host, child, hooks.loadProgram(program)));
      this.#adopt(process, process.start(child.mainThread));
      return value;
    } catch (error) {
      if (!(error instanceof WvmError)) throw error;
      hooks.programFailed(child, program, error);
      this.kernel.tree.abandon(child);
      return call.type.results.length === 0 ? 0 : Errno.ENOEXEC;
    }
  }

  #spawnThread(process: GuestProcess, { thread, entry, args, value }: ThreadSpawned): number {
    const functionIndex = process.program.exportedFunction(entry)!;
    this.#threads.set(thread, process.spawn(thread, { functionIndex, args }));
    this.kernel.scheduler.add(thread);
    return value;
  }

  #createContext(guest: GuestThread, { entry, idAddr }: ContextCreated): number {
    const { program } = guest;
    const functionIndex = program.functionInTable(entry);
    if (functionIndex === undefined || !program.isContextEntry(functionIndex)) {
      return Errno.EINVAL;
    }
    storeU64(program.process.memory, idAddr, guest.addContext(functionIndex));
    return Errno.ESUCCESS;
  }

  #changeStack(guest: GuestThread, change: StackSaved | StackRestored): Step | undefined {
    if (change instanceof StackSaved) {
      storeU64(guest.program.process.memory, change.valueAddr, 0n);
      guest.saveCheckpoint(change.id, change.valueAddr);
      return undefined;
    }
    if (guest.restoreCheckpoint(change.id, change.value)) {
      // A jump out of signal handlers: they are not returned from, and the mask stays as it is.
      guest.thread.interrupted.length = guest.activations.filter(({ isHandler }) => isHandler).length;
      return undefined;
    }
    return this.#trap(
      this.#processOf(guest),
      new WebAssembly.RuntimeError('longjmp to a stack that is no longer kept'),
    );
  }

  /** A signal handler runs as an activation of its own. What it interrupts goes on when it has returned. */
  #beginHandler(guest: GuestThread, entry: string, args: readonly number[], restartsCall: boolean): Stop | undefined {
    const { thread, program } = guest;
    const top = guest.top;
    if (top?.pending.kind === 'call') {
      thread.isInterrupted = true;
      const result = this.#make(guest);
      thread.isInterrupted = false;
      if (!(result instanceof Blocked)) {
        const stop = this.#conclude(guest, result);
        // Another signal may have come with the result: this one's handler is begun all the same.
        if (stop !== undefined && stop !== TURN) return stop;
      } else if (restartsCall) {
        thread.restart = result.restart;
        thread.shelve();
      } else {
        thread.unblock();
        top.pending = { kind: 'result', value: Errno.EINTR };
      }
    }
    const functionIndex = program.exportedFunction(entry);
    if (functionIndex === undefined) {
      return { kind: 'trap', error: new WebAssembly.RuntimeError(`no export ${entry} to run signal handlers`) };
    }
    const { stackPointer } = program;
    if (stackPointer !== undefined) program.stackPointer = (stackPointer - RED_ZONE_BYTES) & -STACK_ALIGNMENT;
    const pending: Pending = { kind: 'begin', args };
    guest.activations.push({ entry: functionIndex, stack: undefined, pending, isHandler: true, stackPointer });
    return undefined;
  }

  /** 'turn' and the like: the stack is to unwind, and the thread goes on later, with `pending`. */
  #unwind(stop: Stop, pending: Pending): undefined {
    this.#stop = stop;
    this.#current!.top!.pending = pending;
    return undefined;
  }

  /** True: the stack is to unwind. */
  #poll(program: GuestProgram, site: number): boolean {
    const guest = this.#current!;
    const { kernel } = this;
    this.#meter.settle(program.instance, guest);
    if (this.#meter.isEmpty) return this.#unwindAtPoll({ kind: 'out-of-fuel' });
    const { scheduler } = kernel;
    const span = this.#meter.endOf(guest);
    if (span !== 'slice') {
      scheduler.expire(kernel.clock.nowNs());
      if (span === 'turn' && !scheduler.isAlone) scheduler.endTurn(guest.thread);
    }
    this.#meter.grant(program.instance, guest);
    if (this.#options.hooks.wantsYield()) return this.#unwindAtPoll({ kind: 'yielded' });
    if (guest.thread.hasSignal || scheduler.next() !== guest.thread) return this.#unwindAtPoll(TURN);
    return this.#staysInLoop(program, site) && this.#unwindAtPoll(TURN);
  }

  #unwindAtPoll(stop: Stop): true {
    this.#unwind(stop, POLL);
    return true;
  }

  /** True, once per function, if all polls for a while came from one function that only loops. */
  #staysInLoop(program: GuestProgram, site: number): boolean {
    const functionIndex = program.map.functionOfSite(site);
    if (functionIndex !== this.#pollFunction || program !== this.#pollProgram) {
      this.#pollFunction = functionIndex;
      this.#pollProgram = program;
      this.#pollsInFunction = 0;
      return false;
    }
    if (++this.#pollsInFunction !== LOOP_POLLS) return false;
    let replaced = this.#replaced.get(program.compiled);
    if (replaced === undefined) this.#replaced.set(program.compiled, (replaced = new Set()));
    if (replaced.has(functionIndex)) return false;
    if (!program.instance.continuations.isQuietLoop(site)) {
      this.#pollsInFunction = 0;
      return false;
    }
    replaced.add(functionIndex);
    return true;
  }

  /** A module that cannot be unwound waits where it is. */
  #inPlace(
    program: GuestProgram,
    call: ImportedCall,
    args: readonly GuestNumber[],
    first: Exclude<SystemCallResult, number>,
  ): number | undefined {
    const guest = this.#current!;
    let result: SystemCallResult = first;
    while (result instanceof Blocked) {
      guest.thread.block(call.module, call.name, args, result);
      if (!this.#options.hooks.waitInPlace(result)) {
        throw new WvmError(
          'WVM_MODULE_UNSUPPORTED',
          `${call.name} must wait for others, and a module that uses ` +
            `${program.compiled.original.uncapturable.join(', ')} cannot be parked`,
        );
      }
      result = call.run(...args);
    }
    guest.thread.unblock();
    if (typeof result === 'number') return result;
    if (result instanceof Completed) return result.value;
    if (result instanceof SnapshotWanted) return 0;
    if (result instanceof Forked) this.kernel.tree.abandon(result.child);
    const carried =
      result instanceof Exited || result instanceof Trapped || result instanceof Spawned || result instanceof ExecWanted
        ? this.#carry(guest, call, result)
        : Errno.ENOTSUP;
    return typeof carried === 'number' ? carried : this.#unwind(carried.stop, carried.pending);
  }

  #checkMemory(moreBytes: number): void {
    const { maxMemoryBytes } = this.#options;
    const bytes = this.memoryBytes + moreBytes;
    if (bytes > maxMemoryBytes) {
      throw new WvmError(
        'WVM_LIMIT',
        `the processes would have ${bytes} bytes of memory, the limit is ${maxMemoryBytes}`,
      );
    }
  }

  #adopt(process: GuestProcess, thread: GuestThread): void {
    this.processes.set(process.process.pid, process);
    this.#count(process.program);
    this.#threads.set(thread.thread, thread);
    this.kernel.scheduler.add(thread.thread);
  }

  #forgetThread(thread: Thread): void {
    this.processes.get(thread.process.pid)?.remove(thread);
    this.#threads.delete(thread);
  }

  /** The first process stays: people look at what it leaves behind. */
  #forgetProcess(process: Process): void {
    const guest = this.processes.get(process.pid);
    if (guest === undefined || process === this.kernel.init) return;
    if (process.end !== undefined) this.#options.hooks.processEnded(process);
    this.processes.delete(process.pid);
    for (const thread of guest.threads.keys()) this.#threads.delete(thread);
    this.#release(guest.program);
  }

  /** Nothing of it runs any more. */
  #release(program: GuestProgram): void {
    this.#memoryBytes -= this.#counted.get(program) ?? 0;
    this.#counted.delete(program);
    this.#ran.delete(program);
    if (program === this.#ranLast) this.#ranLast = undefined;
    const { hooks } = this.#options;
    if (!hooks.mayReuseMemories()) return;
    if (!this.#spares.add(program)) hooks.memoriesFree(program.instance.memories);
  }

  /** The machine has ended: memories that it kept for processes to come. */
  takeSpareMemories(): WebAssembly.Memory[] {
    return this.#spares.clear().flatMap(({ instance }) => instance.memories);
  }
}

/** Exit status of a command that cannot be run, as shells have it. */
const EXEC_FAILED = 126;
