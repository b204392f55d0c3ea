// Runs instrumented modules and stops them wherever they can be stopped: at every instruction (dense-points.ts; fuel is
// always gone) and at every call of a `spectest` function. Each call of a script is stopped at its first points one by
// one, then ever more rarely. One stop:
//   1. the poll, or the host function after its work, throws the unwind tag; every frame writes its record
//   2. the records become frames of the specification, as in an image, and records again; each is given the
//      continuation of the frame above it, the innermost one what its call returned
//   3. the outermost continuation is called in place of the function, with the same results
//
// A stack that may hold frames of several instances (imported functions and tables) runs undisturbed: a machine
// of wvm is one instance.
import { WvmError } from '../../runtime/base/wvm-error.ts';
import { restoreStack, saveStack } from '../../runtime/engine/frames.ts';
import type { GuestInstance } from '../../runtime/engine/instance.ts';
import type { RawStack } from '../../runtime/engine/raw-stack.ts';
import { buildContinuations, continuationName, importedFunctionName } from '../../runtime/instrument/continuation.ts';
import { RECORD_TRAILER } from '../../runtime/instrument/layout.ts';
import * as names from '../../runtime/instrument/names.ts';
import type { WasmModule } from '../../runtime/wasm/module.ts';
import { parseModule } from '../../runtime/wasm/parse.ts';
import { assembleText } from './assembler.ts';
import { callBridged, type Signature } from './bridge.ts';
import { insertPoints } from './dense-points.ts';
import type { Imports, Instance } from './executor.ts';
import {
  getGlobal,
  type InstrumentedCompiled,
  InstrumentedExecutor,
  type InstrumentedInstance,
  setGlobal,
  UNWIND_TAG,
} from './instrumented-executor.ts';
import { PlainExecutor } from './plain-executor.ts';
import type { Value } from './value.ts';

/** Points of one call that are all taken; of the later ones those whose number is a power of two. */
const CONSECUTIVE_STOPS = 64;
type Callee = (...args: unknown[]) => unknown;

export class SnapshotExecutor extends InstrumentedExecutor {
  override readonly name: string = 'instrumented, stopped and resumed';
  readonly #slotOfSite = new WeakMap<InstrumentedInstance, Map<number, number>>();
  readonly #makerOf = new WeakMap<object, InstrumentedInstance>();
  /** The instance whose call may be stopped now, and how often its points were reached. */
  #running: InstrumentedInstance | undefined;
  #points = 0;

  override async compile(bytes: Uint8Array): Promise<InstrumentedCompiled> {
    await PlainExecutor.prototype.compile(bytes); // the module itself must be valid, not only what is made of it
    const module = parseModule(bytes);
    return super.compile(module.uncapturable.length > 0 ? bytes : insertPoints(module));
  }

  override async instantiate(compiled: InstrumentedCompiled, imports: Imports): Promise<Instance> {
    const instance = (await super.instantiate(compiled, imports)) as InstrumentedInstance;
    if ('map' in instance)
      for (const value of Object.values(instance.exports)) this.#makerOf.set(value as object, instance);
    return instance;
  }

  protected override prepare(instance: InstrumentedInstance, imports: Imports): void {
    super.prepare(instance, imports);
    setGlobal(instance, names.EXPORT_FUEL, 1);
    for (const entry of instance.map.module.imports) {
      if (entry.module === 'spectest' && entry.kind !== 'table') continue;
      if (entry.kind !== 'func' && entry.kind !== 'table') continue;
      instance.isLinked = true;
      const maker = this.#makerOf.get(imports[entry.module]![entry.name] as object);
      if (maker !== undefined) maker.isLinked = true;
    }
  }

  protected override async start(instance: InstrumentedInstance, functionIndex: number): Promise<void> {
    await this.#call(instance, instance.functions.get(functionIndex), { parameters: [], results: [] }, []);
  }

