// The processes of a machine that live, their threads, and the memory that they have. It is told by the kernel when one of them has
// ended; what that leaves is kept for the next fork of the same program, or given back.

import type { Pid } from '../base/ids.ts';
import type { EnginePort, Kernel } from '../kernel/kernel.ts';
import type { Process } from '../kernel/process.ts';
import type { Thread } from '../kernel/thread.ts';
import type { CompiledModule } from './compile.ts';
import type { GuestProcess } from './guest-process.ts';
import type { GuestProgram } from './guest-program.ts';
import type { GuestThread } from './guest-thread.ts';
import type { MachineHooks } from './machine-hooks.ts';
import { MemoryAccount } from './memory-account.ts';
import { SparePrograms } from './spare-programs.ts';

type TableHooks = Pick<MachineHooks, 'processEnded' | 'mayReuseMemories' | 'memoriesFree'>;

export class ProcessTable implements EnginePort {
  readonly processes: Map<Pid, GuestProcess> = new Map();
  readonly memory: MemoryAccount = new MemoryAccount();
  readonly #kernel: Kernel;
  readonly #hooks: TableHooks;
  readonly #threads: Map<Thread, GuestThread> = new Map();
  readonly #spares: SparePrograms = new SparePrograms();

  constructor(kernel: Kernel, hooks: TableHooks) {
    this.#kernel = kernel;
    this.#hooks = hooks;
  }

  threadOf(thread: Thread): GuestThread | undefined {
    return this.#threads.get(thread);
  }

  processOf(guest: GuestThread): GuestProcess {
    return this.processes.get(guest.thread.process.pid)!;
  }

  /** By pid, the root first; what is not in an image is not here. */
  sorted(): GuestProcess[] {
    return [...this.processes.values()].sort((a, b) => a.process.pid - b.process.pid);
  }

  /** With all the threads that it has. */
  add(guest: GuestProcess): void {
    this.processes.set(guest.process.pid, guest);
    this.memory.add(guest.program);
    for (const [thread, guestThread] of guest.threads) this.#threads.set(thread, guestThread);
  }

  addThread(guest: GuestThread): void {
    this.#threads.set(guest.thread, guest);
  }

  /** exec: another program in the process, and other threads. */
  replace(old: GuestProcess, next: GuestProcess): void {
    for (const thread of old.threads.keys()) this.#threads.delete(thread);
    this.add(next);
    this.#release(old.program);
  }

  threadEnded(thread: Thread): void {
    this.processes.get(thread.process.pid)?.remove(thread);
    this.#threads.delete(thread);
  }

  /** The first process stays: people look at what it leaves behind. */
  processEnded(process: Process): void {
    const guest = this.processes.get(process.pid);
    if (guest === undefined || process === this.#kernel.init) return;
    if (process.end !== undefined) this.#hooks.processEnded(process);
    this.processes.delete(process.pid);
    for (const thread of guest.threads.keys()) this.#threads.delete(thread);
    this.#release(guest.program);
  }

  /** A program that an ended process has left. */
  takeSpare(compiled: CompiledModule): GuestProgram | undefined {
    return this.#spares.take(compiled);
  }

  /** The machine has ended: memories that it kept for processes to come. */
  takeSpareMemories(): WebAssembly.Memory[] {
    return this.#spares.clear().flatMap(({ instance }) => instance.memories);
  }

  /** Nothing of it runs any more. */
  #release(program: GuestProgram): void {
    this.memory.remove(program);
    if (!this.#hooks.mayReuseMemories()) return;
    if (!this.#spares.add(program)) this.#hooks.memoriesFree(program.instance.memories);
  }
}
