// What an image may say of a thread's stack: what the engine could have called, frames that are where their activation says, and
// signal handlers and calls that the kernel's record of the thread knows, too.

import { WvmError } from '../base/wvm-error.ts';
import type { BlockedCall, Interruption } from '../kernel/thread.ts';
import { type FuncType, ValType } from '../wasm/module.ts';
import { restoreStack } from './frames.ts';
import type { GuestProgram } from './guest-program.ts';
import type { RawStack } from './raw-stack.ts';
import type { CheckpointState, EntryState, StackState, SuspendedState } from './state.ts';
import { LONGEST_TURN } from './turn.ts';

export function badFrame(where: string, what: string): never {
  throw new WvmError('WVM_IMAGE_BAD_FRAME', `${where}: ${what}`);
}

export function checkFuelLeft(fuel: number, where: string): number {
  if (fuel > LONGEST_TURN || fuel < -(2 ** 31)) badFrame(where, `${fuel} is no rest of a turn`);
  return fuel;
}

/** What an image may say of a stack. */
export class StackCheck {
  readonly #program: GuestProgram;
  readonly #interrupted: readonly Interruption[];
  readonly #call: BlockedCall | undefined;
  /** The thread began with it. */
  readonly #isMain: boolean;
  readonly #where: string;

  constructor(
    program: GuestProgram,
    interrupted: readonly Interruption[],
    call: BlockedCall | undefined,
    isMain: boolean,
    where: string,
  ) {
    this.#program = program;
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
      this.#program.importType(call.module, call.name) ??
      this.#bad(`its module does not import ${call.module}.${call.name}`);
    if (type.params.length !== call.args.length) this.#bad(`${call.name} does not take ${call.args.length} values`);
  }

  checkpoint({ depth, valueAddr, activation }: CheckpointState, stack: StackState): void {
    const innermost = activation.frames[activation.frames.length - 1];
    if (innermost?.kind !== 'call') this.#bad('a checkpoint that is not in a host call');
    if (depth >= stack.activations.length) this.#bad(`a checkpoint of activation ${depth}`);
    if (valueAddr + 8 > this.#program.process.memory.bytes.length) this.#bad('a checkpoint with a bad address');
  }

  stack(activation: { readonly frames: SuspendedState['frames'] }, entry: number): RawStack | undefined {
    if (activation.frames.length === 0) return undefined;
    const { instance, map } = this.#program;
    return restoreStack(instance, map, activation, this.#where, this.#typeOf(entry).results);
  }

  /** The start function, an export, or what a context begins with. */
  #isEntry(functionIndex: number): void {
    const { module } = this.#program.instance;
    const isEntry =
      functionIndex === module.start ||
      (!this.#isMain && this.#program.isContextEntry(functionIndex)) ||
      module.exports.some(({ kind, index }) => kind === 'func' && index === functionIndex);
    if (!isEntry) this.#bad(`function ${functionIndex} is none that a thread begins with`);
  }

  #typeOf(functionIndex: number): FuncType {
    const { module } = this.#program.instance;
    return module.types[module.functionTypes[functionIndex]!]!;
  }
}
