// One running module: its memories, tables, globals and tags, owned here and imported by the instrumented module,
// and the three things that can be done with its stack: call a function, let it unwind, resume it.
//
// Invariant: while guest code runs, the cursor of the frames memory stands at FRAMES_BASE. Unwinding pushes one
// record per frame (innermost first); `call` and `resume` then take the records out as a RawStack.
// Resuming puts the records back, writes into each the slot of the function that goes on above it, and calls the
// continuation of the outermost frame; each continuation pops its own record.

import { assert } from '../base/assert.ts';
import { WvmError } from '../base/wvm-error.ts';
import { SiteKind } from '../instrument/analysis.ts';
import { atomicSlotType } from '../instrument/atomic-calls.ts';
import { continuationName, importedFunctionName } from '../instrument/continuation.ts';
import { sizeOf } from '../instrument/layout.ts';
import type { ModuleMap } from '../instrument/module-map.ts';
import * as names from '../instrument/names.ts';
import { type Limits, type TableType, ValType, type WasmModule } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import type { CompiledModule } from './compile.ts';
import type { CompiledContinuations, ContinuationModules } from './continuation-modules.ts';
import { globalCopier, makeTrap, RESULT_STRIDE, wrapHostFunction } from './glue.ts';
import type { MemoryPool } from './memory-pool.ts';
import { PageMarks } from './page-marks.ts';
import { type PollAnswer, StackArea } from './stack-area.ts';

/** The frames of an unwound stack: records, innermost first, and the references they hold. */
export interface RawStack {
  readonly bytes: Uint8Array;
  funcrefs: readonly unknown[];
  externrefs: readonly unknown[];
  /** Somebody else may have it, or its bytes: else it is filled again when what it held has been resumed and unwinds. */
  isShared: boolean;
}

/** Of the frame at a site. */
interface FrameShape {
  readonly sizeBytes: number;
  /** Result types of the call; undefined at a poll. */
  readonly results: readonly ValType[] | undefined;
  /** Slot of the function that delivers them, once there is one; else 0. */
  resultSlot: number;
  /** Slot of the continuation, and itself, once it is compiled; else 0. */
  slot: number;
  continuation: WebAssembly.ExportedFunction | undefined;
}

interface MutableGlobal {
  readonly index: number;
  readonly isBits: boolean;
  /** Once it was asked for. */
  global: WebAssembly.Global | undefined;
}

export type Outcome =
  | { readonly kind: 'returned'; readonly values: readonly unknown[] }
  | { readonly kind: 'suspended'; readonly stack: RawStack }
  | { readonly kind: 'trapped'; readonly error: Error };

/** Result of a host call, delivered to the innermost frame of a resumed stack. */
export type CallResult = readonly (number | bigint)[];

/** memory.atomic.wait32, wait64 and notify; the address is checked. */
export interface AtomicCalls {
  readonly wait32: (memory: number, address: bigint, expected: number, timeoutNs: bigint) => unknown;
  readonly wait64: (memory: number, address: bigint, expected: bigint, timeoutNs: bigint) => unknown;
  readonly notify: (memory: number, address: bigint, count: number) => unknown;
}

export interface InstanceOptions {
  /** Memories may not grow beyond this many bytes. */
  readonly maxMemoryBytes: number;
  /** A value for each function import; called with the guest's arguments. May throw `unwind` to suspend. */
  readonly importFunction: (importIndex: number) => (...args: never[]) => unknown;
  readonly poll: PollAnswer;
  /** Answers waits and notifies on shared memories. May throw `unwind` to suspend. */
  readonly atomics: AtomicCalls;
  /** Compiles with the optimising compiler at once. */
  readonly compileOptimised: <Result>(compile: () => Result) => Result;
  /** Sizes of the memories in pages, if not the module's initial ones. */
  readonly memoryPages?: readonly number[];
  /** Where memories come from, if not fresh. */
  readonly memoryPool?: MemoryPool;
  /** Shared with instances that never run while this one does; its own if not given. */
  readonly stackArea?: StackArea;
}

/** Optimising a larger function takes longer than it may save: 10,000 instructions take some 30 ms. */
const OPTIMISED_INSTRUCTIONS = 10_000;

