// One guest process on its engine: the kernel's Process and Thread, the instance, the unwound stack of a thread that
// does not run, and the fuel. `step` runs the thread until something stops it; the machine decides what comes next.
//
//   1. A host call that returns Blocked (or asks for a snapshot, or ends the process) unwinds the stack.
//   2. A poll that finds a request, or the end of the time slice, unwinds the stack.
//   3. `step` again: makes the parked call again; once it has a result, resumes the stack with it.
//
// Fuel is counted, not timed: every poll happens at the same place in every run, whatever the slices were.

import { WASI_PREVIEW1_FUNCTIONS, WASI_UNSTABLE_FUNCTIONS } from '../../abi/wasi-preview1.ts';
import { WVM_FUNCTIONS } from '../../abi/wvm.ts';
import { WvmError } from '../base/wvm-error.ts';
import { atomicSlotType } from '../instrument/atomic-calls.ts';
import { type AtomicDoor, createAtomicDoor } from '../kernel/atomic-wait.ts';
import { Blocked, Exited, SnapshotWanted, type SystemCallResult, Trapped } from '../kernel/blocked.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Process } from '../kernel/process.ts';
import type { GuestNumber, Thread } from '../kernel/thread.ts';
import { createWasiPreview1, createWasiUnstable, createWvm } from '../kernel/wasi/front-door.ts';
import type { FuncType } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import { restoreInstance, saveInstance } from './capture.ts';
import type { CompiledModule } from './compile.ts';
import { restoreStack, saveStack } from './frames.ts';
import { type AtomicCalls, GuestInstance, type InstanceOptions, type Outcome, type RawStack } from './instance.ts';
import { LinearMemory } from './linear-memory.ts';
import type { MemoryPool } from './memory-pool.ts';
import type { ActivationState, InstanceState } from './state.ts';

/** Fuel between two looks at the world: about a millisecond of compiled code. */
export const FUEL_SLICE = 1_000_000;

/** Polls in a row after which a function counts as one long loop: some 20 ms. */
const LOOP_POLLS = 20;

export interface ProcessHooks {
  /** Asked at every poll; true unwinds the stack and ends the step. */
  wantsYield(): boolean;
  /** Asked before every host call; true stops the thread before the call is made. */
  stopsBeforeCall?(name: string): boolean;
  /** Told of every finished or parked host call. */
  trace?(module: string, name: string, args: readonly GuestNumber[], result: SystemCallResult): void;
  /** A module that cannot be captured waits here, without unwinding; false if it cannot wait for that. */
  waitInPlace(blocked: Blocked): boolean;
}

export interface ProcessOptions {
  readonly kernel: Kernel;
  readonly process: Process;
  readonly compiled: CompiledModule;
  readonly maxMemoryBytes: number;
  /** Stop after this much work. */
  readonly fuelLimit: bigint | undefined;
  /** FUEL_SLICE unless a test wants a poll at every safe point (0). */
  readonly fuelSlice: number;
  readonly hooks: ProcessHooks;
  readonly compileOptimised: InstanceOptions['compileOptimised'];
  readonly memoryPool?: MemoryPool;
}

export type Step =
  | { readonly kind: 'exited'; readonly status: number; readonly signal: number | undefined }
  | { readonly kind: 'trapped'; readonly error: Error }
  | { readonly kind: 'blocked' }
  | { readonly kind: 'yielded' }
  | { readonly kind: 'self-snapshot' }
  | { readonly kind: 'out-of-fuel' };

/** What a thread that does not run gets when it goes on. */
export type Pending = 'entry' | 'poll' | 'call' | 'self-snapshot';

interface ImportedCall {
  readonly module: string;
  readonly name: string;
  readonly type: FuncType;
  readonly run: (...args: GuestNumber[]) => SystemCallResult;
}

