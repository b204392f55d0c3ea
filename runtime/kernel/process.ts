// A guest process: its place in the tree, arguments, environment, descriptors, signals and threads. Its memory is the
// engine's. What happens to it is in process-tree.ts. A zombie is a process with `end` and without threads.
//
// The environment given on the command line is a capability: an image holds the names of its variables alone, and the size that
// the guest was told, so that a guest between environ_sizes_get and environ_get cannot be given more than it has room for. A
// program that was exec'ed or spawned has the environment that its parent chose, exactly: in the same order, with the values that
// the parent made up. Those that it only passed on are still the command line's and are saved by name.

import { SIGNAL_LAST } from '../../abi/signals.ts';
import type { Pid, Tid } from '../base/ids.ts';
import { WvmError } from '../base/wvm-error.ts';
import type { FateTable } from './fate.ts';
import { type FdState, FdTable } from './fd-table.ts';
import type { GuestMemory } from './guest-memory.ts';
import { IntervalTimer, type IntervalTimerState } from './interval-timers.ts';
import type { Kernel } from './kernel.ts';
import type { OpenFile } from './open-file.ts';
import { schedulingText } from './scheduling.ts';
import { PendingSignals, type SignalInfo } from './signals/pending-signals.ts';
import { SignalActions, type SignalActionsState } from './signals/signal-actions.ts';
import { THREAD_NAME_MAX, Thread, type ThreadState } from './thread.ts';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';
import {
  badRecord,
  checkArray,
  checkBigint,
  checkBoolean,
  checkInteger,
  checkRecord,
  checkString,
  INT64_MAX,
} from './validate.ts';
import { WaitQueue } from './wait-queue.ts';
import { checkDirectoryPath, ROOT_DIRECTORY } from './working-directory.ts';

/** How a process has ended. */
export interface ExitStatus {
  /** What it gave to exit, or 128 + signal, as shells count. */
  readonly status: number;
  /** Linux number of the signal that ended it; 0: none did. */
  readonly signal: number;
  readonly coreDumped: boolean;
}

/** A change that the parent may wait for, and has not yet. */
export type StateChange = 'stopped' | 'continued';

export interface ProcessState {
  readonly pid: number;
  readonly parentPid: number;
  readonly pgid: number;
  readonly sid: number;
  /** Null while it lives. */
  readonly end: ExitStatus | null;
  readonly stateChange: StateChange | null;
  readonly stopSignal: number;
  readonly hasExecuted: boolean;
  readonly forbidsSnapshot: string;
  readonly actions: SignalActionsState;
  readonly pending: readonly SignalInfo[];
  /** By signal, lowest first. */
  readonly timers: readonly IntervalTimerState[];
  readonly args: readonly string[];
  readonly envNames: readonly string[];
  /** By name: the value, or null for the one that the resuming command line gives. */
  readonly envValues: readonly (string | null)[];
  readonly hasOwnEnv: boolean;
  /** Bytes that environ_sizes_get told the guest; null if it never asked. */
  readonly envToldBytes: number | null;
  readonly ranNs: bigint;
  readonly isStopped: boolean;
  /** Absolute guest path, without links and dots. */
  readonly workingDirectory: string;
  readonly fds: readonly FdState[];
  readonly threads: readonly ThreadState[];
}

/** More than Linux's ARG_MAX allows. */
const STRINGS_MAX = 1_000_000;
const STRING_MAX = 16 * 2 ** 20;
const THREADS_MAX = 100_000;
/** Each has a memory, for which V8 reserves 8 GiB of addresses, of 128 TiB that a process of the host has. */
export const PROCESSES_MAX = 10_000;
const ID_MAX = 2 ** 30;
const REASON_MAX = 4096;

const NO_MEMORY: GuestMemory = { bytes: new Uint8Array(0), view: new DataView(new ArrayBuffer(0)) };

export class Process {
  static readonly fates: FateTable = {
    kernel: 'derived',
    pid: 'saved',
    parentPid: 'saved',
    pgid: 'saved',
    sid: 'saved',
    end: 'saved',
    stateChange: 'saved',
    stopSignal: 'saved',
    hasExecuted: 'saved',
    forbidsSnapshot: 'saved',
    actions: 'saved',
    pending: 'saved',
    timers: 'saved',
    childEvents: 'derived',
    args: 'saved',
    env: 'saved',
    hasOwnEnv: 'saved',
    envToldBytes: 'saved',
    workingDirectory: 'saved',
    fds: 'saved',
    threads: 'saved',
    ranNs: 'saved',
    memory: 'derived',
    isStopped: 'saved',
  };

