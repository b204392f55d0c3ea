// An open file description: what dup()ed descriptors and forked processes share. Kinds are subclasses (host-file.ts,
// directory-file.ts, stream-file.ts, pipe-file.ts, socket-file.ts, event-file.ts, epoll-file.ts, null-file.ts, device-file.ts, terminal-file.ts,
// stale-file.ts); each answers
// only what it can, the rest has the errno of POSIX here.
//
// Reads and writes return the byte count, WOULD_BLOCK (then readWait()/writeWait() say what to wait for) or BROKEN_PIPE.

import { Errno } from '../../abi/errno.ts';
import { FDFLAGS_NONBLOCK } from '../../abi/wasi-preview1.ts';
import type { WaitFor } from './blocked.ts';
import type {
  DetachedFileState,
  DeviceDirectoryState,
  DeviceFileState,
  EpollFileState,
  EventFileState,
  HostFileState,
  MemoryFileState,
  NullFileState,
  PipeFileState,
  SocketFileState,
  StreamFileState,
} from './open-file-state.ts';
import type { Pipe } from './pipe.ts';
import type { HostStat } from './ports.ts';
import { fail } from './sys-error.ts';
import type { HostNode } from './vfs/host-node.ts';

/** Result of a read or write that would have to wait: Linux -EAGAIN, as ports say it. */
export const WOULD_BLOCK = -11;
/** Result of a write that nobody will read: Linux -EPIPE. */
export const BROKEN_PIPE = -32;

export type OpenFileState =
  | HostFileState
  | DetachedFileState
  | MemoryFileState
  | StreamFileState
  | PipeFileState
  | SocketFileState
  | EventFileState
  | EpollFileState
  | NullFileState
  | DeviceFileState
  | DeviceDirectoryState;

/** Gives shared objects their place in the image while the files that refer to them are saved. */
export interface FileSaver {
  grantIndex(guestPath: string): number;
  /** Place of an inode without a name; `canRead`: its contents can be had through this node. */
  detachedIndex(node: HostNode, canRead: boolean): number;
  /** Place of an inode of a file system in memory. */
  memoryPlace(node: HostNode): MemoryPlace;
  pipeIndex(pipe: Pipe): number;
  /** Place of another open file, which is saved before the one that refers to it. */
  fileIndex(file: OpenFile): number;
}

/** Indexes: of a file system, and of an inode in it. */
export interface MemoryPlace {
  readonly fileSystem: number;
  readonly inode: number;
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

  /** It has no offset, and reads and writes may have to wait. */
  get isStream(): boolean {
    return false;
  }

  get isSocket(): boolean {
    return false;
  }

  /** A connection of which neither direction works any more. */
  get isHungUp(): boolean {
    return false;
  }

  /** A blocking write goes on until all is written. */
  get writesAll(): boolean {
    return false;
  }

  /** The inode as locks know it: equal for all openings of one file; undefined: it cannot be locked. */
  get inodeKey(): string | undefined {
    return undefined;
  }

  /**
   * What epoll counts to tell a new event from one that it has reported: more whenever there is something new to read, or room
   * again. Undefined: not to be waited for (EPERM).
   */
  get readEdges(): number | undefined {
    return undefined;
  }

  get writeEdges(): number | undefined {
    return undefined;
  }

  /** WASI's filetype. */
  abstract get filetype(): number;
  abstract stat(): HostStat;
  abstract save(saver: FileSaver): OpenFileState;
  /** The last descriptor is gone. */
  abstract close(): void;

  /** A descriptor is gone: threads that were waiting through it look again, and get EBADF. */
  descriptorClosed(): void {}

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

  /** shutdown(2), of sockets. */
  shutdown(_read: boolean, _write: boolean): void {
    fail(Errno.ENOTSOCK);
  }

  readWait(): WaitFor {
    fail(Errno.EAGAIN);
  }

  writeWait(): WaitFor {
    fail(Errno.EAGAIN);
  }

  /** All that may make it readable; an epoll set has more than one. */
  addReadWaits(waits: WaitFor[]): void {
    waits.push(this.readWait());
  }
}
