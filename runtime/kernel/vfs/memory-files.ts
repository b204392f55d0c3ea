// A file system in memory, behind the interface of the files port: a tmpfs; the view of an overlay, which is a directory of the
// host below and what the guest has changed above it; and (detached-files.ts) files that have no name any more. All that the guest
// wrote is here and travels in images; of the host only `lower` is needed.
//
// Overlay:
// - The lower layer is only read. What is not in `entries` of a merged directory is looked up there; null hides it.
// - A file comes up whole, at the first write, truncation, change of times, link or rename, with its inode number. All that have it
//   open see one file before and after, unlike with Linux's overlayfs.
// - A directory comes up when something in it changes, as a name only: it stays merged with its lower one, also after a rename
//   (overlayfs calls that a redirect). A directory made here is merged with nothing.
// - Each lower name is a file of its own: hard links among lower files do not hold in the overlay.

import type { FateTable } from '../fate.ts';
import {
  type FilesPort,
  type HostDirEntry,
  HostFileType,
  type HostHandle,
  HostOpen,
  type HostResult,
  type HostStat,
} from '../ports.ts';
import { encodeUtf8 } from '../utf8.ts';
import { FILE_SIZE_MAX, FileContents } from './file-contents.ts';
import { FILE_PAGE_BYTES, FilePages } from './file-pages.ts';
import { joinPath, type LowerLayer, lastName, lowerInode, parentPath } from './lower-layer.ts';
import { type InodeTimes, MemoryInode } from './memory-inode.ts';

const EPERM = -1;
const ENOENT = -2;
const EBADF = -9;
const EEXIST = -17;
const ENXIO = -6;
const ENOTDIR = -20;
const EISDIR = -21;
const EINVAL = -22;
const EFBIG = -27;
const ENOSPC = -28;
const EROFS = -30;
const ENAMETOOLONG = -36;
const ENOTEMPTY = -39;
const ELOOP = -40;
const ESTALE = -116;

const NAME_MAX_BYTES = 255;
/** Of UTF-8. A name of fewer characters is short enough. */
const CHARACTER_MAX_BYTES = 3;
/** What a directory says of its size; nobody asks for more than that it is not 0. */
const DIRECTORY_SIZE = 4096n;
/** Room in the image for a name, its inode and its texts, by a generous count, and of all in one file system: the image holds
 *  them in one record, which is rewritten by each snapshot. About 100,000 files. */
const NAME_RECORD_BYTES = 256;
const METADATA_MAX_BYTES: number = 32 * 2 ** 20;

const ROOT_INODE = 1n;

interface OpenHandle {
  readonly inode: MemoryInode;
  /** HostOpen. */
  readonly flags: number;
}

export interface MemoryFilesOptions {
  readonly maxBytes: number;
  /** Device number that the guest sees. */
  readonly dev: bigint;
  readonly nowNs: () => bigint;
  /** Of an overlay. */
  readonly lower?: LowerLayer;
}

export class MemoryFiles implements FilesPort {
  static readonly fates: FateTable = {
    maxBytes: 'saved',
    dev: 'derived',
    nowNs: 'derived',
    lower: 'host',
    pages: 'saved',
    lastIno: 'saved',
    root: 'saved',
    rootHandle: 'derived',
    handles: 'derived',
    metadataBytes: 'derived',
    lastHandle: 'derived',
  };

  readonly maxBytes: number;
  /** Derived: from its place among the file systems. */
  readonly dev: bigint;
  /** Derived: the machine's real time. */
  readonly nowNs: () => bigint;
  /** Host: of an overlay. */
  readonly lower: LowerLayer | undefined;
  readonly pages: FilePages;
  /** The last inode number that was given to a new file. */
  lastIno: bigint = ROOT_INODE;
  root: MemoryInode;
  /** Derived: stays open. */
  readonly rootHandle: HostHandle = 0;
  /** Derived. */
  readonly handles: Map<HostHandle, OpenHandle> = new Map();
  /** Derived. */
  metadataBytes = 0;
  /** Derived. */
  lastHandle: HostHandle = 0;