  /** Derived: the kernel it lives in. */
  readonly kernel: Kernel;
  readonly pid: Pid;
  /** 0 for the first process; 1 when the parent has ended. */
  parentPid: Pid;
  /** Process group and session; of the first process, and of one that calls setsid: its own. */
  pgid: number;
  sid: number;
  end: ExitStatus | undefined = undefined;
  stateChange: StateChange | undefined = undefined;
  /** What stopped it last. */
  stopSignal = 0;
  /** It runs another program than its parent did: setpgid by the parent comes too late. */
  hasExecuted = false;
  /** Why the machine cannot be saved while it lives; '': it can. */
  forbidsSnapshot = '';
  actions: SignalActions = new SignalActions();
  /** Sent to the process: any thread may take them. */
  pending: PendingSignals = new PendingSignals();
  /** Armed, by signal. */
  readonly timers: Map<number, IntervalTimer> = new Map();
  /** Derived: threads that wait for a child to end, stop or go on. */
  readonly childEvents: WaitQueue = new WaitQueue();
  /** argv, the program name first. */
  args: readonly string[];
  /** Values that are those of the command line are saved by name only. */
  env: Readonly<Record<string, string>>;
  /** `env` was given to exec or spawn; else it is the command line's, whatever that has. */
  hasOwnEnv = false;
  envToldBytes: number | null = null;
  workingDirectory: string = ROOT_DIRECTORY;
  readonly fds: FdTable;
  /** By tid. */
  readonly threads: Map<Tid, Thread> = new Map();
  /** Processor time up to the last switch of threads. */
  ranNs = 0n;
  /** Derived: the engine's, set before the first call and whenever the memory grows. */
  memory: GuestMemory = NO_MEMORY;
  /** Stopped by a signal: none of its threads runs. */
  isStopped = false;

  constructor(
    kernel: Kernel,
    pid: Pid,
    parentPid: Pid,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    fds: FdTable,
  ) {
    this.kernel = kernel;
    this.pid = pid;
    this.parentPid = parentPid;
    this.pgid = pid;
    this.sid = pid;
    for (const text of args) checkText(text, 'argument');
    for (const [name, value] of Object.entries(env)) checkVariable(name, value);
    this.args = args;
    this.env = env;
    this.fds = fds;
    fds.onClosed = (file, isLast) => kernel.fileLocks.descriptorClosed(this, file, isLast);
  }

  /** Of a living process that has not ended it. */
  get mainThread(): Thread {
    return this.threads.get(this.pid as number as Tid)!;
  }

  get isZombie(): boolean {
    return this.end !== undefined;
  }

  /** A thread inherits the name, the mask and the scheduling of the one that makes it, but no priority that that one inherits. */
  addThread(tid: Tid, creator?: Thread): Thread {
    const thread = new Thread(this, tid);
    const model = creator ?? (this.threads.size === 0 ? undefined : this.kernel.current);
    thread.name = model?.name ?? commandName(this.args);
    if (model !== undefined) {
      thread.signals = model.signals.clone();
      thread.scheduling = model.scheduling;
      thread.rank = model.scheduling.priority;
    }
    this.threads.set(tid, thread);
    return thread;
  }

  /** For people: what is special about its threads, as "nice 5" or "FIFO 50, nice 5"; '' if nothing is. */
  get schedulingText(): string {
    const texts = new Set(Array.from(this.threads.values(), ({ scheduling }) => schedulingText(scheduling)));
    texts.delete('');
    return [...texts].join(', ');
  }

  /** Time that its threads have spent running. */
  cpuTimeNs(): bigint {
    return this.ranNs + (this.kernel.current.process === this ? this.kernel.uncountedNs() : 0n);
  }

