// One running module: its parts (instance-parts.ts), owned here and imported by the instrumented module, and the three things
// that can be done with its stack: call a function, let it unwind, resume it.
//
// Invariant: while guest code runs, the cursor of the frames memory stands at FRAMES_BASE. Unwinding pushes one
// record per frame (innermost first); `call` and `resume` then take the records out as a RawStack.
// Resuming puts the records back, writes into each the slot of the function that goes on above it, and calls the
// continuation of the outermost frame; each continuation pops its own record.

import { assert } from '../base/assert.ts';
import { WvmError } from '../base/wvm-error.ts';
import type { ModuleMap } from '../instrument/module-map.ts';
import * as names from '../instrument/names.ts';
import type { WasmModule } from '../wasm/module.ts';
import type { CallResult } from './call-results.ts';
import type { CompiledModule } from './compile.ts';
import { Continuations } from './continuations.ts';
import { type AtomicCalls, FunctionSlots } from './function-slots.ts';
import { makeTrap } from './glue.ts';
import { InstanceParts, type MemoryOptions } from './instance-parts.ts';
import { MutableGlobals } from './mutable-globals.ts';
import { OwnGlobals } from './own-globals.ts';
import type { PageMarks } from './page-marks.ts';
import { enterRecords, NO_STACK, putRecords, type RawStack, takeStack } from './raw-stack.ts';
import { type PollAnswer, StackArea } from './stack-area.ts';

export type Outcome =
  | { readonly kind: 'returned'; readonly values: readonly unknown[] }
  | { readonly kind: 'suspended'; readonly stack: RawStack }
  | { readonly kind: 'trapped'; readonly error: Error };

export interface InstanceOptions extends MemoryOptions {
  /** A value for each function import; called with the guest's arguments. May throw `unwind` to suspend. */
  readonly importFunction: (importIndex: number) => (...args: never[]) => unknown;
  readonly poll: PollAnswer;
  /** Answers waits and notifies on shared memories. May throw `unwind` to suspend. */
  readonly atomics: AtomicCalls;
  /** Shared with instances that never run while this one does; its own if not given. */
  readonly stackArea?: StackArea;
}

const NO_ARGUMENTS: readonly number[] = [];
const RETURNED: Outcome = { kind: 'returned', values: [] };

export class GuestInstance {
  readonly module: WasmModule;
  readonly map: ModuleMap | undefined;
  /** By index; of a module that is not instrumented only those that it imports or exports. */
  readonly memories: readonly WebAssembly.Memory[];
  readonly tables: readonly WebAssembly.Table[];
  /** Undefined: its stores do not mark what they write. */
  readonly marks: PageMarks | undefined;
  readonly exports: WebAssembly.Exports;
  readonly mutableGlobals: MutableGlobals;
  readonly continuations: Continuations;
  /**
   * Throw this to unwind the running stack. Of a module that is not instrumented it only ends it: a trap, which no
   * handler of the guest can catch.
   */
  readonly unwind: WebAssembly.Exception | Error;

  readonly #area: StackArea;
  readonly #answerPoll: PollAnswer;
  /** Undefined in a module that is not instrumented. */
  readonly #own: OwnGlobals | undefined;