  constructor({ maxBytes, dev, nowNs, lower }: MemoryFilesOptions, pageCount = 0) {
    this.maxBytes = maxBytes;
    this.dev = dev;
    this.nowNs = nowNs;
    this.lower = lower;
    this.pages = new FilePages(Math.floor(maxBytes / FILE_PAGE_BYTES), pageCount);
    this.root = new MemoryInode(dev, ROOT_INODE, HostFileType.directory, timesAt(nowNs()));
    this.setRoot(this.root);
  }

  /** For restore(), too. */
  setRoot(root: MemoryInode): void {
    this.root = root;
    root.names = 1;
    root.handleCount = 1;
    this.handles.set(this.rootHandle, { inode: root, flags: HostOpen.read | HostOpen.directory });
    if (this.lower === undefined) return;
    root.lower = '';
    root.lowerHandle = this.lower.root;
    this.lower.inodes.set('', root);
  }

  openAt(dir: HostHandle, name: string, flags: number): HostResult {
    const parent = this.#directory(dir, name);
    if (typeof parent === 'number') return parent;
    let inode = this.#entry(parent, name);
    const creates = (flags & HostOpen.create) !== 0;
    if (inode === ENOENT && creates && (flags & HostOpen.directory) === 0) {
      const made = this.#make(parent, name, HostFileType.regularFile);
      if (typeof made === 'number') return made;
      made.contents = new FileContents(this.pages);
      return this.open(made, flags);
    }
    if (typeof inode === 'number') return inode;
    if (creates && (flags & HostOpen.exclusive) !== 0) return EEXIST;
    if (inode.type === HostFileType.symbolicLink) return ELOOP;
    if (!inode.isDirectory && (flags & HostOpen.directory) !== 0) return ENOTDIR;
    const changes = (flags & (HostOpen.write | HostOpen.truncate | HostOpen.append)) !== 0;
    if (inode.isDirectory) return changes || creates ? EISDIR : this.open(inode, flags);
    if (inode.type !== HostFileType.regularFile) {
      if (!inode.isLower) return ENXIO;
      if (changes) return EROFS;
    }
    if ((flags & HostOpen.truncate) !== 0) {
      inode = this.#toUpper(inode, 0);
      if (typeof inode === 'number') return inode;
      inode.contents!.resize(0);
      inode.modified(this.nowNs());
    }
    return this.open(inode, flags);
  }

  /** A handle of an inode that was looked up, or is open, or comes out of an image. */
  open(inode: MemoryInode, flags: number): HostResult {
    const opened = inode.isLower && !inode.isDirectory ? this.lower!.open(inode) : 0;
    return opened < 0 ? opened : this.openStale(inode, flags);
  }

  /** As open(), of a file whose lower one cannot be had: reading it answers ESTALE. */
  openStale(inode: MemoryInode, flags: number): HostHandle {
    inode.handleCount++;
    if (inode.lower !== null && !inode.isGone) this.lower!.inodes.set(inode.lower, inode);
    const handle = ++this.lastHandle;
    this.handles.set(handle, { inode, flags });
    return handle;
  }

  close(handle: HostHandle): HostResult {
    const inode = this.handles.get(handle)?.inode;
    if (inode === undefined) return EBADF;
    this.handles.delete(handle);
    if (--inode.handleCount > 0) return 0;
    this.lower?.close(inode);
    if (inode.names > 0) return 0;
    this.lower?.forget(inode);
    inode.contents?.resize(0);
    return 0;
  }

  /** The machine has ended: gives back what is open in the lower layer. */
  closeAll(): void {
    for (const { inode } of this.handles.values()) this.lower?.close(inode);
  }

  read(handle: HostHandle, target: Uint8Array, offset: bigint): HostResult {
    const open = this.handles.get(handle);
    if (open === undefined) return EBADF;
    const { inode } = open;
    if (inode.isDirectory) return EISDIR;
    if ((open.flags & HostOpen.read) === 0) return EBADF;
    if (offset < 0n) return EINVAL;
    if (inode.contents !== undefined) {
      return offset >= BigInt(inode.contents.sizeBytes) ? 0 : inode.contents.read(target, Number(offset));
    }
    return this.lower!.read(inode, target, offset);
  }

