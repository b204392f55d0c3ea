// path_*: operations on names below an open directory. Paths are resolved by the kernel (vfs/path-walk.ts) and never lead
// above the directory they start from. Programs of WASIX also give absolute paths with the descriptor of "/": those start at the
// preopened directory that holds them (working-directory.ts).
//
// Errors of all: EBADF, ENOTDIR (fd is no directory), ENOTCAPABLE (right of the same name), EFAULT, EILSEQ (no UTF-8), EINVAL
// (holds NUL), ENAMETOOLONG, ENOENT, ENOTDIR, ELOOP, EPERM (leads outside), EROFS, and the host's.

import { Errno } from '../../../abi/errno.ts';
import { LOOKUPFLAGS_SYMLINK_FOLLOW, Rights } from '../../../abi/wasi-preview1.ts';
import type { SystemCallResult } from '../blocked.ts';
import { DirectoryFile } from '../directory-file.ts';
import type { FdEntry } from '../fd-table.ts';
import { checkRange, loadPath, storeU32 } from '../guest-access.ts';
import { checkEntryOptions, decodeRights, openEntry } from '../open-entry.ts';
import { fail } from '../sys-error.ts';
import { encodeUtf8 } from '../utf8.ts';
import type { HostNode } from '../vfs/host-node.ts';
import {
  makeDirectory,
  makeHardLink,
  makeSymbolicLink,
  readLink,
  removeDirectory,
  rename,
  setTimes,
  unlinkFile,
} from '../vfs/names.ts';
import { resolvePath } from '../working-directory.ts';
import type { WasiContext } from './context.ts';
import { decodeTimes, storeFilestat } from './filestat.ts';

/** See: mkdirat(2). */
export function path_create_directory(
  context: WasiContext,
  fd: number,
  path: number,
  length: number,
): SystemCallResult {
  const { node, name } = target(context, fd, Rights.PATH_CREATE_DIRECTORY, path, length);
  makeDirectory(node, name);
  return Errno.ESUCCESS;
}

/** See: unlinkat(2) with AT_REMOVEDIR. */
export function path_remove_directory(
  context: WasiContext,
  fd: number,
  path: number,
  length: number,
): SystemCallResult {
  const { node, name } = target(context, fd, Rights.PATH_REMOVE_DIRECTORY, path, length);
  removeDirectory(context.kernel.vfs, node, name);
  return Errno.ESUCCESS;
}

/** See: unlinkat(2). */
export function path_unlink_file(context: WasiContext, fd: number, path: number, length: number): SystemCallResult {
  const { node, name } = target(context, fd, Rights.PATH_UNLINK_FILE, path, length);
  unlinkFile(context.kernel.vfs, node, name);
  return Errno.ESUCCESS;
}

/** Result: filestat at `result`. See: fstatat(2). */
export function path_filestat_get(
  context: WasiContext,
  fd: number,
  flags: number,
  path: number,
  length: number,
  result: number,
): SystemCallResult {
  const { node, name } = target(context, fd, Rights.PATH_FILESTAT_GET, path, length);
  const follow = decodeFollow(flags);
  const addr = checkRange(context.process.memory, result, context.filestat.size);
  storeFilestat(context, addr, context.kernel.vfs.stat(node, name, follow));
  return Errno.ESUCCESS;
}

/** Errors also: EINVAL (flags that contradict). See: utimensat(2). */
export function path_filestat_set_times(
  context: WasiContext,
  fd: number,
  flags: number,
  path: number,
  length: number,
  atime: bigint,
  mtime: bigint,
  timeFlags: number,
): SystemCallResult {
  const { node, name } = target(context, fd, Rights.PATH_FILESTAT_SET_TIMES, path, length);
  const follow = decodeFollow(flags);
  const times = decodeTimes(context, atime, mtime, timeFlags);
  setTimes(node, name, follow, times.atimeNs, times.mtimeNs);
  return Errno.ESUCCESS;
}

/** Errors also: EPERM for a directory, EEXIST, EXDEV. See: linkat(2). */
export function path_link(
  context: WasiContext,
  oldFd: number,
  flags: number,
  oldPath: number,
  oldLength: number,
  newFd: number,
  newPath: number,
  newLength: number,
): SystemCallResult {
  const from = target(context, oldFd, Rights.PATH_LINK_SOURCE, oldPath, oldLength);
  const to = target(context, newFd, Rights.PATH_LINK_TARGET, newPath, newLength);
  makeHardLink(from.node, from.name, decodeFollow(flags), to.node, to.name);
  return Errno.ESUCCESS;
}

