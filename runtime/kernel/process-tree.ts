// The machine's processes: how they begin, change program, stop, end and are waited for. Linux's rules (fork(2), execve(2),
// _exit(2), setpgid(2)); numbers are virtual and the same in every resumed copy.
//
//   fork() ──> living <──stop()/goOn()──> stopped
//                │ exit(), or a signal
//                v
//              zombie ──reap()──> gone
//
// - Process 1 is init: orphans are its children, and the machine ends with it.
// - Each parent hears of each end once: SIGCHLD, and whoever of its threads waits. If it ignores SIGCHLD there is no zombie.
// - The engine calls fork's counterparts: abandon() if it cannot copy, commitExec() when the new program has been compiled,
//   deliver() before a thread runs, handlerReturned() after a handler.

import { Errno } from '../../abi/errno.ts';
import { Signal, SignalCode } from '../../abi/signals.ts';
import { assert } from '../base/assert.ts';
import type { Pid, Tid } from '../base/ids.ts';
import { Contexts } from './contexts.ts';
import type { FateTable } from './fate.ts';
import type { FdTable } from './fd-table.ts';
import { releaseFutexes } from './futex/robust-list.ts';
import type { Kernel } from './kernel.ts';
import { commandName, type ExitStatus, PROCESSES_MAX, Process, type ProcessState } from './process.ts';
import { type Delivery, deliver, handlerReturned } from './signals/deliver.ts';
import type { SignalInfo } from './signals/pending-signals.ts';
import { sendToProcess, sendToThread } from './signals/send.ts';
import { fail } from './sys-error.ts';
import type { Thread } from './thread.ts';
import { badRecord } from './validate.ts';

/** How a process ends: by exit, or by a signal. */
export type Ending = { readonly status: number } | { readonly signal: number; readonly coreDumped?: boolean };

/** Exit status of a process that a signal ended, as shells count. */
const SIGNAL_STATUS = 128;

export class ProcessTree {
  static readonly fates: FateTable = { kernel: 'derived' };

  /** Derived: the kernel it belongs to. */
  readonly kernel: Kernel;
  /** For the time between a spawning call and the start of the child. */
  readonly #parentFds = new WeakMap<Process, readonly number[]>();

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  // How processes begin

  /**
   * A copy of the thread's process with that thread alone, which stands in no call. What is pending and the timers are not
   * inherited. Errors: EAGAIN (too many processes). See: fork(2).
   */
  fork(thread: Thread): Process {
    const parent = thread.process;
    const child = this.#create(parent, parent.args, parent.env, parent.fds.clone());
    child.hasOwnEnv = parent.hasOwnEnv;
    child.envToldBytes = parent.envToldBytes;
    child.forbidsSnapshot = parent.forbidsSnapshot;
    const main = child.addThread(child.pid as number as Tid, thread);
    // The copy of the stack has the handlers' frames.
    main.interrupted = [...thread.interrupted];
    main.stackCount = thread.stackCount;
    this.kernel.scheduler.add(main);
    return child;
  }

  /**
   * A child that will run another program, with copies of all of the parent's descriptors: the caller changes them, and closes those
   * that do not survive an exec. Handlers are forgotten. Errors: EAGAIN. See: posix_spawn(3).
   */
  spawn(thread: Thread, args: readonly string[], env: Readonly<Record<string, string>>): Process {
    const child = this.#create(thread.process, args, env, thread.process.fds.clone());
    child.hasOwnEnv = true;
    child.hasExecuted = true;
    child.actions.forgetHandlers();
    const main = child.addThread(child.pid as number as Tid, thread);
    main.name = commandName(args);
    this.kernel.scheduler.add(main);
    return child;
  }

