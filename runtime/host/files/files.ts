// The host's files for the kernel, below granted directories only. This is where the sandbox ends or holds:
//
// 1. A directory handle is a pin (pin.ts): the directory itself, not its name.
// 2. Every operation takes a directory handle and one name, and reaches that one entry without following a link.
//    The kernel splits paths; names with '/', NUL, '.' and '..' are refused here a second time.
// 3. openAt pins the entry, looks what it is, and opens the pinned thing.
//
// What may be opened: regular files, directories, and the five memory devices that neither block nor act
// (/dev/null, zero, full, random, urandom). FIFOs, sockets, terminals and other devices are refused with ENXIO: opening
// them can block the whole machine or do something (a watchdog starts to count). Files of procfs are
// refused with EACCES: /proc/self/mem is wvm's own memory, and a guest that was granted "/" must not get there.
// A read-only grant binds all that is opened through it, and no link may carry a file of it to a writable grant.

import * as fs from 'node:fs';
import { LinuxErrno } from '../../../abi/errno.ts';
import { WvmError } from '../../base/wvm-error.ts';
import type { FilesPort, HostDirEntry, HostHandle, HostResult, HostStat } from '../../kernel/ports.ts';
import { HostOpen } from '../../kernel/ports.ts';
import { WriteTail } from '../streams/write-tail.ts';
import { list } from './directory-list.ts';
import { rememberTimes, timeArgument } from './file-times.ts';
import { errnoOf, Refusal } from './host-errno.ts';
import { hostStatOf } from './host-stat.ts';
import type { Pin, Pinner } from './pin.ts';
import { checkName, PathPinner, ProcPinner } from './pin.ts';

const { O_APPEND, O_CREAT, O_EXCL, O_RDONLY, O_RDWR, O_SYNC = 0, O_TRUNC, O_WRONLY } = fs.constants;
const { O_NOCTTY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_DIRECTORY = 0 } = fs.constants;

/** Linux device numbers of /dev/null, zero, full, random and urandom (Documentation/admin-guide/devices.txt, major 1). */
const harmlessDevices: readonly number[] = process.platform === 'linux' ? [0x103, 0x105, 0x107, 0x108, 0x109] : [];
/** PROC_SUPER_MAGIC, Linux include/uapi/linux/magic.h. */
const procSuperMagic = 0x9fa0;
/** The most one read or write transfers (MAX_RW_COUNT, Linux include/linux/fs.h). */
const maxTransferBytes = 0x7ffff000;
/** How often a file may appear and vanish between our looking and our opening before we give up. */
const openAttempts = 8;

/** An open file or directory of the guest. */
interface OpenEntry {
  /** The pinned directory; undefined for a file. */
  readonly pin: Pin | undefined;
  /** The descriptor for reading and writing, -1 for a directory. */
  readonly fd: number;
  /** Whether `fd` was opened with O_APPEND, which on Linux overrules the offset of a write. */
  readonly appends: boolean;
  /** The same file opened the other way, when it is first written so; else -1. */
  otherFd: number;
  readonly writable: boolean;
  /** Whether small writes may be joined: regular, and not synchronous. */
  readonly joins: boolean;
  readonly sync: number;
  /** Opened through a read-only grant. */
  readonly readOnly: boolean;
}

export class NodeFiles implements FilesPort {
  readonly #pinner: Pinner;
  readonly #entries: (OpenEntry | undefined)[] = [];
  readonly #freeHandles: HostHandle[] = [];
  /** Whether the file system with this device number is a procfs. */
  readonly #procByDevice: Map<number, boolean> = new Map();
  readonly #tail: WriteTail = new WriteTail();

  /** Without a pinner: the strongest one this host can have. */
  constructor(pinner: Pinner = ProcPinner.works() ? new ProcPinner() : new PathPinner()) {
    this.#pinner = pinner;
  }

  /** Why the sandbox is weaker on this host than on Linux, or undefined if it is not. */
  get weakness(): string | undefined {
    return this.#pinner.weakness;
  }

