// One guest process on its engine: an instance of its program, whose memory is the process's, and its threads. The threads
// share the instance; each has its own mutable globals, which are put into it when the thread runs.

import type { Tid } from '../base/ids.ts';
import { WvmError } from '../base/wvm-error.ts';
import type { ModuleMap } from '../instrument/module-map.ts';
import { Completed, type SystemCallResult } from '../kernel/blocked.ts';
import type { Process } from '../kernel/process.ts';
import type { GuestNumber, Thread } from '../kernel/thread.ts';
import { createDoors, type Doors } from '../kernel/wasix/front-door.ts';
import { decodeConst } from '../wasm/const-expr.ts';
import { type FuncType, ValType } from '../wasm/module.ts';
import { globalNames } from '../wasm/names.ts';
import { becomeCopy, restoreInstance, saveGlobals, saveInstance, valueOfGlobal } from './capture.ts';
import type { CompiledModule } from './compile.ts';
import { atomicCalls, findImports, type ImportedCall, spawnsThreads } from './guest-imports.ts';
import { GuestThread } from './guest-thread.ts';
import { GuestInstance, type InstanceOptions } from './instance.ts';
import { LinearMemory } from './linear-memory.ts';
import type { WasmPageScanner } from './page-scanner.ts';
import type { StackArea } from './stack-area.ts';
import type { EntryState, InstanceState, ThreadState, ValueState } from './state.ts';

/** What a call that has no result now needs: the machine carries it out, or unwinds. */
type Interrupted = Exclude<SystemCallResult, number>;

/** What a process needs of the machine that it runs in. */
export interface ProcessHost {
  readonly maxMemoryBytes: number;
  readonly compileOptimised: InstanceOptions['compileOptimised'];
  readonly memoryPool: InstanceOptions['memoryPool'];
  readonly stackArea: StackArea;
  /** Counted down by host calls; at 0 the machine looks at the time. */
  readonly pace: { left: number };
  /** Asked before every host call; true stops the thread before the call is made. */
  readonly stopsBeforeCall: ((process: Process, name: string) => boolean) | undefined;
  /** Told of every finished or parked host call. */
  readonly trace: ProcessTrace | undefined;
  /** True: the stack is to unwind. */
  poll(process: GuestProcess, site: number): boolean;
  /** The value that the call has after all; undefined: the stack is to unwind. */
  interrupted(
    process: GuestProcess,
    call: ImportedCall,
    args: readonly GuestNumber[],
    result: Interrupted,
  ): number | undefined;
  /** Unwinds before the call is made. */
  holdBack(process: GuestProcess, call: ImportedCall, args: readonly GuestNumber[]): void;
}

export type ProcessTrace = (
  process: Process,
  module: string,
  name: string,
  args: readonly GuestNumber[],
  result: SystemCallResult,
) => void;

export class GuestProcess {
  /** Another one when the instance is used again, for a child of the same program. */
  process: Process;
  readonly compiled: CompiledModule;
  readonly instance: GuestInstance;
  readonly threads: Map<Thread, GuestThread> = new Map();
  /** What the machine has counted of its memory. */
  countedBytes = 0;
  readonly #host: ProcessHost;
  readonly #doors: Doors;
  readonly #imports: readonly ImportedCall[];
  /** Calls that the instrumenter has made of instructions. */
  readonly #atomics: readonly ImportedCall[];
  /** Whose globals are in the instance. */
  #loaded: GuestThread | undefined;
  /** What a new thread begins with. */
  readonly #initialGlobals: readonly unknown[] | undefined;
  readonly #stackPointer: number | undefined;
  /** The one that system calls mean. */
  readonly #memory: WebAssembly.Memory | undefined;