export class GuestProcess {
  readonly kernel: Kernel;
  readonly process: Process;
  readonly compiled: CompiledModule;
  readonly instance: GuestInstance;
  readonly #options: ProcessOptions;
  readonly #imports: readonly ImportedCall[];
  /** Calls that the instrumenter has made of instructions. */
  readonly #atomics: readonly ImportedCall[];
  readonly #thread: Thread;

  /** Functions still to be called when the present activation returns: the start function, then `_start`. */
  #entries: number[] = [];
  #stack: RawStack | undefined;
  #pending: Pending = 'entry';
  /** Why the stack was unwound, while it is. */
  #stop: Step | { readonly kind: 'replaced' } | undefined;
  /** Id that the guest's own snapshot got; 0 in a resumed copy. */
  #snapshotId = 0;
  /** The function that polled last, and how many polls in a row came from it. */
  #pollFunction = -1;
  #pollsInFunction = 0;
  /** Functions whose frame was once replaced by an optimised continuation while it looped. */
  readonly #replaced = new Set<number>();
  /** All fuel ever given; less what the instance still has, it is what was used. */
  #granted = 0n;

  constructor(options: ProcessOptions, state?: InstanceState) {
    this.kernel = options.kernel;
    this.process = options.process;
    this.compiled = options.compiled;
    this.#options = options;
    this.#thread = options.process.mainThread;
    this.#imports = resolveImports(options);
    this.#atomics = this.#atomicCalls();
    const instanceOptions: InstanceOptions = {
      maxMemoryBytes: options.maxMemoryBytes,
      importFunction: (index) => this.#bind(this.#imports[index]!) as (...args: never[]) => unknown,
      poll: (site) => this.#poll(site),
      atomics: this.#bindAtomics(),
      compileOptimised: options.compileOptimised,
      ...(options.memoryPool === undefined ? {} : { memoryPool: options.memoryPool }),
    };
    this.instance =
      state === undefined
        ? new GuestInstance(options.compiled, instanceOptions)
        : restoreInstance(options.compiled, state, instanceOptions);
    const memory = this.#guestMemory();
    if (memory !== undefined) this.process.memory = new LinearMemory(memory);
    if (state === undefined) this.#begin();
  }

  /** Fuel used since the machine was first started. */
  get fuelUsed(): bigint {
    return this.#granted - BigInt(this.compiled.map === undefined ? 0 : this.instance.fuel);
  }

  get memoryBytes(): number {
    return this.instance.memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
  }

  get pending(): Pending {
    return this.#pending;
  }

  get thread(): Thread {
    return this.#thread;
  }

  /** True if the thread stands at a place that an image can hold. */
  get isCapturable(): boolean {
    return this.#pending !== 'entry';
  }

