// Opening a path below a directory as a descriptor entry, with the rights that are asked for: path_open, and what else opens by
// its rules. See: openat(2).

import { Errno } from '../../abi/errno.ts';
import {
  ALL_RIGHTS,
  FDFLAGS_ALL,
  FDFLAGS_DSYNC,
  FDFLAGS_RSYNC,
  FDFLAGS_SYNC,
  OFLAGS_ALL,
  OFLAGS_CREAT,
  OFLAGS_DIRECTORY,
  OFLAGS_EXCL,
  OFLAGS_TRUNC,
  Rights,
} from '../../abi/wasi-preview1.ts';
import { DirectoryFile } from './directory-file.ts';
import { FdEntry, type FdTable } from './fd-table.ts';
import { HostFile } from './host-file.ts';
import { openDevice } from './open-device.ts';
import { HostFileType } from './ports.ts';
import { DIRECTORY_RIGHTS, FILE_RIGHTS, WRITE_RIGHTS } from './rights.ts';
import { fail } from './sys-error.ts';
import type { Vfs } from './vfs/vfs.ts';

export interface EntryOptions {
  /** LOOKUPFLAGS_SYMLINK_FOLLOW is given. */
  readonly follow: boolean;
  /** OFLAGS_*. */
  readonly openFlags: number;
  readonly rights: number;
  readonly inheriting: number;
  /** FDFLAGS_*. */
  readonly fdFlags: number;
}

/** Rights as the guest gives them; those that do not exist yet are asked for by programs that want all of them. */
export function decodeRights(rights: bigint): number {
  return Number(BigInt.asUintN(32, rights)) & ALL_RIGHTS;
}

/** What is wrong whatever the path is: EINVAL, ENOTDIR, ENOTCAPABLE (rights beyond the inheriting ones of `directory`). */
export function checkEntryOptions(directory: FdEntry, options: EntryOptions): DirectoryFile {
  const { openFlags, fdFlags } = options;
  if (!(directory.file instanceof DirectoryFile)) fail(Errno.ENOTDIR);
  checkOpenRights(directory, options);
  if ((openFlags & ~OFLAGS_ALL) !== 0 || (fdFlags & ~FDFLAGS_ALL) !== 0) fail(Errno.EINVAL);
  if ((openFlags & OFLAGS_CREAT) !== 0 && (openFlags & OFLAGS_DIRECTORY) !== 0) fail(Errno.EINVAL);
  return directory.file;
}

/**
 * The entry of the opened file; its rights are those asked for that make sense for its kind. `fds`: what /dev/fd shows. Errors also:
 * those of a walk, and of devices.
 */
export function openEntry(vfs: Vfs, directory: FdEntry, path: string, options: EntryOptions, fds: FdTable): FdEntry {
  const { node: base } = checkEntryOptions(directory, options);
  const { follow, openFlags, rights, inheriting, fdFlags } = options;
  const write = (rights & Rights.FD_WRITE) !== 0;
  const read = !write || (rights & (Rights.FD_READ | Rights.FD_READDIR)) !== 0;
  const node = vfs.open(base, path, {
    follow,
    create: (openFlags & OFLAGS_CREAT) !== 0,
    exclusive: (openFlags & OFLAGS_EXCL) !== 0,
    truncate: (openFlags & OFLAGS_TRUNC) !== 0,
    directory: (openFlags & OFLAGS_DIRECTORY) !== 0,
    read,
    write,
  });
  if (node.type === HostFileType.directory) {
    return new FdEntry(new DirectoryFile(vfs, node, fdFlags, true), rights & DIRECTORY_RIGHTS, inheriting);
  }
  if (vfs.devices !== undefined && node.files === vfs.devices) {
    return openDevice(vfs.devices, node.handle, fds, options);
  }
  const file = new HostFile(vfs, node, fdFlags, (rights & Rights.FD_READ) !== 0, write);
  return new FdEntry(file, rights & FILE_RIGHTS & (write ? -1 : ~WRITE_RIGHTS), 0);
}

/** What the directory must allow for an open: rights of its own for what the open does, inheriting ones for what it asks. */
function checkOpenRights(entry: FdEntry, { openFlags, fdFlags, rights, inheriting }: EntryOptions): void {
  let needed: number = Rights.PATH_OPEN;
  if ((openFlags & OFLAGS_CREAT) !== 0) needed |= Rights.PATH_CREATE_FILE;
  if ((openFlags & OFLAGS_TRUNC) !== 0) needed |= Rights.PATH_FILESTAT_SET_SIZE;
  let inherited = rights | inheriting;
  if ((fdFlags & FDFLAGS_DSYNC) !== 0) inherited |= Rights.FD_DATASYNC;
  if ((fdFlags & (FDFLAGS_SYNC | FDFLAGS_RSYNC)) !== 0) inherited |= Rights.FD_SYNC;
  if ((entry.rights & needed) !== needed || (entry.inheriting & inherited) !== inherited) fail(Errno.ENOTCAPABLE);
}