  constructor(host: ProcessHost, process: Process, compiled: CompiledModule, state?: InstanceState) {
    this.#host = host;
    this.process = process;
    this.compiled = compiled;
    const { original } = compiled;
    this.#doors = createDoors(process.kernel, process);
    this.#imports = findImports(this.#doors, original);
    const view = (index: number): DataView =>
      this.instance.memories[index] === this.#memory
        ? this.process.memory.view
        : new DataView(this.instance.memories[index]!.buffer);
    this.#atomics = atomicCalls(process.kernel, {
      load32: (memory, address) => view(memory).getInt32(Number(address), true),
      load64: (memory, address) => view(memory).getBigInt64(Number(address), true),
    });
    const [wait32, wait64, notify] = this.#atomics.map((call) => this.#bind(call));
    const options: InstanceOptions = {
      maxMemoryBytes: host.maxMemoryBytes,
      importFunction: (index) => this.#bind(this.#imports[index]!) as (...args: never[]) => unknown,
      poll: (site) => host.poll(this, site),
      atomics: { wait32: wait32!, wait64: wait64!, notify: notify! },
      compileOptimised: host.compileOptimised,
      ...(host.memoryPool === undefined ? {} : { memoryPool: host.memoryPool }),
      stackArea: host.stackArea,
    };
    const initial = (instance: GuestInstance): readonly unknown[] | undefined =>
      spawnsThreads(original) && compiled.map !== undefined ? instance.mutableGlobals.values() : undefined;
    if (state === undefined) {
      this.instance = new GuestInstance(compiled, options);
      this.#initialGlobals = initial(this.instance);
    } else {
      let globals: readonly unknown[] | undefined;
      this.instance = restoreInstance(compiled, state, options, `process ${process.pid}`, (instance) => {
        globals = initial(instance);
      });
      this.#initialGlobals = globals;
    }
    this.#stackPointer = stackPointerOf(compiled);
    this.#memory = this.#guestMemory();
    this.#lendMemory();
  }

  /** Of a module that can be captured. Throws WVM_SNAPSHOT_UNSUPPORTED. */
  get map(): ModuleMap {
    const { map, original } = this.compiled;
    if (map !== undefined) return map;
    throw new WvmError(
      'WVM_SNAPSHOT_UNSUPPORTED',
      `the module uses ${original.uncapturable.join(', ')}, whose state cannot be captured`,
      { hint: 'the program goes on; build it without that proposal to be able to save it' },
    );
  }

  get isCapturable(): boolean {
    return this.compiled.map !== undefined;
  }

  get memoryBytes(): number {
    return this.instance.memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
  }

  /** C's stack pointer, if the module is known to have one. */
  get stackPointer(): number | undefined {
    return this.#stackPointer === undefined ? undefined : (this.instance.global(this.#stackPointer).value as number);
  }

  set stackPointer(value: number) {
    if (this.#stackPointer !== undefined) this.instance.global(this.#stackPointer).value = value;
  }

  /** The program begins: its segments are written, its main thread is to call the start function and `_start`. */
  start(thread: Thread): GuestThread {
    const { original, map } = this.compiled;
    const main = this.exportedFunction('_start');
    if (main === undefined) {
      throw new WvmError('WVM_MODULE_UNSUPPORTED', 'the module exports no function _start: it is no WASI command', {
        hint: 'a library can be used through the TypeScript API; a program is linked without -mexec-model=reactor',
      });
    }
    this.instance.initialize();
    // V8 runs the start section of a module that is not instrumented.
    const start =
      original.start === undefined || map === undefined ? [] : [{ functionIndex: original.start, args: [] }];
    return this.#add(new GuestThread(thread, this, [...start, { functionIndex: main, args: [] }]));
  }

  /** A new thread, as if it had instantiated the module for itself over the same memory. */
  spawn(thread: Thread, entry: EntryState): GuestThread {
    const { start } = this.compiled.original;
    const before = start === undefined ? [] : [{ functionIndex: start, args: [] }];
    const spawned = new GuestThread(thread, this, [...before, entry]);
    spawned.globals = this.#initialGlobals;
    return this.#add(spawned);
  }

  /**
   * Another process with the same memory, globals and tables; `thread` stands where `from` stands. `spare`: a process of the same
   * program that has ended, whose instance may be used.
   */
  fork(
    process: Process,
    from: GuestThread,
    thread: Thread,
    spare: GuestProcess | undefined,
  ): { child: GuestProcess; thread: GuestThread } {
    this.load(from);
    const isReused = spare?.become(process, this.instance) === true;
    const child = isReused
      ? spare
      : new GuestProcess(this.#host, process, this.compiled, saveInstance(this.instance, this.compiled.hash));
    for (const [index, memory] of this.instance.memories.entries()) {
      copyMemory(memory, child.instance.memories[index]!, isReused, this.#host.memoryPool?.scanner);
    }
    const copy = from.copyTo(child, thread);
    child.#loaded = child.#add(copy);
    return { child, thread: copy };
  }

  /** The instance is another process's from now on, whose memory is still to be filled; false: it cannot be. */
  become(process: Process, model: GuestInstance): boolean {
    if (!becomeCopy(this.instance, model)) return false;
    this.process = process;
    this.#doors.changeOwner(process);
    this.threads.clear();
    this.#loaded = undefined;
    this.#lendMemory();
    return true;
  }

  /** Puts the thread's globals into the instance. */
  load(thread: GuestThread): void {
    if (this.#loaded === thread) return;
    if (this.#loaded !== undefined) this.#loaded.globals = this.instance.mutableGlobals.values();
    if (thread.globals !== undefined) this.instance.mutableGlobals.setValues(thread.globals);
    thread.globals = undefined;
    this.#loaded = thread;
  }

  remove(thread: Thread): void {
    if (this.#loaded?.thread === thread) this.#loaded = undefined;
    this.threads.delete(thread);
  }

  exportedFunction(name: string): number | undefined {
    return this.compiled.original.exports.find((e) => e.kind === 'func' && e.name === name)?.index;
  }

  /** Index of the function at `entry` of the table through which C calls function pointers. */
  functionInTable(entry: number): number | undefined {
    const { original } = this.compiled;
    const exported = original.exports.find(({ kind, name }) => kind === 'table' && name === FUNCTION_TABLE);
    const table = this.instance.tables[exported?.index ?? 0];
    if (table === undefined || entry >= Number(table.length)) return undefined;
    return this.instance.functionIndexOf(table.get(typeof table.length === 'bigint' ? BigInt(entry) : entry));
  }

  callNamed(module: string, name: string): ImportedCall | undefined {
    const isIt = (call: ImportedCall): boolean => call.module === module && call.name === name;
    return this.#imports.find(isIt) ?? this.#atomics.find(isIt);
  }

  importType(module: string, name: string): FuncType | undefined {
    return this.callNamed(module, name)?.type;
  }

  /** Everything but the contents of the memories. Throws WVM_SNAPSHOT_UNSUPPORTED. */
  save(): { instance: InstanceState; threads: readonly ThreadState[] } {
    // Says what cannot be captured before anything is touched.
    void this.map;
    const threads = [...this.threads.values()].sort((a, b) => a.thread.tid - b.thread.tid);
    const [first] = threads;
    return {
      instance: saveInstance(
        this.instance,
        this.compiled.hash,
        first === undefined ? undefined : this.globalsOf(first),
      ),
      threads: threads.map((thread) => {
        return thread.save(thread === first ? null : saveGlobals(this.instance, this.globalsOf(thread)));
      }),
    };
  }

  /** Values of the thread's mutable globals. */
  globalsOf(thread: GuestThread): readonly unknown[] {
    return thread.globals ?? this.instance.mutableGlobals.values();
  }

  /** Puts the threads where an image had them. Throws WVM_IMAGE_BAD_FRAME, WVM_IMAGE_BAD_RECORD. */
  restoreThreads(states: readonly ThreadState[]): void {
    this.process.kernel.futexes.checkAddresses(this.process);
    for (const [index, state] of states.entries()) {
      const thread = this.process.threads.get(state.tid as Tid);
      if (thread === undefined || (state.globals === null) !== (index === 0)) {
        throw new WvmError(
          'WVM_IMAGE_BAD_FRAME',
          `process ${this.process.pid}, thread ${state.tid}: does not fit the kernel's`,
        );
      }
      const restored = this.#add(GuestThread.restore(this, thread, state));
      if (index === 0) this.#loaded = restored;
    }
    if (this.threads.size !== this.process.threads.size) {
      throw new WvmError('WVM_IMAGE_BAD_FRAME', `process ${this.process.pid}: a thread has no stack`);
    }
  }

  /** Values for MutableGlobals.setValues(); throws WVM_IMAGE_BAD_RECORD if they do not fit the module. */
  restoreGlobals(states: readonly (ValueState | null)[], where: string): readonly unknown[] {
    const { allGlobals } = this.instance.module;
    const bad = (what: string): never => {
      throw new WvmError('WVM_IMAGE_BAD_RECORD', `${where}: ${what}`);
    };
    if (states.length !== allGlobals.length) bad(`${states.length} globals`);
    const values: unknown[] = [];
    for (const [index, type] of allGlobals.entries()) {
      const state = states[index]!;
      if ((state === null) === type.mutable) bad(`global ${index} is ${type.mutable ? 'missing' : 'immutable'}`);
      if (state !== null) values.push(valueOfGlobal(this.instance, type, index, state, bad));
    }
    return values;
  }

  #add(thread: GuestThread): GuestThread {
    this.threads.set(thread.thread, thread);
    return thread;
  }

  #guestMemory(): WebAssembly.Memory | undefined {
    const exported = this.compiled.original.exports.find((e) => e.kind === 'memory' && e.name === 'memory');
    if (this.compiled.map === undefined && exported !== undefined) {
      return this.instance.exports['memory'] as WebAssembly.Memory;
    }
    return this.instance.memories[exported?.index ?? 0];
  }

  #lendMemory(): void {
    const memory = this.#memory;
    if (memory === undefined) return;
    const marks = this.instance.marks?.memories[this.instance.memories.indexOf(memory)];
    this.process.memory = new LinearMemory(memory, marks);
  }

  /** Throws if the stack is to unwind. What the machine does is not in here: V8 never optimises a function that ends by throwing. */
  #interrupted(imported: ImportedCall, args: readonly GuestNumber[], result: SystemCallResult): number {
    const wanted = typeof result === 'number' ? new Completed(result) : result;
    const value = this.#host.interrupted(this, imported, args, wanted);
    if (value === undefined) throw this.instance.unwind;
    return value;
  }

  /** The function that the module imports for a system call. */
  #bind(imported: ImportedCall): (...args: GuestNumber[]) => GuestNumber | undefined {
    const { run } = imported;
    const host = this.#host;
    const { pace, stopsBeforeCall, trace } = host;
    const { kernel } = this.process;
    const { ahead } = kernel.scheduler;
    // A call that has made a thread of a higher rank ready returns when that has run; now and then one is held up to see the time.
    const goesOn = (result: SystemCallResult): result is number =>
      typeof result === 'number' && (ahead.length === 0 || ahead[0] === kernel.current) && --pace.left > 0;
    if (trace !== undefined || stopsBeforeCall !== undefined) {
      return (...args) => {
        if (stopsBeforeCall?.(this.process, imported.name) === true && this.compiled.map !== undefined) {
          host.holdBack(this, imported, args);
          throw this.instance.unwind;
        }
        const result = run(...args);
        trace?.(this.process, imported.module, imported.name, args, result);
        return goesOn(result) ? result : this.#interrupted(imported, args, result);
      };
    }
    // One closure per arity: rest parameters would make an array for every call.
    switch (imported.type.params.length) {
      case 1:
        return (a) => {
          const result = run(a!);
          return goesOn(result) ? result : this.#interrupted(imported, [a!], result);
        };
      case 2:
        return (a, b) => {
          const result = run(a!, b!);
          return goesOn(result) ? result : this.#interrupted(imported, [a!, b!], result);
        };
      case 3:
        return (a, b, c) => {
          const result = run(a!, b!, c!);
          return goesOn(result) ? result : this.#interrupted(imported, [a!, b!, c!], result);
        };
      case 4:
        return (a, b, c, d) => {
          const result = run(a!, b!, c!, d!);
          return goesOn(result) ? result : this.#interrupted(imported, [a!, b!, c!, d!], result);
        };
      default:
        return (...args) => {
          const result = run(...args);
          return goesOn(result) ? result : this.#interrupted(imported, args, result);
        };
    }
  }
}