const VALUE_NAMES: Readonly<Record<number, WebAssembly.ValueType>> = {
  [ValType.i32]: 'i32',
  [ValType.i64]: 'i64',
  [ValType.f32]: 'f32',
  [ValType.f64]: 'f64',
  [ValType.v128]: 'v128',
  [ValType.funcref]: 'anyfunc',
  [ValType.externref]: 'externref',
  [ValType.exnref]: 'exnref',
};

/** JavaScript cannot hold a v128, and may change the bits of a NaN. */
const BITS_TYPES: ReadonlySet<number> = new Set([ValType.f32, ValType.f64, ValType.v128]);

const NO_REFERENCES: readonly unknown[] = [];
const NO_ARGUMENTS: readonly number[] = [];
const NO_VALUES: readonly unknown[] = [];
const RETURNED: Outcome = { kind: 'returned', values: [] };
const NO_STACK: RawStack = {
  bytes: new Uint8Array(0),
  funcrefs: NO_REFERENCES,
  externrefs: NO_REFERENCES,
  isShared: true,
};
/** Fewer bytes are copied faster one by one. */
const COPIED_BYTES = 64;

export class GuestInstance {
  readonly module: WasmModule;
  readonly map: ModuleMap | undefined;
  /** By index; of a module that is not instrumented only those that it imports or exports. */
  readonly memories: readonly WebAssembly.Memory[];
  readonly tables: readonly WebAssembly.Table[];
  /** Undefined: its stores do not mark what they write. */
  readonly marks: PageMarks | undefined;
  readonly exports: WebAssembly.Exports;
  /**
   * Throw this to unwind the running stack. Of a module that is not instrumented it only ends it: a trap, which no
   * handler of the guest can catch.
   */
  readonly unwind: WebAssembly.Exception | Error;

  readonly #continuations: ContinuationModules;
  readonly #compileOptimised: InstanceOptions['compileOptimised'];
  readonly #area: StackArea;
  readonly #answerPoll: PollAnswer;
  readonly #slots: WebAssembly.Table;
  readonly #tags: readonly WebAssembly.Tag[];
  readonly #imports: Record<string, WebAssembly.ImportValue>;
  /** Sites that were compiled into one module with a site, for backtraces. */
  readonly #continuationGroups = new Map<number, readonly number[]>();
  readonly #resultSlots = new Map<string, number>();
  /** The instrumenter's own globals; undefined in a module that is not instrumented. */
  readonly #own: OwnGlobals | undefined;
  /** What the guest was last told of the size of the frames memory. */
  #limit = 0;
  readonly #shapes = new Map<number, FrameShape>();
  #nextSlot: number = names.SLOT_FIRST_FREE;
  readonly #mutableGlobals: readonly MutableGlobal[];