  save(fileIndex: (file: OpenFile) => number): ProcessState {
    return {
      pid: this.pid,
      parentPid: this.parentPid,
      pgid: this.pgid,
      sid: this.sid,
      end: this.end ?? null,
      stateChange: this.stateChange ?? null,
      stopSignal: this.stopSignal,
      hasExecuted: this.hasExecuted,
      forbidsSnapshot: this.forbidsSnapshot,
      actions: this.actions.save(),
      pending: this.pending.save(),
      timers: [...this.timers.values()].map((timer) => timer.save()).sort((a, b) => a.signal - b.signal),
      args: this.args,
      envNames: Object.keys(this.env),
      envValues: Object.entries(this.env).map(([name, value]) =>
        !this.hasOwnEnv || this.kernel.env[name] === value ? null : value,
      ),
      hasOwnEnv: this.hasOwnEnv,
      envToldBytes: this.envToldBytes,
      ranNs: this.cpuTimeNs(),
      isStopped: this.isStopped,
      workingDirectory: this.workingDirectory,
      fds: this.fds.save(fileIndex),
      threads: [...this.threads.values()].map((thread) => thread.save()),
    };
  }

  static check(state: ProcessState, fileCount: number, where: string): void {
    checkRecord(state, where);
    checkInteger(state.pid, 1, ID_MAX, `${where}.pid`);
    checkInteger(state.parentPid, 0, ID_MAX, `${where}.parentPid`);
    checkInteger(state.pgid, 1, ID_MAX, `${where}.pgid`);
    checkInteger(state.sid, 1, ID_MAX, `${where}.sid`);
    if (state.sid === state.pid && state.pgid !== state.pid) badRecord(`${where}.pgid`, 'of the leader of a session');
    checkLife(state, where);
    checkBoolean(state.hasExecuted, `${where}.hasExecuted`);
    checkString(state.forbidsSnapshot, REASON_MAX, `${where}.forbidsSnapshot`);
    if (state.forbidsSnapshot !== '') badRecord(`${where}.forbidsSnapshot`, 'then there is no image');
    SignalActions.check(state.actions, `${where}.actions`);
    PendingSignals.check(state.pending, `${where}.pending`);
    IntervalTimer.check(state.timers, `${where}.timers`);
    for (const text of checkArray(state.args, STRINGS_MAX, `${where}.args`)) {
      if (checkString(text, STRING_MAX, `${where}.args`).includes('\0')) badRecord(`${where}.args`, 'holds NUL');
    }
    const names = checkArray(state.envNames, STRINGS_MAX, `${where}.envNames`);
    for (const name of names) checkString(name, STRING_MAX, `${where}.envNames`);
    if (new Set(names).size !== names.length) badRecord(`${where}.envNames`, 'a name stands twice');
    checkBoolean(state.hasOwnEnv, `${where}.hasOwnEnv`);
    const values = checkArray(state.envValues, names.length, `${where}.envValues`);
    if (values.length !== names.length) badRecord(`${where}.envValues`, `${values.length} of ${names.length} names`);
    for (const value of values) {
      if (value === null) continue;
      if (!state.hasOwnEnv) badRecord(`${where}.envValues`, "the command line's are not in an image");
      if (checkString(value, STRING_MAX, `${where}.envValues`).includes('\0'))
        badRecord(`${where}.envValues`, 'holds NUL');
    }
    for (const name of names) {
      if (name === '' || name.includes('=') || name.includes('\0'))
        badRecord(`${where}.envNames`, 'no name of a variable');
    }
    if (state.envToldBytes !== null) checkInteger(state.envToldBytes, 0, 2 ** 32, `${where}.envToldBytes`);
    checkBigint(state.ranNs, 0n, INT64_MAX, `${where}.ranNs`);
    checkBoolean(state.isStopped, `${where}.isStopped`);
    checkDirectoryPath(state.workingDirectory, `${where}.workingDirectory`);
    FdTable.check(state.fds, fileCount, `${where}.fds`);
    const threads = checkArray(state.threads, THREADS_MAX, `${where}.threads`);
    for (const [index, thread] of threads.entries()) Thread.check(thread, `${where}.threads[${index}]`);
    if (new Set(threads.map((thread) => thread.tid)).size !== threads.length) {
      badRecord(`${where}.threads`, 'a tid stands twice');
    }
  }