/** Of wasm-ld. */
const FUNCTION_TABLE = '__indirect_function_table';
/** Of clang's frames. */
const C_STACK_ALIGNMENT = 16;

/** Index of the global in which wasm-ld keeps C's stack pointer; undefined if there is no such global. */
function stackPointerOf({ original, map }: CompiledModule): number | undefined {
  if (map === undefined) return undefined;
  const isPointer = (index: number): boolean => {
    const type = original.allGlobals[index];
    return type?.mutable === true && type.type === ValType.i32;
  };
  const names = globalNames(original);
  for (const [index, name] of names) if (name === '__stack_pointer' && isPointer(index)) return index;
  const exported = original.exports.find(({ kind, name }) => kind === 'global' && name === '__stack_pointer');
  if (exported !== undefined) return isPointer(exported.index) ? exported.index : undefined;
  // Other compilers name their globals, too: the first may then be any variable of the program.
  if (names.size > 0) return undefined;
  // Stripped: wasm-ld puts it first, and it begins at the aligned end of the stack.
  if (!isPointer(0) || original.importedGlobalCount > 0) return undefined;
  const initial = decodeConst(original, original.globals[0]!.init);
  return initial.kind === 'i32' && initial.value > 0 && initial.value % C_STACK_ALIGNMENT === 0 ? 0 : undefined;
}