  /** Runs the thread until something stops it. */
  step(): Step {
    this.kernel.current = this.#thread;
    for (;;) {
      const outcome = this.#advance();
      if (outcome === undefined) return { kind: 'blocked' };
      if ('exit' in outcome) return outcome.exit;
      this.#stack = undefined;
      switch (outcome.kind) {
        case 'returned':
          this.#pending = 'entry';
          if (this.#entries.length === 0) return { kind: 'exited', status: 0, signal: undefined };
          continue;
        case 'trapped':
          return { kind: 'trapped', error: outcome.error };
        case 'suspended': {
          this.#stack = outcome.stack;
          const stop = this.#stop!;
          this.#stop = undefined;
          if (stop.kind === 'replaced') continue;
          if (stop.kind === 'exited' || stop.kind === 'trapped') this.#stack = undefined;
          return stop;
        }
      }
    }
  }

  /** Delivers the id of the snapshot that the guest asked for. */
  answerSnapshot(id: number): void {
    this.#snapshotId = id;
  }

  /** Everything of this process but its memories' contents and the kernel's part. */
  save(): { instance: InstanceState; activation: ActivationState; fuelLeft: number; entries: readonly number[] } {
    const { map, original, hash } = this.compiled;
    if (map === undefined) {
      throw new WvmError(
        'WVM_SNAPSHOT_UNSUPPORTED',
        `the module uses ${original.uncapturable.join(', ')}, whose state cannot be captured`,
        { hint: 'the program goes on; build it without that proposal to be able to save it' },
      );
    }
    const activation = this.#stack === undefined ? { frames: [] } : saveStack(this.instance, map, this.#stack);
    return {
      instance: saveInstance(this.instance, hash),
      activation,
      fuelLeft: this.instance.fuel,
      entries: [...this.#entries],
    };
  }

  /** Puts the thread where an image had it. Throws WVM_IMAGE_BAD_FRAME. */
  restoreThread(
    activation: ActivationState,
    pending: Pending,
    fuelLeft: number,
    fuelUsed: bigint,
    entries: readonly number[],
  ): void {
    const where = `process ${this.process.pid}, thread ${this.#thread.tid}`;
    const bad = (what: string): never => {
      throw new WvmError('WVM_IMAGE_BAD_FRAME', `${where}: ${what}`);
    };
    const innermost = activation.frames[activation.frames.length - 1];
    if (pending === 'poll' && innermost?.kind !== 'poll') bad('it waits at a poll, but its frames do not end in one');
    if (pending === 'call' || pending === 'self-snapshot') {
      if (innermost !== undefined && innermost.kind !== 'call') bad('it is in a host call, but its frames are not');
      if (pending === 'call' && this.#thread.call === undefined) bad('it is in a host call, but no call is saved');
      const call =
        pending === 'call' ? this.#thread.call! : { module: 'wvm', name: 'snapshot', args: [] as GuestNumber[] };
      const imported = this.#callNamed(call.module, call.name);
      if (imported === undefined) bad(`its module does not import ${call.module}.${call.name}`);
      if (imported!.type.params.length !== call.args.length)
        bad(`${call.name} does not take ${call.args.length} values`);
    }
    if (pending === 'entry' && activation.frames.length > 0) bad('it is between two functions, but has frames');
    const legal = this.#entryFunctions();
    if (entries.length > legal.length || entries.some((f, k) => f !== legal[legal.length - entries.length + k])) {
      bad('the functions it has still to call are not those of its module');
    }
    if (fuelLeft > FUEL_SLICE || fuelLeft < -(2 ** 31)) bad(`${fuelLeft} is no rest of a slice of fuel`);
    if (activation.frames.length > 0) {
      // What runs was called as an entry function, or in tail position by one.
      const entry = legal[legal.length - entries.length - 1];
      if (entry === undefined) bad('it has frames, but all functions are still to be called');
      const { results } = this.compiled.original.types[this.compiled.original.functionTypes[entry!]!]!;
      this.#stack = restoreStack(this.instance, this.compiled.map!, activation, where, results);
    }
    this.#pending = pending;
    this.#entries = [...entries];
    this.instance.fuel = fuelLeft;
    this.#granted = fuelUsed + BigInt(fuelLeft);
  }

  #begin(): void {
    this.#entries = this.#entryFunctions();
    this.instance.initialize();
    if (this.compiled.map !== undefined) this.#grant(0);
  }

  #entryFunctions(): number[] {
    const { original, map } = this.compiled;
    const main = original.exports.find((entry) => entry.kind === 'func' && entry.name === '_start');
    if (main === undefined) {
      throw new WvmError('WVM_MODULE_UNSUPPORTED', 'the module exports no function _start: it is no WASI command', {
        hint: 'a library can be used through the TypeScript API; a program is linked without -mexec-model=reactor',
      });
    }
    // V8 runs the start section of a module that is not instrumented.
    return original.start === undefined || map === undefined ? [main.index] : [original.start, main.index];
  }

  #guestMemory(): WebAssembly.Memory | undefined {
    const exported = this.compiled.original.exports.find((e) => e.kind === 'memory' && e.name === 'memory');
    if (this.compiled.map === undefined && exported !== undefined) {
      return this.instance.exports['memory'] as WebAssembly.Memory;
    }
    return this.instance.memories[exported?.index ?? 0];
  }

