// What a WASI system call gets besides its own parameters. Calls are plain functions (context, ...wasm parameters), grouped
// in one file per family; front-door.ts binds them to a process.

import { Errno } from '../../../abi/errno.ts';
import type { FilestatLayout, SubscriptionLayout } from '../../../abi/wasi-preview1.ts';
import type { FdEntry } from '../fd-table.ts';
import type { Kernel } from '../kernel.ts';
import type { Process } from '../process.ts';
import { fail } from '../sys-error.ts';
import type { IovecList } from './iovec.ts';

export interface WasiContext {
  readonly kernel: Kernel;
  /** Another one when the instance that makes the calls is used again. */
  process: Process;
  /** The vector of the call in progress; calls do not nest. */
  readonly iovecs: IovecList;
  readonly filestat: FilestatLayout;
  readonly subscription: SubscriptionLayout;
  /** Meaning of fd_seek's numbers: WHENCE_* by the guest's value. */
  readonly whence: readonly number[];
  /**
   * The program imports functions of WASIX, and calls of preview1 mean what that says: paths may be absolute, fd_renumber is dup2.
   * The front door sets it before the first call.
   */
  isWasix: boolean;
}

/** The entry of `fd` with all of `rights`; EBADF, ENOTCAPABLE. */
export function entryWith(context: WasiContext, fd: number, rights: number): FdEntry {
  const entry = context.process.fds.get(fd);
  if ((entry.rights & rights) !== rights) fail(Errno.ENOTCAPABLE);
  return entry;
}