  /** Opens a directory of the host as a root for the guest; links in `hostPath` are followed, it is the user's word. */
  grant(hostPath: string, readOnly: boolean): HostHandle {
    try {
      const { pin, stat } = this.#pinner.pin(hostPath, true);
      if (stat.isDirectory()) return this.#add({ pin, readOnly });
      this.#pinner.release(pin);
      throw new Refusal('ENOTDIR');
    } catch (cause) {
      const name = cause instanceof Refusal ? cause.message : (cause as NodeJS.ErrnoException).code;
      throw new WvmError('WVM_FILE', `cannot grant ${hostPath}: ${name}`, {
        cause,
        hint: this.weakness ?? 'name a directory that exists and that you may enter',
      });
    }
  }

  openAt(dir: HostHandle, name: string, flags: number): HostResult {
    try {
      const directory = this.#directory(dir);
      const path = this.#child(directory, name);
      if (flags & HostOpen.directory) return this.#openDirectory(path, flags, directory.readOnly);
      for (let attempt = 0; attempt < openAttempts; attempt++) {
        const handle =
          this.#openExisting(path, flags, directory.readOnly) ?? this.#create(path, flags, directory.readOnly);
        if (handle !== undefined) return handle;
      }
      return -LinuxErrno.EAGAIN;
    } catch (error) {
      return errnoOf(error);
    }
  }

  close(handle: HostHandle): HostResult {
    const entry = this.#settled(handle);
    if (entry === undefined) return -LinuxErrno.EBADF;
    this.#entries[handle] = undefined;
    this.#freeHandles.push(handle);
    const late = this.#tail.takeFailure(entry.fd);
    try {
      if (entry.pin !== undefined) this.#pinner.release(entry.pin);
      if (entry.otherFd >= 0) fs.closeSync(entry.otherFd);
      if (entry.fd >= 0) fs.closeSync(entry.fd);
      return late;
    } catch (error) {
      return errnoOf(error);
    }
  }

