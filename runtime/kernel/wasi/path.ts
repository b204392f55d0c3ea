// path_*: operations on names below an open directory. Paths are resolved by the kernel (vfs/path-walk.ts) and never lead
// above the directory they start from.
//
// Errors of all: EBADF, ENOTDIR (fd is no directory), ENOTCAPABLE (right of the same name), EFAULT, EILSEQ (no UTF-8), EINVAL
// (holds NUL), ENAMETOOLONG, ENOENT, ENOTDIR, ELOOP, EPERM (leads outside), EROFS, and the host's.

import { Errno } from '../../../abi/errno.ts';
import { LOOKUPFLAGS_SYMLINK_FOLLOW, Rights } from '../../../abi/wasi-preview1.ts';
import type { SystemCallResult } from '../blocked.ts';
import { DirectoryFile } from '../directory-file.ts';
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
import type { WasiContext } from './context.ts';
import { decodeTimes, storeFilestat } from './filestat.ts';

/** See: mkdirat(2). */
export function path_create_directory(
  context: WasiContext,
  fd: number,
  path: number,
  length: number,
): SystemCallResult {
  const base = directory(context, fd, Rights.PATH_CREATE_DIRECTORY);
  makeDirectory(base, loadPath(context.process.memory, path, length));
  return Errno.ESUCCESS;
}

/** See: unlinkat(2) with AT_REMOVEDIR. */
export function path_remove_directory(
  context: WasiContext,
  fd: number,
  path: number,
  length: number,
): SystemCallResult {
  const base = directory(context, fd, Rights.PATH_REMOVE_DIRECTORY);
  removeDirectory(context.kernel.vfs, base, loadPath(context.process.memory, path, length));
  return Errno.ESUCCESS;
}

/** See: unlinkat(2). */
export function path_unlink_file(context: WasiContext, fd: number, path: number, length: number): SystemCallResult {
  const base = directory(context, fd, Rights.PATH_UNLINK_FILE);
  unlinkFile(context.kernel.vfs, base, loadPath(context.process.memory, path, length));
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
  const base = directory(context, fd, Rights.PATH_FILESTAT_GET);
  const follow = decodeFollow(flags);
  const name = loadPath(context.process.memory, path, length);
  const addr = checkRange(context.process.memory, result, context.filestat.size);
  storeFilestat(context, addr, context.kernel.vfs.stat(base, name, follow));
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
  const base = directory(context, fd, Rights.PATH_FILESTAT_SET_TIMES);
  const follow = decodeFollow(flags);
  const name = loadPath(context.process.memory, path, length);
  const times = decodeTimes(context, atime, mtime, timeFlags);
  setTimes(base, name, follow, times.atimeNs, times.mtimeNs);
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
  const from = directory(context, oldFd, Rights.PATH_LINK_SOURCE);
  const to = directory(context, newFd, Rights.PATH_LINK_TARGET);
  const follow = decodeFollow(flags);
  const { memory } = context.process;
  const fromName = loadPath(memory, oldPath, oldLength);
  makeHardLink(from, fromName, follow, to, loadPath(memory, newPath, newLength));
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
  const from = directory(context, oldFd, Rights.PATH_RENAME_SOURCE);
  const to = directory(context, newFd, Rights.PATH_RENAME_TARGET);
  const { memory } = context.process;
  const fromName = loadPath(memory, oldPath, oldLength);
  rename(context.kernel.vfs, from, fromName, to, loadPath(memory, newPath, newLength));
  return Errno.ESUCCESS;
}

/** Errors also: EEXIST, EPERM (absolute target). See: symlinkat(2). */
export function path_symlink(
  context: WasiContext,
  target: number,
  targetLength: number,
  fd: number,
  path: number,
  length: number,
): SystemCallResult {
  const base = directory(context, fd, Rights.PATH_SYMLINK);
  const { memory } = context.process;
  const targetName = loadPath(memory, target, targetLength);
  makeSymbolicLink(targetName, base, loadPath(memory, path, length));
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
  const base = directory(context, fd, Rights.PATH_READLINK);
  const { memory } = context.process;
  const name = loadPath(memory, path, length);
  const addr = checkRange(memory, buffer, size >>> 0);
  const resultAddr = checkRange(memory, result, 4);
  const target = encodeUtf8(readLink(base, name)).subarray(0, size >>> 0);
  memory.bytes.set(target, addr);
  storeU32(memory, resultAddr, target.length);
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
  const { process, kernel } = context;
  const entry = process.fds.get(fd);
  const options = {
    follow: (lookupFlags & LOOKUPFLAGS_SYMLINK_FOLLOW) !== 0,
    openFlags,
    rights: decodeRights(rightsBase),
    inheriting: decodeRights(rightsInheriting),
    fdFlags,
  };
  checkEntryOptions(entry, options);
  decodeFollow(lookupFlags);
  const name = loadPath(process.memory, path, length);
  const resultAddr = checkRange(process.memory, result, 4);
  process.fds.checkSpace();
  storeU32(process.memory, resultAddr, process.fds.add(openEntry(kernel.vfs, entry, name, options)));
  return Errno.ESUCCESS;
}

function directory(context: WasiContext, fd: number, right: number): HostNode {
  const entry = context.process.fds.get(fd);
  if (!(entry.file instanceof DirectoryFile)) fail(Errno.ENOTDIR);
  if ((entry.rights & right) === 0) fail(Errno.ENOTCAPABLE);
  return entry.file.node;
}

function decodeFollow(flags: number): boolean {
  if ((flags & ~LOOKUPFLAGS_SYMLINK_FOLLOW) !== 0) fail(Errno.EINVAL);
  return flags !== 0;
}
