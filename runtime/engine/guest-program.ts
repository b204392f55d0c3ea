// A program in a process: an instance whose imports are the system calls of the process, and whose memory is the process's. The
// threads of the process share it; each has its own mutable globals, which are put into it when the thread runs.

import { WvmError } from '../base/wvm-error.ts';
import type { ModuleMap } from '../instrument/module-map.ts';
import { Completed, type SystemCallResult } from '../kernel/blocked.ts';
import type { Process } from '../kernel/process.ts';
import type { GuestNumber } from '../kernel/thread.ts';
import { createDoors, type Doors } from '../kernel/wasix/front-door.ts';
import type { FuncType } from '../wasm/module.ts';
import { stackPointerOf } from './c-stack-pointer.ts';
import { becomeCopy, restoreInstance, saveInstance, valueOfGlobal } from './capture.ts';
import type { CompiledModule } from './compile.ts';
import { copyMemory } from './copy-memory.ts';
import { atomicCalls, findImports, type ImportedCall, spawnsThreads } from './guest-imports.ts';
import { type CallPort, importFunction } from './import-function.ts';
import { GuestInstance, type InstanceOptions } from './instance.ts';
import { LinearMemory } from './linear-memory.ts';
import type { StackArea } from './stack-area.ts';
import type { InstanceState, ValueState } from './state.ts';

/** What a call that has no result now needs: the machine carries it out, or unwinds. */
type Interrupted = Exclude<SystemCallResult, number>;

/** What a program needs of the machine that it runs in. */
export interface ProgramHost {
  readonly maxMemoryBytes: number;
  readonly memoryPool: InstanceOptions['memoryPool'];
  readonly stackArea: StackArea;
  readonly pace: CallPort['pace'];
  /** Asked before every host call; true stops the thread before the call is made. */
  readonly stopsBeforeCall: ((process: Process, name: string) => boolean) | undefined;
  /** Told of every finished or parked host call. */
  readonly trace: CallTrace | undefined;
  /** True: the stack is to unwind. */
  poll(program: GuestProgram, site: number): boolean;
  /** The value that the call has after all; undefined: the stack is to unwind. */
  interrupted(
    program: GuestProgram,
    call: ImportedCall,
    args: readonly GuestNumber[],
    result: Interrupted,
  ): number | undefined;
  /** Unwinds before the call is made. */
  holdBack(call: ImportedCall, args: readonly GuestNumber[]): void;
}

export type CallTrace = (
  process: Process,
  module: string,
  name: string,
  args: readonly GuestNumber[],
  result: SystemCallResult,
) => void;

/** A thread, as far as its program knows it. */
export interface GlobalsOwner {
  /** Values of the mutable globals while another thread of the process has its own in the instance. */
  globals: readonly unknown[] | undefined;
}

/** Of wasm-ld. */
const FUNCTION_TABLE = '__indirect_function_table';

export class GuestProgram {
  readonly compiled: CompiledModule;
  readonly instance: GuestInstance;
  /** What a new thread begins with; undefined if there are no new threads. */
  readonly initialGlobals: readonly unknown[] | undefined;
  readonly #host: ProgramHost;
  #process: Process;
  readonly #doors: Doors;
  readonly #imports: readonly ImportedCall[];
  /** Calls that the instrumenter has made of instructions. */
  readonly #atomics: readonly ImportedCall[];
  /** Whose globals are in the instance. */
  #loaded: GlobalsOwner | undefined;
  readonly #stackPointer: number | undefined;
  /** The one that system calls mean. */
  readonly #memory: WebAssembly.Memory | undefined;

