// What becomes of processes by a call or a trap: fork, exec, spawn, new threads, ends. The kernel has decided already; here programs
// are copied, compiled and begun. A child that cannot be made is given up (abandon), and the caller gets the errno.

import { Errno } from '../../abi/errno.ts';
import { WvmError } from '../base/wvm-error.ts';
import { type ExecWanted, Exited, type Forked, type Spawned, type ThreadSpawned } from '../kernel/blocked.ts';
import { storeU32 } from '../kernel/guest-access.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Process } from '../kernel/process.ts';
import type { Thread } from '../kernel/thread.ts';
import type { CompiledModule } from './compile.ts';
import type { ImportedCall } from './guest-imports.ts';
import { GuestProcess } from './guest-process.ts';
import { GuestProgram, type ProgramHost } from './guest-program.ts';
import type { GuestThread } from './guest-thread.ts';
import type { MachineHooks } from './machine-hooks.ts';
import type { ProcessTable } from './process-table.ts';
import type { Step } from './stop.ts';

type ChangeHooks = Pick<MachineHooks, 'loadProgram' | 'programFailed' | 'processTrapped' | 'memoriesFree'>;

/** Exit status of a command that cannot be run, as shells have it. */
const EXEC_FAILED = 126;

export class ProcessChanges {
  readonly #kernel: Kernel;
  readonly #table: ProcessTable;
  readonly #host: ProgramHost;
  readonly #hooks: ChangeHooks;

  constructor(kernel: Kernel, table: ProcessTable, host: ProgramHost, hooks: ChangeHooks) {
    this.#kernel = kernel;
    this.#table = table;
    this.#host = host;
    this.#hooks = hooks;
  }

  /** The program begins in the process. Throws WvmError. */
  start(process: Process, compiled: CompiledModule): void {
    const guest = new GuestProcess(new GuestProgram(this.#host, process, compiled));
    guest.start(process.mainThread);
    this.#adopt(guest, process.mainThread);
  }

  fork(guest: GuestThread, { child, pidAddr }: Forked): void {
    const parent = guest.program;
    try {
      this.#checkMemory(parent.memoryBytes);
      const spare = this.#table.takeSpare(parent.compiled);
      parent.load(guest);
      const forked = new GuestProcess(parent.copy(child, spare));
      if (spare !== undefined && spare !== forked.program) this.#hooks.memoriesFree(spare.instance.memories);
      forked.adoptCopy(guest, child.mainThread);
      this.#adopt(forked, child.mainThread);
      storeU32(child.memory, pidAddr, 0);
      storeU32(parent.process.memory, pidAddr, child.pid);
    } catch (error) {
      if (!(error instanceof WvmError)) throw error;
      this.#kernel.tree.abandon(child);
      guest.top!.pending = { kind: 'result', value: Errno.ENOMEM };
    }
  }

  exec(guest: GuestThread, { program, args, env }: ExecWanted): Step | undefined {
    const { process } = guest.thread;
    const { memory } = process;
    try {
      const next = new GuestProcess(new GuestProgram(this.#host, process, this.#hooks.loadProgram(program)));
      const old = this.#table.processOf(guest);
      this.#kernel.tree.commitExec(process, guest.thread, args, env);
      next.start(process.mainThread);
      this.#table.replace(old, next);
      this.#kernel.scheduler.add(process.mainThread);
    } catch (error) {
      if (!(error instanceof WvmError)) throw error;
      process.memory = memory;
      this.#hooks.programFailed(process, program, error);
      const { stack } = guest.top!;
      // proc_exec has no result in which to tell: the process ends as a shell's child would.
      if (stack === undefined || !guest.program.instance.continuations.awaitsResult(stack)) {
        return this.exit(process, new Exited(EXEC_FAILED));
      }
      guest.top!.pending = { kind: 'result', value: Errno.ENOEXEC };
    }
    return undefined;
  }

  /** Returns the result of the call. */
  spawn({ child, program, value }: Spawned, call: ImportedCall): number {
    try {
      this.start(child, this.#hooks.loadProgram(program));
      return value;
    } catch (error) {
      if (!(error instanceof WvmError)) throw error;
      this.#hooks.programFailed(child, program, error);
      this.#kernel.tree.abandon(child);
      return call.type.results.length === 0 ? 0 : Errno.ENOEXEC;
    }
  }

  /** Returns the result of the call. */
  spawnThread(guest: GuestThread, { thread, entry, args, value }: ThreadSpawned): number {
    const functionIndex = guest.program.exportedFunction(entry)!;
    this.#table.addThread(this.#table.processOf(guest).spawn(thread, { functionIndex, args }));
    this.#kernel.scheduler.add(thread);
    return value;
  }

  exit(process: Process, { status, signal }: Exited): Step | undefined {
    if (process === this.#kernel.init) return { kind: 'exited', status, signal };
    this.#kernel.tree.exit(process, signal === undefined ? { status } : { signal });
    return undefined;
  }

  trap(guest: GuestThread, error: Error): Step | undefined {
    const process = this.#table.processOf(guest);
    if (process.process === this.#kernel.init) return { kind: 'trapped', error, process };
    this.#hooks.processTrapped(process, error);
    this.#kernel.tree.trap(process.process, error.message);
    return undefined;
  }

  /** The thread has returned from its last function. */
  endThread({ thread }: GuestThread): Step | undefined {
    if (thread.tid === (thread.process.pid as number)) return this.exit(thread.process, new Exited(0));
    this.#kernel.tree.endThread(thread);
    return undefined;
  }

  #adopt(guest: GuestProcess, thread: Thread): void {
    this.#table.add(guest);
    this.#kernel.scheduler.add(thread);
  }

  #checkMemory(moreBytes: number): void {
    const { maxMemoryBytes } = this.#host;
    const bytes = this.#table.memory.bytes + moreBytes;
    if (bytes > maxMemoryBytes) {
      throw new WvmError(
        'WVM_LIMIT',
        `the processes would have ${bytes} bytes of memory, the limit is ${maxMemoryBytes}`,
      );
    }
  }
}
