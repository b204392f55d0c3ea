// A guest thread that does not run, as the engine knows it: its unwound stack, what is still to be called, and the globals of
// its own. Plain data; guest-machine.ts runs it.
//
// A stack is a list of activations, outermost first: stretches of frames between which the host does something. What it does
// there is data too: `pending` says how the frames below a signal handler go on when it has returned.

import { assert } from '../base/assert.ts';
import { WvmError } from '../base/wvm-error.ts';
import type { Thread } from '../kernel/thread.ts';
import { type FuncType, ValType } from '../wasm/module.ts';
import { saveGlobal } from './capture.ts';
import { restoreStack, saveStack } from './frames.ts';
import type { GuestProcess } from './guest-process.ts';
import type { RawStack } from './instance.ts';
import type { CheckpointState, EntryState, PendingState, SuspendedState, ThreadState, ValueState } from './state.ts';

/** Fuel of one turn of a thread: about a millisecond of compiled code. */
export const QUANTUM = 100_000;

/** What an activation that stands still gets when it goes on. */
export type Pending =
  | PendingState
  /** It waits for the id of the snapshot that it asked for. */
  | { readonly kind: 'self-snapshot' }
  /** It has not begun: its entry is called at once. */
  | { readonly kind: 'begin'; readonly args: readonly number[] };

export interface Activation {
  readonly entry: number;
  /** Undefined while it runs, and when it consists of one host call in tail position. */
  stack: RawStack | undefined;
  pending: Pending;
  readonly isHandler: boolean;
  readonly stackPointer: number | undefined;
}

interface Checkpoint {
  readonly valueAddr: number;
  readonly depth: number;
  readonly entry: number;
  readonly stack: RawStack;
  readonly stackPointer: number | undefined;
}

/** setjmp in a loop would keep stacks without end: the oldest is given up. */
const CHECKPOINTS_MAX = 256;

export class GuestThread {
  readonly thread: Thread;
  readonly process: GuestProcess;
  readonly activations: Activation[] = [];
  entries: EntryState[];
  /** May be below 0 until the next poll. */
  fuelLeft: number = QUANTUM;
  /** Values of the mutable globals while another thread of the process has its own in the instance. */
  globals: readonly unknown[] | undefined;
  readonly checkpoints: Map<bigint, Checkpoint> = new Map();

  constructor(thread: Thread, process: GuestProcess, entries: readonly EntryState[]) {
    this.thread = thread;
    this.process = process;
    this.entries = [...entries];
  }

  get top(): Activation | undefined {
    return this.activations[this.activations.length - 1];
  }

  /** Keeps the top activation, which is suspended. */
  saveCheckpoint(id: bigint, valueAddr: number): void {
    const { entry, stack } = this.top!;
    if (stack === undefined) return;
    this.checkpoints.delete(id);
    const stackPointer = this.process.stackPointer;
    this.checkpoints.set(id, { valueAddr, depth: this.activations.length - 1, entry, stack, stackPointer });
    for (const oldest of this.checkpoints.keys()) {
      if (this.checkpoints.size <= CHECKPOINTS_MAX) break;
      this.checkpoints.delete(oldest);
    }
  }

  /** Back to a checkpoint, out of every activation above it; false if there is none of this id. */
  restoreCheckpoint(id: bigint, value: bigint): boolean {
    const checkpoint = this.checkpoints.get(id);
    if (checkpoint === undefined || checkpoint.depth >= this.activations.length) return false;
    const old = this.activations[checkpoint.depth]!;
    this.activations.length = checkpoint.depth;
    const { entry, stack, stackPointer, valueAddr } = checkpoint;
    this.activations.push({ ...old, entry, stack, pending: { kind: 'result', value: 0 } });
    if (stackPointer !== undefined) this.process.stackPointer = stackPointer;
    this.process.process.memory.view.setBigUint64(valueAddr, BigInt.asUintN(64, value), true);
    return true;
  }

