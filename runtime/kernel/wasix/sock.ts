// Pairs of stream sockets (socketpair(2)), and what can be asked of them. Nothing here reaches a network: the other socket calls of
// WASIX answer ENOSYS. Errors of all: EBADF, ENOTSOCK, EFAULT.

import { Errno } from '../../../abi/errno.ts';
import { ADDR_PORT, AddressFamily, SockOption, SockStatus, SockType } from '../../../abi/wasix.ts';
import type { SystemCallResult } from '../blocked.ts';
import { FdEntry } from '../fd-table.ts';
import { checkRange, storeU32, storeU64 } from '../guest-access.ts';
import type { OpenFile } from '../open-file.ts';
import { PIPE_CAPACITY, Pipe } from '../pipe.ts';
import { SOCKET_RIGHTS } from '../rights.ts';
import { SocketFile } from '../socket-file.ts';
import { fail } from '../sys-error.ts';
import type { WasiContext } from '../wasi/context.ts';
import { sock_recv, sock_send } from '../wasi/sock.ts';

/**
 * Result: the two descriptors. libc names a protocol of the internet here, so it says nothing.
 * Errors also: EMFILE, EAFNOSUPPORT (no such family), ENOTSUP (one of the internet), EINVAL (no such type), EPROTONOSUPPORT (a type
 * with messages).
 */
export function sock_pair(
  context: WasiContext,
  family: number,
  type: number,
  _protocol: number,
  first: number,
  second: number,
): SystemCallResult {
  const { kernel, process } = context;
  const firstAddr = checkRange(process.memory, first, 4);
  const secondAddr = checkRange(process.memory, second, 4);
  if (family < 0 || family > AddressFamily.UNIX) fail(Errno.EAFNOSUPPORT);
  if (family !== AddressFamily.UNIX) fail(Errno.ENOTSUP);
  if (type < SockType.STREAM || type > SockType.SEQPACKET) fail(Errno.EINVAL);
  if (type !== SockType.STREAM) fail(Errno.EPROTONOSUPPORT);
  process.fds.checkSpace(2);
  const one = new Pipe(kernel.allocateInode());
  const other = new Pipe(kernel.allocateInode());
  storeU32(process.memory, firstAddr, process.fds.add(new FdEntry(new SocketFile(one, other, 0), SOCKET_RIGHTS, 0)));
  storeU32(process.memory, secondAddr, process.fds.add(new FdEntry(new SocketFile(other, one, 0), SOCKET_RIGHTS, 0)));
  return Errno.ESUCCESS;
}

/** Result: SockStatus (u8) at `status`. */
export function sock_status(context: WasiContext, fd: number, status: number): SystemCallResult {
  const file = socket(context, fd);
  const { memory } = context.process;
  const addr = checkRange(memory, status, 1);
  memory.bytes[addr] = file.isHungUp ? SockStatus.CLOSED : SockStatus.OPENED;
  return Errno.ESUCCESS;
}

/** Result: the address without a name that a socket of a pair has, at `addr`. */
export function sock_addr_local(context: WasiContext, fd: number, addr: number): SystemCallResult {
  socket(context, fd);
  storeUnnamed(context, checkRange(context.process.memory, addr, ADDR_PORT.size));
  return Errno.ESUCCESS;
}

/** As sock_addr_local. */
export function sock_addr_peer(context: WasiContext, fd: number, addr: number): SystemCallResult {
  return sock_addr_local(context, fd, addr);
}

/** sock_recv with the sender's address. See: recvfrom(2). */
export function sock_recv_from(
  context: WasiContext,
  fd: number,
  iovs: number,
  count: number,
  flags: number,
  result: number,
  resultFlags: number,
  addr: number,
): SystemCallResult {
  socket(context, fd);
  const sender = checkRange(context.process.memory, addr, ADDR_PORT.size);
  const outcome = sock_recv(context, fd, iovs, count, flags, result, resultFlags);
  if (outcome === Errno.ESUCCESS) storeUnnamed(context, sender);
  return outcome;
}

/** Errors also: EISCONN for any address but none. See: sendto(2). */
export function sock_send_to(
  context: WasiContext,
  fd: number,
  iovs: number,
  count: number,
  flags: number,
  addr: number,
  result: number,
): SystemCallResult {
  socket(context, fd);
  if (addr !== 0) {
    const { bytes } = context.process.memory;
    const start = checkRange(context.process.memory, addr, ADDR_PORT.size);
    if (bytes[start + ADDR_PORT.tag] !== AddressFamily.UNSPEC) fail(Errno.EISCONN);
  }
  return sock_send(context, fd, iovs, count, flags, result);
}

/** Errors also: ENOPROTOOPT. See: getsockopt(2): SO_SNDBUF, SO_RCVBUF, SO_TYPE. */
export function sock_get_opt_size(context: WasiContext, fd: number, option: number, result: number): SystemCallResult {
  socket(context, fd);
  const { memory } = context.process;
  const addr = checkRange(memory, result, 8);
  const value = OPTIONS.get(option);
  if (value === undefined) fail(Errno.ENOPROTOOPT);
  storeU64(memory, addr, BigInt(value));
  return Errno.ESUCCESS;
}

const OPTIONS: ReadonlyMap<number, number> = new Map([
  [SockOption.LAST_ERROR, 0],
  [SockOption.RECV_BUF_SIZE, PIPE_CAPACITY],
  [SockOption.SEND_BUF_SIZE, PIPE_CAPACITY],
  [SockOption.TYPE, SockType.STREAM],
  [SockOption.PROTO, 0],
]);

function socket(context: WasiContext, fd: number): OpenFile {
  const { file } = context.process.fds.get(fd);
  if (!file.isSocket) fail(Errno.ENOTSOCK);
  return file;
}

function storeUnnamed(context: WasiContext, addr: number): void {
  const { bytes } = context.process.memory;
  bytes.fill(0, addr, addr + ADDR_PORT.size);
  bytes[addr + ADDR_PORT.tag] = AddressFamily.UNIX;
}