  /** The variables that the guest knows, with the values of the resuming command line; WVM_CAPABILITY_MISSING by name. */
  static checkEnvironment(state: ProcessState, env: Readonly<Record<string, string>>): Record<string, string> {
    const result: Record<string, string> = {};
    for (const [index, name] of state.envNames.entries()) {
      const own = state.envValues[index];
      if (typeof own === 'string') {
        result[name] = own;
        continue;
      }
      if (!Object.hasOwn(env, name)) {
        throw new WvmError('WVM_CAPABILITY_MISSING', `resume: environment variable ${name} is missing`, {
          hint: `give it with --env ${name}=VALUE`,
        });
      }
      result[name] = env[name]!;
    }
    const isTold = state.envToldBytes !== null;
    if (!isTold && !state.hasOwnEnv) for (const name of Object.keys(env)) result[name] ??= env[name]!;
    if (isTold) {
      const size = Object.entries(result).reduce(
        (sum, [name, value]) => sum + encodeVariable(name, value).length + 1,
        0,
      );
      if (size > state.envToldBytes) {
        throw new WvmError(
          'WVM_CAPABILITY_MISSING',
          `resume: the environment has ${size} bytes, but the program made room for ${state.envToldBytes}`,
          { hint: 'give the variables values that are no longer than before' },
        );
      }
    }
    return result;
  }

  static restore(
    kernel: Kernel,
    state: ProcessState,
    env: Readonly<Record<string, string>>,
    files: readonly OpenFile[],
  ): Process {
    const process = new Process(
      kernel,
      state.pid as Pid,
      state.parentPid as Pid,
      state.args,
      env,
      FdTable.restore(state.fds, files),
    );
    process.workingDirectory = state.workingDirectory;
    process.pgid = state.pgid;
    process.sid = state.sid;
    process.end = state.end ?? undefined;
    process.stateChange = state.stateChange ?? undefined;
    process.stopSignal = state.stopSignal;
    process.hasExecuted = state.hasExecuted;
    process.actions = SignalActions.restore(state.actions);
    process.pending = PendingSignals.restore(state.pending);
    for (const timer of state.timers) kernel.scheduler.timers.arm(IntervalTimer.restore(process, timer));
    process.hasOwnEnv = state.hasOwnEnv;
    process.envToldBytes = state.envToldBytes;
    process.ranNs = state.ranNs;
    process.isStopped = state.isStopped;
    for (const thread of state.threads) process.threads.set(thread.tid as Tid, Thread.restore(process, thread));
    return process;
  }
}

/** Living, stopped, or a zombie that holds nothing any more. */
function checkLife(state: ProcessState, where: string): void {
  const { end, stateChange } = state;
  checkInteger(state.stopSignal, 0, SIGNAL_LAST, `${where}.stopSignal`);
  if (stateChange !== null && stateChange !== 'stopped' && stateChange !== 'continued') {
    badRecord(`${where}.stateChange`, 'unknown change');
  }
  if (stateChange === 'stopped' && state.isStopped !== true) badRecord(`${where}.stateChange`, 'it is not stopped');
  if (state.isStopped === true && state.stopSignal === 0) badRecord(`${where}.stopSignal`, 'of a stopped process');
  if (end === null) {
    if (checkArray(state.threads, THREADS_MAX, `${where}.threads`).length === 0) badRecord(where, 'it has no threads');
    return;
  }
  checkRecord(end, `${where}.end`);
  checkInteger(end.status, 0, 2 ** 32 - 1, `${where}.end.status`);
  checkInteger(end.signal, 0, SIGNAL_LAST, `${where}.end.signal`);
  checkBoolean(end.coreDumped, `${where}.end.coreDumped`);
  const holds = [state.threads, state.fds, state.timers, state.pending].some(
    (list) => (list as unknown[])?.length !== 0,
  );
  if (holds || state.isStopped || stateChange !== null) badRecord(where, 'a zombie that holds something');
}

/** The last part of argv[0], as Linux names a thread that has called exec. */
export function commandName(args: readonly string[]): string {
  const bytes = encodeUtf8((args[0] ?? '').split('/').pop()!);
  for (let size = Math.min(bytes.length, THREAD_NAME_MAX); ; size--) {
    const name = decodeUtf8(bytes, 0, size);
    if (name !== undefined) return name;
  }
}

/** "NAME=value", without the terminating NUL. */
export function encodeVariable(name: string, value: string): Uint8Array {
  return encodeUtf8(`${name}=${value}`);
}

function checkVariable(name: string, value: string): void {
  if (name === '' || name.includes('=')) {
    throw new WvmError('WVM_USAGE', `environment: "${name}" is no name of a variable`);
  }
  checkText(name, 'environment');
  checkText(value, 'environment');
}

function checkText(text: string, what: string): void {
  if (text.includes('\0')) throw new WvmError('WVM_USAGE', `${what}: ${JSON.stringify(text)} holds a NUL character`);
}
