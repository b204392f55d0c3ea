// A files port in memory, for tests of the kernel: inodes, names, handles, Linux's errors. `calls` counts what is open, and
// `beforeCall` lets a test change the tree between two calls of the kernel, as another process could.

import {
  type FilesPort,
  type HostDirEntry,
  HostFileType,
  type HostHandle,
  HostOpen,
  type HostResult,
  type HostStat,
} from '../ports.ts';

const ENOENT = -2;
const EBADF = -9;
const EEXIST = -17;
const ENOTDIR = -20;
const EISDIR = -21;
const EINVAL = -22;
const ENAMETOOLONG = -36;
const ENOTEMPTY = -39;
const ELOOP = -40;
const EPERM = -1;

export class MemoryInode {
  readonly ino: bigint;
  readonly type: number;
  data: Uint8Array = new Uint8Array(0);
  target = '';
  readonly entries: Map<string, MemoryInode> = new Map();
  nlink = 1n;
  atimeNs: bigint;
  mtimeNs: bigint;
  constructor(ino: bigint, type: number, nowNs: bigint) {
    this.ino = ino;
    this.type = type;
    this.atimeNs = nowNs;
    this.mtimeNs = nowNs;
  }
}

interface Handle {
  readonly inode: MemoryInode;
  readonly flags: number;
}

export class MemoryFiles implements FilesPort {
  readonly root: MemoryInode;
  /** Called before every operation that takes a name. */
  beforeCall: ((operation: string, name: string) => void) | undefined;
  private nextIno = 100n;
  private nextHandle = 1;
  private timeNs = 1_000_000n;
  private readonly handles = new Map<HostHandle, Handle>();

  constructor() {
    this.root = this.makeInode(HostFileType.directory);
  }

  get openCount(): number {
    return this.handles.size;
  }

  /** Opens a directory of the tree, as the host does for a grant. */
  grant(path = ''): HostHandle {
    return this.addHandle(this.find(path), HostOpen.read);
  }

  /** Inode at a path without links; a test's own view of the tree. */
  find(path: string): MemoryInode {
    let inode = this.root;
    for (const name of path.split('/')) if (name !== '') inode = inode.entries.get(name)!;
    return inode;
  }

  putFile(path: string, text = ''): MemoryInode {
    const inode = this.put(path, HostFileType.regularFile);
    inode.data = Uint8Array.from(text, (character) => character.charCodeAt(0));
    return inode;
  }

  putDirectory(path: string): MemoryInode {
    return this.put(path, HostFileType.directory);
  }

  putLink(path: string, target: string): MemoryInode {
    const inode = this.put(path, HostFileType.symbolicLink);
    inode.target = target;
    return inode;
  }

  put(path: string, type: number): MemoryInode {
    const slash = path.lastIndexOf('/');
    const inode = this.makeInode(type);
    this.find(path.slice(0, Math.max(slash, 0))).entries.set(path.slice(slash + 1), inode);
    return inode;
  }

  openAt(dir: HostHandle, name: string, flags: number): HostResult {
    const parent = this.lookUp('openAt', dir, name);
    if (typeof parent === 'number') return parent;
    let inode = parent.entries.get(name);
    const wantsWrite = (flags & HostOpen.write) !== 0;
    if (inode === undefined) {
      if ((flags & HostOpen.create) === 0) return ENOENT;
      inode = this.makeInode(HostFileType.regularFile);
      parent.entries.set(name, inode);
    } else if ((flags & HostOpen.exclusive) !== 0) {
      return EEXIST;
    }
    const isDirectory = inode.type === HostFileType.directory;
    if (inode.type === HostFileType.symbolicLink) return (flags & HostOpen.directory) !== 0 ? ENOTDIR : ELOOP;
    if ((flags & HostOpen.directory) !== 0 && !isDirectory) return ENOTDIR;
    if (isDirectory && (wantsWrite || (flags & HostOpen.create) !== 0)) return EISDIR;
    if ((flags & HostOpen.truncate) !== 0) inode.data = new Uint8Array(0);
    return this.addHandle(inode, flags);
  }

