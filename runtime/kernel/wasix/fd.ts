// Descriptors beyond preview1: duplicates, close-on-exec, pipes, eventfds. Errors of all: EBADF, EFAULT, EMFILE.

import { Errno } from '../../../abi/errno.ts';
import { FDFLAGS_NONBLOCK } from '../../../abi/wasi-preview1.ts';
import { EventFlags, FdFlagsExt } from '../../../abi/wasix.ts';
import { PIPE_CLOEXEC } from '../../../abi/wvm.ts';
import type { SystemCallResult } from '../blocked.ts';
import { EVENT_MAX, EventFile } from '../event-file.ts';
import { FdEntry } from '../fd-table.ts';
import { checkRange, storeU32 } from '../guest-access.ts';
import { Pipe } from '../pipe.ts';
import { PipeFile } from '../pipe-file.ts';
import { EVENT_RIGHTS, READER_RIGHTS, WRITER_RIGHTS } from '../rights.ts';
import { fail } from '../sys-error.ts';
import type { WasiContext } from '../wasi/context.ts';
import { openPath } from '../wasi/path.ts';

/** Result: the lowest free descriptor at `result`. See: dup(2). */
export function fd_dup(context: WasiContext, fd: number, result: number): SystemCallResult {
  const addr = checkRange(context.process.memory, result, 4);
  storeU32(context.process.memory, addr, context.process.fds.dup(fd));
  return Errno.ESUCCESS;
}

/** Result: the lowest free descriptor from `min` on at `result`. Errors also: EINVAL (min). See: fcntl(2), F_DUPFD. */
export function fd_dup2(
  context: WasiContext,
  fd: number,
  min: number,
  closesOnExec: number,
  result: number,
): SystemCallResult {
  const addr = checkRange(context.process.memory, result, 4);
  storeU32(context.process.memory, addr, context.process.fds.dup(fd, min, closesOnExec !== 0));
  return Errno.ESUCCESS;
}

/** Result: fdflagsext (u16) at `result`. See: fcntl(2), F_GETFD. */
export function fd_fdflags_get(context: WasiContext, fd: number, result: number): SystemCallResult {
  const { closesOnExec } = context.process.fds.get(fd);
  const { memory } = context.process;
  const addr = checkRange(memory, result, 2);
  memory.view.setUint16(addr, closesOnExec ? FdFlagsExt.CLOEXEC : 0, true);
  return Errno.ESUCCESS;
}

/** Errors also: EINVAL (unknown flag). See: fcntl(2), F_SETFD. */
export function fd_fdflags_set(context: WasiContext, fd: number, flags: number): SystemCallResult {
  const entry = context.process.fds.get(fd);
  entry.closesOnExec = decodeExtendedFlags(flags);
  return Errno.ESUCCESS;
}

/** path_open with fdflagsext. See: openat(2), O_CLOEXEC. */
export function path_open2(
  context: WasiContext,
  fd: number,
  lookupFlags: number,
  path: number,
  length: number,
  openFlags: number,
  rightsBase: bigint,
  rightsInheriting: bigint,
  fdFlags: number,
  extendedFlags: number,
  result: number,
): SystemCallResult {
  const flags = { lookupFlags, openFlags, fdFlags, closesOnExec: decodeExtendedFlags(extendedFlags) };
  return openPath(context, fd, path, length, flags, rightsBase, rightsInheriting, result);
}

/** Result: the end to read from at `readEnd`, the end to write to at `writeEnd`. See: pipe(2). */
export function fd_pipe(context: WasiContext, readEnd: number, writeEnd: number): SystemCallResult {
  const { memory } = context.process;
  return makePipe(context, checkRange(memory, readEnd, 4), checkRange(memory, writeEnd, 4), 0, false);
}

/** Result: both ends at `fds`, the one to read from first. Errors also: EINVAL (unknown flag). See: pipe2(2). */
export function pipe2(context: WasiContext, flags: number, fds: number): SystemCallResult {
  if ((flags & ~(FDFLAGS_NONBLOCK | PIPE_CLOEXEC)) !== 0) fail(Errno.EINVAL);
  const addr = checkRange(context.process.memory, fds, 8);
  return makePipe(context, addr, addr + 4, flags & FDFLAGS_NONBLOCK, (flags & PIPE_CLOEXEC) !== 0);
}

/** Result: an eventfd at `result`. Errors also: EINVAL (unknown flag, or the value that stands for none). See: eventfd(2). */
export function fd_event(context: WasiContext, initial: bigint, flags: number, result: number): SystemCallResult {
  // libc passes the flags of eventfd() on as they are, and EFD_NONBLOCK is O_NONBLOCK.
  if ((flags & ~(EventFlags.SEMAPHORE | FDFLAGS_NONBLOCK)) !== 0) fail(Errno.EINVAL);
  const { kernel, process } = context;
  const addr = checkRange(process.memory, result, 4);
  process.fds.checkSpace();
  const count = BigInt.asUintN(64, initial);
  if (count > EVENT_MAX) fail(Errno.EINVAL);
  const isSemaphore = (flags & EventFlags.SEMAPHORE) !== 0;
  const file = new EventFile(kernel.allocateInode(), count, isSemaphore, flags & FDFLAGS_NONBLOCK);
  storeU32(process.memory, addr, process.fds.add(new FdEntry(file, EVENT_RIGHTS, 0)));
  return Errno.ESUCCESS;
}

function makePipe(
  { kernel, process }: WasiContext,
  readAddr: number,
  writeAddr: number,
  flags: number,
  closesOnExec: boolean,
): SystemCallResult {
  process.fds.checkSpace(2);
  const pipe = new Pipe(kernel.allocateInode());
  const reader = new FdEntry(new PipeFile(pipe, 'reader', flags), READER_RIGHTS, 0, null, closesOnExec);
  const writer = new FdEntry(new PipeFile(pipe, 'writer', flags), WRITER_RIGHTS, 0, null, closesOnExec);
  storeU32(process.memory, readAddr, process.fds.add(reader));
  storeU32(process.memory, writeAddr, process.fds.add(writer));
  return Errno.ESUCCESS;
}

function decodeExtendedFlags(flags: number): boolean {
  if ((flags & ~FdFlagsExt.CLOEXEC) !== 0) fail(Errno.EINVAL);
  return flags !== 0;
}