  /** One go: a call finished or tried again, a stack resumed, a function entered. Undefined: still blocked. */
  #advance(): Outcome | { readonly exit: Step } | undefined {
    switch (this.#pending) {
      case 'entry': {
        const entry = this.#entries.shift();
        // An image of a program that has returned from its last function: it ends again.
        if (entry === undefined) return { exit: { kind: 'exited', status: 0, signal: undefined } };
        return this.instance.call(entry, []);
      }
      case 'poll':
        return this.instance.resume(this.#takeStack(), undefined);
      case 'self-snapshot': {
        const id = this.#snapshotId;
        this.#snapshotId = 0;
        return this.#deliver(id);
      }
      case 'call': {
        const { module, name, args } = this.#thread.call!;
        const imported = this.#callNamed(module, name)!;
        const result = imported.run(...args);
        this.#options.hooks.trace?.(module, name, args, result);
        if (result instanceof Blocked) {
          this.#thread.block(module, name, args, result);
          return undefined;
        }
        this.#thread.unblock();
        if (result instanceof Exited) {
          this.#stack = undefined;
          return { exit: { kind: 'exited', status: result.status, signal: result.signal } };
        }
        if (result instanceof Trapped) {
          this.#stack = undefined;
          return { exit: trapped(result) };
        }
        if (result instanceof SnapshotWanted) {
          this.#pending = 'self-snapshot';
          return { exit: { kind: 'self-snapshot' } };
        }
        return this.#deliver(result);
      }
    }
  }

  /** Resumes the stack with the result of the host call in its innermost frame. */
  #deliver(result: number): Outcome {
    // A host function called in tail position has no frame below it if it was the entry itself.
    if (this.#stack === undefined) return { kind: 'returned', values: [] };
    const stack = this.#takeStack();
    return this.instance.resume(stack, this.#resultOf(stack, result));
  }

  #resultOf(stack: RawStack, result: number): readonly number[] {
    const sites = this.instance.sitesOf(stack);
    const site = sites[sites.length - 1]!;
    const plan = this.compiled.map!.plan(this.compiled.map!.functionOfSite(site));
    return plan.analysis.sites[site - plan.firstSite]!.results.length === 0 ? [] : [result];
  }