  /** A thread of a forked process that stands where this one stands. */
  copyTo(process: GuestProcess, thread: Thread): GuestThread {
    const copy = new GuestThread(thread, process, this.entries);
    const copyStack = (stack: RawStack): RawStack => ({
      ...stack,
      funcrefs: stack.funcrefs.map((value) => translate(this.process, process, value)),
    });
    for (const activation of this.activations) {
      const { stack } = activation;
      copy.activations.push({ ...activation, stack: stack === undefined ? undefined : copyStack(stack) });
    }
    for (const [id, checkpoint] of this.checkpoints) {
      copy.checkpoints.set(id, { ...checkpoint, stack: copyStack(checkpoint.stack) });
    }
    return copy;
  }

  /** Throws WVM_SNAPSHOT_UNSUPPORTED if a frame holds what cannot be saved. `ownsGlobals`: they are not the instance's. */
  save(ownsGlobals: boolean): ThreadState {
    const { instance, map } = this.process;
    const frames = (stack: RawStack | undefined) =>
      stack === undefined ? { frames: [] } : saveStack(instance, map, stack);
    return {
      tid: this.thread.tid,
      activations: this.activations.map(({ entry, stack, pending, isHandler, stackPointer }) => ({
        ...frames(stack),
        entry,
        pending: savedPending(pending),
        isHandler,
        stackPointer: stackPointer ?? null,
      })),
      entries: this.entries,
      fuelLeft: this.fuelLeft,
      globals: ownsGlobals ? this.#saveGlobals() : null,
      checkpoints: Array.from(this.checkpoints, ([id, { valueAddr, depth, entry, stack, stackPointer }]) => ({
        id,
        valueAddr,
        depth,
        entry,
        activation: frames(stack),
        stackPointer: stackPointer ?? null,
      })),
    };
  }

  /** Puts the thread where an image had it. Throws WVM_IMAGE_BAD_FRAME. */
  static restore(process: GuestProcess, thread: Thread, state: ThreadState): GuestThread {
    const where = `process ${process.process.pid}, thread ${thread.tid}`;
    const check = new ThreadCheck(process, thread, where);
    const restored = new GuestThread(
      thread,
      process,
      state.entries.map((entry) => check.entry(entry)),
    );
    restored.fuelLeft = check.fuelLeft(state.fuelLeft);
    for (const [index, activation] of state.activations.entries()) {
      check.activation(state.activations, index);
      restored.activations.push({
        entry: activation.entry,
        stack: check.stack(activation, activation.entry),
        pending: activation.pending,
        isHandler: activation.isHandler,
        stackPointer: activation.stackPointer ?? undefined,
      });
    }
    for (const checkpoint of state.checkpoints) {
      check.checkpoint(checkpoint, state);
      restored.checkpoints.set(checkpoint.id, {
        valueAddr: checkpoint.valueAddr,
        depth: checkpoint.depth,
        entry: checkpoint.entry,
        stack: check.stack(checkpoint.activation, checkpoint.entry)!,
        stackPointer: checkpoint.stackPointer ?? undefined,
      });
    }
    if (state.globals !== null) restored.globals = process.globalsOf(state.globals, where);
    return restored;
  }

  #saveGlobals(): (ValueState | null)[] {
    const { process } = this;
    process.load(this);
    return process.instance.module.allGlobals.map((type, k) =>
      type.mutable ? saveGlobal(process.instance, type, k) : null,
    );
  }
}

function savedPending(pending: Pending): PendingState {
  assert(pending.kind !== 'begin', 'a signal handler has begun before anything is saved');
  // The copy is told that it is one.
  return pending.kind === 'self-snapshot' ? { kind: 'result', value: 0 } : pending;
}

/** The same function in another instance of the module. */
function translate(from: GuestProcess, to: GuestProcess, value: unknown): unknown {
  const index = from.instance.functionIndexOf(value);
  return index === undefined ? value : to.instance.functionObject(index);
}

