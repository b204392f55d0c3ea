// Calls on descriptors themselves: closing, renumbering, flags, rights, preopens, attributes, space and durability.
// Errors of all: EBADF; ENOTCAPABLE where the descriptor lacks the right of the same name; EFAULT.

import { Errno } from '../../../abi/errno.ts';
import {
  ADVICE_LAST,
  FDFLAGS_ALL,
  FDFLAGS_DSYNC,
  FDFLAGS_RSYNC,
  FDFLAGS_SYNC,
  FDSTAT,
  PREOPENTYPE_DIR,
  PRESTAT,
  Rights,
} from '../../../abi/wasi-preview1.ts';
import type { SystemCallResult } from '../blocked.ts';
import { DirectoryFile } from '../directory-file.ts';
import type { FdEntry } from '../fd-table.ts';
import { checkRange, storeU32 } from '../guest-access.ts';
import { HostFile } from '../host-file.ts';
import { fail } from '../sys-error.ts';
import { encodeUtf8 } from '../utf8.ts';
import { entryWith, type WasiContext } from './context.ts';
import { decodeTimes, storeFilestat } from './filestat.ts';

/** See: close(2). */
export function fd_close(context: WasiContext, fd: number): SystemCallResult {
  context.process.fds.close(fd);
  return Errno.ESUCCESS;
}

/**
 * Moves `from` to `to`, which must be open too and is closed. For a program of WASIX it is dup2(2): `from` stays, `to` need not be
 * open.
 */
export function fd_renumber(context: WasiContext, from: number, to: number): SystemCallResult {
  const { fds } = context.process;
  if (context.isWasix) fds.dupTo(from, to);
  else fds.renumber(from, to);
  return Errno.ESUCCESS;
}

/** Advice changes nothing here. Errors also: EINVAL (advice, range), ESPIPE. See: posix_fadvise(2). */
export function fd_advise(
  context: WasiContext,
  fd: number,
  offset: bigint,
  length: bigint,
  advice: number,
): SystemCallResult {
  const { file } = checkFileRight(context, fd, Rights.FD_ADVISE, Errno.ESPIPE);
  if (offset < 0n || length < 0n || advice < 0 || advice > ADVICE_LAST) fail(Errno.EINVAL);
  file.checkAdvice();
  return Errno.ESUCCESS;
}

/** The file is at least offset + length bytes long after it. Errors also: EINVAL, EFBIG, ENODEV. See: posix_fallocate(3). */
export function fd_allocate(context: WasiContext, fd: number, offset: bigint, length: bigint): SystemCallResult {
  const { file } = checkFileRight(context, fd, Rights.FD_ALLOCATE, Errno.ESPIPE);
  if (offset < 0n || length <= 0n) fail(Errno.EINVAL);
  file.allocate(offset, length);
  return Errno.ESUCCESS;
}

/** Errors also: EINVAL for a stream. See: fdatasync(2). */
export function fd_datasync(context: WasiContext, fd: number): SystemCallResult {
  checkFileRight(context, fd, Rights.FD_DATASYNC, Errno.EINVAL).file.sync(true);
  return Errno.ESUCCESS;
}

/** Errors also: EINVAL for a stream. See: fsync(2). */
export function fd_sync(context: WasiContext, fd: number): SystemCallResult {
  checkFileRight(context, fd, Rights.FD_SYNC, Errno.EINVAL).file.sync(false);
  return Errno.ESUCCESS;
}

/** Result: fdstat (24 bytes) at `result`. See: fcntl(2) F_GETFL. */
export function fd_fdstat_get(context: WasiContext, fd: number, result: number): SystemCallResult {
  const entry = context.process.fds.get(fd);
  const { memory } = context.process;
  const addr = checkRange(memory, result, FDSTAT.size);
  memory.bytes.fill(0, addr, addr + FDSTAT.size);
  memory.bytes[addr + FDSTAT.filetype] = entry.file.filetype;
  memory.view.setUint16(addr + FDSTAT.flags, entry.file.flags, true);
  storeU32(memory, addr + FDSTAT.rightsBase, entry.rights);
  storeU32(memory, addr + FDSTAT.rightsInheriting, entry.inheriting);
  return Errno.ESUCCESS;
}