/** Errors also: EXDEV, EBUSY (dots), EEXIST, ENOTEMPTY, EISDIR. See: renameat(2). */
export function path_rename(
  context: WasiContext,
  oldFd: number,
  oldPath: number,
  oldLength: number,
  newFd: number,
  newPath: number,
  newLength: number,
): SystemCallResult {
  const from = target(context, oldFd, Rights.PATH_RENAME_SOURCE, oldPath, oldLength);
  const to = target(context, newFd, Rights.PATH_RENAME_TARGET, newPath, newLength);
  rename(context.kernel.vfs, from.node, from.name, to.node, to.name);
  return Errno.ESUCCESS;
}

/** Errors also: EEXIST, EPERM (absolute target). See: symlinkat(2). */
export function path_symlink(
  context: WasiContext,
  contents: number,
  contentsLength: number,
  fd: number,
  path: number,
  length: number,
): SystemCallResult {
  const { node, name } = target(context, fd, Rights.PATH_SYMLINK, path, length);
  makeSymbolicLink(loadPath(context.process.memory, contents, contentsLength), node, name);
  return Errno.ESUCCESS;
}

/** Result: the target, cut off where the buffer ends, without a NUL; its size at `result`. See: readlinkat(2). */
export function path_readlink(
  context: WasiContext,
  fd: number,
  path: number,
  length: number,
  buffer: number,
  size: number,
  result: number,
): SystemCallResult {
  const { node, name } = target(context, fd, Rights.PATH_READLINK, path, length);
  const { memory } = context.process;
  const addr = checkRange(memory, buffer, size >>> 0);
  const resultAddr = checkRange(memory, result, 4);
  const contents = encodeUtf8(readLink(node, name)).subarray(0, size >>> 0);
  memory.bytes.set(contents, addr);
  storeU32(memory, resultAddr, contents.length);
  return Errno.ESUCCESS;
}

/**
 * Result: the new fd, the lowest free, at `result`. Its rights are those asked for that make sense for the kind of file.
 * Errors also: ENOTCAPABLE (rights beyond the inheriting ones of fd), EINVAL, EEXIST, EISDIR, EMFILE. See: openat(2).
 */
export function path_open(
  context: WasiContext,
  fd: number,
  lookupFlags: number,
  path: number,
  length: number,
  openFlags: number,
  rightsBase: bigint,
  rightsInheriting: bigint,
  fdFlags: number,
  result: number,
): SystemCallResult {
  const flags = { lookupFlags, openFlags, fdFlags, closesOnExec: false };
  return openPath(context, fd, path, length, flags, rightsBase, rightsInheriting, result);
}

export interface OpenFlags {
  readonly lookupFlags: number;
  readonly openFlags: number;
  readonly fdFlags: number;
  readonly closesOnExec: boolean;
}

/** path_open, and WASIX's path_open2. */
export function openPath(
  context: WasiContext,
  fd: number,
  path: number,
  length: number,
  { lookupFlags, openFlags, fdFlags, closesOnExec }: OpenFlags,
  rightsBase: bigint,
  rightsInheriting: bigint,
  result: number,
): SystemCallResult {
  const { process, kernel } = context;
  const { entry, name } = target(context, fd, 0, path, length);
  const options = {
    follow: (lookupFlags & LOOKUPFLAGS_SYMLINK_FOLLOW) !== 0,
    openFlags,
    rights: decodeRights(rightsBase),
    inheriting: decodeRights(rightsInheriting),
    fdFlags,
  };
  checkEntryOptions(entry, options);
  decodeFollow(lookupFlags);
  const resultAddr = checkRange(process.memory, result, 4);
  process.fds.checkSpace();
  const opened = openEntry(kernel.vfs, entry, name, options, process.fds);
  opened.closesOnExec = closesOnExec;
  storeU32(process.memory, resultAddr, process.fds.add(opened));
  return Errno.ESUCCESS;
}

interface Target {
  /** Whose rights count. */
  readonly entry: FdEntry;
  readonly node: HostNode;
  /** Path below `node`. */
  readonly name: string;
}

/** What a path argument names, from a descriptor with `right`. */
function target(context: WasiContext, fd: number, right: number, path: number, length: number): Target {
  const { process } = context;
  const entry = process.fds.get(fd);
  if (!(entry.file instanceof DirectoryFile)) fail(Errno.ENOTDIR);
  if ((entry.rights & right) !== right) fail(Errno.ENOTCAPABLE);
  const name = loadPath(process.memory, path, length);
  if (!context.isWasix || !name.startsWith('/')) return { entry, node: entry.file.node, name };
  const found = resolvePath(process, name);
  if ((found.entry.rights & right) !== right) fail(Errno.ENOTCAPABLE);
  return { entry: found.entry, node: found.node, name: found.path };
}

function decodeFollow(flags: number): boolean {
  if ((flags & ~LOOKUPFLAGS_SYMLINK_FOLLOW) !== 0) fail(Errno.EINVAL);
  return flags !== 0;
}