/** What an image may say of a thread. */
class ThreadCheck {
  readonly #process: GuestProcess;
  readonly #thread: Thread;
  readonly #where: string;

  constructor(process: GuestProcess, thread: Thread, where: string) {
    this.#process = process;
    this.#thread = thread;
    this.#where = where;
  }

  #bad(what: string): never {
    throw new WvmError('WVM_IMAGE_BAD_FRAME', `${this.#where}: ${what}`);
  }

  fuelLeft(fuel: number): number {
    if (fuel > QUANTUM || fuel < -(2 ** 31)) this.#bad(`${fuel} is no rest of a turn`);
    return fuel;
  }

  /** Only what the engine could have called: the start function, or an export. */
  entry(entry: EntryState): EntryState {
    this.#isEntry(entry.functionIndex);
    const { params } = this.#typeOf(entry.functionIndex);
    if (params.length !== entry.args.length || params.some((type) => type !== ValType.i32)) {
      this.#bad(`function ${entry.functionIndex} does not take ${entry.args.length} values`);
    }
    return { functionIndex: entry.functionIndex, args: entry.args.map((value) => value | 0) };
  }

  activation(all: readonly SuspendedState[], index: number): void {
    const { entry, frames, pending, isHandler } = all[index]!;
    this.#isEntry(entry);
    const innermost = frames[frames.length - 1];
    if (pending.kind === 'poll' && innermost?.kind !== 'poll') {
      this.#bad('it waits at a poll, but its frames do not end in one');
    }
    if (pending.kind !== 'poll' && innermost !== undefined && innermost.kind !== 'call') {
      this.#bad('it is in a host call, but its frames are not');
    }
    if (index > 0 && !isHandler) this.#bad('two activations, and the upper one runs no signal handler');
    const handlers = all.filter((activation) => activation.isHandler).length;
    if (handlers !== this.#thread.interrupted.length) this.#bad(`${handlers} signal handlers, the kernel knows others`);
    if (pending.kind !== 'call') return;
    const handlersBelow = all.slice(0, index + 1).filter((activation) => activation.isHandler).length;
    const parked = index === all.length - 1 ? this.#thread.call : this.#thread.interrupted[handlersBelow]?.call;
    const call = parked ?? this.#bad('it is in a host call, but no call is saved');
    const type =
      this.#process.importType(call.module, call.name) ??
      this.#bad(`its module does not import ${call.module}.${call.name}`);
    if (type.params.length !== call.args.length) this.#bad(`${call.name} does not take ${call.args.length} values`);
  }

  checkpoint({ depth, valueAddr, activation }: CheckpointState, thread: ThreadState): void {
    const innermost = activation.frames[activation.frames.length - 1];
    if (innermost?.kind !== 'call') this.#bad('a checkpoint that is not in a host call');
    if (depth >= thread.activations.length) this.#bad(`a checkpoint of activation ${depth}`);
    if (valueAddr + 8 > this.#process.process.memory.bytes.length) this.#bad('a checkpoint with a bad address');
  }

  stack(activation: { readonly frames: SuspendedState['frames'] }, entry: number): RawStack | undefined {
    if (activation.frames.length === 0) return undefined;
    const { instance, map } = this.#process;
    return restoreStack(instance, map, activation, this.#where, this.#typeOf(entry).results);
  }

  #isEntry(functionIndex: number): void {
    const { module } = this.#process.instance;
    const isEntry =
      functionIndex === module.start ||
      module.exports.some(({ kind, index }) => kind === 'func' && index === functionIndex);
    if (!isEntry) this.#bad(`function ${functionIndex} is none that a thread begins with`);
  }

  #typeOf(functionIndex: number): FuncType {
    const { module } = this.#process.instance;
    return module.types[module.functionTypes[functionIndex]!]!;
  }
}