  constructor(compiled: CompiledModule, options: InstanceOptions) {
    const module = compiled.original;
    this.module = module;
    this.map = compiled.map;
    this.#continuations = compiled.continuations;
    this.#compileOptimised = options.compileOptimised;
    this.#mutableGlobals = module.allGlobals.flatMap(({ type, mutable }, index) =>
      mutable ? [{ index, isBits: BITS_TYPES.has(type), global: undefined }] : [],
    );
    this.#area = options.stackArea ?? new StackArea();
    this.unwind = compiled.map === undefined ? makeTrap() : this.#area.unwind;
    this.#answerPoll = options.poll;
    this.#slots = new WebAssembly.Table({ element: 'anyfunc', initial: 64 });
    if (module.allMemories.some((limits) => limits.shared)) this.#setAtomics(options.atomics);
    this.#slots.set(names.SLOT_POLL, this.#area.poll);
    // A module that is not instrumented keeps what it defines to itself.
    const ours = <T>(all: readonly T[], importedCount: number): readonly T[] =>
      compiled.map === undefined ? all.slice(0, importedCount) : all;
    this.memories = ours(module.allMemories, module.importedMemoryCount).map((limits, k) =>
      createMemory(limits, k, options),
    );
    this.tables = ours(module.allTables, module.importedTableCount).map(createTable);
    this.#tags = ours(module.allTags, module.importedTagCount).map((typeIndex) => {
      const parameters = module.types[typeIndex]!.params.map((type) => VALUE_NAMES[type]!);
      return new WebAssembly.Tag({ parameters });
    });
    this.marks = compiled.map?.marksWrites === true ? new PageMarks(module) : undefined;
    this.#imports = this.#ownImports();
    this.exports = this.#instantiate(compiled, options);
    if (compiled.map !== undefined) {
      this.#own = {
        fuel: this.#ownGlobal(names.EXPORT_FUEL),
        cursor: this.#ownGlobal(names.EXPORT_CURSOR),
        limit: this.#ownGlobal(names.EXPORT_LIMIT),
        funcrefCursor: this.#ownGlobal(names.EXPORT_FUNCREF_CURSOR),
        externrefCursor: this.#ownGlobal(names.EXPORT_EXTERNREF_CURSOR),
      };
      this.#own.cursor.value = names.FRAMES_BASE;
      this.#setLimit();
    }
    if (compiled.map === undefined) {
      const exported = Object.values(this.exports).filter((value) => value instanceof WebAssembly.Memory);
      this.memories = [...new Set([...this.memories, ...exported])];
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

  /** Polls that the guest may still come by before it asks; -1 while it asks. */
  /**
   * What one run may leave to the next, if it ended with an exception: nothing on the stack that is not there. Only for an
   * instance that is used again.
   */
  reset(): void {
    const { cursor, funcrefCursor, externrefCursor } = this.#own!;
    cursor.value = names.FRAMES_BASE;
    funcrefCursor.value = 0;
    externrefCursor.value = 0;
  }

  get fuel(): number {
    return (this.#own!.fuel.value as number) - 1;
  }

  set fuel(value: number) {
    // The guest counts down and asks at 0, so it must not begin there.
    assert(value >= 0, 'a guest runs with fuel for the way to its next poll');
    this.#own!.fuel.value = value + 1;
  }

  /** Global `index` of the original module. */
  global(index: number): WebAssembly.Global {
    return this.#ownGlobal(names.globalName(index));
  }

  /** The bits of a mutable float or vector global, little-endian. */
  globalBits(index: number): Uint8Array {
    const type = this.module.allGlobals[index]!.type;
    globalCopier(type, this.global(index), this.#area.frames).store();
    return this.#area.bytes.slice(0, sizeOf(this.module, type));
  }

  setGlobalBits(index: number, bytes: Uint8Array): void {
    this.#area.bytes.set(bytes, 0);
    globalCopier(this.module.allGlobals[index]!.type, this.global(index), this.#area.frames).load();
  }

  /** Values of all mutable globals, in their order; floats and vectors as bits. Only for setMutableGlobals. */
  mutableGlobals(): readonly unknown[] {
    if (this.#mutableGlobals.length === 0) return NO_VALUES;
    const values: unknown[] = [];
    for (const entry of this.#mutableGlobals) {
      if (entry.isBits) values.push(this.globalBits(entry.index));
      else values.push((entry.global ??= this.global(entry.index)).value);
    }
    return values;
  }

  setMutableGlobals(values: readonly unknown[]): void {
    for (let k = 0; k < values.length; k++) {
      const entry = this.#mutableGlobals[k]!;
      if (entry.isBits) this.setGlobalBits(entry.index, values[k] as Uint8Array);
      else (entry.global ??= this.global(entry.index)).value = values[k];
    }
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
    const { bytes } = stack;
    const end = names.FRAMES_BASE + bytes.length;
    const area = this.#area;
    area.reserve(end);
    if (area.bytes.length !== this.#limit) this.#setLimit();
    copy(bytes, 0, area.bytes, names.FRAMES_BASE, bytes.length);
    const { view } = area;
    // Outermost first: each record gets the slot of what runs above its frame.
    let outermost: FrameShape | undefined;
    let shape: FrameShape | undefined;
    let last = end;
    for (let at = end; at > names.FRAMES_BASE; at -= shape.sizeBytes) {
      shape = this.#shapes.get(view.getUint32(at - 8, true));
      if (shape === undefined || shape.slot === 0) {
        this.#prepareStack(stack);
        shape = this.#shapes.get(view.getUint32(at - 8, true))!;
      }
      if (outermost === undefined) outermost = shape;
      else view.setUint32(last - 4, shape.slot, true);
      last = at;
    }
    assert(
      shape !== undefined && last - shape.sizeBytes === names.FRAMES_BASE,
      'frame records fill their buffer exactly',
    );
    view.setUint32(last - 4, this.#resultSlot(shape, result), true);
    const own = this.#own!;
    if (stack.funcrefs.length > 0) {
      restoreReferences(area.funcrefs, stack.funcrefs);
      own.funcrefCursor.value = stack.funcrefs.length;
    }
    if (stack.externrefs.length > 0) {
      restoreReferences(area.externrefs, stack.externrefs);
      own.externrefCursor.value = stack.externrefs.length;
    }
    own.cursor.value = end;
    return this.#enter(outermost!.continuation!, NO_ARGUMENTS, stack.isShared ? undefined : stack);
  }

  /** Compiles what is missing of a stack's continuations. */
  #prepareStack(stack: RawStack): void {
    const sites = this.sitesOf(stack);
    const innermost = sites[sites.length - 1]!;
    if (this.#frameOf(innermost).slot === 0 && this.isQuietLoop(innermost)) this.optimise(innermost);
    this.prepare(sites);
  }

  /** Site numbers of a stack's frames, outermost first. */
  sitesOf(stack: RawStack): number[] {
    const view = new DataView(stack.bytes.buffer, stack.bytes.byteOffset, stack.bytes.byteLength);
    const sites: number[] = [];
    for (let end = stack.bytes.length; end > 0; ) {
      const site = view.getUint32(end - 8, true);
      sites.push(site);
      end -= this.#frameOf(site).sizeBytes;
      assert(end >= 0, 'frame records fill their buffer exactly');
    }
    return sites;
  }

  /** True if the call in a stack's innermost frame waits for a result. */
  awaitsResult(stack: RawStack): boolean {
    const sites = this.sitesOf(stack);
    const { results } = this.#frameOf(sites[sites.length - 1]!);
    return results !== undefined && results.length > 0;
  }

  /** The sites in the module that the continuation of `site` is in. */
  continuationGroup(site: number): readonly number[] | undefined {
    return this.#continuationGroups.get(site);
  }

  /** Compiles the continuations of these sites that are missing. */
  prepare(sites: readonly number[]): void {
    const map = this.#capturable();
    const missing = [...new Set(sites)].filter((site) => this.#frameOf(site).slot === 0);
    if (missing.length === 0) return;
    const modules = this.#continuations.get(map, missing, (bytes) => new WebAssembly.Module(bytes));
    for (const compiled of modules) this.#addContinuations(compiled);
  }

  /**
   * True if `site` is the poll of a loop in which, and around which, its function calls nothing that suspends: a frame
   * there may loop for hours, and a continuation that is compiled optimised runs it faster than V8's baseline code,
   * which it never replaces while it runs.
   */
  isQuietLoop(site: number): boolean {
    if (this.map === undefined) return false;
    const plan = this.map.plan(this.map.functionOfSite(site));
    return plan.analysis.isQuiet(plan.analysis.sites[site - plan.firstSite]!);
  }

  /** Compiles the continuation of `site` with the optimising compiler, unless it is compiled already or its function is large. */
  optimise(site: number): void {
    const map = this.#capturable();
    if (this.#frameOf(site).slot !== 0) return;
    const { analysis } = map.plan(map.functionOfSite(site));
    if (analysis.code.count > OPTIMISED_INSTRUCTIONS) return;
    const modules = this.#continuations.get(map, [site], (bytes) =>
      this.#compileOptimised(() => new WebAssembly.Module(bytes)),
    );
    for (const compiled of modules) this.#addContinuations(compiled);
  }

  #addContinuations({ sites, module, functions, helpers }: CompiledContinuations): void {
    const imports: Record<string, WebAssembly.ImportValue> = { ...this.#imports };
    for (const index of functions) imports[importedFunctionName(index)] = this.functionObject(index);
    for (const name of helpers) imports[name] = this.exports[name]!;
    this.module.allGlobals.forEach((_, k) => {
      imports[names.globalName(k)] = this.global(k);
    });
    for (const name of OWN_GLOBALS) imports[name] = this.exports[name]!;
    const { exports } = new WebAssembly.Instance(module, { [names.WVM]: imports });
    for (const site of sites) {
      const shape = this.#frameOf(site);
      // A module compiled for another stack may hold sites that this instance has already.
      if (shape.slot !== 0) continue;
      this.#continuationGroups.set(site, sites);
      shape.continuation = exports[continuationName(site)] as WebAssembly.ExportedFunction;
      shape.slot = this.#addSlot(shape.continuation);
    }
  }

  #setAtomics({ wait32, wait64, notify }: AtomicCalls): void {
    const calls = [
      [names.SLOT_WAIT32, Op.memory_atomic_wait32, wait32],
      [names.SLOT_WAIT64, Op.memory_atomic_wait64, wait64],
      [names.SLOT_NOTIFY, Op.memory_atomic_notify, notify],
    ] as const;
    for (const [slot, opcode, call] of calls) this.#slots.set(slot, wrapHostFunction(atomicSlotType(opcode), call));
  }

  #capturable(): ModuleMap {
    if (this.map === undefined) {
      throw new WvmError(
        'WVM_SNAPSHOT_UNSUPPORTED',
        `the module uses ${this.module.uncapturable.join(', ')}, whose state cannot be captured`,
      );
    }
    return this.map;
  }

  /** What a switch of threads needs to know of a site, without the plan of its function. */
  #frameOf(site: number): FrameShape {
    let shape = this.#shapes.get(site);
    if (shape === undefined) {
      const map = this.#capturable();
      const functionIndex = map.functionOfSite(site);
      assert(functionIndex >= 0, `site ${site} exists`);
      const plan = map.plan(functionIndex);
      const index = site - plan.firstSite;
      const { kind, results } = plan.analysis.sites[index]!;
      shape = {
        sizeBytes: plan.layout(index).sizeBytes,
        results: kind === SiteKind.poll ? undefined : results,
        resultSlot: 0,
        slot: 0,
        continuation: undefined,
      };
      this.#shapes.set(site, shape);
    }
    return shape;
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
      if (error === area.unwind) return { kind: 'suspended', stack: this.#takeStack(spare) };
      return this.#failed(error);
    } finally {
      area.answerPoll = answerPoll;
    }
  }

  #failed(error: unknown): Outcome {
    if (error === this.unwind && this.map === undefined) return { kind: 'suspended', stack: NO_STACK };
    // The engine may have made another object for the same exception.
    if (error instanceof WebAssembly.Exception && error.is(this.#area.unwindTag)) {
      return { kind: 'suspended', stack: this.#takeStack(undefined) };
    }
    if (error instanceof WebAssembly.RuntimeError || error instanceof WebAssembly.Exception) {
      return { kind: 'trapped', error: error as Error };
    }
    // V8 reports an exhausted stack as a RangeError that is none of ours.
    if (error instanceof RangeError && /call stack/.test(error.message)) return { kind: 'trapped', error };
    throw error;
  }

  #takeStack(spare: RawStack | undefined): RawStack {
    const { cursor, funcrefCursor, externrefCursor } = this.#own!;
    const area = this.#area;
    const end = cursor.value as number;
    cursor.value = names.FRAMES_BASE;
    const funcrefs = takeReferences(area.funcrefs, funcrefCursor);
    const externrefs = takeReferences(area.externrefs, externrefCursor);
    const sizeBytes = end - names.FRAMES_BASE;
    if (spare === undefined || spare.bytes.length !== sizeBytes) {
      return { bytes: area.bytes.slice(names.FRAMES_BASE, end), funcrefs, externrefs, isShared: false };
    }
    copy(area.bytes, names.FRAMES_BASE, spare.bytes, 0, sizeBytes);
    spare.funcrefs = funcrefs;
    spare.externrefs = externrefs;
    return spare;
  }

  #setLimit(): void {
    this.#limit = this.#area.bytes.length;
    this.#own!.limit.value = this.#limit;
  }

  /** Slot of the function that delivers `result` to a frame; 0 for a poll, which calls nothing. */
  #resultSlot(shape: FrameShape, result: CallResult | number | undefined): number {
    const { results, resultSlot } = shape;
    if (results === undefined) return 0;
    const { view } = this.#area;
    if (typeof result === 'number') {
      if (results.length > 0) storeResult(view, 0, results[0]!, result);
    } else {
      assert(result !== undefined && result.length === results.length, 'a host call has a result of its type');
      results.forEach((type, k) => {
        storeResult(view, k * RESULT_STRIDE, type, result[k]!);
      });
    }
    return resultSlot === 0 ? this.#findResultSlot(shape, results) : resultSlot;
  }

  #findResultSlot(shape: FrameShape, results: readonly ValType[]): number {
    const key = results.join();
    let slot = this.#resultSlots.get(key);
    if (slot === undefined) {
      const func = this.#area.resultFunction(results);
      if (func === undefined) throw new WvmError('WVM_SNAPSHOT_UNSUPPORTED', 'a host function that returns references');
      this.#resultSlots.set(key, (slot = this.#addSlot(func)));
    }
    shape.resultSlot = slot;
    return slot;
  }

  #addSlot(func: WebAssembly.ExportedFunction): number {
    const slot = this.#nextSlot++;
    if (slot >= Number(this.#slots.length)) this.#slots.grow(this.#slots.length);
    this.#slots.set(slot, func);
    return slot;
  }

  #ownGlobal(name: string): WebAssembly.Global {
    return this.exports[name] as WebAssembly.Global;
  }

  /** What both the instrumented module and every continuation module import. */
  #ownImports(): Record<string, WebAssembly.ImportValue> {
    const imports: Record<string, WebAssembly.ImportValue> = {
      [names.MEMORY_FRAMES]: this.#area.frames,
      [names.TABLE_SLOTS]: this.#slots,
      [names.TABLE_FUNCREFS]: this.#area.funcrefs,
      [names.TABLE_EXTERNREFS]: this.#area.externrefs,
      [names.TAG_UNWIND]: this.#area.unwindTag,
      ...(this.marks === undefined ? {} : { [names.MEMORY_MARKS]: this.marks.memory }),
    };
    this.memories.forEach((memory, k) => {
      imports[names.memoryName(k)] = memory;
    });
    this.tables.forEach((table, k) => {
      imports[names.tableName(k)] = table;
    });
    this.#tags.forEach((tag, k) => {
      imports[names.tagName(k)] = tag;
    });
    return imports;
  }

  #instantiate(compiled: CompiledModule, options: InstanceOptions): WebAssembly.Exports {
    const imports: WebAssembly.Imports = {};
    const counts = { func: 0, table: 0, memory: 0, global: 0, tag: 0 };
    for (const entry of this.module.imports) {
      const index = counts[entry.kind]++;
      const space = (imports[entry.module] ??= {});
      switch (entry.kind) {
        case 'func':
          space[entry.name] = options.importFunction(index);
          break;
        case 'memory':
          space[entry.name] = this.memories[index]!;
          break;
        case 'table':
          space[entry.name] = this.tables[index]!;
          break;
        case 'tag':
          space[entry.name] = this.#tags[index]!;
          break;
        case 'global':
          throw new WvmError(
            'WVM_IMPORT_UNKNOWN',
            `the module imports the global ${entry.module}.${entry.name}, which wvm does not provide`,
          );
      }
    }
    // The own names last: a guest import of the same name cannot take their place.
    imports[names.WVM] = { ...imports[names.WVM], ...this.#imports };
    try {
      return new WebAssembly.Instance(compiled.compiled, imports).exports;
    } catch (error) {
      if (!(error instanceof WebAssembly.LinkError)) throw error;
      throw new WvmError('WVM_MODULE_INVALID', `the module cannot be linked: ${error.message}`, { cause: error });
    }
  }
}