  write(handle: HostHandle, source: Uint8Array, offset: bigint): HostResult {
    const open = this.handles.get(handle);
    if (open === undefined || (open.flags & HostOpen.write) === 0) return EBADF;
    if (source.length === 0) return 0;
    const inode = this.#toUpper(open.inode);
    if (typeof inode === 'number') return inode;
    const contents = inode.contents!;
    const at = offset < 0n ? BigInt(contents.sizeBytes) : offset;
    if (at + BigInt(source.length) > BigInt(FILE_SIZE_MAX)) return EFBIG;
    const written = contents.write(source, Number(at));
    if (written === 0) return ENOSPC;
    inode.modified(this.nowNs());
    return written;
  }

  stat(handle: HostHandle): HostStat | HostResult {
    const open = this.handles.get(handle);
    return open === undefined ? EBADF : this.#stat(open.inode);
  }

  statAt(dir: HostHandle, name: string): HostStat | HostResult {
    const inode = this.#named(dir, name);
    return typeof inode === 'number' ? inode : this.#stat(inode);
  }

  setSize(handle: HostHandle, sizeBytes: bigint): HostResult {
    const open = this.handles.get(handle);
    if (open === undefined) return EBADF;
    if (open.inode.isDirectory) return EISDIR;
    if ((open.flags & HostOpen.write) === 0 || sizeBytes < 0n) return EINVAL;
    if (sizeBytes > BigInt(FILE_SIZE_MAX)) return EFBIG;
    const inode = this.#toUpper(open.inode, Number(sizeBytes));
    if (typeof inode === 'number') return inode;
    inode.contents!.resize(Number(sizeBytes));
    inode.modified(this.nowNs());
    return 0;
  }

  sync(handle: HostHandle, _dataOnly: boolean): HostResult {
    return this.handles.has(handle) ? 0 : EBADF;
  }

  setTimes(handle: HostHandle, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): HostResult {
    const open = this.handles.get(handle);
    return open === undefined ? EBADF : this.#setTimes(open.inode, atimeNs, mtimeNs);
  }

  setTimesAt(dir: HostHandle, name: string, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): HostResult {
    const inode = this.#named(dir, name);
    return typeof inode === 'number' ? inode : this.#setTimes(inode, atimeNs, mtimeNs);
  }

  /** In the order of the names' code units. */
  list(dir: HostHandle): HostDirEntry[] | HostResult {
    const inode = this.handles.get(dir)?.inode;
    if (inode === undefined) return EBADF;
    return inode.isDirectory ? this.#list(inode) : ENOTDIR;
  }

  makeDirectoryAt(dir: HostHandle, name: string): HostResult {
    return this.#makeNew(dir, name, HostFileType.directory);
  }

  readLinkAt(dir: HostHandle, name: string): string | HostResult {
    const inode = this.#named(dir, name);
    if (typeof inode === 'number') return inode;
    if (inode.type !== HostFileType.symbolicLink) return EINVAL;
    return inode.isLower ? this.lower!.target(inode.lower!) : inode.target;
  }

  symlinkAt(target: string, dir: HostHandle, name: string): HostResult {
    return this.#makeNew(dir, name, HostFileType.symbolicLink, target);
  }

