// Moving data: fd_read, fd_write, fd_pread, fd_pwrite, fd_seek, fd_tell. These are the hot calls: one buffer moves straight
// between guest memory and the file, without small allocations.
//
// Errors of all: EBADF (no such fd, or not open for this), EISDIR, ENOTCAPABLE (right dropped), EFAULT, and the file's own.
// A blocking call on a stream answers Blocked; with FDFLAGS_NONBLOCK it answers EAGAIN. A write that nobody will read also sends
// SIGPIPE. See: readv(2), pread(2), lseek(2), pipe(7).

import { Errno } from '../../../abi/errno.ts';
import { Signal } from '../../../abi/signals.ts';
import { Rights, WHENCE_CUR } from '../../../abi/wasi-preview1.ts';
import { Blocked, Completed, type SystemCallResult } from '../blocked.ts';
import { DirectoryFile } from '../directory-file.ts';
import type { FdEntry } from '../fd-table.ts';
import { checkRange, storeU32, storeU64 } from '../guest-access.ts';
import { BROKEN_PIPE, type OpenFile, WOULD_BLOCK } from '../open-file.ts';
import { fail } from '../sys-error.ts';
import type { WasiContext } from './context.ts';
import { AT_FILE_OFFSET } from './iovec.ts';

/** Result: bytes read at `result`; 0 at the end of the file. */
export function fd_read(
  context: WasiContext,
  fd: number,
  iovs: number,
  count: number,
  result: number,
): SystemCallResult {
  const entry = context.process.fds.get(fd);
  if ((entry.rights & Rights.FD_READ) === 0) refuse(entry, entry.file.canRead);
  return readStreamOrFile(context, entry.file, iovs, count, result);
}

/** The rest of fd_read, and sock_recv's. */
export function readStreamOrFile(
  context: WasiContext,
  file: OpenFile,
  iovs: number,
  count: number,
  result: number,
): SystemCallResult {
  const { memory } = context.process;
  const resultAddr = checkRange(memory, result, 4);
  context.iovecs.load(memory, iovs, count);
  const bytes = context.iovecs.readFrom(memory, file, AT_FILE_OFFSET);
  if (bytes === WOULD_BLOCK) return file.isNonblocking ? Errno.EAGAIN : new Blocked([file.readWait()]);
  storeU32(memory, resultAddr, bytes);
  return Errno.ESUCCESS;
}

/** Result: bytes written at `result`. */
export function fd_write(
  context: WasiContext,
  fd: number,
  iovs: number,
  count: number,
  result: number,
): SystemCallResult {
  const entry = context.process.fds.get(fd);
  if ((entry.rights & Rights.FD_WRITE) === 0) refuse(entry, entry.file.canWrite);
  return writeStreamOrFile(context, entry.file, iovs, count, result);
}

/**
 * The rest of fd_write, and sock_send's. A blocking write to a stream goes on until all is written: what was accepted so far
 * is kept in the restart record. A signal or the end of the readers ends it with that, if it is something.
 */
export function writeStreamOrFile(
  context: WasiContext,
  file: OpenFile,
  iovs: number,
  count: number,
  result: number,
): SystemCallResult {
  const { memory } = context.process;
  const resultAddr = checkRange(memory, result, 4);
  const { iovecs } = context;
  iovecs.load(memory, iovs, count);
  if (!file.isStream) {
    storeU32(memory, resultAddr, iovecs.writeTo(memory, file, AT_FILE_OFFSET, 0));
    return Errno.ESUCCESS;
  }
  const thread = context.kernel.current;
  let done = thread.restart?.doneBytes ?? 0;
  while (done < iovecs.total) {
    const bytes = iovecs.writeTo(memory, file, AT_FILE_OFFSET, done);
    if (bytes === WOULD_BLOCK) {
      if (done > 0 && thread.isInterrupted) break;
      if (!file.isNonblocking) return new Blocked([file.writeWait()], { doneBytes: done });
      if (done === 0) return Errno.EAGAIN;
      break;
    }
    if (bytes === BROKEN_PIPE) {
      context.kernel.tree.raise(thread, Signal.SIGPIPE);
      if (done > 0) storeU32(memory, resultAddr, done);
      return new Completed(done > 0 ? Errno.ESUCCESS : Errno.EPIPE);
    }
    done += bytes;
    if (bytes === 0 || file.isNonblocking || !file.writesAll) break;
  }
  storeU32(memory, resultAddr, done);
  return Errno.ESUCCESS;
}