  override async invoke(instance: InstrumentedInstance, name: string, args: readonly Value[]): Promise<Value[]> {
    const callee = instance.exports[name];
    const signature = instance.functionTypes.get(name);
    if (!('map' in instance) || typeof callee !== 'function' || signature === undefined) {
      return super.invoke(instance, name, args);
    }
    return this.#call(instance, callee as Callee, signature, args);
  }

  async #call(
    instance: InstrumentedInstance,
    callee: Callee,
    signature: Signature,
    args: readonly Value[],
  ): Promise<Value[]> {
    this.#points = 0;
    let next = { callee, signature, args };
    for (;;) {
      this.#running = instance.isLinked ? undefined : instance;
      setGlobal(instance, names.EXPORT_FUEL, 1);
      try {
        return await callBridged(next.callee, next.signature, next.args);
      } catch (error) {
        if (!(error instanceof WebAssembly.Exception && error.is(UNWIND_TAG))) {
          resetCursors(instance);
          throw error;
        }
      } finally {
        this.#running = undefined;
      }
      // No frame at all: a host function was the start function.
      if (getGlobal(instance, names.EXPORT_CURSOR) === names.FRAMES_BASE) return [];
      this.count('stops');
      try {
        next = { callee: await this.#rebuild(instance), signature: { ...signature, parameters: [] }, args: [] };
      } catch (error) {
        resetCursors(instance);
        throw error;
      }
    }
  }

  protected override poll(instance: InstrumentedInstance): void {
    setGlobal(instance, names.EXPORT_FUEL, 1);
    this.#stopHere(instance);
  }

  override onHostCall(): void {
    if (this.#running !== undefined) this.#stopHere(this.#running);
  }

  #count(counter: string, by: number): void {
    this.counters[counter] = (this.counters[counter] ?? 0) + by;
  }

  /** Throws the unwind tag if this point is one to stop at. */
  #stopHere(instance: InstrumentedInstance): void {
    if (this.#running !== instance) return;
    const point = this.#points++;
    const isPowerOfTwo = (point & (point - 1)) === 0;
    if (point < CONSECUTIVE_STOPS || isPowerOfTwo) throw new WebAssembly.Exception(UNWIND_TAG, []);
  }

  /** Writes the stack back as an image would restore it; returns the continuation of the outermost frame. */
  async #rebuild(instance: InstrumentedInstance): Promise<Callee> {
    const stack = this.#saveAndRestore(instance, takeStack(instance));
    const bytes = new Uint8Array(instance.frames.buffer);
    bytes.set(stack.bytes, names.FRAMES_BASE);
    writeTable(instance, names.TABLE_FUNCREFS, stack.funcrefs);
    writeTable(instance, names.TABLE_EXTERNREFS, stack.externrefs);
    const records = new DataView(instance.frames.buffer);
    const sites: { site: number; slotAddr: number }[] = [];
    let end = names.FRAMES_BASE + stack.bytes.length;
    while (end > names.FRAMES_BASE) {
      const site = records.getUint32(end - RECORD_TRAILER, true);
      sites.push({ site, slotAddr: end - RECORD_TRAILER + 4 });
      const plan = instance.map.plan(instance.map.functionOfSite(site));
      end -= plan.layout(site - plan.firstSite).sizeBytes;
    }
    if (end !== names.FRAMES_BASE) throw new Error(`frame records: ${names.FRAMES_BASE - end} bytes too many`);
    this.#count('frames', sites.length);
    const slots = await this.#compile(instance, [...new Set(sites.map(({ site }) => site))]);
    const innermost = await this.#hostReturn(instance);
    sites.forEach(({ slotAddr }, depth) => {
      const above = sites[depth + 1];
      records.setUint32(slotAddr, above === undefined ? innermost : slots.get(above.site)!, true);
    });
    return instance.slots.get(slots.get(sites[0]!.site)!) as Callee;
  }

  /** Through the frames of the specification and back, as an image has them; a stack with host references stays raw. */
  #saveAndRestore(instance: InstrumentedInstance, stack: RawStack): RawStack {
    const functions = new FunctionSpace(instance) as unknown as GuestInstance;
    try {
      const state = saveStack(functions, instance.map, stack);
      return restoreStack(functions, instance.map, state, 'script');
    } catch (error) {
      if (!(error instanceof WvmError && error.code === 'WVM_SNAPSHOT_UNSUPPORTED')) throw error;
      this.#count('stacks with host references', 1);
      return stack;
    }
  }

  /** Slots of the continuations of these sites, compiled where they are new. */
  async #compile(instance: InstrumentedInstance, sites: readonly number[]): Promise<Map<number, number>> {
    let slots = this.#slotOfSite.get(instance);
    if (slots === undefined) this.#slotOfSite.set(instance, (slots = new Map()));
    const missing = sites.filter((site) => !slots.has(site));
    if (missing.length === 0) return slots;
    this.#count('continuations compiled', missing.length);
    const { bytes, functions, helpers } = buildContinuations(instance.map, missing);
    const own: Record<string, unknown> = { ...instance.own };
    for (const index of functions) own[importedFunctionName(index)] = instance.functions.get(index);
    for (const name of helpers) own[name] = instance.exports[name];
    for (const [name, value] of Object.entries(instance.exports)) if (name.startsWith('wvm.')) own[name] ??= value;
    const imports = { [names.WVM]: own as Record<string, WebAssembly.ImportValue> };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
    for (const site of missing) {
      const slot = instance.slots.grow(1);
      instance.slots.set(slot, exports[continuationName(site)]);
      slots.set(site, slot);
    }
    return slots;
  }

  /** What an innermost frame at a host call calls to get its result: no function of `spectest` has one. */
  async #hostReturn(instance: InstrumentedInstance): Promise<number> {
    compiledReturn ??= assembleText('(module (func (export "return")))').then(
      (bytes) => new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>),
    );
    const slot = names.SLOT_FIRST_FREE - 1;
    if (instance.slots.get(slot) === null) {
      instance.slots.set(slot, new WebAssembly.Instance(await compiledReturn).exports['return']);
    }
    return slot;
  }
}
/** What saving and restoring frames asks of an instance. */
class FunctionSpace {
  readonly module: WasmModule;
  readonly #functions: WebAssembly.Table;