  close(handle: HostHandle): HostResult {
    return this.handles.delete(handle) ? 0 : EBADF;
  }

  read(handle: HostHandle, target: Uint8Array, offset: bigint): HostResult {
    const open = this.handles.get(handle);
    if (open === undefined || (open.flags & HostOpen.read) === 0) return EBADF;
    if (open.inode.type === HostFileType.directory) return EISDIR;
    const part = open.inode.data.subarray(Number(offset), Number(offset) + target.length);
    target.set(part);
    return part.length;
  }

  write(handle: HostHandle, source: Uint8Array, offset: bigint): HostResult {
    const open = this.handles.get(handle);
    if (open === undefined || (open.flags & HostOpen.write) === 0) return EBADF;
    const { inode } = open;
    const at = offset < 0n ? inode.data.length : Number(offset);
    if (at + source.length > inode.data.length) this.resize(inode, at + source.length);
    inode.data.set(source, at);
    inode.mtimeNs = this.now();
    return source.length;
  }

  stat(handle: HostHandle): HostStat | HostResult {
    const open = this.handles.get(handle);
    return open === undefined ? EBADF : statOf(open.inode);
  }

  statAt(dir: HostHandle, name: string): HostStat | HostResult {
    const inode = this.lookUpEntry('statAt', dir, name);
    return typeof inode === 'number' ? inode : statOf(inode);
  }

  setSize(handle: HostHandle, sizeBytes: bigint): HostResult {
    const open = this.handles.get(handle);
    if (open === undefined) return EBADF;
    if ((open.flags & HostOpen.write) === 0) return EINVAL;
    this.resize(open.inode, Number(sizeBytes));
    return 0;
  }

  sync(handle: HostHandle): HostResult {
    return this.handles.has(handle) ? 0 : EBADF;
  }

  setTimes(handle: HostHandle, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): HostResult {
    const open = this.handles.get(handle);
    return open === undefined ? EBADF : setTimesOf(open.inode, atimeNs, mtimeNs);
  }

  setTimesAt(dir: HostHandle, name: string, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): HostResult {
    const inode = this.lookUpEntry('setTimesAt', dir, name);
    return typeof inode === 'number' ? inode : setTimesOf(inode, atimeNs, mtimeNs);
  }

  list(dir: HostHandle): HostDirEntry[] | HostResult {
    const open = this.handles.get(dir);
    if (open === undefined) return EBADF;
    return [...open.inode.entries].map(([name, inode]) => ({ name, ino: inode.ino, type: inode.type }));
  }

  makeDirectoryAt(dir: HostHandle, name: string): HostResult {
    return this.addEntry('makeDirectoryAt', dir, name, () => this.makeInode(HostFileType.directory));
  }

  readLinkAt(dir: HostHandle, name: string): string | HostResult {
    const inode = this.lookUpEntry('readLinkAt', dir, name);
    if (typeof inode === 'number') return inode;
    return inode.type === HostFileType.symbolicLink ? inode.target : EINVAL;
  }

  symlinkAt(target: string, dir: HostHandle, name: string): HostResult {
    return this.addEntry('symlinkAt', dir, name, () => {
      const inode = this.makeInode(HostFileType.symbolicLink);
      inode.target = target;
      return inode;
    });
  }

  linkAt(fromDir: HostHandle, fromName: string, toDir: HostHandle, toName: string): HostResult {
    const inode = this.lookUpEntry('linkAt', fromDir, fromName);
    if (typeof inode === 'number') return inode;
    if (inode.type === HostFileType.directory) return EPERM;
    const result = this.addEntry('linkAt', toDir, toName, () => inode);
    if (result === 0) inode.nlink++;
    return result;
  }