  constructor(host: ProgramHost, process: Process, compiled: CompiledModule, state?: InstanceState) {
    this.#host = host;
    this.#process = process;
    this.compiled = compiled;
    const { original } = compiled;
    this.#doors = createDoors(process.kernel, process);
    this.#imports = findImports(this.#doors, original);
    const view = (index: number): DataView =>
      this.instance.memories[index] === this.#memory
        ? this.#process.memory.view
        : new DataView(this.instance.memories[index]!.buffer);
    this.#atomics = atomicCalls(process.kernel, {
      load32: (memory, address) => view(memory).getInt32(Number(address), true),
      load64: (memory, address) => view(memory).getBigInt64(Number(address), true),
    });
    const port = this.#callPort();
    const [wait32, wait64, notify] = this.#atomics.map((call) => importFunction(call, port));
    const options: InstanceOptions = {
      maxMemoryBytes: host.maxMemoryBytes,
      importFunction: (index) => importFunction(this.#imports[index]!, port) as (...args: never[]) => unknown,
      poll: (site) => host.poll(this, site),
      atomics: { wait32: wait32!, wait64: wait64!, notify: notify! },
      ...(host.memoryPool === undefined ? {} : { memoryPool: host.memoryPool }),
      stackArea: host.stackArea,
    };
    const initial = (instance: GuestInstance): readonly unknown[] | undefined =>
      spawnsThreads(original) && compiled.map !== undefined ? instance.mutableGlobals.values() : undefined;
    if (state === undefined) {
      this.instance = new GuestInstance(compiled, options);
      this.initialGlobals = initial(this.instance);
    } else {
      let globals: readonly unknown[] | undefined;
      this.instance = restoreInstance(compiled, state, options, `process ${process.pid}`, (instance) => {
        globals = initial(instance);
      });
      this.initialGlobals = globals;
    }
    this.#stackPointer = stackPointerOf(compiled);
    this.#memory = this.#guestMemory();
    this.#lendMemory();
  }

  /** Another one when the instance is used again, for a child of the same program. */
  get process(): Process {
    return this.#process;
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

  /**
   * The same program with the same memory, globals and tables, for another process. `spare`: what a process that has ended has
   * left of the same program, whose instance may be used.
   */
  copy(process: Process, spare: GuestProgram | undefined): GuestProgram {
    const reused = spare === undefined || !spare.#become(process, this.instance) ? undefined : spare;
    const copy =
      reused ?? new GuestProgram(this.#host, process, this.compiled, saveInstance(this.instance, this.compiled.hash));
    for (const [index, memory] of this.instance.memories.entries()) {
      copyMemory(memory, copy.instance.memories[index]!, reused !== undefined, this.#host.memoryPool?.scanner);
    }
    return copy;
  }

  /** The instance is another process's from now on, whose memory is still to be filled; false: it cannot be. */
  #become(process: Process, model: GuestInstance): boolean {
    if (!becomeCopy(this.instance, model)) return false;
    this.#process = process;
    this.#doors.changeOwner(process);
    this.#loaded = undefined;
    this.#lendMemory();
    return true;
  }

  /** Puts the thread's globals into the instance. */
  load(thread: GlobalsOwner): void {
    if (this.#loaded === thread) return;
    if (this.#loaded !== undefined) this.#loaded.globals = this.instance.mutableGlobals.values();
    if (thread.globals !== undefined) this.instance.mutableGlobals.setValues(thread.globals);
    thread.globals = undefined;
    this.#loaded = thread;
  }

  /** The thread has ended: nobody asks for its globals again. */
  unload(thread: GlobalsOwner): void {
    if (this.#loaded === thread) this.#loaded = undefined;
  }

  /** Values of the thread's mutable globals. */
  globalsOf(thread: GlobalsOwner): readonly unknown[] {
    return thread.globals ?? this.instance.mutableGlobals.values();
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

  /** A context begins with a function of the module's own that takes and returns nothing. */
  isContextEntry(functionIndex: number): boolean {
    const { original } = this.compiled;
    const typeIndex = original.functionTypes[functionIndex];
    if (typeIndex === undefined || functionIndex < original.importedFunctionCount) return false;
    const { params, results } = original.types[typeIndex]!;
    return params.length === 0 && results.length === 0;
  }

  callNamed(module: string, name: string): ImportedCall | undefined {
    const isIt = (call: ImportedCall): boolean => call.module === module && call.name === name;
    return this.#imports.find(isIt) ?? this.#atomics.find(isIt);
  }

  importType(module: string, name: string): FuncType | undefined {
    return this.callNamed(module, name)?.type;
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
    this.#process.memory = new LinearMemory(memory, marks);
  }

  #callPort(): CallPort {
    const host = this.#host;
    const { stopsBeforeCall, trace } = host;
    return {
      kernel: this.#process.kernel,
      pace: host.pace,
      finish: (call, args, result) => {
        const wanted = typeof result === 'number' ? new Completed(result) : result;
        const value = host.interrupted(this, call, args, wanted);
        if (value === undefined) throw this.instance.unwind;
        return value;
      },
      before:
        stopsBeforeCall === undefined
          ? undefined
          : (call, args) => {
              if (!stopsBeforeCall(this.#process, call.name) || this.compiled.map === undefined) return;
              host.holdBack(call, args);
              throw this.instance.unwind;
            },
      after:
        trace === undefined
          ? undefined
          : (call, args, result) => trace(this.#process, call.module, call.name, args, result),
    };
  }
}
