// A guest thread that does not run, as the engine knows it: its unwound stack, what is still to be called, and the globals of
// its own. Plain data; guest-machine.ts runs it. A thread may have several stacks (contexts), one of which it runs on.
//
// A stack is a list of activations, outermost first: stretches of frames between which the host does something. What it does
// there is data too: `pending` says how the frames below a signal handler go on when it has returned.

import { assert } from '../base/assert.ts';
import { WvmError } from '../base/wvm-error.ts';
import { MAIN_CONTEXT } from '../kernel/contexts.ts';
import { storeU64 } from '../kernel/guest-access.ts';
import type { BlockedCall, Interruption, Thread } from '../kernel/thread.ts';
import { type FuncType, ValType, type WasmModule } from '../wasm/module.ts';
import { restoreStack, saveStack } from './frames.ts';
import type { ImportedCall } from './guest-imports.ts';
import type { GuestProcess } from './guest-process.ts';
import type { RawStack } from './raw-stack.ts';
import type { CheckpointState, EntryState, PendingState, StackState, SuspendedState, ThreadState } from './state.ts';
import { LONGEST_TURN, turnOf } from './turn.ts';

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

interface Stack {
  readonly activations: Activation[];
  /** Functions that are called when the activations have returned. */
  readonly entries: EntryState[];
  readonly checkpoints: Map<bigint, Checkpoint>;
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
  #stack: Stack;
  /** The stacks that it does not run on, by context. */
  readonly #parked: Map<bigint, Stack> = new Map();
  /** Of its turn. May be below 0 until the next poll. */
  fuelLeft: number;
  /** The import that it called last and waits in, if the kernel says so, too. */
  call: ImportedCall | undefined = undefined;
  /** Values of the mutable globals while another thread of the process has its own in the instance. */
  globals: readonly unknown[] | undefined;

  constructor(thread: Thread, process: GuestProcess, entries: readonly EntryState[]) {
    this.thread = thread;
    this.process = process;
    this.fuelLeft = turnOf(thread.scheduling);
    this.#stack = newStack(entries);
  }

  /** Of the stack that it runs on, outermost first. */
  get activations(): Activation[] {
    return this.#stack.activations;
  }

  get entries(): EntryState[] {
    return this.#stack.entries;
  }

  get top(): Activation | undefined {
    const { activations } = this.#stack;
    return activations[activations.length - 1];
  }

  /** A new stack, which begins with the function. Returns its context. */
  addContext(functionIndex: number): bigint {
    const id = this.thread.contexts.add();
    this.#parked.set(id, newStack([{ functionIndex, args: [] }]));
    return id;
  }

  switchContext(id: bigint): void {
    const next = this.#parked.get(id)!;
    this.#parked.delete(id);
    this.#parked.set(this.thread.contexts.current, this.#stack);
    this.#stack = next;
    this.thread.switchContext(id);
  }

  removeContext(id: bigint): void {
    this.#parked.delete(id);
    this.thread.contexts.parked.delete(id);
  }

  /** Keeps the top activation, which is suspended. */
  saveCheckpoint(id: bigint, valueAddr: number): void {
    const { entry, stack } = this.top!;
    if (stack === undefined) return;
    stack.isShared = true;
    const { activations, checkpoints } = this.#stack;
    checkpoints.delete(id);
    const stackPointer = this.process.stackPointer;
    checkpoints.set(id, { valueAddr, depth: activations.length - 1, entry, stack, stackPointer });
    for (const oldest of checkpoints.keys()) {
      if (checkpoints.size <= CHECKPOINTS_MAX) break;
      checkpoints.delete(oldest);
    }
  }

