// A system call in progress as data: the one that a parked thread will make again, and those that signal handlers run over.

import type { RestartRecord } from './blocked.ts';
import { checkMask } from './signals/thread-signals.ts';
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

/** What a signal handler runs over. */
export interface Interruption {
  /** The call to be made again when the handler returns; null: none, or it has its result. */
  readonly call: BlockedCall | null;
  readonly restart: RestartRecord | null;
  /** The thread's mask from then on. */
  readonly savedMask: bigint;
}

const NAME_MAX = 256;
/** Most arguments a system call has. */
const ARGUMENTS_MAX = 16;
/** Handlers that run over one another: each signal may come once more while its handler runs. */
const INTERRUPTED_MAX = 10_000;

export function checkInterrupted(list: readonly Interruption[], where: string): void {
  for (const [index, record] of checkArray(list, INTERRUPTED_MAX, where).entries()) {
    const place = `${where}[${index}]`;
    checkRecord(record, place);
    checkMask(record.savedMask, `${place}.savedMask`);
    checkParked(record.call, record.restart, place);
  }
}

export function checkParked(call: BlockedCall | null, restart: RestartRecord | null, where: string): void {
  if (call === null) {
    if (restart !== null) badRecord(`${where}.restart`, 'of no call');
    return;
  }
  checkRecord(call, `${where}.call`);
  checkString(call.module, NAME_MAX, `${where}.call.module`);
  checkString(call.name, NAME_MAX, `${where}.call.name`);
  for (const argument of checkArray(call.args, ARGUMENTS_MAX, `${where}.call.args`)) {
    if (typeof argument === 'bigint') checkBigint(argument, -INT64_MAX - 1n, UINT64_MAX, `${where}.call.args`);
    else checkInteger(argument, -(2 ** 31), 2 ** 32 - 1, `${where}.call.args`);
  }
  if (restart !== null) checkRestart(restart, `${where}.restart`);
}

function checkRestart(restart: RestartRecord, where: string): void {
  checkRecord(restart, where);
  const { startNs, deadlineNs, doneBytes, result } = restart;
  if (startNs !== undefined) checkBigint(startNs, 0n, INT64_MAX, `${where}.startNs`);
  if (deadlineNs !== undefined) checkBigint(deadlineNs, 0n, UINT64_MAX, `${where}.deadlineNs`);
  if (doneBytes !== undefined) checkInteger(doneBytes, 0, 2 ** 32, `${where}.doneBytes`);
  if (result !== undefined) checkInteger(result, -(2 ** 31), 2 ** 32 - 1, `${where}.result`);
}