  constructor(instance: InstrumentedInstance) {
    this.module = instance.map.module;
    this.#functions = instance.functions;
  }

  functionObject(index: number): unknown {
    return this.#functions.get(index);
  }

  functionIndexOf(value: unknown): number | undefined {
    const index = this.module.functionTypes.findIndex((_, k) => this.#functions.get(k) === value);
    return index < 0 ? undefined : index;
  }
}

function takeStack(instance: InstrumentedInstance): RawStack {
  const end = getGlobal(instance, names.EXPORT_CURSOR);
  return {
    bytes: new Uint8Array(instance.frames.buffer).slice(names.FRAMES_BASE, end),
    funcrefs: readTable(instance, names.TABLE_FUNCREFS, getGlobal(instance, names.EXPORT_FUNCREF_CURSOR)),
    externrefs: readTable(instance, names.TABLE_EXTERNREFS, getGlobal(instance, names.EXPORT_EXTERNREF_CURSOR)),
    isShared: true,
  };
}

function readTable(instance: InstrumentedInstance, name: string, count: number): unknown[] {
  const table = instance.own[name] as WebAssembly.Table;
  return Array.from({ length: count }, (_, k) => table.get(k));
}

function writeTable(instance: InstrumentedInstance, name: string, references: readonly unknown[]): void {
  const table = instance.own[name] as WebAssembly.Table;
  references.forEach((reference, k) => {
    table.set(k, reference);
  });
}

let compiledReturn: Promise<WebAssembly.Module> | undefined;

/** A trap or an exception leaves no records, but a continuation may have popped its own only in part. */
function resetCursors(instance: InstrumentedInstance): void {
  setGlobal(instance, names.EXPORT_CURSOR, names.FRAMES_BASE);
  setGlobal(instance, names.EXPORT_FUNCREF_CURSOR, 0);
  setGlobal(instance, names.EXPORT_EXTERNREF_CURSOR, 0);
}
