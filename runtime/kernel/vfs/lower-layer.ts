// The directory of the host below an overlay. Only ever read: nothing here makes, changes or removes. Paths are names joined by
// '/', relative to that directory and free of links and dots; each is walked name by name, and no link is followed.
//
// `inodes` are those of the overlay that are of the lower layer and open, or in the tree as merged directories: one for one path.
// What is open in the overlay is open here, directories when they are first needed.

import type { FateTable } from '../fate.ts';
import { type FilesPort, HostFileType, type HostHandle, HostOpen, type HostResult, type HostStat } from '../ports.ts';
import { FileContents } from './file-contents.ts';
import { FILE_PAGE_BYTES, type FilePages } from './file-pages.ts';
import { type MemoryInode, NONE } from './memory-inode.ts';

const ENOSPC = -28;
const ESTALE = -116;
/** Read and write of a copy. */
const COPY_BYTES: number = 16 * FILE_PAGE_BYTES;

export class LowerLayer {
  static readonly fates: FateTable = { files: 'host', root: 'host', inodes: 'derived' };

  /** Host: not part of the image. */
  readonly files: FilesPort;
  /** Host: the granted directory, which stays open. */
  readonly root: HostHandle;
  /** Derived: by path. */
  readonly inodes: Map<string, MemoryInode> = new Map();

  constructor(files: FilesPort, root: HostHandle) {
    this.files = files;
    this.root = root;
  }

  forget(inode: MemoryInode): void {
    if (inode.lower !== null && this.inodes.get(inode.lower) === inode) this.inodes.delete(inode.lower);
  }

  /** Opens the file that an inode is here. */
  open(inode: MemoryInode): HostResult {
    if (inode.lowerHandle !== NONE) return 0;
    const handle = this.#openFile(inode.lower!);
    if (handle < 0) return handle;
    inode.lowerHandle = handle;
    return 0;
  }

  close(inode: MemoryInode): void {
    const { lowerHandle } = inode;
    inode.lowerHandle = NONE;
    if (lowerHandle !== NONE && lowerHandle !== this.root) this.files.close(lowerHandle);
  }

  /** From an open file. */
  read(inode: MemoryInode, target: Uint8Array, offset: bigint): HostResult {
    return inode.lowerHandle === NONE ? ESTALE : this.files.read(inode.lowerHandle, target, offset);
  }

  /** Of an open inode. */
  stat(inode: MemoryInode): HostStat | HostResult {
    if (inode.isDirectory) return this.inDirectory(inode.lower!, (handle) => this.files.stat(handle));
    return inode.lowerHandle === NONE ? ESTALE : this.files.stat(inode.lowerHandle);
  }

  /** Where the link at `path` leads. */
  target(path: string): string | HostResult {
    return this.inDirectory(parentPath(path), (directory) => this.files.readLinkAt(directory, lastName(path)));
  }

  has(directory: string, name: string): boolean {
    return typeof this.inDirectory(directory, (handle) => this.files.statAt(handle, name)) !== 'number';
  }

  /** Calls `action` with a handle of the directory at `path`. */
  inDirectory<Result>(path: string, action: (directory: HostHandle) => Result): Result | HostResult {
    const inode = this.inodes.get(path);
    if (inode !== undefined && inode.lowerHandle !== NONE) return action(inode.lowerHandle);
    const handle = this.#openDirectory(path);
    if (handle < 0) return handle;
    if (inode !== undefined && inode.handleCount > 0) {
      inode.lowerHandle = handle;
      return action(handle);
    }
    try {
      return action(handle);
    } finally {
      if (handle !== this.root) this.files.close(handle);
    }
  }

  /** Gives an inode a copy of what it is here: its target or its contents, the first `sizeBytes` of them, and its times. */
  copy(inode: MemoryInode, pages: FilePages, sizeBytes: number): HostResult {
    const path = inode.lower!;
    if (inode.type === HostFileType.symbolicLink) {
      const target = this.target(path);
      if (typeof target === 'number') return target;
      inode.target = target;
      return 0;
    }
    if (inode.type !== HostFileType.regularFile) return 0;
    const isOpen = inode.lowerHandle !== NONE;
    if (!isOpen && inode.handleCount > 0) return ESTALE;
    const handle = isOpen ? inode.lowerHandle : this.#openFile(path);
    if (handle < 0) return handle;
    const contents = new FileContents(pages);
    const stat = this.files.stat(handle);
    const result = typeof stat === 'number' ? stat : this.#copyContents(contents, handle, sizeBytes);
    if (!isOpen) this.files.close(handle);
    if (result < 0) {
      contents.resize(0);
      return result;
    }
    inode.setTimes(stat as HostStat);
    inode.contents = contents;
    return 0;
  }

  /** Zeros become holes. */
  #copyContents(contents: FileContents, handle: HostHandle, sizeBytes: number): HostResult {
    const buffer = new Uint8Array(COPY_BYTES);
    while (contents.sizeBytes < sizeBytes) {
      const wanted = Math.min(COPY_BYTES, sizeBytes - contents.sizeBytes);
      const count = this.files.read(handle, buffer.subarray(0, wanted), BigInt(contents.sizeBytes));
      if (count <= 0) return count;
      for (let at = 0; at < count; ) {
        const part = Math.min(count - at, FILE_PAGE_BYTES - (contents.sizeBytes % FILE_PAGE_BYTES));
        if (!contents.append(buffer.subarray(at, at + part))) return ENOSPC;
        at += part;
      }
    }
    return 0;
  }

  #openFile(path: string): HostResult {
    // Nonblock: opening a host pipe must not stop the machine.
    const flags = HostOpen.read | HostOpen.nonblock;
    return this.inDirectory(parentPath(path), (directory) => this.files.openAt(directory, lastName(path), flags));
  }

  /** From the directory above it if that is open, else from the root. */
  #openDirectory(path: string): HostResult {
    const above = parentPath(path);
    const parent = this.inodes.get(above)?.lowerHandle ?? NONE;
    const [from, names] = parent === NONE ? [this.root, path.split('/')] : [parent, [lastName(path)]];
    let handle = from;
    for (const name of names) {
      const next = this.files.openAt(handle, name, HostOpen.directory);
      if (handle !== from) this.files.close(handle);
      if (next < 0) return next;
      handle = next;
    }
    return handle;
  }
}

/** Of a path that is not ''. */
export function parentPath(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

export function lastName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function joinPath(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

/**
 * Inode number of what lies at a path of the lower layer: from the path alone, so it is the same on every host and needs no
 * record, and bit 62 keeps it apart from the numbers of files that were made in the overlay. Two of a million files have the
 * same number with a probability of 2^-22.
 */
export function lowerInode(path: string): bigint {
  let [low, high] = [0x2c1b3c6d, 0x297a2d39];
  for (let at = 0; at < path.length; at++) {
    const unit = path.charCodeAt(at);
    low = Math.imul(low ^ unit, 0x85ebca6b);
    low ^= low >>> 15;
    high = Math.imul(high ^ unit, 0xc2b2ae35);
    high ^= high >>> 13;
  }
  low = Math.imul(low ^ (high >>> 16), 0x7feb352d);
  high = Math.imul(high ^ (low >>> 15), 0x846ca68b);
  low ^= low >>> 16;
  high ^= high >>> 16;
  return (1n << 62n) | (BigInt(high & 0x3fff_ffff) << 32n) | BigInt(low >>> 0);
}
