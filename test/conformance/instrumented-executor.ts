// Runs modules in their instrumented form: the memories, tables and tags a module defines are made here and imported,
// the active segments and the start function run as calls, and every loop asks for fuel.
import { buildCallGraph } from '../../runtime/instrument/call-graph.ts';
import { instrument } from '../../runtime/instrument/instrument.ts';
import type { ModuleMap } from '../../runtime/instrument/module-map.ts';
import * as names from '../../runtime/instrument/names.ts';
import { type Limits, ValType, type WasmModule } from '../../runtime/wasm/module.ts';
import { parseModule } from '../../runtime/wasm/parse.ts';
import { assembleText } from './assembler.ts';
import type { Compiled, Imports, Instance } from './executor.ts';
import { exportTypes, PlainExecutor } from './plain-executor.ts';

/** One for all instances, so that unwinding passes from one into another. */
export const UNWIND_TAG = new WebAssembly.Tag({ parameters: [] });

/** Small, so that scripts poll often. */
const FUEL_SLICE = 100;

export interface InstrumentedCompiled extends Compiled {
  /** Undefined: the module uses what cannot be captured and runs as it is. */
  readonly instrumented: { readonly module: WebAssembly.Module; readonly map: ModuleMap } | undefined;
}

/** An instance with everything that continuations of its functions import. */
export interface InstrumentedInstance extends Instance {
  readonly map: ModuleMap;
  readonly own: Readonly<Record<string, WebAssembly.ImportValue>>;
  readonly functions: WebAssembly.Table;
  readonly slots: WebAssembly.Table;
  readonly frames: WebAssembly.Memory;
  /** Calls pass between this instance and others; a stack may hold frames of several. */
  isLinked: boolean;
}

const TABLE_ELEMENT: Readonly<Record<number, string>> = {
  [ValType.funcref]: 'anyfunc',
  [ValType.externref]: 'externref',
  [ValType.exnref]: 'exnref',
};
const VALUE_TYPE_NAMES = new Map<number, string>(Object.entries(ValType).map(([name, code]) => [code, name]));

export class InstrumentedExecutor extends PlainExecutor {
  override readonly name: string = 'instrumented';
  override readonly counters: Record<string, number> = {
    'modules instrumented': 0,
    'modules run as they are': 0,
    polls: 0,
  };
  protected readonly marksWrites: boolean = false;

  /** What the instrumented module imports beside what every one does. */
  protected ownMemories(_module: WasmModule): Record<string, WebAssembly.ImportValue> {
    return {};
  }

  override async compile(bytes: Uint8Array): Promise<InstrumentedCompiled> {
    const { module } = await super.compile(bytes);
    const parsed = parseModule(bytes);
    const graph = parsed.uncapturable.length > 0 ? undefined : buildCallGraph(parsed);
    if (graph === undefined || graph.uncapturable.length > 0) {
      this.count('modules run as they are');
      return { module, instrumented: undefined };
    }
    this.count('modules instrumented');
    const { bytes: instrumented, map } = instrument(parsed, graph, { marksWrites: this.marksWrites });
    return { module, instrumented: { module: new WebAssembly.Module(instrumented), map } };
  }

  override async instantiate(compiled: InstrumentedCompiled, imports: Imports): Promise<Instance> {
    if (compiled.instrumented === undefined) return super.instantiate(compiled, imports);
    const { module: v8Module, map } = compiled.instrumented;
    const { module } = map;
    const own: Record<string, WebAssembly.ImportValue> = {
      [names.MEMORY_FRAMES]: new WebAssembly.Memory({ initial: 1 }),
      [names.TABLE_SLOTS]: new WebAssembly.Table({ element: 'anyfunc', initial: names.SLOT_FIRST_FREE }),
      [names.TABLE_FUNCREFS]: new WebAssembly.Table({ element: 'anyfunc', initial: 0 }),
      [names.TABLE_EXTERNREFS]: new WebAssembly.Table({ element: 'externref', initial: 0 }),
      [names.TAG_UNWIND]: UNWIND_TAG as unknown as WebAssembly.ImportValue,
      ...this.ownMemories(module),
    };
    module.memories.forEach((limits, k) => {
      own[names.memoryName(module.importedMemoryCount + k)] = createMemory(limits);
    });
    module.tables.forEach(({ element, limits }, k) => {
      own[names.tableName(module.importedTableCount + k)] = createTable(element, limits);
    });
    module.tags.forEach((typeIndex, k) => {
      const parameters = module.types[typeIndex]!.params.map((type) => VALUE_TYPE_NAMES.get(type)!);
      const tag = new WebAssembly.Tag({ parameters: parameters as WebAssembly.ValueType[] });
      own[names.tagName(module.importedTagCount + k)] = tag as unknown as WebAssembly.ImportValue;
    });
    const { exports } = new WebAssembly.Instance(v8Module, { ...imports, [names.WVM]: own } as WebAssembly.Imports);
    const counted = { memory: 0, table: 0, tag: 0 };
    for (const entry of module.imports) {
      if (entry.kind === 'func' || entry.kind === 'global') continue;
      const value = imports[entry.module]![entry.name] as WebAssembly.ImportValue;
      own[`${entry.kind}.${counted[entry.kind]++}`] = value;
    }
    const instance: InstrumentedInstance = {
      exports,
      ...exportTypes(compiled.module),
      map,
      own,
      functions: exports[names.EXPORT_FUNCTIONS] as WebAssembly.Table,
      slots: own[names.TABLE_SLOTS] as WebAssembly.Table,
      frames: own[names.MEMORY_FRAMES] as WebAssembly.Memory,
      isLinked: false,
    };
    instance.slots.set(names.SLOT_POLL, await this.#makePoll(instance));
    if (module.allMemories.some((limits) => limits.shared)) await setAtomics(instance);
    this.prepare(instance, imports);
    (exports[names.EXPORT_INIT_TABLES] as () => void)();
    (exports[names.EXPORT_INIT_MEMORIES] as () => void)();
    if (module.start !== undefined) await this.start(instance, module.start);
    return instance;
  }

  /** Called when the instance is linked and nothing has run. */
  protected prepare(instance: InstrumentedInstance, _imports: Imports): void {
    setGlobal(instance, names.EXPORT_CURSOR, names.FRAMES_BASE);
    setGlobal(instance, names.EXPORT_LIMIT, instance.frames.buffer.byteLength);
    setGlobal(instance, names.EXPORT_FUEL, FUEL_SLICE);
  }

  protected async start(instance: InstrumentedInstance, functionIndex: number): Promise<void> {
    instance.functions.get(functionIndex)();
  }

  /** Answers a poll: gives fuel, or throws to unwind. */
  protected poll(instance: InstrumentedInstance): void {
    setGlobal(instance, names.EXPORT_FUEL, FUEL_SLICE);
  }

  protected count(counter: string): void {
    this.counters[counter] = (this.counters[counter] ?? 0) + 1;
  }

  async #makePoll(instance: InstrumentedInstance): Promise<unknown> {
    const poll = (): void => {
      this.count('polls');
      this.poll(instance);
    };
    return new WebAssembly.Instance(await pollModule(), { host: { poll } }).exports['poll'];
  }
}

