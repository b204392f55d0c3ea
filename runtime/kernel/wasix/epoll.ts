// epoll. Errors of all: EBADF, EFAULT, EINVAL. See: epoll(7), epoll_ctl(2), epoll_wait(2).

import { Errno } from '../../../abi/errno.ts';
import { EPOLL_EVENT, EpollCtl } from '../../../abi/wasix.ts';
import { Blocked, type SystemCallResult, type WaitFor } from '../blocked.ts';
import { EpollFile, type EpollRequest } from '../epoll-file.ts';
import { FdEntry } from '../fd-table.ts';
import { checkRange, storeU32, storeU64 } from '../guest-access.ts';
import type { GuestMemory } from '../guest-memory.ts';
import { EPOLL_RIGHTS } from '../rights.ts';
import { fail } from '../sys-error.ts';
import { UINT64_MAX } from '../validate.ts';
import type { WasiContext } from '../wasi/context.ts';

/** As Linux: what fits into an int. */
const EVENTS_MAX: number = Math.floor((2 ** 31 - 1) / EPOLL_EVENT.size);
/** EpollType has eight bits. */
const EVENT_BITS = 0xff;

/** Result: the set at `result`. Errors also: EMFILE. */
export function epoll_create(context: WasiContext, result: number): SystemCallResult {
  const { kernel, process } = context;
  const addr = checkRange(process.memory, result, 4);
  process.fds.checkSpace();
  const set = new EpollFile(kernel.allocateInode(), 0);
  storeU32(process.memory, addr, process.fds.add(new FdEntry(set, EPOLL_RIGHTS, 0)));
  return Errno.ESUCCESS;
}

/** Errors also: EEXIST, ENOENT, EPERM (a file that is always ready), ELOOP (sets within sets). */
export function epoll_ctl(context: WasiContext, epfd: number, op: number, fd: number, event: number): SystemCallResult {
  const { process } = context;
  const set = epollFile(context, epfd);
  const { file } = process.fds.get(fd);
  if (op === EpollCtl.DEL) set.remove(fd, file);
  else if (op === EpollCtl.ADD) set.add(fd, file, loadRequest(process.memory, event));
  else if (op === EpollCtl.MOD) set.modify(fd, file, loadRequest(process.memory, event));
  else fail(Errno.EINVAL);
  return Errno.ESUCCESS;
}

/** Result: events at `events`, their count at `result`; none when the time is over. `timeoutNs` -1: no end, 0: no wait. */
export function epoll_wait(
  context: WasiContext,
  epfd: number,
  events: number,
  max: number,
  timeoutNs: bigint,
  result: number,
): SystemCallResult {
  const { kernel, process } = context;
  const { memory } = process;
  const set = epollFile(context, epfd);
  if (max <= 0 || max > EVENTS_MAX) fail(Errno.EINVAL);
  const start = checkRange(memory, events, max * EPOLL_EVENT.size);
  const resultAddr = checkRange(memory, result, 4);
  let at = start;
  const count = set.take(max, ({ request }, bits) => {
    storeEvent(memory, at, bits, request);
    at += EPOLL_EVENT.size;
  });
  const { clock } = kernel;
  const timeout = BigInt.asUintN(64, timeoutNs);
  const { restart } = kernel.current;
  const deadlineNs =
    restart === undefined ? (timeout === UINT64_MAX ? undefined : clock.nowNs() + timeout) : restart.deadlineNs;
  if (count === 0 && (deadlineNs === undefined || !clock.isOver(deadlineNs))) {
    const waits: WaitFor[] = [];
    set.addReadWaits(waits);
    if (deadlineNs === undefined) return new Blocked(waits, {});
    waits.push({ kind: 'timer', deadlineNs });
    return new Blocked(waits, { deadlineNs });
  }
  storeU32(memory, resultAddr, count);
  return Errno.ESUCCESS;
}

function epollFile(context: WasiContext, fd: number): EpollFile {
  const { file } = context.process.fds.get(fd);
  if (!(file instanceof EpollFile)) fail(Errno.EINVAL);
  return file;
}

function loadRequest(memory: GuestMemory, event: number): EpollRequest {
  const addr = checkRange(memory, event, EPOLL_EVENT.size);
  const { view } = memory;
  const events = view.getUint32(addr + EPOLL_EVENT.events, true);
  if ((events & ~EVENT_BITS) !== 0) fail(Errno.EINVAL);
  return {
    events,
    ptr: view.getUint32(addr + EPOLL_EVENT.ptr, true),
    dataFd: view.getUint32(addr + EPOLL_EVENT.fd, true),
    data1: view.getUint32(addr + EPOLL_EVENT.data1, true),
    data2: view.getBigUint64(addr + EPOLL_EVENT.data2, true),
  };
}

function storeEvent(memory: GuestMemory, addr: number, bits: number, request: EpollRequest): void {
  memory.bytes.fill(0, addr, addr + EPOLL_EVENT.size);
  storeU32(memory, addr + EPOLL_EVENT.events, bits);
  storeU32(memory, addr + EPOLL_EVENT.ptr, request.ptr);
  storeU32(memory, addr + EPOLL_EVENT.fd, request.dataFd);
  storeU32(memory, addr + EPOLL_EVENT.data1, request.data1);
  storeU64(memory, addr + EPOLL_EVENT.data2, request.data2);
}