  #takeStack(): RawStack {
    const stack = this.#stack!;
    this.#stack = undefined;
    return stack;
  }

  /** 'replaced': the innermost frame goes on at once, in optimised code. */
  #unwind(stop: Step | { readonly kind: 'replaced' }, pending: Pending): never {
    this.#stop = stop;
    this.#pending = pending;
    throw this.instance.unwind;
  }

  #poll(site: number): void {
    const { fuelLimit, hooks } = this.#options;
    if (fuelLimit !== undefined && this.fuelUsed >= fuelLimit) this.#unwind({ kind: 'out-of-fuel' }, 'poll');
    this.#grant(this.instance.fuel);
    if (hooks.wantsYield()) this.#unwind({ kind: 'yielded' }, 'poll');
    if (this.#staysInLoop(site)) this.#unwind({ kind: 'replaced' }, 'poll');
  }

  /** True, once per function, if all polls for a while came from one function that only loops. */
  #staysInLoop(site: number): boolean {
    const { map } = this.compiled;
    const functionIndex = map!.functionOfSite(site);
    if (functionIndex !== this.#pollFunction) {
      this.#pollFunction = functionIndex;
      this.#pollsInFunction = 0;
      return false;
    }
    if (++this.#pollsInFunction !== LOOP_POLLS || this.#replaced.has(functionIndex)) return false;
    if (!this.instance.isQuietLoop(site)) {
      this.#pollsInFunction = 0;
      return false;
    }
    this.#replaced.add(functionIndex);
    return true;
  }

  /** Gives the guest its next slice; `left` is what it has (less than nothing, at a poll). */
  #grant(left: number): void {
    const { fuelSlice, fuelLimit } = this.#options;
    let grant = Math.max(fuelSlice, -left);
    if (fuelLimit !== undefined) {
      const rest = fuelLimit - this.fuelUsed;
      if (rest < BigInt(grant)) grant = Math.max(Number(rest), -left);
    }
    this.#granted += BigInt(grant);
    this.instance.fuel = left + grant;
  }

  /** The function that the module imports for a system call. */
  #bind(imported: ImportedCall): (...args: GuestNumber[]) => GuestNumber | undefined {
    const { run } = imported;
    const { hooks } = this.#options;
    const stopsBeforeCall = hooks.stopsBeforeCall?.bind(hooks);
    if (hooks.trace !== undefined || stopsBeforeCall !== undefined) {
      return (...args) => {
        if (stopsBeforeCall?.(imported.name) === true && this.compiled.map !== undefined) {
          this.#thread.block(imported.module, imported.name, args, new Blocked([]));
          this.#unwind({ kind: 'yielded' }, 'call');
        }
        const result = run(...args);
        hooks.trace?.(imported.module, imported.name, args, result);
        return typeof result === 'number' ? result : this.#interrupted(imported, args, result);
      };
    }
    // One closure per arity: rest parameters would make an array for every call.
    switch (imported.type.params.length) {
      case 1:
        return (a) => {
          const result = run(a!);
          return typeof result === 'number' ? result : this.#interrupted(imported, [a!], result);
        };
      case 2:
        return (a, b) => {
          const result = run(a!, b!);
          return typeof result === 'number' ? result : this.#interrupted(imported, [a!, b!], result);
        };
      case 3:
        return (a, b, c) => {
          const result = run(a!, b!, c!);
          return typeof result === 'number' ? result : this.#interrupted(imported, [a!, b!, c!], result);
        };
      case 4:
        return (a, b, c, d) => {
          const result = run(a!, b!, c!, d!);
          return typeof result === 'number' ? result : this.#interrupted(imported, [a!, b!, c!, d!], result);
        };
      default:
        return (...args) => {
          const result = run(...args);
          return typeof result === 'number' ? result : this.#interrupted(imported, args, result);
        };
    }
  }

  /** A call that has no result now. */
  #interrupted(
    imported: ImportedCall,
    args: readonly GuestNumber[],
    result: Blocked | Exited | Trapped | SnapshotWanted,
  ): GuestNumber | undefined {
    if (result instanceof Exited) {
      return this.#unwind({ kind: 'exited', status: result.status, signal: result.signal }, 'call');
    }
    if (result instanceof Trapped) return this.#unwind(trapped(result), 'call');
    if (this.compiled.map === undefined) return this.#inPlace(imported, args, result);
    if (result instanceof SnapshotWanted) return this.#unwind({ kind: 'self-snapshot' }, 'self-snapshot');
    this.#thread.block(imported.module, imported.name, args, result);
    return this.#unwind({ kind: 'blocked' }, 'call');
  }

  /** A module that cannot be unwound waits where it is. */
  #inPlace(
    imported: ImportedCall,
    args: readonly GuestNumber[],
    first: Blocked | SnapshotWanted,
  ): GuestNumber | undefined {
    let result: SystemCallResult = first;
    while (result instanceof Blocked) {
      this.#thread.block(imported.module, imported.name, args, result);
      if (!this.#options.hooks.waitInPlace(result)) {
        throw new WvmError(
          'WVM_MODULE_UNSUPPORTED',
          `${imported.name} must wait for input, and a module that uses ` +
            `${this.compiled.original.uncapturable.join(', ')} cannot be parked`,
        );
      }
      result = imported.run(...args);
    }
    this.#thread.unblock();
    if (result instanceof Exited) {
      return this.#unwind({ kind: 'exited', status: result.status, signal: result.signal }, 'call');
    }
    if (result instanceof Trapped) return this.#unwind(trapped(result), 'call');
    return result instanceof SnapshotWanted ? 0 : result;
  }

  #callNamed(module: string, name: string): ImportedCall | undefined {
    const isIt = (call: ImportedCall): boolean => call.module === module && call.name === name;
    return this.#imports.find(isIt) ?? this.#atomics.find(isIt);
  }

  #atomicCalls(): ImportedCall[] {
    const view = (memory: number): DataView => new DataView(this.instance.memories[memory]!.buffer);
    const door = createAtomicDoor(this.kernel, {
      load32: (memory, address) => view(memory).getInt32(Number(address), true),
      load64: (memory, address) => view(memory).getBigInt64(Number(address), true),
    });
    const call = (name: keyof AtomicDoor, opcode: number): ImportedCall => ({
      module: 'wvm',
      name,
      type: atomicSlotType(opcode),
      run: door[name] as ImportedCall['run'],
    });
    return [
      call('atomic.wait32', Op.memory_atomic_wait32),
      call('atomic.wait64', Op.memory_atomic_wait64),
      call('atomic.notify', Op.memory_atomic_notify),
    ];
  }

  #bindAtomics(): AtomicCalls {
    const [wait32, wait64, notify] = this.#atomics.map((call) => this.#bind(call));
    return { wait32: wait32!, wait64: wait64!, notify: notify! };
  }
}