  /** Back to a checkpoint, out of every activation above it; false if there is none of this id. */
  restoreCheckpoint(id: bigint, value: bigint): boolean {
    const { activations, checkpoints } = this.#stack;
    const checkpoint = checkpoints.get(id);
    if (checkpoint === undefined || checkpoint.depth >= activations.length) return false;
    const old = activations[checkpoint.depth]!;
    activations.length = checkpoint.depth;
    const { entry, stack, stackPointer, valueAddr } = checkpoint;
    activations.push({ ...old, entry, stack, pending: { kind: 'result', value: 0 } });
    if (stackPointer !== undefined) this.process.stackPointer = stackPointer;
    storeU64(this.process.process.memory, valueAddr, BigInt.asUintN(64, value));
    return true;
  }

  /** A thread of a forked process that stands where this one stands. */
  copyTo(process: GuestProcess, thread: Thread): GuestThread {
    const copy = new GuestThread(thread, process, this.entries);
    const { activations, checkpoints } = this.#stack;
    const copyStack = (stack: RawStack): RawStack => {
      stack.isShared = true;
      return { ...stack, funcrefs: stack.funcrefs.map((value) => translate(this.process, process, value)) };
    };
    for (const activation of activations) {
      const { stack } = activation;
      copy.activations.push({ ...activation, stack: stack === undefined ? undefined : copyStack(stack) });
    }
    for (const [id, checkpoint] of checkpoints) {
      copy.#stack.checkpoints.set(id, { ...checkpoint, stack: copyStack(checkpoint.stack) });
    }
    return copy;
  }