export function setGlobal(instance: Instance, name: string, value: number): void {
  (instance.exports[name] as WebAssembly.Global).value = value;
}

export function getGlobal(instance: Instance, name: string): number {
  return (instance.exports[name] as WebAssembly.Global).value as number;
}

/** Waits and notifies as the engine under test would do them natively. */
async function setAtomics(instance: InstrumentedInstance): Promise<void> {
  const view = (memory: number): Int32Array<SharedArrayBuffer> => {
    const { buffer } = instance.own[names.memoryName(memory)] as WebAssembly.Memory;
    return new Int32Array(buffer as unknown as SharedArrayBuffer);
  };
  const wait = (cells: Int32Array | BigInt64Array, index: number, expected: never, timeoutNs: bigint): number => {
    const timeoutMs = timeoutNs < 0n ? Number.POSITIVE_INFINITY : Number(timeoutNs) / 1e6;
    return ['ok', 'not-equal', 'timed-out'].indexOf(Atomics.wait(cells as never, index, expected, timeoutMs));
  };
  const host = {
    wait32: (memory: number, address: bigint, expected: never, timeoutNs: bigint) =>
      wait(view(memory), Number(address) / 4, expected, timeoutNs),
    wait64: (memory: number, address: bigint, expected: never, timeoutNs: bigint) =>
      wait(new BigInt64Array(view(memory).buffer), Number(address) / 8, expected, timeoutNs),
    notify: (memory: number, address: bigint, count: number) =>
      Atomics.notify(view(memory), Number(address) / 4, count >>> 0),
  };
  compiledAtomics ??= assembleText(`(module
    (import "host" "wait32" (func $wait32 (param i32 i64 i32 i64) (result i32)))
    (import "host" "wait64" (func $wait64 (param i32 i64 i64 i64) (result i32)))
    (import "host" "notify" (func $notify (param i32 i64 i32) (result i32)))
    (export "wait32" (func $wait32)) (export "wait64" (func $wait64)) (export "notify" (func $notify)))`).then(
    (bytes) => new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>),
  );
  const { exports } = new WebAssembly.Instance(await compiledAtomics, { host });
  instance.slots.set(names.SLOT_WAIT32, exports['wait32']);
  instance.slots.set(names.SLOT_WAIT64, exports['wait64']);
  instance.slots.set(names.SLOT_NOTIFY, exports['notify']);
}
let compiledAtomics: Promise<WebAssembly.Module> | undefined;

/** A table of functions takes only WebAssembly functions: the host's function goes in and out of a module. */
function pollModule(): Promise<WebAssembly.Module> {
  compiledPoll ??= assembleText(
    '(module (import "host" "poll" (func $poll (param i32))) (export "poll" (func $poll)))',
  ).then((bytes) => new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>));
  return compiledPoll;
}
let compiledPoll: Promise<WebAssembly.Module> | undefined;

function createMemory(limits: Limits): WebAssembly.Memory {
  const descriptor = { ...sizeOf(limits), shared: limits.shared };
  return new WebAssembly.Memory(descriptor as unknown as WebAssembly.MemoryDescriptor);
}

function createTable(element: number, limits: Limits): WebAssembly.Table {
  const descriptor = { ...sizeOf(limits), element: TABLE_ELEMENT[element] };
  return new WebAssembly.Table(descriptor as unknown as WebAssembly.TableDescriptor, null);
}

function sizeOf({ min, max, is64 }: Limits): object {
  const size = (value: bigint): number | bigint => (is64 ? value : Number(value));
  return {
    initial: size(min),
    ...(max === undefined ? {} : { maximum: size(max) }),
    ...(is64 ? { address: 'i64' } : {}),
  };
}
