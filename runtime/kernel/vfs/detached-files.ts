// Files that the guest has open but that have no name any more (unlinked temporary files, mostly). No path leads to them, so
// an image carries their contents, and a resumed machine keeps them in memory: here, behind the interface of the files port,
// so that an open file need not know the difference. They go when their last descriptor does, as on any Unix.

import { WvmError } from '../../base/wvm-error.ts';
import type { FateTable } from '../fate.ts';
import {
  type FilesPort,
  type Grant,
  type HostDirEntry,
  HostFileType,
  type HostHandle,
  type HostResult,
  type HostStat,
} from '../ports.ts';
import { badRecord, checkArray, checkBigint, checkInteger, checkRecord, INT64_MAX, UINT64_MAX } from '../validate.ts';

export interface DetachedState {
  /** HostFileType: regular file or directory. */
  readonly type: number;
  /** Identity that the guest has seen; two open files of one inode share it. */
  readonly dev: bigint;
  readonly ino: bigint;
  readonly data: Uint8Array;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** What an image carries of one unlinked file at most; also what it may grow to in memory. */
const DETACHED_SIZE_MAX: number = 256 * 2 ** 20;
const DETACHED_COUNT_MAX = 10_000;

const HOST_ENOENT = -2;
const HOST_EBADF = -9;
const HOST_EISDIR = -21;
const HOST_ENOSPC = -28;

/** Stands for the grant that such a file no longer belongs to. */
export const DETACHED_GRANT: Grant = { guestPath: '', handle: -1, readOnly: false };

export class DetachedInode {
  static readonly fates: FateTable = {
    type: 'saved',
    dev: 'saved',
    ino: 'saved',
    data: 'saved',
    sizeBytes: 'saved',
    atimeNs: 'saved',
    mtimeNs: 'saved',
    ctimeNs: 'saved',
    handleCount: 'derived',
  };

  readonly type: number;
  readonly dev: bigint;
  readonly ino: bigint;
  /** The first `sizeBytes` are the contents; zeros behind them are room to grow. */
  data: Uint8Array;
  sizeBytes: number;
  atimeNs: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
  /** Derived: how many nodes use it. */
  handleCount = 0;

  constructor(state: DetachedState) {
    this.type = state.type;
    this.dev = state.dev;
    this.ino = state.ino;
    this.data = state.data.slice();
    this.sizeBytes = state.data.length;
    this.atimeNs = state.atimeNs;
    this.mtimeNs = state.mtimeNs;
    this.ctimeNs = state.ctimeNs;
  }

  resize(sizeBytes: number): void {
    if (sizeBytes > this.data.length) {
      const grown = new Uint8Array(Math.max(sizeBytes, this.data.length * 2));
      grown.set(this.data.subarray(0, this.sizeBytes));
      this.data = grown;
    } else if (sizeBytes < this.sizeBytes) {
      this.data.fill(0, sizeBytes, this.sizeBytes);
    }
    this.sizeBytes = sizeBytes;
  }

  save(): DetachedState {
    const { type, dev, ino, atimeNs, mtimeNs, ctimeNs } = this;
    return { type, dev, ino, data: this.data.slice(0, this.sizeBytes), atimeNs, mtimeNs, ctimeNs };
  }

  static check(states: readonly DetachedState[], where: string): void {
    for (const [index, state] of checkArray(states, DETACHED_COUNT_MAX, where).entries()) {
      const place = `${where}[${index}]`;
      checkRecord(state, place);
      checkInteger(state.type, HostFileType.directory, HostFileType.regularFile, `${place}.type`);
      checkBigint(state.dev, 0n, UINT64_MAX, `${place}.dev`);
      checkBigint(state.ino, 0n, UINT64_MAX, `${place}.ino`);
      if (!(state.data instanceof Uint8Array)) badRecord(`${place}.data`, 'not bytes');
      const limit = state.type === HostFileType.directory ? 0 : DETACHED_SIZE_MAX;
      checkInteger(state.data.length, 0, limit, `${place}.data.length`);
      for (const name of ['atimeNs', 'mtimeNs', 'ctimeNs'] as const) {
        checkBigint(state[name], -INT64_MAX, INT64_MAX, `${place}.${name}`);
      }
    }
  }
}

export class DetachedFiles implements FilesPort {
  static readonly fates: FateTable = { nowNs: 'derived', handles: 'saved' };

  /** Derived: the machine's real time. */
  readonly nowNs: () => bigint;
  /** By handle; several handles may share an inode. */
  readonly handles: Map<HostHandle, DetachedInode> = new Map();

  constructor(nowNs: () => bigint) {
    this.nowNs = nowNs;
  }

  open(inode: DetachedInode): HostHandle {
    let handle = 0;
    while (this.handles.has(handle)) handle++;
    this.handles.set(handle, inode);
    inode.handleCount++;
    return handle;
  }

  close(handle: HostHandle): HostResult {
    const inode = this.handles.get(handle);
    if (inode === undefined) return HOST_EBADF;
    inode.handleCount--;
    this.handles.delete(handle);
    return 0;
  }