  linkAt(fromDir: HostHandle, fromName: string, toDir: HostHandle, toName: string): HostResult {
    const from = this.#directory(fromDir, fromName);
    if (typeof from === 'number') return from;
    const to = this.#directory(toDir, toName);
    if (typeof to === 'number') return to;
    const found = this.#entry(from, fromName);
    if (typeof found === 'number') return found;
    const old = this.#entry(to, toName);
    if (old !== ENOENT) return typeof old === 'number' ? old : EEXIST;
    if (to.isGone) return ENOENT;
    if (found.isDirectory) return EPERM;
    if (!this.#hasRoom(toName)) return ENOSPC;
    const inode = this.#toUpper(found);
    if (typeof inode === 'number') return inode;
    this.#attach(to);
    this.#link(to, toName, inode);
    to.modified(this.nowNs());
    inode.ctimeNs = this.nowNs();
    return 0;
  }

  renameAt(fromDir: HostHandle, fromName: string, toDir: HostHandle, toName: string): HostResult {
    const from = this.#directory(fromDir, fromName);
    if (typeof from === 'number') return from;
    const to = this.#directory(toDir, toName);
    if (typeof to === 'number') return to;
    this.#attach(from);
    this.#attach(to);
    const found = this.#entry(from, fromName);
    if (typeof found === 'number') return found;
    const old = this.#entry(to, toName);
    if (typeof old === 'number' && old !== ENOENT) return old;
    if (to.isGone) return ENOENT;
    if (old === found || (from === to && fromName === toName)) return 0;
    if (found.isDirectory && isWithin(found, to)) return EINVAL;
    if (typeof old !== 'number') {
      if (old.isDirectory && isWithin(old, from)) return ENOTEMPTY;
      if (found.isDirectory !== old.isDirectory) return found.isDirectory ? ENOTDIR : EISDIR;
      const left = old.isDirectory ? this.#list(old) : [];
      if (typeof left === 'number') return left;
      if (left.length > 0) return ENOTEMPTY;
    } else if (!this.#hasRoom(toName)) return ENOSPC;
    const inode = this.#toUpper(found);
    if (typeof inode === 'number') return inode;
    if (typeof old !== 'number') this.#remove(to, toName, old);
    this.#unlink(from, fromName);
    this.#link(to, toName, inode);
    const nowNs = this.nowNs();
    from.modified(nowNs);
    to.modified(nowNs);
    inode.ctimeNs = nowNs;
    return 0;
  }

  unlinkAt(dir: HostHandle, name: string): HostResult {
    const inode = this.#named(dir, name);
    if (typeof inode === 'number') return inode;
    if (inode.isDirectory) return EISDIR;
    this.#removeFrom(this.handles.get(dir)!.inode, name, inode);
    return 0;
  }

  removeDirectoryAt(dir: HostHandle, name: string): HostResult {
    const inode = this.#named(dir, name);
    if (typeof inode === 'number') return inode;
    if (!inode.isDirectory) return ENOTDIR;
    const left = this.#list(inode);
    if (typeof left === 'number') return left;
    if (left.length > 0) return ENOTEMPTY;
    this.#removeFrom(this.handles.get(dir)!.inode, name, inode);
    return 0;
  }

  /** The directory behind a handle, for an operation with `name`. */
  #directory(dir: HostHandle, name: string): MemoryInode | HostResult {
    const inode = this.handles.get(dir)?.inode;
    if (inode === undefined) return EBADF;
    if (!inode.isDirectory) return ENOTDIR;
    return isTooLong(name) ? ENAMETOOLONG : inode;
  }

  /** What `name` is in the directory behind a handle. */
  #named(dir: HostHandle, name: string): MemoryInode | HostResult {
    const parent = this.#directory(dir, name);
    return typeof parent === 'number' ? parent : this.#entry(parent, name);
  }

