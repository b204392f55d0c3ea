// Interval timers: setitimer and getitimer with Linux's three kinds, and WASIX's proc_raise_interval, which takes any signal.
// They are the same timers: one per signal (../interval-timers.ts).
//
// Errors of all: EFAULT, EINVAL (no such timer or signal).

import { Errno } from '../../../abi/errno.ts';
import { SIGNAL_LAST, Signal } from '../../../abi/signals.ts';
import { ITIMER } from '../../../abi/wvm.ts';
import type { SystemCallResult } from '../blocked.ts';
import { checkRange, storeU64 } from '../guest-access.ts';
import type { GuestMemory } from '../guest-memory.ts';
import type { IntervalTimer, TimerClock } from '../interval-timers.ts';
import { fail } from '../sys-error.ts';
import type { WasiContext } from '../wasi/context.ts';

/** ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF. All of a process's time is its own: the last two count alike. */
const KINDS: readonly { readonly signal: number; readonly clock: TimerClock }[] = [
  { signal: Signal.SIGALRM, clock: 'machine' },
  { signal: Signal.SIGVTALRM, clock: 'cpu' },
  { signal: Signal.SIGPROF, clock: 'cpu' },
];

/** The signal comes to the process after `interval` ns, once or `repeat`edly; 0 stops it. See: setitimer(2). */
export function proc_raise_interval(
  context: WasiContext,
  signal: number,
  interval: bigint,
  repeat: number,
): SystemCallResult {
  if (signal < 1 || signal > SIGNAL_LAST) fail(Errno.EINVAL);
  const intervalNs = BigInt.asUintN(64, interval);
  const clock = KINDS.find((kind) => kind.signal === signal)?.clock ?? 'machine';
  context.kernel.scheduler.timers.set(context.process, signal, clock, intervalNs, repeat === 0 ? 0n : intervalNs);
  return Errno.ESUCCESS;
}

/**
 * The signal of timer `which` comes after `value` ns (0: not), then every `interval` ns (0: once).
 * Result: ITIMER at `old`, unless that is 0: what was left. See: setitimer(2).
 */
export function setitimer(
  context: WasiContext,
  which: number,
  value: bigint,
  interval: bigint,
  old: number,
): SystemCallResult {
  const { process, kernel } = context;
  const kind = KINDS[which] ?? fail(Errno.EINVAL);
  if (old !== 0)
    storeTimer(process.memory, checkRange(process.memory, old, ITIMER.size), process.timers.get(kind.signal));
  const delayNs = BigInt.asUintN(64, value);
  kernel.scheduler.timers.set(process, kind.signal, kind.clock, delayNs, BigInt.asUintN(64, interval));
  return Errno.ESUCCESS;
}

/** Result: ITIMER at `value`; all 0 if the timer is not armed. See: getitimer(2). */
export function getitimer(context: WasiContext, which: number, value: number): SystemCallResult {
  const { memory, timers } = context.process;
  const kind = KINDS[which] ?? fail(Errno.EINVAL);
  storeTimer(memory, checkRange(memory, value, ITIMER.size), timers.get(kind.signal));
  return Errno.ESUCCESS;
}

function storeTimer(memory: GuestMemory, addr: number, timer: IntervalTimer | undefined): void {
  storeU64(memory, addr + ITIMER.valueNs, timer?.leftNs() ?? 0n);
  storeU64(memory, addr + ITIMER.intervalNs, timer?.intervalNs ?? 0n);
}
