// The file tree of --dev, behind the interface of the files port: character devices, and the descriptors of the process that looks.
//
//   null zero full random urandom tty     open-device.ts opens them
//   stdin stdout stderr fd/N              open descriptors of the process: opening one is dup(2), as on the BSDs
//
// Nothing can be made, renamed or removed here (EACCES, as for users on Linux). It has no state of its own: an image holds
// its guest path, and what is open.

import type { FateTable } from '../fate.ts';
import type { FdTable } from '../fd-table.ts';
import type { OpenFile } from '../open-file.ts';
import {
  type FilesPort,
  type Grant,
  type HostDirEntry,
  HostFileType,
  type HostHandle,
  HostOpen,
  type HostResult,
  type HostStat,
} from '../ports.ts';
import type { Random } from '../random.ts';
import type { Terminal } from '../terminal.ts';

/** What a device is, to an open file and its record. */
export type DeviceName = 'null' | 'zero' | 'full' | 'random' | 'urandom' | 'tty';
export const DEVICE_NAMES: readonly DeviceName[] = ['full', 'null', 'random', 'tty', 'urandom', 'zero'];

/** The kernel, as devices know it. */
export interface DeviceOwner {
  readonly random: Random;
  readonly terminal: Terminal;
  /** Of the process whose call is being made. */
  readonly fds: () => FdTable;
}

const EPERM = -1;
const ENOENT = -2;
const EACCES = -13;
const EEXIST = -17;
const ENOTDIR = -20;
const EINVAL = -22;
const ENAMETOOLONG = -36;

/** As MemoryFiles': a number that no host has. */
const DEV = 0x7776_6d01_0000_0000n;
const NAME_MAX = 255;
const ROOT: HostHandle = 0;
const DESCRIPTORS: HostHandle = 1;
const DEVICES: HostHandle = 2;
/** Of descriptor 0. */
const FIRST_FD: HostHandle = 1000;
const STANDARD = ['stdin', 'stdout', 'stderr'];
const ROOT_NAMES: readonly string[] = [...DEVICE_NAMES, ...STANDARD, 'fd'].sort();

export class DeviceFiles implements FilesPort {
  static readonly fates: FateTable = { grant: 'saved', owner: 'derived' };

  /** Its guest path is saved. */
  readonly grant: Grant;
  /** Derived: set when there is a kernel. */
  owner: DeviceOwner | undefined = undefined;

  constructor(guestPath: string) {
    this.grant = { guestPath, handle: ROOT, readOnly: false };
  }

  /** What a handle opens: a device by its name, a descriptor by its number. */
  opens(handle: HostHandle): DeviceName | number {
    return handle >= FIRST_FD ? handle - FIRST_FD : DEVICE_NAMES[handle - DEVICES]!;
  }

  /** Of a directory, by its path below the root. */
  directoryAt(path: string): HostHandle {
    return path === '' ? ROOT : DESCRIPTORS;
  }

