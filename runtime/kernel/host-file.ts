// An open regular file or device, of the host or of a file system in memory. The offset lives here, never in the host's descriptor: every access is
// positional, so a resumed machine needs no seek and a descriptor can be opened again at any time.

import { Errno } from '../../abi/errno.ts';
import {
  FDFLAGS_APPEND,
  FDFLAGS_DSYNC,
  FDFLAGS_RSYNC,
  FDFLAGS_SYNC,
  WHENCE_CUR,
  WHENCE_END,
  WHENCE_SET,
} from '../../abi/wasi-preview1.ts';
import type { FateTable } from './fate.ts';
import { wasiFiletype } from './filetype.ts';
import { type FileSaver, OpenFile, type Readiness } from './open-file.ts';
import type { DetachedFileState, HostFileState, MemoryFileState } from './open-file-state.ts';
import type { HostStat } from './ports.ts';
import { fail, failHost, succeed } from './sys-error.ts';
import { INT64_MAX } from './validate.ts';
import type { HostNode } from './vfs/host-node.ts';
import { saveNode } from './vfs/saved-node.ts';
import type { Vfs } from './vfs/vfs.ts';

/** Offset of a write that goes to the end. */
const APPEND = -1n;
const SYNC_FLAGS = FDFLAGS_DSYNC | FDFLAGS_RSYNC | FDFLAGS_SYNC;

export class HostFile extends OpenFile {
  static readonly fates: FateTable = {
    refs: 'derived',
    flags: 'saved',
    canRead: 'saved',
    canWrite: 'saved',
    vfs: 'derived',
    node: 'saved',
    offset: 'saved',
  };

  /** Derived: the kernel's. */
  readonly vfs: Vfs;
  readonly node: HostNode;
  offset: bigint;

  constructor(vfs: Vfs, node: HostNode, flags: number, canRead: boolean, canWrite: boolean, offset = 0n) {
    super(flags, canRead, canWrite);
    this.vfs = vfs;
    this.node = node;
    this.offset = offset;
    vfs.retain(node);
  }

  override get filetype(): number {
    return wasiFiletype(this.node.type);
  }

  override stat(): HostStat {
    return this.node.stat();
  }

  override get inodeKey(): string {
    return this.vfs.inodeKey(this.node);
  }

  override close(): void {
    this.vfs.release(this.node);
  }

  override read(target: Uint8Array): number {
    const count = this.node.files.read(this.node.handle, target, this.offset);
    if (count < 0) failHost(count);
    this.offset += BigInt(count);
    return count;
  }

  override write(source: Uint8Array): number {
    const { files, handle } = this.node;
    if ((this.flags & FDFLAGS_APPEND) !== 0) {
      const count = succeed(files.write(handle, source, APPEND));
      this.offset = this.stat().size;
      if ((this.flags & SYNC_FLAGS) !== 0) this.syncWrite();
      return count;
    }
    const count = files.write(handle, source, this.offset);
    if (count < 0) failHost(count);
    this.offset += BigInt(count);
    if ((this.flags & SYNC_FLAGS) !== 0) this.syncWrite();
    return count;
  }

  override readAt(target: Uint8Array, offset: bigint): number {
    if (offset < 0n) fail(Errno.EINVAL);
    return succeed(this.node.files.read(this.node.handle, target, offset));
  }

  /** POSIX: writes at `offset` even to a file in append mode (Linux would append). */
  override writeAt(source: Uint8Array, offset: bigint): number {
    if (offset < 0n) fail(Errno.EINVAL);
    const count = succeed(this.node.files.write(this.node.handle, source, offset));
    if ((this.flags & SYNC_FLAGS) !== 0) this.syncWrite();
    return count;
  }

  override seek(offset: bigint, whence: number): bigint {
    let from: bigint;
    if (whence === WHENCE_SET) from = 0n;
    else if (whence === WHENCE_CUR) from = this.offset;
    else if (whence === WHENCE_END) from = this.stat().size;
    else fail(Errno.EINVAL);
    const to = from + offset;
    if (to < 0n) fail(Errno.EINVAL);
    if (to > INT64_MAX) fail(Errno.EOVERFLOW);
    this.offset = to;
    return to;
  }

  override setSize(sizeBytes: bigint): void {
    if (sizeBytes < 0n) fail(Errno.EINVAL);
    succeed(this.node.files.setSize(this.node.handle, sizeBytes));
  }

  override allocate(offset: bigint, sizeBytes: bigint): void {
    if (offset < 0n || sizeBytes <= 0n) fail(Errno.EINVAL);
    const end = offset + sizeBytes;
    if (end > INT64_MAX) fail(Errno.EFBIG);
    if (end > this.stat().size) this.setSize(end);
  }

  /** Advice is only that: nothing to do. */
  override checkAdvice(): void {}

  override sync(dataOnly: boolean): void {
    this.node.sync(dataOnly);
  }

  override setTimes(atimeNs: bigint | undefined, mtimeNs: bigint | undefined): void {
    if (this.node.grant.readOnly) fail(Errno.EROFS);
    this.node.setTimes(atimeNs, mtimeNs);
  }

  override readReadiness(): Readiness {
    const left = this.stat().size - this.offset;
    return { bytes: left > 0n ? left : 0n, hangup: false };
  }

  private syncWrite(): void {
    this.node.sync((this.flags & (FDFLAGS_SYNC | FDFLAGS_RSYNC)) === 0);
  }

  override save(saver: FileSaver): HostFileState | DetachedFileState | MemoryFileState {
    const { node, flags, canRead, canWrite, offset } = this;
    if (this.vfs.isMounted(node.files)) {
      const { path } = node;
      return { kind: 'memory', flags, canRead, canWrite, ...saver.memoryPlace(node), path, offset, listing: null };
    }
    if (node.path === null) {
      const inode = saver.detachedIndex(node, canRead);
      return { kind: 'detached', flags, canRead, canWrite, inode, offset, listing: null };
    }
    return { kind: 'file', flags, canRead, canWrite, offset, listing: null, ...saveNode(node, node.path, saver) };
  }
}