interface OwnGlobals {
  readonly fuel: WebAssembly.Global;
  readonly cursor: WebAssembly.Global;
  readonly limit: WebAssembly.Global;
  readonly funcrefCursor: WebAssembly.Global;
  readonly externrefCursor: WebAssembly.Global;
}

const OWN_GLOBALS: readonly string[] = [
  names.EXPORT_FUEL,
  names.EXPORT_CURSOR,
  names.EXPORT_LIMIT,
  names.EXPORT_FUNCREF_CURSOR,
  names.EXPORT_EXTERNREF_CURSOR,
];

function createMemory(limits: Limits, index: number, options: InstanceOptions): WebAssembly.Memory {
  const { maxMemoryBytes } = options;
  const pageBytes = 2 ** limits.pageSizeLog2;
  const initial = options.memoryPages?.[index] ?? Number(limits.min);
  const initialBytes = initial * pageBytes;
  if (initialBytes > maxMemoryBytes) {
    throw new WvmError(
      'WVM_LIMIT',
      `memory ${index} of the module needs ${initialBytes} bytes, the limit is ${maxMemoryBytes}`,
      { hint: 'raise --max-memory' },
    );
  }
  const declared = limits.max === undefined ? undefined : Number(limits.max);
  // A memory that is imported with a maximum must have one that is not larger; without one, any may be given.
  const allowed = Math.floor(maxMemoryBytes / pageBytes);
  const engineMaximum = limits.is64 ? 262144 : 65536;
  const maximum = Math.min(declared ?? engineMaximum, allowed, engineMaximum);
  const wrap = (pages: number): number | bigint => (limits.is64 ? BigInt(pages) : pages);
  try {
    if (options.memoryPool !== undefined && !limits.shared && !limits.is64 && limits.pageSizeLog2 === 16) {
      return options.memoryPool.make(initial, maximum);
    }
    return new WebAssembly.Memory({
      initial: wrap(initial),
      maximum: wrap(maximum),
      ...(limits.shared ? { shared: true } : {}),
      ...(limits.is64 ? { address: 'i64' as const } : {}),
    });
  } catch (error) {
    throw new WvmError('WVM_LIMIT', `memory ${index} of ${initialBytes} bytes cannot be made`, { cause: error });
  }
}

