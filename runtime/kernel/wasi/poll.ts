// poll_oneoff: waits until one of several clocks and files is ready.
//
//   1. Every subscription is looked at; what is ready, or wrong, gives an event. If there is any, the events are the result.
//   2. Otherwise the call blocks on all of them. Relative timeouts count from the first try, whose time is in the restart
//      record: the same call made again, also in a resumed machine, waits for the rest.
// Result: events at `out`, their count at `result`. Errors: EINVAL (no subscriptions, unknown kind), EFAULT; what is wrong with
// one subscription (EBADF, ENOTCAPABLE, EINVAL for the clock) is told in its event. See: poll(2), clock_nanosleep(2).

import { Errno } from '../../../abi/errno.ts';
import {
  CLOCKID_MONOTONIC,
  CLOCKID_REALTIME,
  CLOCKID_THREAD_CPUTIME_ID,
  EVENT,
  EVENTRWFLAGS_FD_READWRITE_HANGUP,
  EVENTTYPE_CLOCK,
  EVENTTYPE_FD_READ,
  EVENTTYPE_FD_WRITE,
  Rights,
  SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME,
} from '../../../abi/wasi-preview1.ts';
import { Blocked, type SystemCallResult, type WaitFor } from '../blocked.ts';
import { checkRange, storeU32, storeU64 } from '../guest-access.ts';
import type { GuestMemory } from '../guest-memory.ts';
import { fail } from '../sys-error.ts';
import type { WasiContext } from './context.ts';

interface PollEvent {
  readonly userdata: bigint;
  readonly type: number;
  readonly error: Errno;
  readonly bytes: bigint;
  readonly hangup: boolean;
}

/** What one subscription comes to: an event, or nothing yet, and what to wait for has been put down. */
type Outcome = Omit<PollEvent, 'userdata' | 'type'> | undefined;

const SUCCESS: Outcome = { error: Errno.ESUCCESS, bytes: 0n, hangup: false };

export function poll_oneoff(
  context: WasiContext,
  input: number,
  output: number,
  count: number,
  result: number,
): SystemCallResult {
  const { memory } = context.process;
  const layout = context.subscription;
  const length = count >>> 0;
  const start = checkRange(memory, input, length * layout.size);
  const out = checkRange(memory, output, length * EVENT.size);
  const resultAddr = checkRange(memory, result, 4);
  if (length === 0) fail(Errno.EINVAL);
  const now = context.kernel.clock.nowNs();
  const startNs = context.kernel.current.restart?.startNs ?? now;
  const events: PollEvent[] = [];
  const waits: WaitFor[] = [];
  for (let i = 0; i < length; i++) {
    const at = start + i * layout.size;
    const type = memory.bytes[at + layout.tag]!;
    const outcome =
      type === EVENTTYPE_CLOCK
        ? lookAtClock(context, memory, at, now, startNs, waits)
        : lookAtFile(context, memory, at, type, waits);
    if (outcome !== undefined)
      events.push({ userdata: memory.view.getBigUint64(at + layout.userdata, true), type, ...outcome });
  }
  if (events.length === 0) return new Blocked(mergeTimers(waits), { startNs });
  for (const [index, event] of events.entries()) storeEvent(memory, out + index * EVENT.size, event);
  storeU32(memory, resultAddr, events.length);
  return Errno.ESUCCESS;
}

function lookAtClock(
  context: WasiContext,
  memory: GuestMemory,
  at: number,
  now: bigint,
  startNs: bigint,
  waits: WaitFor[],
): Outcome {
  const layout = context.subscription;
  const id = memory.view.getUint32(at + layout.clockId, true);
  const timeout = memory.view.getBigUint64(at + layout.timeout, true);
  const flags = memory.view.getUint16(at + layout.flags, true);
  if (id > CLOCKID_THREAD_CPUTIME_ID || (flags & ~SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME) !== 0) {
    return failed(Errno.EINVAL);
  }
  // Processor time stands still while the thread sleeps.
  if (id !== CLOCKID_REALTIME && id !== CLOCKID_MONOTONIC) return failed(Errno.ENOTSUP);
  let deadlineNs: bigint;
  if (flags === 0) deadlineNs = startNs + timeout;
  else if (id === CLOCKID_MONOTONIC) deadlineNs = timeout;
  else deadlineNs = now + timeout - context.kernel.clock.realtimeNs();
  if (context.kernel.clock.isOver(deadlineNs)) return SUCCESS;
  waits.push({ kind: 'timer', deadlineNs });
  return undefined;
}

function lookAtFile(context: WasiContext, memory: GuestMemory, at: number, type: number, waits: WaitFor[]): Outcome {
  const isRead = type === EVENTTYPE_FD_READ;
  if (!isRead && type !== EVENTTYPE_FD_WRITE) fail(Errno.EINVAL);
  const entry = context.process.fds.entries[memory.view.getUint32(at + context.subscription.fd, true)];
  if (entry === undefined) return failed(Errno.EBADF);
  const { file } = entry;
  if ((entry.rights & Rights.POLL_FD_READWRITE) === 0) return failed(Errno.ENOTCAPABLE);
  if (!(isRead ? file.canRead : file.canWrite)) return failed(Errno.EBADF);
  const readiness = isRead ? file.readReadiness() : file.writeReadiness();
  if (readiness !== undefined) return { error: Errno.ESUCCESS, ...readiness };
  if (isRead) file.addReadWaits(waits);
  else waits.push(file.writeWait());
  return undefined;
}

function failed(error: Errno): Outcome {
  return { error, bytes: 0n, hangup: false };
}

/** One timer is enough: the earliest. */
function mergeTimers(waits: readonly WaitFor[]): WaitFor[] {
  const merged: WaitFor[] = [];
  let earliest: bigint | undefined;
  for (const wait of waits) {
    if (wait.kind !== 'timer') merged.push(wait);
    else if (earliest === undefined || wait.deadlineNs < earliest) earliest = wait.deadlineNs;
  }
  if (earliest !== undefined) merged.push({ kind: 'timer', deadlineNs: earliest });
  return merged;
}

function storeEvent(memory: GuestMemory, addr: number, event: PollEvent): void {
  memory.bytes.fill(0, addr, addr + EVENT.size);
  storeU64(memory, addr + EVENT.userdata, event.userdata);
  memory.view.setUint16(addr + EVENT.error, event.error, true);
  memory.bytes[addr + EVENT.type] = event.type;
  storeU64(memory, addr + EVENT.bytes, event.bytes);
  if (event.hangup) memory.view.setUint16(addr + EVENT.flags, EVENTRWFLAGS_FD_READWRITE_HANGUP, true);
}