/** Errors also: EINVAL (unknown flag). The synchronous-write flags take effect at once. See: fcntl(2) F_SETFL. */
export function fd_fdstat_set_flags(context: WasiContext, fd: number, flags: number): SystemCallResult {
  const { file } = entryWith(context, fd, Rights.FD_FDSTAT_SET_FLAGS);
  if ((flags & ~FDFLAGS_ALL) !== 0) fail(Errno.EINVAL);
  const syncs = FDFLAGS_DSYNC | FDFLAGS_RSYNC | FDFLAGS_SYNC;
  if ((flags & syncs) !== 0 && !(file instanceof HostFile)) fail(Errno.EINVAL);
  file.flags = flags;
  return Errno.ESUCCESS;
}

/** Rights only shrink. Errors also: ENOTCAPABLE for a right that the descriptor does not have. */
export function fd_fdstat_set_rights(
  context: WasiContext,
  fd: number,
  rights: bigint,
  inheriting: bigint,
): SystemCallResult {
  const entry = context.process.fds.get(fd);
  if ((rights & ~BigInt(entry.rights)) !== 0n || (inheriting & ~BigInt(entry.inheriting)) !== 0n) {
    fail(Errno.ENOTCAPABLE);
  }
  entry.rights = Number(rights);
  entry.inheriting = Number(inheriting);
  return Errno.ESUCCESS;
}

/** Result: filestat at `result`. See: fstat(2). */
export function fd_filestat_get(context: WasiContext, fd: number, result: number): SystemCallResult {
  const { file } = entryWith(context, fd, Rights.FD_FILESTAT_GET);
  const addr = checkRange(context.process.memory, result, context.filestat.size);
  storeFilestat(context, addr, file.stat());
  return Errno.ESUCCESS;
}

/** Errors also: EINVAL (below 0, or no plain file), EISDIR, EFBIG. See: ftruncate(2). */
export function fd_filestat_set_size(context: WasiContext, fd: number, size: bigint): SystemCallResult {
  const { file } = checkFileRight(context, fd, Rights.FD_FILESTAT_SET_SIZE, Errno.EINVAL);
  file.setSize(size);
  return Errno.ESUCCESS;
}

/** Errors also: EINVAL (flags that contradict), EROFS. See: futimens(3). */
export function fd_filestat_set_times(
  context: WasiContext,
  fd: number,
  atime: bigint,
  mtime: bigint,
  flags: number,
): SystemCallResult {
  const { file } = entryWith(context, fd, Rights.FD_FILESTAT_SET_TIMES);
  const times = decodeTimes(context, atime, mtime, flags);
  file.setTimes(times.atimeNs, times.mtimeNs);
  return Errno.ESUCCESS;
}

/** Result: prestat (8 bytes) of a preopened directory at `result`. Errors: EBADF for any other descriptor. */
export function fd_prestat_get(context: WasiContext, fd: number, result: number): SystemCallResult {
  const name = preopenName(context.process.fds.get(fd));
  const { memory } = context.process;
  const addr = checkRange(memory, result, PRESTAT.size);
  storeU32(memory, addr + PRESTAT.tag, PREOPENTYPE_DIR);
  storeU32(memory, addr + PRESTAT.nameLen, name.length);
  return Errno.ESUCCESS;
}

/** Result: the guest path of a preopened directory, without a NUL. Errors also: ENAMETOOLONG (buffer too small). */
export function fd_prestat_dir_name(context: WasiContext, fd: number, path: number, size: number): SystemCallResult {
  const name = preopenName(context.process.fds.get(fd));
  const { memory } = context.process;
  const addr = checkRange(memory, path, size >>> 0);
  if (size >>> 0 < name.length) fail(Errno.ENAMETOOLONG);
  memory.bytes.set(name, addr);
  return Errno.ESUCCESS;
}

function preopenName(entry: FdEntry): Uint8Array {
  if (entry.preopen === null) fail(Errno.EBADF);
  return encodeUtf8(entry.preopen);
}

/** The entry with a right that only files have: streams answer `streamErrno`, directories EISDIR, as POSIX has it. */
function checkFileRight(context: WasiContext, fd: number, right: number, streamErrno: Errno): FdEntry {
  const entry = context.process.fds.get(fd);
  if ((entry.rights & right) !== 0) return entry;
  const { file } = entry;
  if (file.isStream) fail(streamErrno);
  if (file instanceof DirectoryFile && (right === Rights.FD_ALLOCATE || right === Rights.FD_FILESTAT_SET_SIZE)) {
    fail(Errno.EISDIR);
  }
  fail(Errno.ENOTCAPABLE);
}