function createTable(type: TableType): WebAssembly.Table {
  const { min, max, is64 } = type.limits;
  const wrap = (entries: bigint): number | bigint => (is64 ? entries : Number(entries));
  const descriptor = {
    element: type.element === ValType.externref ? ('externref' as const) : ('anyfunc' as const),
    initial: wrap(min),
    ...(max === undefined ? {} : { maximum: wrap(max) }),
    ...(is64 ? { address: 'i64' as const } : {}),
  };
  // Without a value, entries of an externref table are `undefined`, which is no null reference.
  return new WebAssembly.Table(descriptor, null);
}

function copy(from: Uint8Array, fromOffset: number, to: Uint8Array, toOffset: number, count: number): void {
  if (count > COPIED_BYTES) to.set(from.subarray(fromOffset, fromOffset + count), toOffset);
  else for (let k = 0; k < count; k++) to[toOffset + k] = from[fromOffset + k]!;
}

function storeResult(view: DataView, at: number, type: ValType, value: number | bigint): void {
  if (type === ValType.i64) view.setBigInt64(at, BigInt(value), true);
  else if (type === ValType.f64) view.setFloat64(at, Number(value), true);
  else if (type === ValType.f32) view.setFloat32(at, Number(value), true);
  else view.setInt32(at, Number(value), true);
}

function takeReferences(table: WebAssembly.Table, cursor: WebAssembly.Global): readonly unknown[] {
  const count = cursor.value as number;
  if (count === 0) return NO_REFERENCES;
  const taken: unknown[] = [];
  for (let k = 0; k < count; k++) {
    taken.push(table.get(k));
    table.set(k, null);
  }
  cursor.value = 0;
  return taken;
}

function restoreReferences(table: WebAssembly.Table, values: readonly unknown[]): void {
  const missing = values.length - Number(table.length);
  if (missing > 0) table.grow(missing, null);
  values.forEach((value, k) => {
    table.set(k, value);
  });
}