  /** Closes every handle, granted roots too: the machine has ended. */
  closeAll(): void {
    for (let handle = 0; handle < this.#entries.length; handle++) this.close(handle);
  }

  read(handle: HostHandle, target: Uint8Array, offset: bigint): HostResult {
    const entry = this.#settled(handle);
    if (entry === undefined) return -LinuxErrno.EBADF;
    if (entry.pin !== undefined) return -LinuxErrno.EISDIR;
    if (offset < 0n) return -LinuxErrno.EINVAL;
    if (target.length === 0 || offset > Number.MAX_SAFE_INTEGER) return 0;
    try {
      return fs.readSync(entry.fd, target, 0, Math.min(target.length, maxTransferBytes), Number(offset));
    } catch (error) {
      return errnoOf(error);
    }
  }

  write(handle: HostHandle, source: Uint8Array, offset: bigint): HostResult {
    const entry = this.#entries[handle];
    if (entry === undefined || !entry.writable) return -LinuxErrno.EBADF;
    if (offset > Number.MAX_SAFE_INTEGER) return -LinuxErrno.EFBIG;
    const append = offset < 0n;
    if (append && offset !== -1n) return -LinuxErrno.EINVAL;
    if (source.length === 0) return 0;
    const late = this.#tail.takeFailure(entry.fd);
    if (late < 0) return late;
    try {
      const bytes = source.length <= maxTransferBytes ? source : source.subarray(0, maxTransferBytes);
      if (!append && entry.joins) return this.#tail.write(entry.fd, bytes, Number(offset));
      this.#tail.flush();
      const fd = append === entry.appends ? entry.fd : this.#otherFd(entry);
      return fs.writeSync(fd, bytes, 0, bytes.length, append ? this.#appendPosition(fd) : Number(offset));
    } catch (error) {
      return errnoOf(error);
    }
  }

  stat(handle: HostHandle): HostStat | HostResult {
    const entry = this.#settled(handle);
    if (entry === undefined) return -LinuxErrno.EBADF;
    try {
      return hostStatOf(this.#statEntry(entry));
    } catch (error) {
      return errnoOf(error);
    }
  }

  statAt(dir: HostHandle, name: string): HostStat | HostResult {
    try {
      const stat = fs.lstatSync(this.#child(this.#directory(dir), name), { bigint: true, throwIfNoEntry: false });
      return stat === undefined ? -LinuxErrno.ENOENT : hostStatOf(stat);
    } catch (error) {
      return errnoOf(error);
    }
  }

  setSize(handle: HostHandle, sizeBytes: bigint): HostResult {
    const entry = this.#settled(handle);
    if (entry === undefined) return -LinuxErrno.EBADF;
    if (entry.pin !== undefined) return -LinuxErrno.EISDIR;
    // Node takes a negative size as 0.
    if (!entry.writable || sizeBytes < 0n) return -LinuxErrno.EINVAL;
    if (sizeBytes > Number.MAX_SAFE_INTEGER) return -LinuxErrno.EFBIG;
    try {
      fs.ftruncateSync(entry.fd, Number(sizeBytes));
      return 0;
    } catch (error) {
      return errnoOf(error);
    }
  }

  sync(handle: HostHandle, dataOnly: boolean): HostResult {
    const entry = this.#settled(handle);
    if (entry === undefined) return -LinuxErrno.EBADF;
    try {
      const late = this.#tail.takeFailure(entry.fd);
      if (late < 0) return late;
      if (entry.pin !== undefined) this.#syncDirectory(entry.pin);
      else if (dataOnly) fs.fdatasyncSync(entry.fd);
      else fs.fsyncSync(entry.fd);
      return 0;
    } catch (error) {
      return errnoOf(error);
    }
  }

  setTimes(handle: HostHandle, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): HostResult {
    const entry = this.#settled(handle);
    if (entry === undefined) return -LinuxErrno.EBADF;
    if (entry.readOnly) return -LinuxErrno.EROFS;
    try {
      const [atime, mtime] = timeArguments(atimeNs, mtimeNs);
      // An O_PATH descriptor has no futimes; its path leads to the directory itself and nowhere else.
      if (entry.pin !== undefined) fs.utimesSync(this.#pinner.self(entry.pin), atime, mtime);
      else fs.futimesSync(entry.fd, atime, mtime);
      rememberTimes(this.#statEntry(entry), atimeNs, mtimeNs);
      return 0;
    } catch (error) {
      return errnoOf(error);
    }
  }

  setTimesAt(dir: HostHandle, name: string, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): HostResult {
    return this.#change(dir, name, (path) => {
      fs.lutimesSync(path, ...timeArguments(atimeNs, mtimeNs));
      rememberTimes(fs.lstatSync(path, { bigint: true }), atimeNs, mtimeNs);
    });
  }

  list(dir: HostHandle): HostDirEntry[] | HostResult {
    try {
      return list(this.#pinner.self(this.#directory(dir).pin));
    } catch (error) {
      return errnoOf(error);
    }
  }

  makeDirectoryAt(dir: HostHandle, name: string): HostResult {
    return this.#change(dir, name, (path) => fs.mkdirSync(path));
  }

  readLinkAt(dir: HostHandle, name: string): string | HostResult {
    try {
      const target = fs.readlinkSync(this.#child(this.#directory(dir), name), 'buffer');
      const text = target.toString();
      return Buffer.from(text).equals(target) ? text : -LinuxErrno.EILSEQ;
    } catch (error) {
      return errnoOf(error);
    }
  }

  symlinkAt(target: string, dir: HostHandle, name: string): HostResult {
    if (!target.isWellFormed()) return -LinuxErrno.EILSEQ;
    if (target.includes('\0')) return -LinuxErrno.EINVAL;
    return this.#change(dir, name, (path) => fs.symlinkSync(target, path));
  }

  linkAt(fromDir: HostHandle, fromName: string, toDir: HostHandle, toName: string): HostResult {
    try {
      const [from, to] = [this.#directory(fromDir), this.#directory(toDir)];
      const [fromPath, toPath] = [this.#child(from, fromName), this.#child(to, toName)];
      if (to.readOnly) return -LinuxErrno.EROFS;
      // What the same file system mounted twice, once read-only, answers.
      if (from.readOnly) return -LinuxErrno.EXDEV;
      fs.linkSync(fromPath, toPath);
      return 0;
    } catch (error) {
      return errnoOf(error);
    }
  }

  renameAt(fromDir: HostHandle, fromName: string, toDir: HostHandle, toName: string): HostResult {
    try {
      const [from, to] = [this.#directory(fromDir), this.#directory(toDir)];
      const [fromPath, toPath] = [this.#child(from, fromName), this.#child(to, toName)];
      if (from.readOnly || to.readOnly) return -LinuxErrno.EROFS;
      fs.renameSync(fromPath, toPath);
      return 0;
    } catch (error) {
      return errnoOf(error);
    }
  }

  unlinkAt(dir: HostHandle, name: string): HostResult {
    return this.#change(dir, name, (path) => fs.unlinkSync(path));
  }

  removeDirectoryAt(dir: HostHandle, name: string): HostResult {
    return this.#change(dir, name, (path) => fs.rmdirSync(path));
  }

  /** Runs one change of a directory entry. */
  #change(dir: HostHandle, name: string, change: (path: string) => void): HostResult {
    try {
      const directory = this.#directory(dir);
      const path = this.#child(directory, name);
      if (directory.readOnly) return -LinuxErrno.EROFS;
      change(path);
      return 0;
    } catch (error) {
      return errnoOf(error);
    }
  }

  /** Writes what is held back of small writes. */
  flush(): void {
    this.#tail.flush();
  }

  /** The open entry, after what is held back of earlier writes was written: for everything but a write. */
  #settled(handle: HostHandle): OpenEntry | undefined {
    this.#tail.flush();
    return this.#entries[handle];
  }

  #directory(handle: HostHandle): { readonly pin: Pin; readonly readOnly: boolean } {
    const entry = this.#settled(handle);
    if (entry === undefined) throw new Refusal('EBADF');
    if (entry.pin === undefined) throw new Refusal('ENOTDIR');
    return entry as OpenEntry & { pin: Pin };
  }

  #child(directory: { readonly pin: Pin }, name: string): string {
    const refused = checkName(name);
    if (refused !== 0) throw new Refusal(refused === -LinuxErrno.EILSEQ ? 'EILSEQ' : 'EINVAL');
    const path = this.#pinner.self(directory.pin);
    return path.endsWith('/') ? path + name : `${path}/${name}`;
  }

  #add(entry: Partial<OpenEntry> & { readOnly: boolean }): HostHandle {
    const handle = this.#freeHandles.pop() ?? this.#entries.length;
    this.#entries[handle] = {
      pin: undefined,
      fd: -1,
      appends: false,
      otherFd: -1,
      writable: false,
      joins: false,
      sync: 0,
      ...entry,
    };
    return handle;
  }

  #openDirectory(path: string, flags: number, readOnly: boolean): HostResult {
    if (flags & HostOpen.create && flags & HostOpen.exclusive) return -LinuxErrno.EINVAL;
    try {
      const pin = this.#pinner.pinDirectory(path);
      if (!wantsChange(flags)) return this.#add({ pin, readOnly });
      this.#pinner.release(pin);
      return -LinuxErrno.EISDIR;
    } catch (error) {
      const errno = errnoOf(error);
      // Linux answers ENOTDIR for a link; the kernel needs to know that it is one.
      const isLink = errno === -LinuxErrno.ENOTDIR && fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink();
      return isLink ? -LinuxErrno.ELOOP : errno;
    }
  }

  /** Opens an entry that is there; undefined if there is none and `flags` allow creating it. */
  #openExisting(path: string, flags: number, readOnly: boolean): HostResult | undefined {
    let pinned: { pin: Pin; stat: fs.Stats };
    try {
      pinned = this.#pinner.pin(path, false);
    } catch (error) {
      const errno = errnoOf(error);
      return errno === -LinuxErrno.ENOENT && flags & HostOpen.create ? undefined : errno;
    }
    const { pin, stat } = pinned;
    let keepPin = false;
    try {
      if (flags & HostOpen.create && flags & HostOpen.exclusive) return -LinuxErrno.EEXIST;
      if (stat.isSymbolicLink()) return -LinuxErrno.ELOOP;
      if (stat.isDirectory()) {
        if (wantsChange(flags) || flags & HostOpen.create) return -LinuxErrno.EISDIR;
        keepPin = true;
        return this.#add({ pin, readOnly });
      }
      if (!stat.isFile() && !(stat.isCharacterDevice() && harmlessDevices.includes(stat.rdev)))
        return -LinuxErrno.ENXIO;
      if (stat.isFile() && this.#isProc(pin)) return -LinuxErrno.EACCES;
      if (readOnly && wantsChange(flags)) return -LinuxErrno.EROFS;
      const hostFlags = hostFlagsOf(flags) | (flags & HostOpen.truncate ? O_TRUNC : 0);
      return this.#addFile(this.#pinner.open(pin, hostFlags), flags, readOnly, stat.isFile());
    } finally {
      if (!keepPin) this.#pinner.release(pin);
    }
  }

  /** Creates the file; undefined if somebody else did meanwhile and that is fine by `flags`. */
  #create(path: string, flags: number, readOnly: boolean): HostResult | undefined {
    if (readOnly) return -LinuxErrno.EROFS;
    try {
      return this.#addFile(
        fs.openSync(path, hostFlagsOf(flags) | O_CREAT | O_EXCL | O_NOFOLLOW, 0o666),
        flags,
        readOnly,
        true,
      );
    } catch (error) {
      const errno = errnoOf(error);
      return errno === -LinuxErrno.EEXIST && !(flags & HostOpen.exclusive) ? undefined : errno;
    }
  }

  #addFile(fd: number, flags: number, readOnly: boolean, regular: boolean): HostHandle {
    const appends = (flags & HostOpen.append) !== 0;
    const sync = flags & HostOpen.sync ? O_SYNC : 0;
    const joins = regular && !appends && sync === 0;
    return this.#add({ fd, appends, writable: (flags & HostOpen.write) !== 0, joins, sync, readOnly });
  }