  openAt(dir: HostHandle, name: string, flags: number): HostResult {
    const handle = this.#find(dir, name);
    const creates = (flags & HostOpen.create) !== 0;
    if (handle < 0) return handle === ENOENT && creates ? EACCES : handle;
    if (creates && (flags & HostOpen.exclusive) !== 0) return EEXIST;
    if ((flags & HostOpen.directory) !== 0 && this.#attributes(handle).type !== HostFileType.directory) return ENOTDIR;
    return handle;
  }

  close(_handle: HostHandle): HostResult {
    return 0;
  }

  read(_handle: HostHandle, _target: Uint8Array, _offset: bigint): HostResult {
    return EINVAL;
  }

  write(_handle: HostHandle, _source: Uint8Array, _offset: bigint): HostResult {
    return EINVAL;
  }

  /** Of an open handle; what it leads to, if that is a descriptor, is not asked. */
  stat(handle: HostHandle): HostStat {
    const isDirectory = handle < DEVICES;
    const type = isDirectory ? HostFileType.directory : HostFileType.characterDevice;
    const nlink = isDirectory ? 2n : 1n;
    return { dev: DEV, ino: BigInt(handle + 1), type, nlink, size: 0n, atimeNs: 0n, mtimeNs: 0n, ctimeNs: 0n };
  }

  statAt(dir: HostHandle, name: string): HostStat | HostResult {
    const handle = this.#find(dir, name);
    return handle < 0 ? handle : this.#attributes(handle);
  }

  setSize(_handle: HostHandle, _sizeBytes: bigint): HostResult {
    return EINVAL;
  }

  sync(_handle: HostHandle, _dataOnly: boolean): HostResult {
    return 0;
  }

  setTimes(_handle: HostHandle, _atimeNs: bigint | undefined, _mtimeNs: bigint | undefined): HostResult {
    return EPERM;
  }

  setTimesAt(dir: HostHandle, name: string, _atimeNs: bigint | undefined, _mtimeNs: bigint | undefined): HostResult {
    return this.#refuse(dir, name, EPERM);
  }

  list(dir: HostHandle): HostDirEntry[] | HostResult {
    if (dir === ROOT) {
      return ROOT_NAMES.map((name) => {
        const handle = this.#find(ROOT, name);
        const stat = handle < 0 ? this.stat(FIRST_FD) : this.#attributes(handle);
        return { name, ino: stat.ino, type: stat.type };
      });
    }
    if (dir !== DESCRIPTORS) return ENOTDIR;
    return this.owner!.fds().entries.flatMap((entry, fd) =>
      entry === undefined ? [] : [{ name: String(fd), ino: entry.file.stat().ino, type: entry.file.stat().type }],
    );
  }

  makeDirectoryAt(dir: HostHandle, name: string): HostResult {
    return this.#refuseNew(dir, name);
  }

  readLinkAt(dir: HostHandle, name: string): string | HostResult {
    return this.#refuse(dir, name, EINVAL);
  }

  symlinkAt(_target: string, dir: HostHandle, name: string): HostResult {
    return this.#refuseNew(dir, name);
  }

  linkAt(_fromDir: HostHandle, _fromName: string, toDir: HostHandle, toName: string): HostResult {
    return this.#refuseNew(toDir, toName);
  }

  renameAt(fromDir: HostHandle, fromName: string, _toDir: HostHandle, _toName: string): HostResult {
    return this.#refuse(fromDir, fromName, EACCES);
  }

  unlinkAt(dir: HostHandle, name: string): HostResult {
    return this.#refuse(dir, name, EACCES);
  }

  removeDirectoryAt(dir: HostHandle, name: string): HostResult {
    return this.#refuse(dir, name, EACCES);
  }

  #refuse(dir: HostHandle, name: string, errno: HostResult): HostResult {
    const handle = this.#find(dir, name);
    return handle < 0 ? handle : errno;
  }

  #refuseNew(dir: HostHandle, name: string): HostResult {
    const handle = this.#find(dir, name);
    return handle >= 0 ? EEXIST : handle === ENOENT ? EACCES : handle;
  }

  #find(dir: HostHandle, name: string): HostHandle | HostResult {
    if (dir > DESCRIPTORS) return ENOTDIR;
    if (name.length > NAME_MAX) return ENAMETOOLONG;
    if (dir === DESCRIPTORS) return /^(0|[1-9]\d{0,6})$/.test(name) ? this.#descriptor(Number(name)) : ENOENT;
    if (name === 'fd') return DESCRIPTORS;
    const standard = STANDARD.indexOf(name);
    if (standard >= 0) return this.#descriptor(standard);
    const device = (DEVICE_NAMES as readonly string[]).indexOf(name);
    return device < 0 ? ENOENT : DEVICES + device;
  }

  #descriptor(fd: number): HostHandle | HostResult {
    return this.#openFile(fd) === undefined ? ENOENT : FIRST_FD + fd;
  }

  #openFile(fd: number): OpenFile | undefined {
    return this.owner!.fds().entries[fd]?.file;
  }

  /** As a look at the path tells: of a descriptor what it leads to. */
  #attributes(handle: HostHandle): HostStat {
    return (handle < FIRST_FD ? undefined : this.#openFile(handle - FIRST_FD)?.stat()) ?? this.stat(handle);
  }
}