/** Reads at `offset` and leaves the file's own offset. Errors also: ESPIPE, EINVAL (offset below 0). */
export function fd_pread(
  context: WasiContext,
  fd: number,
  iovs: number,
  count: number,
  offset: bigint,
  result: number,
): SystemCallResult {
  const entry = context.process.fds.get(fd);
  if ((entry.rights & Rights.FD_READ) === 0) refuse(entry, entry.file.canRead);
  const { memory } = context.process;
  checkPositional(entry, Rights.FD_SEEK, offset);
  const resultAddr = checkRange(memory, result, 4);
  context.iovecs.load(memory, iovs, count);
  storeU32(memory, resultAddr, context.iovecs.readFrom(memory, entry.file, offset));
  return Errno.ESUCCESS;
}

/** Writes at `offset` and leaves the file's own offset. Errors also: ESPIPE, EINVAL (offset below 0). */
export function fd_pwrite(
  context: WasiContext,
  fd: number,
  iovs: number,
  count: number,
  offset: bigint,
  result: number,
): SystemCallResult {
  const entry = context.process.fds.get(fd);
  if ((entry.rights & Rights.FD_WRITE) === 0) refuse(entry, entry.file.canWrite);
  const { memory } = context.process;
  checkPositional(entry, Rights.FD_SEEK, offset);
  const resultAddr = checkRange(memory, result, 4);
  context.iovecs.load(memory, iovs, count);
  storeU32(memory, resultAddr, context.iovecs.writeTo(memory, entry.file, offset, 0));
  return Errno.ESUCCESS;
}

/** Result: the new offset at `result`. Errors also: ESPIPE, EINVAL (whence, or an offset below 0), EOVERFLOW. */
export function fd_seek(
  context: WasiContext,
  fd: number,
  offset: bigint,
  whence: number,
  result: number,
): SystemCallResult {
  const entry = context.process.fds.get(fd);
  const from = context.whence[whence];
  const isTell = from === WHENCE_CUR && offset === 0n;
  checkSeekable(entry, isTell ? Rights.FD_TELL : Rights.FD_SEEK);
  if (from === undefined) fail(Errno.EINVAL);
  const { memory } = context.process;
  const addr = checkRange(memory, result, 8);
  storeU64(memory, addr, entry.file.seek(offset, from));
  return Errno.ESUCCESS;
}

/** Result: the offset at `result`. Errors also: ESPIPE. */
export function fd_tell(context: WasiContext, fd: number, result: number): SystemCallResult {
  const entry = context.process.fds.get(fd);
  checkSeekable(entry, Rights.FD_TELL);
  const { memory } = context.process;
  const addr = checkRange(memory, result, 8);
  storeU64(memory, addr, entry.file.seek(0n, WHENCE_CUR));
  return Errno.ESUCCESS;
}

/** Why a descriptor without the right cannot read or write: what it is, how it was opened, or a right it has given up. */
function refuse(entry: FdEntry, isOpenForThis: boolean): never {
  if (entry.file instanceof DirectoryFile) fail(Errno.EISDIR);
  fail(isOpenForThis ? Errno.ENOTCAPABLE : Errno.EBADF);
}

function checkPositional(entry: FdEntry, right: number, offset: bigint): void {
  checkSeekable(entry, right);
  if (offset < 0n) fail(Errno.EINVAL);
}

/** SEEK implies TELL. What cannot seek says so before rights are looked at: callers tell pipes by ESPIPE. */
function checkSeekable(entry: FdEntry, right: number): void {
  if ((entry.rights & right) !== 0) return;
  if (right === Rights.FD_TELL && (entry.rights & Rights.FD_SEEK) !== 0) return;
  if (entry.file.isStream) fail(Errno.ESPIPE);
  fail(entry.file instanceof DirectoryFile ? Errno.EISDIR : Errno.ENOTCAPABLE);
}
