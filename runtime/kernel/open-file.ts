// An open file description: what dup()ed descriptors and forked processes share. Kinds are subclasses (host-file.ts,
// directory-file.ts, stream-file.ts, stale-file.ts); each answers only what it can, the rest has the errno of POSIX here.
//
// Reads and writes return the byte count, or WOULD_BLOCK; then readWait()/writeWait() say what to wait for.

import { Errno } from '../../abi/errno.ts';
import { FDFLAGS_NONBLOCK } from '../../abi/wasi-preview1.ts';
import type { WaitFor } from './blocked.ts';
import type { DetachedFileState, HostFileState, StreamFileState } from './open-file-state.ts';
import type { HostStat } from './ports.ts';
import { fail } from './sys-error.ts';
import type { HostNode } from './vfs/host-node.ts';

/** Result of a read or write that would have to wait: Linux -EAGAIN, as ports say it. */
export const WOULD_BLOCK = -11;

export type OpenFileState = HostFileState | DetachedFileState | StreamFileState;

/** Gives shared objects their place in the image while the files that refer to them are saved. */
export interface FileSaver {
  grantIndex(guestPath: string): number;
  /** Place of an inode without a name; `canRead`: its contents can be had through this node. */
  detachedIndex(node: HostNode, canRead: boolean): number;
}

/** What poll says of one direction of a file; undefined: not ready. */
export interface Readiness {
  readonly bytes: bigint;
  readonly hangup: boolean;
}

export abstract class OpenFile {
  /** Derived: how many descriptors refer to this. */
  refs = 0;
  /** FDFLAGS_*: F_GETFL's status flags. */
  flags: number;
  /** Access mode of the opening: descriptors may have fewer rights, never more. */
  readonly canRead: boolean;
  readonly canWrite: boolean;

  constructor(flags: number, canRead: boolean, canWrite: boolean) {
    this.flags = flags;
    this.canRead = canRead;
    this.canWrite = canWrite;
  }

  get isNonblocking(): boolean {
    return (this.flags & FDFLAGS_NONBLOCK) !== 0;
  }

  /** WASI's filetype. */
  abstract get filetype(): number;
  abstract stat(): HostStat;
  abstract save(saver: FileSaver): OpenFileState;
  /** The last descriptor is gone. */
  abstract close(): void;

  read(_target: Uint8Array): number {
    fail(Errno.EBADF);
  }

  write(_source: Uint8Array): number {
    fail(Errno.EBADF);
  }

  readAt(_target: Uint8Array, _offset: bigint): number {
    fail(Errno.ESPIPE);
  }

  writeAt(_source: Uint8Array, _offset: bigint): number {
    fail(Errno.ESPIPE);
  }

  seek(_offset: bigint, _whence: number): bigint {
    fail(Errno.ESPIPE);
  }

  setSize(_sizeBytes: bigint): void {
    fail(Errno.EINVAL);
  }

  /** posix_fallocate's size semantics. */
  allocate(_offset: bigint, _sizeBytes: bigint): void {
    fail(Errno.ENODEV);
  }

  checkAdvice(): void {
    fail(Errno.ESPIPE);
  }

  sync(_dataOnly: boolean): void {
    fail(Errno.EINVAL);
  }

  setTimes(_atimeNs: bigint | undefined, _mtimeNs: bigint | undefined): void {
    fail(Errno.ENOTSUP);
  }

  readReadiness(): Readiness | undefined {
    return { bytes: 0n, hangup: false };
  }

  writeReadiness(): Readiness | undefined {
    return { bytes: 0n, hangup: false };
  }

  readWait(): WaitFor {
    fail(Errno.EAGAIN);
  }

  writeWait(): WaitFor {
    fail(Errno.EAGAIN);
  }
}
