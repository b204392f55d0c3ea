// A file, directory or link of a file system in memory. In an overlay there are two more kinds of contents: a directory may be
// merged with one of the lower layer, and a file may still be that of the lower layer (as long as it is open; else there is
// no inode of it here).
//
//   names  isGone  lower          is
//   > 0    false   null           in the tree
//   > 0    false   a path         a directory in the tree, merged with a lower one
//   0      false   a path         of the lower layer, seen through the overlay, not changed yet
//   0      true    null           open, and removed
//   0      true    a path         an open file of the lower layer, removed

import type { FateTable } from '../fate.ts';
import { HostFileType, type HostHandle } from '../ports.ts';
import type { FileContents } from './file-contents.ts';

/** No handle. */
export const NONE = -1;

export interface InodeTimes {
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

export class MemoryInode {
  static readonly fates: FateTable = {
    dev: 'derived',
    ino: 'saved',
    type: 'saved',
    atimeNs: 'saved',
    mtimeNs: 'saved',
    ctimeNs: 'saved',
    names: 'derived',
    isGone: 'saved',
    contents: 'saved',
    target: 'saved',
    entries: 'saved',
    directoryCount: 'derived',
    parent: 'derived',
    lower: 'saved',
    lowerSize: 'saved',
    lowerHandle: 'host',
    handleCount: 'derived',
  };

  /** Derived: of the file system; of a detached file that of the host, which the guest has seen. */
  readonly dev: bigint;
  readonly ino: bigint;
  /** HostFileType. */
  readonly type: number;
  atimeNs: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
  /** Derived: how many entries name it. The root has one. */
  names = 0;
  /** It had a name and has none any more. */
  isGone = false;
  /** Of a file whose contents are here. */
  contents: FileContents | undefined;
  /** Of a symbolic link. */
  target = '';
  /** Of a directory; null: what the lower layer has under this name is not there. */
  readonly entries: Map<string, MemoryInode | null> = new Map();
  /** Derived: directories among the entries. */
  directoryCount = 0;
  /** Derived: of a directory in the tree. */
  parent: MemoryInode | undefined;
  /** Path in the lower layer, '' for its root; null: nothing of it. */
  lower: string | null = null;
  /** Size of a file there, as it was when it was looked up, or saved. */
  lowerSize = 0n;
  /** Host: what is open there while this is open here. */
  lowerHandle: HostHandle = NONE;
  /** Derived. */
  handleCount = 0;

  constructor(dev: bigint, ino: bigint, type: number, times: InodeTimes) {
    this.dev = dev;
    this.ino = ino;
    this.type = type;
    this.atimeNs = times.atimeNs;
    this.mtimeNs = times.mtimeNs;
    this.ctimeNs = times.ctimeNs;
  }

  get isDirectory(): boolean {
    return this.type === HostFileType.directory;
  }

  /** Still what the lower layer has: its attributes are there. */
  get isLower(): boolean {
    return this.lower !== null && this.names === 0;
  }

  /** Linux's count of a directory: its name, its own '.', and '..' of those in it. 1, as of other file systems: unknown. */
  get linkCount(): number {
    if (this.isGone) return 0;
    if (this.isLower || this.lower !== null) return 1;
    return this.isDirectory ? 2 + this.directoryCount : this.names;
  }

  setTimes(times: InodeTimes): void {
    this.atimeNs = times.atimeNs;
    this.mtimeNs = times.mtimeNs;
    this.ctimeNs = times.ctimeNs;
  }

  /** Its data, or its entries, have changed. */
  modified(nowNs: bigint): void {
    this.mtimeNs = nowNs;
    this.ctimeNs = nowNs;
  }
}