  /** What `name` is in a directory. An inode of the lower layer that nobody has open is made for this look only. */
  #entry(parent: MemoryInode, name: string): MemoryInode | HostResult {
    if (parent.isGone) return ENOENT;
    const here = parent.entries.get(name);
    if (here !== undefined) return here ?? ENOENT;
    if (parent.lower === null) return ENOENT;
    const path = joinPath(parent.lower, name);
    const lower = this.lower!;
    const known = lower.inodes.get(path);
    if (known !== undefined) return known;
    const stat = lower.inDirectory(parent.lower, (handle) => lower.files.statAt(handle, name));
    if (typeof stat === 'number') return isMissing(stat) ? ENOENT : stat;
    const inode = new MemoryInode(this.dev, lowerInode(path), stat.type, stat);
    inode.lower = path;
    inode.lowerSize = stat.size;
    return inode;
  }

  #stat(inode: MemoryInode): HostStat | HostResult {
    const { dev, ino, type } = inode;
    const nlink = BigInt(inode.linkCount);
    if (inode.isLower && inode.handleCount > 0) {
      const stat = this.lower!.stat(inode);
      if (typeof stat === 'number') return isMissing(stat) ? ESTALE : stat;
      const { atimeNs, mtimeNs, ctimeNs } = stat;
      return { dev, ino, type, nlink, size: inode.isDirectory ? DIRECTORY_SIZE : stat.size, atimeNs, mtimeNs, ctimeNs };
    }
    const { atimeNs, mtimeNs, ctimeNs } = inode;
    return { dev, ino, type, nlink, size: sizeOf(inode), atimeNs, mtimeNs, ctimeNs };
  }

  #setTimes(found: MemoryInode, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): HostResult {
    const inode = this.#toUpper(found);
    if (typeof inode === 'number') return inode;
    if (atimeNs !== undefined) inode.atimeNs = atimeNs;
    if (mtimeNs !== undefined) inode.mtimeNs = mtimeNs;
    inode.ctimeNs = this.nowNs();
    return 0;
  }

  #list(inode: MemoryInode): HostDirEntry[] | HostResult {
    if (inode.isGone) return [];
    const { entries, lower } = inode;
    const listed: HostDirEntry[] = [];
    for (const [name, entry] of entries) {
      if (entry !== null) listed.push({ name, ino: entry.ino, type: entry.type });
    }
    if (lower !== null) {
      const below = this.lower!.inDirectory(lower, (handle) => this.lower!.files.list(handle));
      if (typeof below === 'number' && !isMissing(below)) return below;
      for (const { name, type } of typeof below === 'number' ? [] : below) {
        if (!entries.has(name)) listed.push({ name, ino: lowerInode(joinPath(lower, name)), type });
      }
    }
    return listed.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  #makeNew(dir: HostHandle, name: string, type: number, target = ''): HostResult {
    const parent = this.#directory(dir, name);
    if (typeof parent === 'number') return parent;
    const old = this.#entry(parent, name);
    if (old !== ENOENT) return typeof old === 'number' ? old : EEXIST;
    const made = this.#make(parent, name, type, target);
    return typeof made === 'number' ? made : 0;
  }

  #make(parent: MemoryInode, name: string, type: number, target = ''): MemoryInode | HostResult {
    if (parent.isGone) return ENOENT;
    if (!this.#hasRoom(name + target)) return ENOSPC;
    this.#attach(parent);
    const nowNs = this.nowNs();
    const inode = new MemoryInode(this.dev, ++this.lastIno, type, timesAt(nowNs));
    inode.target = target;
    this.#link(parent, name, inode);
    parent.modified(nowNs);
    return inode;
  }

  #hasRoom(texts: string): boolean {
    return this.metadataBytes + NAME_RECORD_BYTES + texts.length * CHARACTER_MAX_BYTES <= METADATA_MAX_BYTES;
  }

  /** Counts a name that is there, or not any more. Those that hide something lower are as many as there are lower ones. */
  count(sign: 1 | -1, name: string, inode: MemoryInode | null): void {
    const characters = name.length + (inode?.target.length ?? 0);
    this.metadataBytes += sign * (NAME_RECORD_BYTES + characters * CHARACTER_MAX_BYTES);
  }

  /** Enters a name, in the place of none or of one that hides something. */
  #link(parent: MemoryInode, name: string, inode: MemoryInode): void {
    if (parent.entries.has(name)) this.count(-1, name, null);
    parent.entries.set(name, inode);
    this.count(1, name, inode);
    inode.names++;
    if (!inode.isDirectory) return;
    inode.parent = parent;
    parent.directoryCount++;
  }

  /** Takes a name away, and hides what the lower layer has under it. */
  #unlink(parent: MemoryInode, name: string): void {
    const { entries, lower } = parent;
    const inode = entries.get(name);
    if (inode != null) {
      inode.names--;
      this.count(-1, name, inode);
      if (inode.isDirectory) {
        inode.parent = undefined;
        parent.directoryCount--;
      }
    }
    if (lower !== null && this.lower!.has(lower, name)) {
      entries.set(name, null);
      this.count(1, name, null);
    } else entries.delete(name);
  }

  #removeFrom(parent: MemoryInode, name: string, inode: MemoryInode): void {
    this.#attach(parent);
    this.#remove(parent, name, inode);
    parent.modified(this.nowNs());
  }

  /** Takes away a name of an inode, of which nothing is left if nobody has it open. */
  #remove(parent: MemoryInode, name: string, inode: MemoryInode): void {
    const wasLower = inode.isLower;
    this.#unlink(parent, name);
    if (inode.names > 0) {
      inode.ctimeNs = this.nowNs();
      return;
    }
    this.lower?.forget(inode);
    if (inode.isDirectory) {
      this.lower?.close(inode);
      inode.lower = null;
    }
    for (const hidden of inode.entries.keys()) this.count(-1, hidden, null);
    inode.entries.clear();
    inode.isGone = true;
    if (!wasLower) inode.ctimeNs = this.nowNs();
    if (inode.handleCount === 0) inode.contents?.resize(0);
  }

  /** Puts a directory of the lower layer into the tree, and those above it. */
  #attach(directory: MemoryInode): void {
    if (directory.names > 0 || directory.isGone) return;
    const path = directory.lower!;
    const stat = this.lower!.stat(directory);
    if (typeof stat !== 'number') directory.setTimes(stat);
    this.#enter(path, directory);
    this.lower!.inodes.set(path, directory);
  }

  /** Enters what was at `path` of the lower layer where that is in the tree. */
  #enter(path: string, inode: MemoryInode): void {
    const above = parentPath(path);
    let parent = this.lower!.inodes.get(above);
    if (parent === undefined) {
      parent = new MemoryInode(this.dev, lowerInode(above), HostFileType.directory, timesAt(this.nowNs()));
      parent.lower = above;
    }
    this.#attach(parent);
    this.#link(parent, lastName(path), inode);
  }

  /** The inode, with all that belongs to it in memory; of a file that is about to be cut so many bytes will do. */
  #toUpper(inode: MemoryInode, sizeBytes: number = FILE_SIZE_MAX): MemoryInode | HostResult {
    if (!inode.isLower) return inode;
    if (inode.isDirectory) {
      this.#attach(inode);
      return inode;
    }
    const path = inode.lower!;
    const copied = this.lower!.copy(inode, this.pages, sizeBytes);
    if (copied < 0) return copied;
    this.lower!.forget(inode);
    this.lower!.close(inode);
    inode.lower = null;
    if (!inode.isGone) this.#enter(path, inode);
    return inode;
  }
}

function sizeOf({ contents, isLower, isDirectory, lowerSize, target }: MemoryInode): bigint {
  if (isDirectory) return DIRECTORY_SIZE;
  if (isLower) return lowerSize;
  return BigInt(contents?.sizeBytes ?? encodeUtf8(target).length);
}

function timesAt(nowNs: bigint): InodeTimes {
  return { atimeNs: nowNs, mtimeNs: nowNs, ctimeNs: nowNs };
}

function isTooLong(name: string): boolean {
  return name.length * CHARACTER_MAX_BYTES > NAME_MAX_BYTES && encodeUtf8(name).length > NAME_MAX_BYTES;
}

/** A lower name, or the directory that should hold it, is not there or something else by now. */
function isMissing(result: number): boolean {
  return result === ENOENT || result === ENOTDIR || result === ELOOP;
}

/** Both in the tree. */
function isWithin(ancestor: MemoryInode, inode: MemoryInode): boolean {
  for (let at: MemoryInode | undefined = inode; at !== undefined; at = at.parent) if (at === ancestor) return true;
  return false;
}
