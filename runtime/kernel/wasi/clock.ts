// clock_*: real, monotonic and processor time. See: clock_gettime(2).

import { Errno } from '../../../abi/errno.ts';
import {
  CLOCKID_MONOTONIC,
  CLOCKID_PROCESS_CPUTIME_ID,
  CLOCKID_REALTIME,
  CLOCKID_THREAD_CPUTIME_ID,
} from '../../../abi/wasi-preview1.ts';
import type { SystemCallResult } from '../blocked.ts';
import { checkRange, storeU64 } from '../guest-access.ts';
import { fail } from '../sys-error.ts';
import type { WasiContext } from './context.ts';

/** What hosts' clocks give: microseconds of real time, nanoseconds of monotonic time. */
const REALTIME_RESOLUTION_NS = 1_000n;
const MONOTONIC_RESOLUTION_NS = 1n;

/** Result: resolution in ns at `result`. Errors: EINVAL (clock), EFAULT. */
export function clock_res_get(context: WasiContext, clock: number, result: number): SystemCallResult {
  const { memory } = context.process;
  if (clock < CLOCKID_REALTIME || clock > CLOCKID_THREAD_CPUTIME_ID) fail(Errno.EINVAL);
  const addr = checkRange(memory, result, 8);
  storeU64(memory, addr, clock === CLOCKID_REALTIME ? REALTIME_RESOLUTION_NS : MONOTONIC_RESOLUTION_NS);
  return Errno.ESUCCESS;
}

/** Result: ns at `result`; the precision is not needed. Errors: EINVAL (clock), EFAULT. */
export function clock_time_get(context: WasiContext, id: number, _precision: bigint, result: number): SystemCallResult {
  const { memory } = context.process;
  if (id < CLOCKID_REALTIME || id > CLOCKID_THREAD_CPUTIME_ID) fail(Errno.EINVAL);
  const addr = checkRange(memory, result, 8);
  const { clock } = context.kernel;
  clock.tick();
  storeU64(memory, addr, readClock(context, id));
  return Errno.ESUCCESS;
}

function readClock(context: WasiContext, id: number): bigint {
  if (id === CLOCKID_REALTIME) return context.kernel.clock.realtimeNs();
  if (id === CLOCKID_MONOTONIC) return context.kernel.clock.nowNs();
  if (id === CLOCKID_PROCESS_CPUTIME_ID) return context.process.cpuTimeNs();
  return context.kernel.current.cpuTimeNs();
}