  /** Throws WVM_SNAPSHOT_UNSUPPORTED if a frame holds what cannot be saved. `globals`: null if they are the instance's. */
  save(globals: ThreadState['globals']): ThreadState {
    const contexts = Array.from(this.#parked, ([id, stack]) => ({ id, ...this.#saveStack(stack) }));
    return {
      tid: this.thread.tid,
      ...this.#saveStack(this.#stack),
      fuelLeft: this.fuelLeft,
      globals,
      contexts: contexts.sort((a, b) => (a.id < b.id ? -1 : 1)),
    };
  }

  #saveStack({ activations, entries, checkpoints }: Stack): StackState {
    const { instance, map } = this.process;
    const frames = (stack: RawStack | undefined) =>
      stack === undefined ? { frames: [] } : saveStack(instance, map, stack);
    return {
      activations: activations.map(({ entry, stack, pending, isHandler, stackPointer }) => ({
        ...frames(stack),
        entry,
        pending: savedPending(pending),
        isHandler,
        stackPointer: stackPointer ?? null,
      })),
      entries,
      checkpoints: Array.from(checkpoints, ([id, { valueAddr, depth, entry, stack, stackPointer }]) => ({
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
    const { contexts } = thread;
    const restored = new GuestThread(thread, process, []);
    restored.fuelLeft = checkFuelLeft(state.fuelLeft, where);
    const check = new StackCheck(process, thread.interrupted, thread.call, contexts.current === MAIN_CONTEXT, where);
    restored.#stack = restoreStackOf(state, check);
    if (state.contexts.length !== contexts.parked.size) badFrame(where, `${state.contexts.length} other stacks`);
    for (const context of state.contexts) {
      const place = `${where}, context ${context.id}`;
      const interrupted = contexts.parked.get(context.id) ?? badFrame(place, 'the kernel does not know it');
      const parked = new StackCheck(process, interrupted, undefined, context.id === MAIN_CONTEXT, place);
      restored.#parked.set(context.id, restoreStackOf(context, parked));
    }
    if (state.globals !== null) restored.globals = process.restoreGlobals(state.globals, where);
    return restored;
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

function newStack(entries: readonly EntryState[]): Stack {
  return { activations: [], entries: [...entries], checkpoints: new Map() };
}

function restoreStackOf(state: StackState, check: StackCheck): Stack {
  const stack = newStack(state.entries.map((entry) => check.entry(entry)));
  for (const [index, activation] of state.activations.entries()) {
    check.activation(state.activations, index);
    stack.activations.push({
      entry: activation.entry,
      stack: check.stack(activation, activation.entry),
      pending: activation.pending,
      isHandler: activation.isHandler,
      stackPointer: activation.stackPointer ?? undefined,
    });
  }
  for (const checkpoint of state.checkpoints) {
    check.checkpoint(checkpoint, state);
    stack.checkpoints.set(checkpoint.id, {
      valueAddr: checkpoint.valueAddr,
      depth: checkpoint.depth,
      entry: checkpoint.entry,
      stack: check.stack(checkpoint.activation, checkpoint.entry)!,
      stackPointer: checkpoint.stackPointer ?? undefined,
    });
  }
  return stack;
}

function badFrame(where: string, what: string): never {
  throw new WvmError('WVM_IMAGE_BAD_FRAME', `${where}: ${what}`);
}

function checkFuelLeft(fuel: number, where: string): number {
  if (fuel > LONGEST_TURN || fuel < -(2 ** 31)) badFrame(where, `${fuel} is no rest of a turn`);
  return fuel;
}

/** What an image may say of a stack. */
class StackCheck {
  readonly #process: GuestProcess;
  readonly #interrupted: readonly Interruption[];
  readonly #call: BlockedCall | undefined;
  /** The thread began with it. */
  readonly #isMain: boolean;
  readonly #where: string;

  constructor(
    process: GuestProcess,
    interrupted: readonly Interruption[],
    call: BlockedCall | undefined,
    isMain: boolean,
    where: string,
  ) {
    this.#process = process;
    this.#interrupted = interrupted;
    this.#call = call;
    this.#isMain = isMain;
    this.#where = where;
  }

  #bad(what: string): never {
    badFrame(this.#where, what);
  }

  /** Only what the engine could have called. */
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
    if (handlers !== this.#interrupted.length) this.#bad(`${handlers} signal handlers, the kernel knows others`);
    if (pending.kind !== 'call') return;
    const handlersBelow = all.slice(0, index + 1).filter((activation) => activation.isHandler).length;
    const parked = index === all.length - 1 ? this.#call : this.#interrupted[handlersBelow]?.call;
    const call = parked ?? this.#bad('it is in a host call, but no call is saved');
    const type =
      this.#process.importType(call.module, call.name) ??
      this.#bad(`its module does not import ${call.module}.${call.name}`);
    if (type.params.length !== call.args.length) this.#bad(`${call.name} does not take ${call.args.length} values`);
  }

  checkpoint({ depth, valueAddr, activation }: CheckpointState, stack: StackState): void {
    const innermost = activation.frames[activation.frames.length - 1];
    if (innermost?.kind !== 'call') this.#bad('a checkpoint that is not in a host call');
    if (depth >= stack.activations.length) this.#bad(`a checkpoint of activation ${depth}`);
    if (valueAddr + 8 > this.#process.process.memory.bytes.length) this.#bad('a checkpoint with a bad address');
  }

  stack(activation: { readonly frames: SuspendedState['frames'] }, entry: number): RawStack | undefined {
    if (activation.frames.length === 0) return undefined;
    const { instance, map } = this.#process;
    return restoreStack(instance, map, activation, this.#where, this.#typeOf(entry).results);
  }

  /** The start function, an export, or what a context begins with. */
  #isEntry(functionIndex: number): void {
    const { module } = this.#process.instance;
    const isEntry =
      functionIndex === module.start ||
      (!this.#isMain && isContextEntry(module, functionIndex)) ||
      module.exports.some(({ kind, index }) => kind === 'func' && index === functionIndex);
    if (!isEntry) this.#bad(`function ${functionIndex} is none that a thread begins with`);
  }

  #typeOf(functionIndex: number): FuncType {
    const { module } = this.#process.instance;
    return module.types[module.functionTypes[functionIndex]!]!;
  }
}

/** A context begins with a function of the module's own that takes and returns nothing. */
export function isContextEntry(module: WasmModule, functionIndex: number): boolean {
  const typeIndex = module.functionTypes[functionIndex];
  if (typeIndex === undefined || functionIndex < module.importedFunctionCount) return false;
  const { params, results } = module.types[typeIndex]!;
  return params.length === 0 && results.length === 0;
}
