// sock_*: on the standard streams that are sockets, and on pairs of sockets (wasix/sock.ts makes them); ENOTSOCK for everything
// else.
// Errors of all: EBADF, ENOTSOCK, ENOTCAPABLE, EFAULT, EINVAL (flags). See: recv(2), send(2), shutdown(2), accept(2).

import { Errno } from '../../../abi/errno.ts';
import {
  FDFLAGS_ALL,
  RIFLAGS_RECV_PEEK,
  RIFLAGS_RECV_WAITALL,
  Rights,
  SDFLAGS_RD,
  SDFLAGS_WR,
} from '../../../abi/wasi-preview1.ts';
import type { SystemCallResult } from '../blocked.ts';
import { checkRange } from '../guest-access.ts';
import type { OpenFile } from '../open-file.ts';
import { fail } from '../sys-error.ts';
import type { WasiContext } from './context.ts';
import { readStreamOrFile, writeStreamOrFile } from './fd-io.ts';

/** Errors also: EINVAL, because no socket here listens. */
export function sock_accept(context: WasiContext, fd: number, flags: number, result: number): SystemCallResult {
  socket(context, fd, Rights.SOCK_ACCEPT);
  checkRange(context.process.memory, result, 4);
  if ((flags & ~FDFLAGS_ALL) !== 0) fail(Errno.EINVAL);
  fail(Errno.EINVAL);
}

/** Result: bytes at `result`, 0 (nothing was cut off) at `resultFlags`. Errors also: ENOTSUP for PEEK and WAITALL. */
export function sock_recv(
  context: WasiContext,
  fd: number,
  iovs: number,
  count: number,
  flags: number,
  result: number,
  resultFlags: number,
): SystemCallResult {
  const file = socket(context, fd, Rights.FD_READ);
  const { memory } = context.process;
  const flagsAddr = checkRange(memory, resultFlags, 2);
  if ((flags & ~(RIFLAGS_RECV_PEEK | RIFLAGS_RECV_WAITALL)) !== 0) fail(Errno.EINVAL);
  if (flags !== 0) fail(Errno.ENOTSUP);
  const outcome = readStreamOrFile(context, file, iovs, count, result);
  if (outcome === Errno.ESUCCESS) memory.view.setUint16(flagsAddr, 0, true);
  return outcome;
}

/** Result: bytes at `result`. */
export function sock_send(
  context: WasiContext,
  fd: number,
  iovs: number,
  count: number,
  flags: number,
  result: number,
): SystemCallResult {
  const file = socket(context, fd, Rights.FD_WRITE);
  if (flags !== 0) fail(Errno.EINVAL);
  return writeStreamOrFile(context, file, iovs, count, result);
}

/** Errors also: ENOTSUP if the host's stream cannot. */
export function sock_shutdown(context: WasiContext, fd: number, how: number): SystemCallResult {
  const file = socket(context, fd, Rights.SOCK_SHUTDOWN);
  if (how === 0 || (how & ~(SDFLAGS_RD | SDFLAGS_WR)) !== 0) fail(Errno.EINVAL);
  file.shutdown((how & SDFLAGS_RD) !== 0, (how & SDFLAGS_WR) !== 0);
  return Errno.ESUCCESS;
}

function socket(context: WasiContext, fd: number, right: number): OpenFile {
  const entry = context.process.fds.get(fd);
  if (!entry.file.isSocket) fail(Errno.ENOTSOCK);
  if ((entry.rights & right) === 0) fail(Errno.ENOTCAPABLE);
  return entry.file;
}
