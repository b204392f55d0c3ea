// An open directory. fd_readdir walks a listing that is taken when the guest starts at cookie 0; a cookie is a position in
// it. So cookies stay valid while the directory changes, and over a snapshot, where the listing is saved.

import { Errno } from '../../abi/errno.ts';
import type { FateTable } from './fate.ts';
import { type FileSaver, OpenFile } from './open-file.ts';
import type {
  DetachedFileState,
  DeviceDirectoryState,
  DirEntryState,
  HostFileState,
  MemoryFileState,
} from './open-file-state.ts';
import { HostFileType, type HostStat } from './ports.ts';
import { fail, resultOf } from './sys-error.ts';
import type { HostNode } from './vfs/host-node.ts';
import { saveNode } from './vfs/saved-node.ts';
import type { Vfs } from './vfs/vfs.ts';

export class DirectoryFile extends OpenFile {
  static readonly fates: FateTable = {
    refs: 'derived',
    flags: 'saved',
    canRead: 'saved',
    canWrite: 'saved',
    vfs: 'derived',
    node: 'saved',
    listing: 'saved',
  };

  /** Derived: the kernel's. */
  readonly vfs: Vfs;
  readonly node: HostNode;
  listing: readonly DirEntryState[] | null;

  constructor(
    vfs: Vfs,
    node: HostNode,
    flags: number,
    canRead: boolean,
    listing: readonly DirEntryState[] | null = null,
  ) {
    super(flags, canRead, false);
    this.vfs = vfs;
    this.node = node;
    this.listing = listing;
    vfs.retain(node);
  }

  override get filetype(): number {
    return HostFileType.directory;
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

  /** Entries from position 0, '.' and '..' first; taken anew when `position` is 0. */
  list(position: bigint): readonly DirEntryState[] {
    if (position === 0n || this.listing === null) {
      const { ino } = this.stat();
      const entries: DirEntryState[] = [
        { name: '.', ino, type: HostFileType.directory },
        // The root's parent is itself, as in a chroot; another's inode number is not known here (0: ask for it).
        { name: '..', ino: this.node.path === '' ? ino : 0n, type: HostFileType.directory },
      ];
      for (const { name, ino, type } of resultOf(this.node.files.list(this.node.handle)))
        entries.push({ name, ino, type });
      this.listing = entries;
    }
    return this.listing;
  }

  override read(_target: Uint8Array): number {
    fail(Errno.EISDIR);
  }

  override readAt(_target: Uint8Array, _offset: bigint): number {
    fail(Errno.EISDIR);
  }

  override writeAt(_source: Uint8Array, _offset: bigint): number {
    fail(Errno.EBADF);
  }

  override seek(_offset: bigint, _whence: number): bigint {
    fail(Errno.EISDIR);
  }

  override checkAdvice(): void {}

  override sync(dataOnly: boolean): void {
    this.node.sync(dataOnly);
  }

  override setTimes(atimeNs: bigint | undefined, mtimeNs: bigint | undefined): void {
    if (this.node.grant.readOnly) fail(Errno.EROFS);
    this.node.setTimes(atimeNs, mtimeNs);
  }

  override save(saver: FileSaver): HostFileState | DetachedFileState | MemoryFileState | DeviceDirectoryState {
    const { node, flags, canRead, canWrite, listing } = this;
    if (node.files === this.vfs.devices) {
      return { kind: 'device-directory', flags, canRead, canWrite, path: node.path!, listing };
    }
    if (this.vfs.isMounted(node.files)) {
      const { path } = node;
      return { kind: 'memory', flags, canRead, canWrite, ...saver.memoryPlace(node), path, offset: 0n, listing };
    }
    if (node.path === null) {
      const inode = saver.detachedIndex(node, canRead);
      return { kind: 'detached', flags, canRead, canWrite, inode, offset: 0n, listing };
    }
    return { kind: 'directory', flags, canRead, canWrite, offset: 0n, listing, ...saveNode(node, node.path, saver) };
  }
}
