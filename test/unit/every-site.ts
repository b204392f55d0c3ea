// Runs one exported function of a module three ways: on plain V8; instrumented and undisturbed; instrumented and
// stopped at chosen points, where a point is a poll (all of them, the fuel is always gone) or a host call. A stop is
// the real one: unwind, save the frames and the instance, make a fresh instance of them, resume there.
//
// Imported functions get a host that answers by a rule from their arguments and writes down every call.

import type { CallResult } from '../../runtime/engine/call-results.ts';
import { restoreInstance, saveInstance } from '../../runtime/engine/capture.ts';
import { type CompiledModule, compileModule } from '../../runtime/engine/compile.ts';
import { restoreStack, saveStack } from '../../runtime/engine/frames.ts';
import { GuestInstance, type Outcome } from '../../runtime/engine/instance.ts';
import type { FrameState, InstanceState } from '../../runtime/engine/state.ts';
import { type FuncType, ValType } from '../../runtime/wasm/module.ts';

export type Argument = number | bigint;

/** Everything that can be seen of a run. */
interface RunEnd {
  /** What the function returned, or the trap. */
  readonly outcome: string;
  /** Host calls in their order. */
  readonly calls: readonly string[];
  /** Contents of the exported memory. */
  readonly memory: Uint8Array | undefined;
  /** The exported global "sum". */
  readonly sum: unknown;
  /** Globals, tables, segments; undefined on plain V8. */
  readonly instance: InstanceState | undefined;
  /** Points that were reached and stops that were made. */
  readonly points: number;
  readonly stops: number;
  /** Most frames of one stop. */
  readonly depth: number;
  /** Saved exceptions: caught ones and references. */
  readonly exceptions: number;
}

/** Whether to stop at point number `point` (from 0) of a run. */
type StopRule = (point: number) => boolean;

export const NEVER: StopRule = () => false;
const ALWAYS: StopRule = () => true;

const PORTS = { sha256: () => 'test', cache: undefined };
const MAX_MEMORY_BYTES = 64 << 20;
const PAGE_BYTES = 4096;

export class TestProgram {
  readonly compiled: CompiledModule;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #entry: string;
  readonly #args: readonly Argument[];
  readonly #imports: readonly { readonly module: string; readonly name: string; readonly type: FuncType }[];
  /** A stop goes on in the instance that it was made in: sooner. */
  keepsInstance = false;
  /** May change the frames of a stop: how a test shows that a loss is noticed. */
  tamper: (frame: FrameState) => FrameState = (frame) => frame;

  /** `marksWrites`: at every stop and at the end, each page that has changed since the one before must bear a mark. */
  constructor(bytes: Uint8Array, entry: string, args: readonly Argument[] = [], marksWrites = false) {
    this.#bytes = bytes.slice();
    this.compiled = compileModule(this.#bytes, { ...PORTS, marksWrites });
    this.#entry = entry;
    this.#args = args;
    const { original } = this.compiled;
    this.#imports = original.imports.flatMap((entry) =>
      entry.kind === 'func' ? [{ ...entry, type: original.types[entry.typeIndex]! }] : [],
    );
  }