  #isProc(pin: Pin): boolean {
    if (pin.fd < 0) return false;
    let isProc = this.#procByDevice.get(pin.dev);
    if (isProc === undefined) {
      isProc = fs.statfsSync(pin.path).type === procSuperMagic;
      this.#procByDevice.set(pin.dev, isProc);
    }
    return isProc;
  }

  /** A descriptor of the same open file that appends when `entry.fd` does not, and the other way round. */
  #otherFd(entry: OpenEntry): number {
    if (this.#pinner.weakness !== undefined) return entry.fd;
    if (entry.otherFd < 0) {
      entry.otherFd = fs.openSync(`/proc/self/fd/${entry.fd}`, O_WRONLY | entry.sync | (entry.appends ? 0 : O_APPEND));
    }
    return entry.otherFd;
  }

  /** Null lets O_APPEND decide; without a way to reopen, the end as it is now (not atomic between processes). */
  #appendPosition(fd: number): number | null {
    return this.#pinner.weakness === undefined ? null : fs.fstatSync(fd).size;
  }

  #statEntry(entry: OpenEntry): fs.BigIntStats {
    if (entry.pin === undefined) return fs.fstatSync(entry.fd, { bigint: true });
    if (entry.pin.fd >= 0) return fs.fstatSync(entry.pin.fd, { bigint: true });
    return fs.lstatSync(this.#pinner.self(entry.pin), { bigint: true });
  }

  /** fsync refuses O_PATH descriptors. */
  #syncDirectory(pin: Pin): void {
    const fd = fs.openSync(this.#pinner.self(pin), O_RDONLY | O_DIRECTORY);
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  }
}

function wantsChange(flags: number): boolean {
  return (flags & (HostOpen.write | HostOpen.truncate | HostOpen.append)) !== 0;
}

function hostFlagsOf(flags: number): number {
  const access = flags & HostOpen.write ? (flags & HostOpen.read ? O_RDWR : O_WRONLY) : O_RDONLY;
  const append = flags & HostOpen.append ? O_APPEND : 0;
  return access | append | (flags & HostOpen.sync ? O_SYNC : 0) | O_NONBLOCK | O_NOCTTY;
}

function timeArguments(atimeNs: bigint | undefined, mtimeNs: bigint | undefined): [number | Date, number | Date] {
  if ((atimeNs ?? 0n) < 0n || (mtimeNs ?? 0n) < 0n) throw new Refusal('EINVAL');
  return [timeArgument(atimeNs), timeArgument(mtimeNs)];
}