  read(handle: HostHandle, target: Uint8Array, offset: bigint): HostResult {
    const inode = this.handles.get(handle);
    if (inode === undefined) return HOST_EBADF;
    if (inode.type === HostFileType.directory) return HOST_EISDIR;
    if (offset >= BigInt(inode.sizeBytes)) return 0;
    const start = Number(offset);
    const part = inode.data.subarray(start, Math.min(start + target.length, inode.sizeBytes));
    target.set(part);
    return part.length;
  }

  write(handle: HostHandle, source: Uint8Array, offset: bigint): HostResult {
    const inode = this.handles.get(handle);
    if (inode === undefined) return HOST_EBADF;
    const at = offset < 0n ? BigInt(inode.sizeBytes) : offset;
    if (at + BigInt(source.length) > BigInt(DETACHED_SIZE_MAX)) return HOST_ENOSPC;
    const end = Number(at) + source.length;
    if (end > inode.sizeBytes) inode.resize(end);
    inode.data.set(source, Number(at));
    inode.mtimeNs = inode.ctimeNs = this.nowNs();
    return source.length;
  }

  stat(handle: HostHandle): HostStat | HostResult {
    const inode = this.handles.get(handle);
    if (inode === undefined) return HOST_EBADF;
    const { type, dev, ino, atimeNs, mtimeNs, ctimeNs } = inode;
    return { type, dev, ino, nlink: 0n, size: BigInt(inode.sizeBytes), atimeNs, mtimeNs, ctimeNs };
  }

  setSize(handle: HostHandle, sizeBytes: bigint): HostResult {
    const inode = this.handles.get(handle);
    if (inode === undefined) return HOST_EBADF;
    if (sizeBytes > BigInt(DETACHED_SIZE_MAX)) return HOST_ENOSPC;
    inode.resize(Number(sizeBytes));
    inode.mtimeNs = inode.ctimeNs = this.nowNs();
    return 0;
  }

  sync(_handle: HostHandle, _dataOnly: boolean): HostResult {
    return 0;
  }

  setTimes(handle: HostHandle, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): HostResult {
    const inode = this.handles.get(handle);
    if (inode === undefined) return HOST_EBADF;
    if (atimeNs !== undefined) inode.atimeNs = atimeNs;
    if (mtimeNs !== undefined) inode.mtimeNs = mtimeNs;
    inode.ctimeNs = this.nowNs();
    return 0;
  }

  /** A removed directory is empty, and Linux makes nothing in it. */
  list(_dir: HostHandle): HostDirEntry[] {
    return [];
  }

  openAt(): HostResult {
    return HOST_ENOENT;
  }

  statAt(): HostResult {
    return HOST_ENOENT;
  }

  setTimesAt(): HostResult {
    return HOST_ENOENT;
  }

  makeDirectoryAt(): HostResult {
    return HOST_ENOENT;
  }

  readLinkAt(): HostResult {
    return HOST_ENOENT;
  }

  symlinkAt(): HostResult {
    return HOST_ENOENT;
  }

  linkAt(): HostResult {
    return HOST_ENOENT;
  }

  renameAt(): HostResult {
    return HOST_ENOENT;
  }

  unlinkAt(): HostResult {
    return HOST_ENOENT;
  }

  removeDirectoryAt(): HostResult {
    return HOST_ENOENT;
  }
}

/** Takes the contents of an unlinked host file; WVM_SNAPSHOT_UNSUPPORTED if they cannot be had. */
export function detach(files: FilesPort, handle: HostHandle, stat: HostStat, canRead: boolean): DetachedState {
  const { type, dev, ino, atimeNs, mtimeNs, ctimeNs } = stat;
  const isDirectory = type === HostFileType.directory;
  if (!isDirectory && type !== HostFileType.regularFile) refuse(stat, 'is a device');
  if (!isDirectory && stat.nlink > 0n) refuse(stat, 'has another name that is not known');
  if (!isDirectory && !canRead) refuse(stat, 'is open for writing only');
  if (!isDirectory && stat.size > BigInt(DETACHED_SIZE_MAX)) refuse(stat, `has ${stat.size} bytes`);
  const data = new Uint8Array(isDirectory ? 0 : Number(stat.size));
  for (let at = 0; at < data.length; ) {
    const count = files.read(handle, data.subarray(at), BigInt(at));
    if (count <= 0) refuse(stat, `cannot be read (error ${-count})`);
    at += count;
  }
  return { type, dev, ino, data, atimeNs, mtimeNs, ctimeNs };
}

function refuse(stat: HostStat, why: string): never {
  throw new WvmError(
    'WVM_SNAPSHOT_UNSUPPORTED',
    `snapshot: a file without a name (inode ${stat.dev}:${stat.ino}) is open and ${why}, so the image cannot carry it`,
    { hint: `only unlinked files that can be read and have at most ${DETACHED_SIZE_MAX} bytes can be saved` },
  );
}