  renameAt(fromDir: HostHandle, fromName: string, toDir: HostHandle, toName: string): HostResult {
    const from = this.lookUp('renameAt', fromDir, fromName);
    if (typeof from === 'number') return from;
    const to = this.lookUp('renameAt', toDir, toName);
    if (typeof to === 'number') return to;
    const inode = from.entries.get(fromName);
    if (inode === undefined) return ENOENT;
    const old = to.entries.get(toName);
    if (old === inode) return 0;
    const isDirectory = inode.type === HostFileType.directory;
    if (isDirectory && isWithin(inode, to)) return EINVAL;
    if (old !== undefined) {
      if (isDirectory && old.type !== HostFileType.directory) return ENOTDIR;
      if (!isDirectory && old.type === HostFileType.directory) return EISDIR;
      if (old.entries.size > 0) return ENOTEMPTY;
      old.nlink--;
    }
    from.entries.delete(fromName);
    to.entries.set(toName, inode);
    return 0;
  }

  unlinkAt(dir: HostHandle, name: string): HostResult {
    const parent = this.lookUp('unlinkAt', dir, name);
    if (typeof parent === 'number') return parent;
    const inode = parent.entries.get(name);
    if (inode === undefined) return ENOENT;
    if (inode.type === HostFileType.directory) return EISDIR;
    parent.entries.delete(name);
    inode.nlink--;
    return 0;
  }

  removeDirectoryAt(dir: HostHandle, name: string): HostResult {
    const parent = this.lookUp('removeDirectoryAt', dir, name);
    if (typeof parent === 'number') return parent;
    const inode = parent.entries.get(name);
    if (inode === undefined) return ENOENT;
    if (inode.type !== HostFileType.directory) return ENOTDIR;
    if (inode.entries.size > 0) return ENOTEMPTY;
    parent.entries.delete(name);
    return 0;
  }

  private now(): bigint {
    this.timeNs += 1000n;
    return this.timeNs;
  }

  private makeInode(type: number): MemoryInode {
    return new MemoryInode(this.nextIno++, type, this.now());
  }

  private addHandle(inode: MemoryInode, flags: number): HostHandle {
    const handle = this.nextHandle++;
    this.handles.set(handle, { inode, flags });
    return handle;
  }

  private resize(inode: MemoryInode, size: number): void {
    const data = new Uint8Array(size);
    data.set(inode.data.subarray(0, size));
    inode.data = data;
    inode.mtimeNs = this.now();
  }

  /** The directory behind a handle; a name that the port's contract forbids is a bug of the kernel. */
  private lookUp(operation: string, dir: HostHandle, name: string): MemoryInode | HostResult {
    if (name === '' || name === '.' || name === '..' || name.includes('/'))
      throw new Error(`${operation}: name "${name}"`);
    this.beforeCall?.(operation, name);
    const inode = this.handles.get(dir)?.inode;
    if (inode === undefined) return EBADF;
    if (inode.type !== HostFileType.directory) return ENOTDIR;
    return name.length > 255 ? ENAMETOOLONG : inode;
  }

  private lookUpEntry(operation: string, dir: HostHandle, name: string): MemoryInode | HostResult {
    const parent = this.lookUp(operation, dir, name);
    return typeof parent === 'number' ? parent : (parent.entries.get(name) ?? ENOENT);
  }

  private addEntry(operation: string, dir: HostHandle, name: string, make: () => MemoryInode): HostResult {
    const parent = this.lookUp(operation, dir, name);
    if (typeof parent === 'number') return parent;
    if (parent.entries.has(name)) return EEXIST;
    parent.entries.set(name, make());
    return 0;
  }
}

function statOf(inode: MemoryInode): HostStat {
  const size = inode.type === HostFileType.symbolicLink ? inode.target.length : inode.data.length;
  return {
    dev: 7n,
    ino: inode.ino,
    type: inode.type,
    nlink: inode.nlink,
    size: BigInt(size),
    atimeNs: inode.atimeNs,
    mtimeNs: inode.mtimeNs,
    ctimeNs: inode.mtimeNs,
  };
}

function setTimesOf(inode: MemoryInode, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): HostResult {
  if (atimeNs !== undefined) inode.atimeNs = atimeNs;
  if (mtimeNs !== undefined) inode.mtimeNs = mtimeNs;
  return 0;
}

function isWithin(ancestor: MemoryInode, inode: MemoryInode): boolean {
  if (ancestor === inode) return true;
  for (const entry of ancestor.entries.values()) if (isWithin(entry, inode)) return true;
  return false;
}