  /** On plain V8. */
  runPlain(): RunEnd {
    const calls: string[] = [];
    const imports: WebAssembly.Imports = {};
    for (const { module, name, type } of this.#imports) {
      const space = (imports[module] ??= {}) as Record<string, WebAssembly.ImportValue>;
      space[name] = ((...args: Argument[]) => unwrap(answer(name, type, args, calls))) as WebAssembly.ImportValue;
    }
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(this.#bytes), imports);
    let outcome: string;
    try {
      const value = (exports[this.#entry] as (...args: Argument[]) => unknown)(...this.#args);
      outcome = describeValues(value === undefined ? [] : Array.isArray(value) ? value : [value]);
    } catch (error) {
      outcome = describeError(error);
    }
    const memory = exports['memory'] as WebAssembly.Memory | undefined;
    return {
      outcome,
      calls,
      memory: memory === undefined ? undefined : new Uint8Array(memory.buffer),
      sum: (exports['sum'] as WebAssembly.Global | undefined)?.value,
      instance: undefined,
      points: 0,
      stops: 0,
      depth: 0,
      exceptions: 0,
    };
  }

  /** Instrumented, with a stop at every point that `stopAt` names. */
  run(stopAt: StopRule): RunEnd {
    const { compiled } = this;
    const map = compiled.map;
    if (map === undefined) throw new Error(`not instrumented: ${compiled.original.uncapturable.join(', ')}`);
    const module = compiled.original;
    const calls: string[] = [];
    let points = 0;
    let stops = 0;
    let depth = 0;
    let exceptions = 0;
    let pending: CallResult | undefined;
    let instance: GuestInstance;
    // Waits are over at once: nobody notifies, and plain V8 must not sleep either.
    const atomic =
      (name: string, sizeBytes: number) =>
      (memory: number, address: bigint, expected: Argument): number => {
        const view = new DataView(instance.memories[memory]!.buffer);
        const value = sizeBytes === 8 ? view.getBigInt64(Number(address), true) : view.getInt32(Number(address), true);
        const result = name === 'notify' ? 0 : value === expected ? 2 : 1;
        if (stopAt(points++)) {
          pending = [result];
          throw instance.unwind;
        }
        return result;
      };
    const options = {
      maxMemoryBytes: MAX_MEMORY_BYTES,
      atomics: { wait32: atomic('wait32', 4), wait64: atomic('wait64', 8), notify: atomic('notify', 0) },
      importFunction:
        (index: number) =>
        (...args: Argument[]): unknown => {
          const { name, type } = this.#imports[index]!;
          const values = answer(name, type, args, calls);
          if (stopAt(points++)) {
            pending = values;
            throw instance.unwind;
          }
          return unwrap(values);
        },
      poll: (): boolean => {
        instance.fuel = 0;
        if (!stopAt(points++)) return false;
        pending = undefined;
        return true;
      },
    };
    instance = new GuestInstance(compiled, options);
    instance.initialize();
    let written = new WrittenPages(instance);
    const finish = (first: Outcome): Outcome => {
      let outcome = first;
      while (outcome.kind === 'suspended') {
        stops++;
        written.check();
        if (this.keepsInstance) {
          if (outcome.stack.bytes.length === 0) return { kind: 'returned', values: pending ?? [] };
          outcome = instance.resume(outcome.stack, pending);
          continue;
        }
        const state = saveInstance(instance, compiled.hash);
        if (outcome.stack.bytes.length === 0) return { kind: 'returned', values: pending ?? [] };
        const activation = saveStack(instance, map, outcome.stack);
        const frames = activation.frames.map((frame) => this.tamper(frame));
        depth = Math.max(depth, frames.length);
        for (const frame of frames) exceptions += countExceptions(frame);
        const fresh = restoreInstance(compiled, state, options, 'test');
        instance.memories.forEach((memory, k) => {
          new Uint8Array(fresh.memories[k]!.buffer).set(new Uint8Array(memory.buffer));
        });
        const stack = restoreStack(fresh, map, { frames }, 'test');
        instance = fresh;
        written = new WrittenPages(instance);
        outcome = instance.resume(stack, pending);
      }
      return outcome;
    };
    let outcome: Outcome | undefined;
    if (module.start !== undefined) outcome = finish(instance.call(module.start, []));
    if (outcome === undefined || outcome.kind === 'returned') {
      const { index } = module.exports.find((e) => e.kind === 'func' && e.name === this.#entry)!;
      outcome = finish(instance.call(index, this.#args));
    }
    written.check();
    const exported = module.exports.find((e) => e.kind === 'memory' && e.name === 'memory');
    const sum = module.exports.find((e) => e.kind === 'global' && e.name === 'sum');
    return {
      outcome:
        outcome.kind === 'returned'
          ? describeValues(outcome.values)
          : describeError((outcome as { error: Error }).error),
      calls,
      memory: exported === undefined ? undefined : new Uint8Array(instance.memories[exported.index]!.buffer),
      sum: sum === undefined ? undefined : instance.global(sum.index).value,
      instance: saveInstance(instance, compiled.hash),
      points,
      stops,
      depth,
      exceptions,
    };
  }
}

/** Holds the marks of an instance against what it has really written. */
class WrittenPages {
  readonly #instance: GuestInstance;
  #before: readonly Uint8Array[];

  constructor(instance: GuestInstance) {
    this.#instance = instance;
    this.#before = this.#copy();
    this.#take();
  }

  #copy(): readonly Uint8Array[] {
    const { marks, memories } = this.#instance;
    return marks === undefined ? [] : memories.map(({ buffer }) => new Uint8Array(buffer).slice());
  }

  check(): void {
    const runs = this.#take();
    this.#before.forEach((before, memory) => {
      const now = new Uint8Array(this.#instance.memories[memory]!.buffer);
      const marked = new Set<number>();
      const pages = runs[memory]!;
      for (let k = 0; k < pages.length; k += 2)
        for (let page = pages[k]!; page < pages[k + 1]!; page++) marked.add(page);
      for (let page = 0; page * PAGE_BYTES < now.length; page++) {
        const at = page * PAGE_BYTES;
        const old = at < before.length ? before.subarray(at, at + PAGE_BYTES) : new Uint8Array(PAGE_BYTES);
        const isSame = Buffer.compare(old, now.subarray(at, at + PAGE_BYTES)) === 0;
        if (!isSame && !marked.has(page))
          throw new Error(`page ${page} of memory ${memory} was written without a mark`);
      }
    });
    this.#before = this.#copy();
  }

  #take(): readonly (readonly number[])[] {
    const { marks, memories } = this.#instance;
    return (marks?.memories ?? []).map((each, k) => each.take(memories[k]!.buffer.byteLength / PAGE_BYTES));
  }
}

/** Where two runs differ, or undefined. */
export function difference(expected: RunEnd, actual: RunEnd): string | undefined {
  if (expected.outcome !== actual.outcome) return `outcome ${actual.outcome}, expected ${expected.outcome}`;
  for (let k = 0; k < Math.max(expected.calls.length, actual.calls.length); k++) {
    if (expected.calls[k] !== actual.calls[k])
      return `host call ${k} is ${actual.calls[k]}, expected ${expected.calls[k]}`;
  }
  if (expected.sum !== actual.sum) return `sum ${actual.sum}, expected ${expected.sum}`;
  const a = expected.memory;
  const b = actual.memory;
  if (a !== undefined && b !== undefined) {
    if (a.length !== b.length) return `memory of ${b.length} bytes, expected ${a.length}`;
    if (Buffer.compare(a, b) !== 0) {
      const at = a.findIndex((byte, k) => byte !== b[k]);
      return `memory at ${at} is ${b[at]}, expected ${a[at]}`;
    }
  }
  if (expected.instance !== undefined && actual.instance !== undefined) {
    const [before, after] = [describeInstance(expected.instance), describeInstance(actual.instance)];
    if (before !== after) return `instance ${after}, expected ${before}`;
  }
  return undefined;
}

interface SiteCounts {
  readonly stops: number;
  readonly points: number;
  readonly depth: number;
  readonly exceptions: number;
}

/**
 * Plain, undisturbed, stopped everywhere, and stopped once at each of the first `single` points. Throws at the first
 * difference; returns how many stops were made.
 */
export function checkEverySite(program: TestProgram, single = 64): SiteCounts {
  const plain = program.runPlain();
  const undisturbed = program.run(NEVER);
  complain('instrumented', difference(plain, undisturbed));
  const everywhere = program.run(ALWAYS);
  complain('stopped everywhere', difference(undisturbed, everywhere));
  if (everywhere.points !== undisturbed.points) {
    complain('stopped everywhere', `${everywhere.points} points, expected ${undisturbed.points}`);
  }
  let { stops, exceptions } = everywhere;
  for (let k = 0; k < Math.min(single, undisturbed.points); k++) {
    const once = program.run((point) => point === k);
    complain(`stopped at point ${k}`, difference(undisturbed, once));
    stops += once.stops;
    exceptions += once.exceptions;
  }
  return { stops, points: undisturbed.points, depth: everywhere.depth, exceptions };
}

function countExceptions(frame: FrameState): number {
  const caught = (frame.caught ?? []).filter((exception) => exception !== null);
  const references = [...frame.locals, ...frame.stack].filter(
    (value) => value?.type === 'exnref' && value.exception !== null,
  );
  return caught.length + references.length;
}

function complain(run: string, what: string | undefined): void {
  if (what !== undefined) throw new Error(`${run}: ${what}`);
}

/** The host: writes the call down, and answers by a rule that depends on the arguments and the number of calls. */
function answer(name: string, type: FuncType, args: readonly Argument[], calls: string[]): (number | bigint)[] {
  calls.push(`${name}(${args.map((value) => describeValue(value)).join(', ')})`);
  let mixed = calls.length * 7919;
  for (const value of args) {
    const bits = typeof value === 'bigint' ? Number(BigInt.asIntN(32, value)) : Number.isFinite(value) ? value : 1;
    mixed = (Math.imul(mixed, 31) + (Math.trunc(bits) | 0)) | 0;
  }
  return type.results.map((result, k) => {
    const value = (mixed + k * 101) | 0;
    return result === ValType.i64 ? BigInt(value) * 65537n : result === ValType.f64 ? value / 8 : value % 1000;
  });
}

function unwrap(values: readonly (number | bigint)[]): unknown {
  return values.length === 0 ? undefined : values.length === 1 ? values[0] : values;
}

function describeValue(value: unknown): string {
  if (typeof value === 'function') return `function ${value.name}`;
  if (typeof value === 'bigint') return `${value}n`;
  return Object.is(value, -0) ? '-0' : String(value);
}

function describeValues(values: readonly unknown[]): string {
  return `(${values.map(describeValue).join(', ')})`;
}

function describeError(error: unknown): string {
  if (error instanceof WebAssembly.Exception) return 'exception';
  if (error instanceof WebAssembly.RuntimeError) return `trap: ${error.message}`;
  throw error;
}

function describeInstance(state: InstanceState): string {
  return JSON.stringify(state, (_, value) => (typeof value === 'bigint' ? `${value}n` : value));
}