/** A call that trapped, as the engine reports one; its stack is that of the call. */
function trapped(result: Trapped): Step {
  return { kind: 'trapped', error: new WebAssembly.RuntimeError(result.message) };
}

/** Finds every function that the module imports; one error names all that are missing. */
function resolveImports(options: ProcessOptions): ImportedCall[] {
  const { kernel, process, compiled } = options;
  const doors: Record<string, Record<string, (...args: never[]) => SystemCallResult>> = {
    wasi_snapshot_preview1: createWasiPreview1(kernel, process),
    wasi_unstable: createWasiUnstable(kernel, process),
    wvm: createWvm(),
  };
  const missing: string[] = [];
  const imports: ImportedCall[] = [];
  for (const entry of compiled.original.imports) {
    if (entry.kind !== 'func') continue;
    const type = compiled.original.types[entry.typeIndex]!;
    const run = doors[entry.module]?.[entry.name];
    if (run === undefined || !Object.hasOwn(doors[entry.module]!, entry.name)) {
      missing.push(`${entry.module}.${entry.name}`);
      continue;
    }
    checkSignature(entry.module as keyof typeof SIGNATURES, entry.name, type);
    imports.push({
      module: entry.module,
      name: entry.name,
      type,
      run: run as (...args: GuestNumber[]) => SystemCallResult,
    });
  }
  if (missing.length > 0) {
    throw new WvmError('WVM_IMPORT_UNKNOWN', `the module imports what wvm does not provide: ${missing.join(', ')}`, {
      hint: 'wvm provides wasi_snapshot_preview1 and wasi_unstable; modules made for a browser need their own glue',
    });
  }
  return imports;
}

const TYPE_NAME: Readonly<Record<number, string>> = { 127: 'i32', 126: 'i64', 125: 'f32', 124: 'f64' };

const SIGNATURES = {
  wasi_snapshot_preview1: WASI_PREVIEW1_FUNCTIONS,
  wasi_unstable: WASI_UNSTABLE_FUNCTIONS,
  wvm: WVM_FUNCTIONS,
} as const;

function checkSignature(module: keyof typeof SIGNATURES, name: string, type: FuncType): void {
  const { params, results } = SIGNATURES[module][name]!;
  const actual = { params: type.params.map((t) => TYPE_NAME[t]), results: type.results.map((t) => TYPE_NAME[t]) };
  if (actual.params.join() !== params.join() || actual.results.join() !== results.join()) {
    throw new WvmError(
      'WVM_IMPORT_UNKNOWN',
      `the module imports ${module}.${name} as (${actual.params}) -> (${actual.results}), ` +
        `but it is (${params}) -> (${results})`,
    );
  }
}
