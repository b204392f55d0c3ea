// flock and record_lock, of module wvm. The locks hold within the machine (file-locks.ts). Errors of both: EBADF, ENOTSUP (not a
// file or directory), ENOLCK, EINVAL. See: flock(2), fcntl(2).

import { Errno } from '../../../abi/errno.ts';
import {
  F_GETLK,
  F_RDLCK,
  F_SETLK,
  F_SETLKW,
  F_UNLCK,
  F_WRLCK,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
} from '../../../abi/file-lock.ts';
import { WHENCE_CUR, WHENCE_END, WHENCE_SET } from '../../../abi/wasi-preview1.ts';
import { FLOCK } from '../../../abi/wvm.ts';
import { Blocked, type SystemCallResult } from '../blocked.ts';
import type { ByteRange, RecordLock } from '../file-locks.ts';
import { checkRange } from '../guest-access.ts';
import type { GuestMemory } from '../guest-memory.ts';
import type { OpenFile } from '../open-file.ts';
import { fail } from '../sys-error.ts';
import { INT64_MAX } from '../validate.ts';
import type { WasiContext } from '../wasi/context.ts';

/** Errors also: EAGAIN with LOCK_NB. */
export function flock(context: WasiContext, fd: number, operation: number): SystemCallResult {
  const { file } = context.process.fds.get(fd);
  const { fileLocks } = context.kernel;
  const kind = operation & ~LOCK_NB;
  if (kind === LOCK_UN) {
    fileLocks.unflock(file);
    return Errno.ESUCCESS;
  }
  if (kind !== LOCK_SH && kind !== LOCK_EX) fail(Errno.EINVAL);
  const wait = fileLocks.flock(file, kind === LOCK_EX);
  if (wait === undefined) return Errno.ESUCCESS;
  return (operation & LOCK_NB) !== 0 ? Errno.EAGAIN : new Blocked([wait]);
}

/**
 * F_GETLK writes a lock that stands in the way to `lock`, or the type F_UNLCK.
 * Errors also: EAGAIN (F_SETLK), EDEADLK (F_SETLKW), EFAULT, EOVERFLOW; EBADF for a lock to read or write with that the file is not
 * open for.
 */
export function record_lock(context: WasiContext, fd: number, command: number, lock: number): SystemCallResult {
  const { file } = context.process.fds.get(fd);
  const { kernel, process } = context;
  const addr = checkRange(process.memory, lock, FLOCK.size);
  if (command !== F_GETLK && command !== F_SETLK && command !== F_SETLKW) fail(Errno.EINVAL);
  const type = process.memory.view.getUint16(addr + FLOCK.type, true);
  const range = loadRange(process.memory, addr, file);
  const { pid } = process;
  if (type === F_UNLCK && command !== F_GETLK) {
    kernel.fileLocks.unlockRecord(file, range, pid);
    return Errno.ESUCCESS;
  }
  if (type !== F_RDLCK && type !== F_WRLCK) fail(Errno.EINVAL);
  const isExclusive = type === F_WRLCK;
  const wanted: RecordLock = { pid, isExclusive, ...range };
  if (command === F_GETLK) {
    storeConflict(process.memory, addr, kernel.fileLocks.conflict(file, wanted));
    return Errno.ESUCCESS;
  }
  if (!(isExclusive ? file.canWrite : file.canRead)) fail(Errno.EBADF);
  const willWait = command === F_SETLKW;
  const wait = kernel.fileLocks.lockRecord(file, wanted, kernel.current, willWait);
  if (wait === undefined) return Errno.ESUCCESS;
  return willWait ? new Blocked([wait]) : Errno.EAGAIN;
}

/** The bytes that a struct flock names: a length of 0 is all to the end, below 0 those before the start. */
function loadRange(memory: GuestMemory, addr: number, file: OpenFile): ByteRange {
  const start = memory.view.getBigInt64(addr + FLOCK.start, true);
  const length = memory.view.getBigInt64(addr + FLOCK.length, true);
  const whence = memory.view.getUint16(addr + FLOCK.whence, true);
  let from = start;
  if (whence === WHENCE_CUR) from += file.seek(0n, WHENCE_CUR);
  else if (whence === WHENCE_END) from += file.stat().size;
  else if (whence !== WHENCE_SET) fail(Errno.EINVAL);
  const first = length < 0n ? from + length : from;
  const last = length === 0n ? INT64_MAX : length < 0n ? from - 1n : from + length - 1n;
  if (first < 0n) fail(Errno.EINVAL);
  if (first > INT64_MAX || last > INT64_MAX) fail(Errno.EOVERFLOW);
  return { first, last };
}

function storeConflict({ view }: GuestMemory, addr: number, lock: RecordLock | undefined): void {
  if (lock === undefined) {
    view.setUint16(addr + FLOCK.type, F_UNLCK, true);
    return;
  }
  view.setUint16(addr + FLOCK.type, lock.isExclusive ? F_WRLCK : F_RDLCK, true);
  view.setUint16(addr + FLOCK.whence, WHENCE_SET, true);
  view.setUint32(addr + FLOCK.pid, lock.pid, true);
  view.setBigInt64(addr + FLOCK.start, lock.first, true);
  view.setBigInt64(addr + FLOCK.length, lock.last === INT64_MAX ? 0n : lock.last - lock.first + 1n, true);
}
