// A guest process: arguments, environment, descriptors and threads. Its memory is the engine's.
//
// The environment is a capability: an image holds the names of its variables alone, and the size that the guest was told, so
// that a guest between environ_sizes_get and environ_get cannot be given more than it has room for.

import type { Pid, Tid } from '../base/ids.ts';
import { WvmError } from '../base/wvm-error.ts';
import type { FateTable } from './fate.ts';
import { type FdState, FdTable } from './fd-table.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { Kernel } from './kernel.ts';
import type { OpenFile } from './open-file.ts';
import { Thread, type ThreadState } from './thread.ts';
import { encodeUtf8 } from './utf8.ts';
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

export interface ProcessState {
  readonly pid: number;
  readonly parentPid: number;
  readonly args: readonly string[];
  readonly envNames: readonly string[];
  /** Bytes that environ_sizes_get told the guest; null if it never asked. */
  readonly envToldBytes: number | null;
  readonly startedNs: bigint;
  readonly blockedNs: bigint;
  readonly isStopped: boolean;
  readonly fds: readonly FdState[];
  readonly threads: readonly ThreadState[];
}

/** More than Linux's ARG_MAX allows. */
const STRINGS_MAX = 1_000_000;
const STRING_MAX = 16 * 2 ** 20;
const THREADS_MAX = 100_000;

const NO_MEMORY: GuestMemory = { bytes: new Uint8Array(0), view: new DataView(new ArrayBuffer(0)) };

export class Process {
  static readonly fates: FateTable = {
    kernel: 'derived',
    pid: 'saved',
    parentPid: 'saved',
    args: 'saved',
    env: 'host',
    envToldBytes: 'saved',
    fds: 'saved',
    threads: 'saved',
    startedNs: 'saved',
    blockedNs: 'saved',
    memory: 'derived',
    isStopped: 'saved',
  };

  /** Derived: the kernel it lives in. */
  readonly kernel: Kernel;
  readonly pid: Pid;
  /** 0 for the first process; 1 when the parent has ended. */
  parentPid: Pid;
  /** argv, the program name first. */
  readonly args: readonly string[];
  /** Host: from the command line; only the names are saved. */
  readonly env: Readonly<Record<string, string>>;
  envToldBytes: number | null = null;
  readonly fds: FdTable;
  /** By tid. */
  readonly threads: Map<Tid, Thread> = new Map();
  /** Machine time at which it started. */
  readonly startedNs: bigint;
  /** Time that its threads have spent parked; the rest is taken for processor time. */
  blockedNs = 0n;
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
    startedNs: bigint,
  ) {
    this.kernel = kernel;
    this.pid = pid;
    this.parentPid = parentPid;
    for (const text of args) checkText(text, 'argument');
    for (const [name, value] of Object.entries(env)) checkVariable(name, value);
    this.args = args;
    this.env = env;
    this.fds = fds;
    this.startedNs = startedNs;
  }

  get mainThread(): Thread {
    return this.threads.get(this.pid as number as Tid)!;
  }

  addThread(tid: Tid): Thread {
    const thread = new Thread(this, tid);
    this.threads.set(tid, thread);
    return thread;
  }

  /** Time that was spent running: with green threads on one host thread, all that was not spent parked. */
  cpuTimeNs(): bigint {
    const ns = this.kernel.clock.nowNs() - this.startedNs - this.blockedNs;
    return ns > 0n ? ns : 0n;
  }

  save(fileIndex: (file: OpenFile) => number): ProcessState {
    return {
      pid: this.pid,
      parentPid: this.parentPid,
      args: this.args,
      envNames: Object.keys(this.env),
      envToldBytes: this.envToldBytes,
      startedNs: this.startedNs,
      blockedNs: this.blockedNs,
      isStopped: this.isStopped,
      fds: this.fds.save(fileIndex),
      threads: [...this.threads.values()].map((thread) => thread.save()),
    };
  }

  static check(state: ProcessState, fileCount: number, where: string): void {
    checkRecord(state, where);
    checkInteger(state.pid, 1, 2 ** 30, `${where}.pid`);
    checkInteger(state.parentPid, 0, 2 ** 30, `${where}.parentPid`);
    for (const text of checkArray(state.args, STRINGS_MAX, `${where}.args`)) {
      if (checkString(text, STRING_MAX, `${where}.args`).includes('\0')) badRecord(`${where}.args`, 'holds NUL');
    }
    const names = checkArray(state.envNames, STRINGS_MAX, `${where}.envNames`);
    for (const name of names) checkString(name, STRING_MAX, `${where}.envNames`);
    if (new Set(names).size !== names.length) badRecord(`${where}.envNames`, 'a name stands twice');
    if (state.envToldBytes !== null) checkInteger(state.envToldBytes, 0, 2 ** 32, `${where}.envToldBytes`);
    checkBigint(state.startedNs, 0n, INT64_MAX, `${where}.startedNs`);
    checkBigint(state.blockedNs, 0n, INT64_MAX, `${where}.blockedNs`);
    checkBoolean(state.isStopped, `${where}.isStopped`);
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
    for (const name of state.envNames) {
      if (!Object.hasOwn(env, name)) {
        throw new WvmError('WVM_CAPABILITY_MISSING', `resume: environment variable ${name} is missing`, {
          hint: `give it with --env ${name}=VALUE`,
        });
      }
      result[name] = env[name]!;
    }
    const isFrozen = state.envToldBytes !== null;
    for (const name of Object.keys(env)) if (!isFrozen) result[name] ??= env[name]!;
    if (isFrozen) {
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
      state.startedNs,
    );
    process.envToldBytes = state.envToldBytes;
    process.blockedNs = state.blockedNs;
    process.isStopped = state.isStopped;
    for (const thread of state.threads) process.threads.set(thread.tid as Tid, Thread.restore(process, thread));
    return process;
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
