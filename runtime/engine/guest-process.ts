// One guest process on its engine: its program and its threads.

import type { Tid } from '../base/ids.ts';
import { WvmError } from '../base/wvm-error.ts';
import type { Process } from '../kernel/process.ts';
import type { Thread } from '../kernel/thread.ts';
import { saveGlobals, saveInstance } from './capture.ts';
import type { CompiledModule } from './compile.ts';
import type { GuestProgram } from './guest-program.ts';
import { GuestThread } from './guest-thread.ts';
import type { GuestInstance } from './instance.ts';
import type { EntryState, InstanceState, ThreadState } from './state.ts';

export class GuestProcess {
  readonly process: Process;
  readonly program: GuestProgram;
  readonly threads: Map<Thread, GuestThread> = new Map();

  /** The program is in the process already. */
  constructor(program: GuestProgram) {
    this.process = program.process;
    this.program = program;
  }

  get compiled(): CompiledModule {
    return this.program.compiled;
  }

  get instance(): GuestInstance {
    return this.program.instance;
  }

  get isCapturable(): boolean {
    return this.program.isCapturable;
  }

  get memoryBytes(): number {
    return this.program.memoryBytes;
  }

  /** The program begins: its segments are written, its main thread is to call the start function and `_start`. */
  start(thread: Thread): GuestThread {
    const { original, map } = this.compiled;
    const main = this.program.exportedFunction('_start');
    if (main === undefined) {
      throw new WvmError('WVM_MODULE_UNSUPPORTED', 'the module exports no function _start: it is no WASI command', {
        hint: 'a library can be used through the TypeScript API; a program is linked without -mexec-model=reactor',
      });
    }
    this.instance.initialize();
    // V8 runs the start section of a module that is not instrumented.
    const start =
      original.start === undefined || map === undefined ? [] : [{ functionIndex: original.start, args: [] }];
    return this.#add(new GuestThread(thread, this.program, [...start, { functionIndex: main, args: [] }]));
  }

  /** A new thread, as if it had instantiated the module for itself over the same memory. */
  spawn(thread: Thread, entry: EntryState): GuestThread {
    const { start } = this.compiled.original;
    const before = start === undefined ? [] : [{ functionIndex: start, args: [] }];
    const spawned = new GuestThread(thread, this.program, [...before, entry]);
    spawned.globals = this.program.initialGlobals;
    return this.#add(spawned);
  }

  /** Of a child, whose program is a copy of the one of `from`: a thread that stands where `from` stands, with its globals. */
  adoptCopy(from: GuestThread, thread: Thread): GuestThread {
    const copy = this.#add(from.copyTo(this.program, thread));
    this.program.load(copy);
    return copy;
  }

  remove(thread: Thread): void {
    const removed = this.threads.get(thread);
    if (removed !== undefined) this.program.unload(removed);
    this.threads.delete(thread);
  }

  /** Everything but the contents of the memories. Throws WVM_SNAPSHOT_UNSUPPORTED. */
  save(): { instance: InstanceState; threads: readonly ThreadState[] } {
    const { program, instance } = this;
    // Says what cannot be captured before anything is touched.
    void program.map;
    const threads = [...this.threads.values()].sort((a, b) => a.thread.tid - b.thread.tid);
    const [first] = threads;
    const globals = first === undefined ? undefined : program.globalsOf(first);
    return {
      instance: saveInstance(instance, this.compiled.hash, globals),
      threads: threads.map((thread) => {
        return thread.save(thread === first ? null : saveGlobals(instance, program.globalsOf(thread)));
      }),
    };
  }

  /** Puts the threads where an image had them. Throws WVM_IMAGE_BAD_FRAME, WVM_IMAGE_BAD_RECORD. */
  restoreThreads(states: readonly ThreadState[]): void {
    const { process, program } = this;
    process.kernel.futexes.checkAddresses(process);
    for (const [index, state] of states.entries()) {
      const thread = process.threads.get(state.tid as Tid);
      if (thread === undefined || (state.globals === null) !== (index === 0)) {
        throw new WvmError(
          'WVM_IMAGE_BAD_FRAME',
          `process ${process.pid}, thread ${state.tid}: does not fit the kernel's`,
        );
      }
      const restored = this.#add(GuestThread.restore(program, thread, state));
      // Its globals are those that the instance was restored with.
      if (index === 0) program.load(restored);
    }
    if (this.threads.size !== process.threads.size) {
      throw new WvmError('WVM_IMAGE_BAD_FRAME', `process ${process.pid}: a thread has no stack`);
    }
  }

  #add(thread: GuestThread): GuestThread {
    this.threads.set(thread.thread, thread);
    return thread;
  }
}