/** `isUsed`: the memory holds something; else only what is not zero is copied. */
function copyMemory(
  from: WebAssembly.Memory,
  to: WebAssembly.Memory,
  isUsed: boolean,
  scanner: WasmPageScanner | undefined,
): void {
  const bytes = new Uint8Array(from.buffer);
  const target = new Uint8Array(to.buffer);
  if (scanner === undefined || (isUsed && bytes.length <= COPIED_WHOLE_BYTES)) {
    target.set(bytes);
    return;
  }
  if (isUsed) clear({ bytes: target, memory: to }, scanner);
  const runs = scanner.nonZeroRuns({ bytes, memory: from });
  for (let i = 0; i < runs.length; i += 2) {
    const start = runs[i]! * PAGE_BYTES;
    target.set(bytes.subarray(start, start + runs[i + 1]! * PAGE_BYTES), start);
  }
}

function clear(used: { readonly bytes: Uint8Array; readonly memory: object }, scanner: WasmPageScanner): void {
  const runs = scanner.nonZeroRuns(used);
  for (let i = 0; i < runs.length; i += 2) {
    used.bytes.fill(0, runs[i]! * PAGE_BYTES, (runs[i]! + runs[i + 1]!) * PAGE_BYTES);
  }
}

const PAGE_BYTES = 4096;
/** To look for what is in it takes longer than to copy a memory of this size. */
const COPIED_WHOLE_BYTES: number = 2 << 20;
