// A guest thread that does not run, as the engine knows it: its unwound stack, what is still to be called, and the globals of
// its own. Plain data; guest-machine.ts runs it. A thread may have several stacks (contexts), one of which it runs on.
//
// A stack is a list of activations, outermost first: stretches of frames between which the host does something. What it does
// there is data too: `pending` says how the frames below a signal handler go on when it has returned.

import { assert } from '../base/assert.ts';
import { MAIN_CONTEXT } from '../kernel/contexts.ts';
import { storeU64 } from '../kernel/guest-access.ts';
import type { Thread } from '../kernel/thread.ts';
import { saveStack } from './frames.ts';
import type { ImportedCall } from './guest-imports.ts';
import type { GlobalsOwner, GuestProgram } from './guest-program.ts';
import type { RawStack } from './raw-stack.ts';
import { badFrame, checkFuelLeft, StackCheck } from './stack-check.ts';
import type { EntryState, PendingState, StackState, ThreadState } from './state.ts';
import { turnOf } from './turn.ts';

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

export class GuestThread implements GlobalsOwner {
  readonly thread: Thread;
  readonly program: GuestProgram;
  #stack: Stack;
  /** The stacks that it does not run on, by context. */
  readonly #parked: Map<bigint, Stack> = new Map();
  /** Of its turn. May be below 0 until the next poll. */
  fuelLeft: number;
  /** The import that it called last and waits in, if the kernel says so, too. */
  call: ImportedCall | undefined = undefined;
  globals: readonly unknown[] | undefined;

  constructor(thread: Thread, program: GuestProgram, entries: readonly EntryState[]) {
    this.thread = thread;
    this.program = program;
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
    const stackPointer = this.program.stackPointer;
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
    if (stackPointer !== undefined) this.program.stackPointer = stackPointer;
    storeU64(this.program.process.memory, valueAddr, BigInt.asUintN(64, value));
    return true;
  }

  /** A thread of a forked process that stands where this one stands. */
  copyTo(program: GuestProgram, thread: Thread): GuestThread {
    const copy = new GuestThread(thread, program, this.entries);
    const { activations, checkpoints } = this.#stack;
    const copyStack = (stack: RawStack): RawStack => {
      stack.isShared = true;
      return { ...stack, funcrefs: stack.funcrefs.map((value) => translate(this.program, program, value)) };
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
    const { instance, map } = this.program;
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
  static restore(program: GuestProgram, thread: Thread, state: ThreadState): GuestThread {
    const where = `process ${program.process.pid}, thread ${thread.tid}`;
    const { contexts } = thread;
    const restored = new GuestThread(thread, program, []);
    restored.fuelLeft = checkFuelLeft(state.fuelLeft, where);
    const check = new StackCheck(program, thread.interrupted, thread.call, contexts.current === MAIN_CONTEXT, where);
    restored.#stack = restoreStackOf(state, check);
    if (state.contexts.length !== contexts.parked.size) badFrame(where, `${state.contexts.length} other stacks`);
    for (const context of state.contexts) {
      const place = `${where}, context ${context.id}`;
      const interrupted = contexts.parked.get(context.id) ?? badFrame(place, 'the kernel does not know it');
      const parked = new StackCheck(program, interrupted, undefined, context.id === MAIN_CONTEXT, place);
      restored.#parked.set(context.id, restoreStackOf(context, parked));
    }
    if (state.globals !== null) restored.globals = program.restoreGlobals(state.globals, where);
    return restored;
  }
}

function savedPending(pending: Pending): PendingState {
  assert(pending.kind !== 'begin', 'a signal handler has begun before anything is saved');
  // The copy is told that it is one.
  return pending.kind === 'self-snapshot' ? { kind: 'result', value: 0 } : pending;
}

/** The same function in another instance of the module. */
function translate(from: GuestProgram, to: GuestProgram, value: unknown): unknown {
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
