// A guest thread as the kernel knows it: its identity and, while it is parked, the call it will make again. Frames
// are the engine's.
//
//   1. A call returns Blocked: the engine calls block(...) and unwinds the thread.
//   2. One of its waits comes true (or the machine is resumed): the engine makes the call again, with the arguments kept
//      here; the call reads `restart` to know how far it was.
//   3. It returns Blocked once more: block(...). Anything else: unblock().
//
// A parked thread is blocked (the scheduler runs it when a wait comes true) or ready (its call was held back before it was made).

import type { Tid } from '../base/ids.ts';
import type { Blocked, RestartRecord, WaitFor } from './blocked.ts';
import type { FateTable } from './fate.ts';
import type { Process } from './process.ts';
import {
  badRecord,
  checkArray,
  checkBigint,
  checkInteger,
  checkRecord,
  checkString,
  INT64_MAX,
  UINT64_MAX,
} from './validate.ts';

export type GuestNumber = number | bigint;

/** A system call in progress. */
export interface BlockedCall {
  /** Import module, e.g. wasi_snapshot_preview1. */
  readonly module: string;
  readonly name: string;
  readonly args: readonly GuestNumber[];
}

export interface ThreadState {
  readonly tid: number;
  readonly call: BlockedCall | null;
  readonly restart: RestartRecord | null;
  /** Machine time at which it was parked; null while it runs. */
  readonly blockedSinceNs: bigint | null;
}

const NAME_MAX = 256;
/** Most arguments a system call has. */
const ARGUMENTS_MAX = 16;

export class Thread {
  static readonly fates: FateTable = {
    tid: 'saved',
    process: 'derived',
    call: 'saved',
    restart: 'saved',
    blockedSinceNs: 'saved',
    waits: 'derived',
    isInterrupted: 'derived',
  };

  readonly tid: Tid;
  /** Derived: whose thread this is. */
  readonly process: Process;
  call: BlockedCall | undefined = undefined;
  /** Progress of `call`; undefined at its first try. */
  restart: RestartRecord | undefined = undefined;
  blockedSinceNs: bigint | undefined = undefined;
  /** Derived: comes with every Blocked; empty after a resume, when every parked call is tried at once. */
  waits: readonly WaitFor[] = [];
  /** Derived: a signal handler is to run next. A call that would wait on now ends with EINTR, or with what it has done so far. */
  isInterrupted = false;

  constructor(process: Process, tid: Tid) {
    this.process = process;
    this.tid = tid;
  }

  get isBlocked(): boolean {
    return this.call !== undefined;
  }

  block(module: string, name: string, args: readonly GuestNumber[], blocked: Blocked): void {
    if (this.call === undefined) {
      this.call = { module, name, args: [...args] };
      this.blockedSinceNs = this.process.kernel.clock.nowNs();
    }
    this.restart = blocked.restart;
    this.waits = blocked.waits;
  }

  unblock(): void {
    if (this.blockedSinceNs !== undefined) {
      this.process.blockedNs += this.process.kernel.clock.nowNs() - this.blockedSinceNs;
    }
    this.call = undefined;
    this.restart = undefined;
    this.blockedSinceNs = undefined;
    this.waits = [];
  }

  save(): ThreadState {
    return {
      tid: this.tid,
      call: this.call ?? null,
      restart: this.restart ?? null,
      blockedSinceNs: this.blockedSinceNs ?? null,
    };
  }

  static check(state: ThreadState, where: string): void {
    checkRecord(state, where);
    checkInteger(state.tid, 1, 2 ** 30, `${where}.tid`);
    if ((state.call === null) !== (state.blockedSinceNs === null)) {
      badRecord(where, 'call and blockedSinceNs must be given together');
    }
    if (state.call === null) {
      if (state.restart !== null) badRecord(`${where}.restart`, 'of no call');
      return;
    }
    checkBigint(state.blockedSinceNs!, 0n, INT64_MAX, `${where}.blockedSinceNs`);
    checkRecord(state.call, `${where}.call`);
    checkString(state.call.module, NAME_MAX, `${where}.call.module`);
    checkString(state.call.name, NAME_MAX, `${where}.call.name`);
    for (const argument of checkArray(state.call.args, ARGUMENTS_MAX, `${where}.call.args`)) {
      if (typeof argument === 'bigint') checkBigint(argument, -INT64_MAX - 1n, UINT64_MAX, `${where}.call.args`);
      else checkInteger(argument, -(2 ** 31), 2 ** 32 - 1, `${where}.call.args`);
    }
    if (state.restart !== null) checkRestart(state.restart, `${where}.restart`);
  }

  static restore(process: Process, state: ThreadState): Thread {
    const thread = new Thread(process, state.tid as Tid);
    thread.call = state.call ?? undefined;
    thread.restart = state.restart ?? undefined;
    thread.blockedSinceNs = state.blockedSinceNs ?? undefined;
    return thread;
  }
}

function checkRestart(restart: RestartRecord, where: string): void {
  checkRecord(restart, where);
  const { startNs, deadlineNs, doneBytes } = restart;
  if (startNs !== undefined) checkBigint(startNs, 0n, INT64_MAX, `${where}.startNs`);
  if (deadlineNs !== undefined) checkBigint(deadlineNs, 0n, UINT64_MAX, `${where}.deadlineNs`);
  if (doneBytes !== undefined) checkInteger(doneBytes, 0, 2 ** 32, `${where}.doneBytes`);
}