  #create(parent: Process, args: readonly string[], env: Readonly<Record<string, string>>, fds: FdTable): Process {
    const { kernel } = this;
    const pid = kernel.processes.size < PROCESSES_MAX ? kernel.allocateId() : undefined;
    if (pid === undefined) {
      fds.closeAll();
      fail(Errno.EAGAIN);
    }
    const child = new Process(kernel, pid as Pid, parent.pid, args, env, fds);
    child.workingDirectory = parent.workingDirectory;
    child.pgid = parent.pgid;
    child.sid = parent.sid;
    child.actions = parent.actions.clone();
    kernel.processes.set(child.pid, child);
    return child;
  }

  /** The spawning call has given the parent these descriptors: ends of pipes to the child. */
  givesParent(child: Process, fds: readonly number[]): void {
    this.#parentFds.set(child, fds);
  }

  /** The child could not be started after all: it has never been. */
  abandon(child: Process): void {
    const parent = this.kernel.processes.get(child.parentPid)!;
    for (const fd of this.#parentFds.get(child) ?? []) parent.fds.close(fd);
    this.#release(child);
    this.kernel.processes.delete(child.pid);
  }

  /**
   * The thread's process runs another program from now on: other threads end, the caller is the main thread, handlers and
   * close-on-exec descriptors are gone. What is pending, ignored and blocked stays, and timers do. `name`: the program's.
   * See: execve(2).
   */
  commitExec(
    process: Process,
    thread: Thread,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    name: string = args[0] ?? '',
  ): void {
    for (const other of [...process.threads.values()]) if (other !== thread) this.#removeThread(other);
    releaseFutexes(thread);
    process.threads.clear();
    thread.tid = process.pid as number as Tid;
    process.threads.set(thread.tid, thread);
    thread.unblock();
    thread.restart = undefined;
    thread.interrupted = [];
    thread.contexts = new Contexts();
    thread.name = commandName([name]);
    process.fds.closeOnExec();
    process.actions.forgetHandlers();
    process.args = args;
    process.env = env;
    process.hasOwnEnv = true;
    process.envToldBytes = null;
    process.hasExecuted = true;
    process.forbidsSnapshot = '';
  }

  // How they end

  /** Ends the process and all of its threads; process 1 takes the machine with it. */
  exit(process: Process, ending: Ending): void {
    if (process.isZombie) return;
    const { kernel } = this;
    const parent = kernel.processes.get(process.parentPid);
    process.end = exitStatus(ending);
    this.#release(process);
    if (process === kernel.init) {
      for (const other of [...kernel.processes.values()]) {
        if (other === process) continue;
        if (!other.isZombie) this.#release(other);
        kernel.processes.delete(other.pid);
      }
      return;
    }
    this.#orphan(process);
    assert(parent !== undefined, `process ${process.pid} has no parent`);
    this.#announceEnd(process, parent);
    // Stopped processes that nobody can continue any more, if its parent could: see "orphaned process group" in setpgid(2).
    if (parent.pgid !== process.pgid && parent.sid === process.sid) {
      this.#wakeOrphanedGroup(process.pgid, process.sid);
    }
  }

  /** A trap of WebAssembly is what an instruction's fault is to a native program. `message`: the engine's. */
  trap(process: Process, message: string): void {
    this.exit(process, { signal: signalOfTrap(message) });
  }

  /** The thread has ended; the last one takes its process along. See: pthread_exit(3). */
  endThread(thread: Thread, status = 0): void {
    const { process } = thread;
    if (process.threads.get(thread.tid) !== thread) return;
    if (process.threads.size === 1) {
      this.exit(process, { status });
      return;
    }
    this.#removeThread(thread);
    process.threads.delete(thread.tid);
    if (process.pending.isEmpty) return;
    // A signal that only this thread would have taken is another's now.
    for (const other of process.threads.values()) if (other.hasSignal) this.kernel.scheduler.wake(other);
  }

  /** From outside of the machine, or by its limits: as SIGKILL does, but at once. */
  killProcess(process: Process): void {
    this.exit(process, { signal: Signal.SIGKILL });
  }

  /** It is still in its process, and the memory is still there. */
  #removeThread(thread: Thread): void {
    releaseFutexes(thread);
    thread.joiners.wakeAll();
    this.kernel.scheduler.remove(thread);
    this.kernel.engine.threadEnded(thread);
  }

  /** Gives back everything that the process holds, whatever becomes of it. */
  #release(process: Process): void {
    this.kernel.futexes.processEnded(process);
    for (const thread of process.threads.values()) this.#removeThread(thread);
    process.threads.clear();
    process.isStopped = false;
    process.stateChange = undefined;
    process.fds.closeAll();
    this.kernel.scheduler.timers.disarmAll(process);
    process.pending.discard(-1n);
    process.forbidsSnapshot = '';
    process.env = {};
    process.hasOwnEnv = true;
    process.envToldBytes = null;
    this.kernel.engine.processEnded(process);
  }

  /** Its children are init's from now on. */
  #orphan(process: Process): void {
    const { init } = this.kernel;
    for (const child of this.childrenOf(process)) {
      child.parentPid = init.pid;
      if (child.isZombie) this.#announceEnd(child, init);
      else if (child.pgid !== process.pgid && child.sid === process.sid) {
        this.#wakeOrphanedGroup(child.pgid, child.sid);
      }
    }
  }

  #announceEnd(process: Process, parent: Process): void {
    const { status, signal, coreDumped } = process.end!;
    const isReaped = parent.actions.reapsChildren;
    if (isReaped) this.kernel.processes.delete(process.pid);
    sendToProcess(parent, {
      signal: Signal.SIGCHLD,
      code: signal === 0 ? SignalCode.CLD_EXITED : coreDumped ? SignalCode.CLD_DUMPED : SignalCode.CLD_KILLED,
      pid: process.pid,
      value: signal === 0 ? status & 0xff : signal,
    });
    parent.childEvents.wakeAll();
  }

  /** The parent has been told. */
  reap(zombie: Process): void {
    this.kernel.processes.delete(zombie.pid);
  }

  // Stopping and going on

  /** See: signal(7), SIGSTOP. */
  stop(process: Process, signal: number): void {
    if (process.isStopped || process.isZombie) return;
    process.isStopped = true;
    process.stopSignal = signal;
    process.stateChange = 'stopped';
    this.kernel.scheduler.hold(process.threads.values());
    if (this.kernel.current.process === process) this.kernel.stopCounting();
    this.#announceChange(process, SignalCode.CLD_STOPPED, signal);
  }

  /** `isTold`: the parent hears of it, as it does of SIGCONT. */
  goOn(process: Process, isTold: boolean): void {
    if (!process.isStopped) return;
    process.isStopped = false;
    process.stateChange = isTold ? 'continued' : undefined;
    this.kernel.scheduler.release(process.threads.values());
    if (isTold) this.#announceChange(process, SignalCode.CLD_CONTINUED, Signal.SIGCONT);
  }

  #announceChange(process: Process, code: number, value: number): void {
    const parent = this.kernel.processes.get(process.parentPid);
    if (parent === undefined) return;
    if (parent.actions.hearsOfStops) sendToProcess(parent, { signal: Signal.SIGCHLD, code, pid: process.pid, value });
    parent.childEvents.wakeAll();
  }

  // Relations

  childrenOf(process: Process): Process[] {
    const children: Process[] = [];
    for (const other of this.kernel.processes.values()) if (other.parentPid === process.pid) children.push(other);
    return children;
  }

  groupOf(pgid: number): Process[] {
    const members: Process[] = [];
    for (const process of this.kernel.processes.values()) if (process.pgid === pgid) members.push(process);
    return members;
  }

  /** No member has a parent in another group of the session, who could continue it. */
  isOrphanedGroup(pgid: number, sid: number): boolean {
    return this.groupOf(pgid).every((member) => {
      const parent = this.kernel.processes.get(member.parentPid);
      return member.isZombie || parent === undefined || parent.pgid === pgid || parent.sid !== sid;
    });
  }

  #wakeOrphanedGroup(pgid: number, sid: number): void {
    const members = this.groupOf(pgid);
    if (!members.some(({ isStopped }) => isStopped) || !this.isOrphanedGroup(pgid, sid)) return;
    for (const signal of [Signal.SIGHUP, Signal.SIGCONT]) {
      for (const member of members) sendToProcess(member, kernelSignal(signal));
    }
  }

  // Signals

  /** A signal of the kernel itself to a thread: SIGPIPE. The call that caused it answers new Completed(errno). */
  raise(thread: Thread, signal: number): void {
    sendToThread(thread, kernelSignal(signal));
  }

  sendTimerSignal(process: Process, signal: number): void {
    sendToProcess(process, kernelSignal(signal));
  }

  /** What is to be done before the thread runs; undefined: nothing. */
  deliver(thread: Thread): Delivery | undefined {
    return deliver(thread);
  }

  /** The innermost handler of the thread has returned: its mask is what it was, a shelved call is parked again. */
  handlerReturned(thread: Thread): void {
    handlerReturned(thread);
  }

  // State

  /** The relations in a record: one tree with process 1 as its root, groups within one session. */
  static check(processes: readonly ProcessState[], where: string): void {
    const byPid = new Map(processes.map((process) => [process.pid, process]));
    const sessions = new Map<number, number>();
    for (const [index, { pid, parentPid, pgid, sid, end }] of processes.entries()) {
      const place = `${where}[${index}]`;
      if ((sessions.get(pgid) ?? sid) !== sid) badRecord(`${place}.pgid`, `group ${pgid} in two sessions`);
      sessions.set(pgid, sid);
      if (pid === 1) {
        if (parentPid !== 0) badRecord(`${place}.parentPid`, `${parentPid} of process 1`);
        if (end !== null) badRecord(`${place}.end`, 'process 1 has ended');
        continue;
      }
      const parent = byPid.get(parentPid);
      if (parent === undefined) badRecord(`${place}.parentPid`, `no process ${parentPid}`);
      if (parent.end !== null) badRecord(`${place}.parentPid`, `process ${parentPid} has ended`);
    }
    const rooted = new Set<number>([1]);
    for (const { pid } of processes) {
      const path: number[] = [];
      for (let at = pid; !rooted.has(at); at = byPid.get(at)!.parentPid) {
        if (path.length > processes.length) badRecord(where, `process ${pid} is its own ancestor`);
        path.push(at);
      }
      for (const at of path) rooted.add(at);
    }
  }
}

function kernelSignal(signal: number): SignalInfo {
  return { signal, code: SignalCode.SI_KERNEL, pid: 0, value: 0 };
}

function exitStatus(ending: Ending): ExitStatus {
  if ('status' in ending) return { status: ending.status >>> 0, signal: 0, coreDumped: false };
  const { signal, coreDumped = false } = ending;
  return { status: SIGNAL_STATUS + signal, signal, coreDumped };
}

/** By what V8 and wvm say of a trap. C's abort() and failed assertions are `unreachable`. */
function signalOfTrap(message: string): number {
  if (/unaligned/i.test(message)) return Signal.SIGBUS;
  if (/memory access out of bounds|call stack|stack overflow|null pointer/i.test(message)) return Signal.SIGSEGV;
  if (/divide|division|remainder|overflow|unrepresentable/i.test(message)) return Signal.SIGFPE;
  if (/unreachable/i.test(message)) return Signal.SIGABRT;
  return Signal.SIGILL;
}