  constructor(compiled: CompiledModule, options: InstanceOptions) {
    const { original, map } = compiled;
    this.module = original;
    this.map = map;
    const area = (this.#area = options.stackArea ?? new StackArea());
    this.#answerPoll = options.poll;
    this.unwind = map === undefined ? makeTrap() : area.unwind;
    const slots = new FunctionSlots(area.poll);
    if (original.allMemories.some((limits) => limits.shared)) slots.setAtomics(options.atomics);
    const parts = new InstanceParts(compiled, options, area, slots.table);
    this.tables = parts.tables;
    this.marks = parts.marks;
    this.exports = instantiate(compiled, parts.imports(options.importFunction));
    this.mutableGlobals = new MutableGlobals(original, this.exports, area);
    this.continuations = new Continuations(compiled, area, slots, parts.shared, this.exports);
    if (map === undefined) {
      const exported = Object.values(this.exports).filter((value) => value instanceof WebAssembly.Memory);
      this.memories = [...new Set([...parts.memories, ...exported])];
    } else {
      this.memories = parts.memories;
      this.#own = new OwnGlobals(this.exports);
      this.#own.limit = area.bytes.length;
    }
  }

  /** Runs the active segments, as instantiation does in the original. Throws RuntimeError if one does not fit. */
  initialize(): void {
    if (this.map === undefined) return;
    this.initializeTables();
    (this.exports[names.EXPORT_INIT_MEMORIES] as WebAssembly.ExportedFunction)();
  }

  /** The first half of `initialize`: a resumed instance gets its tables so, and its memories from the image. */
  initializeTables(): void {
    (this.exports[names.EXPORT_INIT_TABLES] as WebAssembly.ExportedFunction)();
  }

  /**
   * What one run may leave to the next, if it ended with an exception: nothing on the stack that is not there. Only for an
   * instance that is used again.
   */
  reset(): void {
    this.#own!.reset();
  }

  /** Polls that the guest may still come by before it asks; -1 while it asks. */
  get fuel(): number {
    return this.#own!.fuel;
  }

  set fuel(value: number) {
    this.#own!.fuel = value;
  }

  /** Global `index` of the original module. */
  global(index: number): WebAssembly.Global {
    return this.exports[names.globalName(index)] as WebAssembly.Global;
  }

  /** Function `index` of the original module, as the engine's object: the same object for the same function. */
  functionObject(index: number): WebAssembly.ExportedFunction {
    const table = this.exports[names.EXPORT_FUNCTIONS] as WebAssembly.Table;
    return table.get(index) as WebAssembly.ExportedFunction;
  }

  /** Index in the original module of a function object found in a table or a frame. */
  functionIndexOf(value: unknown): number | undefined {
    if (typeof value !== 'function') return undefined;
    const index = Number((value as { name: string }).name);
    if (!Number.isInteger(index) || index < 0 || index >= this.module.functionTypes.length) return undefined;
    return this.functionObject(index) === value ? index : undefined;
  }

  /** Calls a function of the original module by its index. */
  call(functionIndex: number, args: readonly (number | bigint)[]): Outcome {
    if (this.map === undefined) {
      const exported = this.module.exports.find((e) => e.kind === 'func' && e.index === functionIndex);
      assert(exported !== undefined, 'a module that is not instrumented is entered through its exports');
      return this.#enter(this.exports[exported.name] as WebAssembly.ExportedFunction, args);
    }
    return this.#enter(this.functionObject(functionIndex), args);
  }

  /**
   * Goes on with an unwound stack; `result` is what the host call in its innermost frame returns. One number is for a
   * call that may have no result at all. Unless it is shared, the stack is used again for what the same frames unwind to.
   */
  resume(stack: RawStack, result: CallResult | number | undefined): Outcome {
    const area = this.#area;
    let outcome = this.#resume(stack, result);
    while (area.isCut) {
      area.isCut = false;
      assert(outcome.kind === 'suspended', 'a continuation that ends unwinds');
      outcome = this.#resume(outcome.stack, undefined);
    }
    return outcome;
  }

  #resume(stack: RawStack, result: CallResult | number | undefined): Outcome {
    const area = this.#area;
    const own = this.#own!;
    putRecords(area, stack);
    own.limit = area.bytes.length;
    const outermost = this.continuations.link(stack, result);
    enterRecords(area, own, stack);
    return this.#enter(outermost, NO_ARGUMENTS, stack.isShared ? undefined : stack);
  }

  /** `spare`: takes the frames if it unwinds, and they fit. */
  #enter(
    func: WebAssembly.ExportedFunction,
    args: readonly (number | bigint)[],
    spare: RawStack | undefined = undefined,
  ): Outcome {
    const area = this.#area;
    // Guests of one area do not nest, but an instance may be entered while it runs: its own host functions may call it.
    const { answerPoll } = area;
    area.answerPoll = this.#answerPoll;
    try {
      const value = func(...args);
      if (value === undefined) return RETURNED;
      return { kind: 'returned', values: Array.isArray(value) ? value : [value] };
    } catch (error) {
      if (error === area.unwind) return { kind: 'suspended', stack: takeStack(area, this.#own!, spare) };
      return this.#failed(error);
    } finally {
      area.answerPoll = answerPoll;
    }
  }

  #failed(error: unknown): Outcome {
    if (error === this.unwind && this.map === undefined) return { kind: 'suspended', stack: NO_STACK };
    // The engine may have made another object for the same exception.
    if (error instanceof WebAssembly.Exception && error.is(this.#area.unwindTag)) {
      return { kind: 'suspended', stack: takeStack(this.#area, this.#own!, undefined) };
    }
    if (error instanceof WebAssembly.RuntimeError || error instanceof WebAssembly.Exception) {
      return { kind: 'trapped', error: error as Error };
    }
    // V8 reports an exhausted stack as a RangeError that is none of ours.
    if (error instanceof RangeError && /call stack/.test(error.message)) return { kind: 'trapped', error };
    throw error;
  }
}

function instantiate({ compiled }: CompiledModule, imports: WebAssembly.Imports): WebAssembly.Exports {
  try {
    return new WebAssembly.Instance(compiled, imports).exports;
  } catch (error) {
    if (!(error instanceof WebAssembly.LinkError)) throw error;
    throw new WvmError('WVM_MODULE_INVALID', `the module cannot be linked: ${error.message}`, { cause: error });
  }
}
