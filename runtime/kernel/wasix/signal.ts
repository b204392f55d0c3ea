// Signals: sending, actions, masks, waiting. WASIX's calls and wvm's counterparts of Linux's; numbers are Linux's in both. What
// a signal does is in ../signals.
//
// - A call that may make a signal deliverable to its caller answers Completed: the engine asks for deliveries before the caller
//   goes on.
// - Errors of all: EFAULT, EINVAL (no such signal).

import { Errno } from '../../../abi/errno.ts';
import { SIG_IGN, SIG_KEEP, SIGNAL_LAST, SIGNAL_RTMIN, SignalCode } from '../../../abi/signals.ts';
import { SIGNAL_DISPOSITION, SignalDisposition } from '../../../abi/wasix.ts';
import { SIGACTION, SIGINFO } from '../../../abi/wvm.ts';
import type { Pid, Tid } from '../../base/ids.ts';
import { Blocked, Completed, type SystemCallResult } from '../blocked.ts';
import { checkRange, loadPath, storeU32, storeU64 } from '../guest-access.ts';
import type { Process } from '../process.ts';
import type { SignalInfo } from '../signals/pending-signals.ts';
import { discard, sendToProcess, sendToThread } from '../signals/send.ts';
import { bitOf, hasSignal, UNBLOCKABLE } from '../signals/signal-set.ts';
import { fail } from '../sys-error.ts';
import type { WasiContext } from '../wasi/context.ts';

const SIG_BLOCK = 0;
const SIG_UNBLOCK = 1;
const SIG_SETMASK = 2;
const EVERY_PROCESS = -1;

// Sending

/**
 * To a process (`pid` above 0), the caller's group (0), every process but init and the caller (-1), a group (below -1). Signal 0
 * sends nothing. Errors: ESRCH. See: kill(2).
 */
export function kill(context: WasiContext, pid: number, signal: number): SystemCallResult {
  checkSignal(signal, 0);
  const targets = targetsOf(context, pid | 0);
  if (targets.length === 0) fail(Errno.ESRCH);
  if (signal === 0) return Errno.ESUCCESS;
  for (const target of targets) sendToProcess(target, infoFrom(context, signal, SignalCode.SI_USER));
  return new Completed(Errno.ESUCCESS);
}

/** As kill. */
export function proc_signal(context: WasiContext, pid: number, signal: number): SystemCallResult {
  return kill(context, pid, signal);
}

/** To one thread of process `pid`. Errors: ESRCH. See: tgkill(2). */
export function tgkill(context: WasiContext, pid: number, tid: number, signal: number): SystemCallResult {
  checkSignal(signal, 0);
  if ((pid | 0) <= 0 || (tid | 0) <= 0) fail(Errno.EINVAL);
  const thread = context.kernel.processes.get(pid as Pid)?.threads.get(tid as Tid);
  if (thread === undefined) fail(Errno.ESRCH);
  if (signal === 0) return Errno.ESUCCESS;
  sendToThread(thread, infoFrom(context, signal, SignalCode.SI_TKILL));
  return new Completed(Errno.ESUCCESS);
}

/** To a thread of the caller's process. Errors: ESRCH. See: pthread_kill(3). */
export function thread_signal(context: WasiContext, tid: number, signal: number): SystemCallResult {
  return tgkill(context, context.process.pid, tid, signal);
}

/** With a value for the handler. Errors: ESRCH, EAGAIN (too many real-time signals wait). See: sigqueue(3). */
export function sigqueue(context: WasiContext, pid: number, signal: number, value: number): SystemCallResult {
  checkSignal(signal, 0);
  const target = context.kernel.processes.get(pid as Pid);
  if (target === undefined) fail(Errno.ESRCH);
  if (signal === 0) return Errno.ESUCCESS;
  if (signal >= SIGNAL_RTMIN && target.pending.isFull) fail(Errno.EAGAIN);
  sendToProcess(target, infoFrom(context, signal, SignalCode.SI_QUEUE, value >>> 0));
  return new Completed(Errno.ESUCCESS);
}

function targetsOf(context: WasiContext, pid: number): Process[] {
  const { kernel, process: caller } = context;
  if (pid > 0) {
    const target = kernel.processes.get(pid as Pid);
    return target === undefined ? [] : [target];
  }
  if (pid === EVERY_PROCESS) {
    return [...kernel.processes.values()].filter((process) => process !== kernel.init && process !== caller);
  }
  return kernel.tree.groupOf(pid === 0 ? caller.pgid : -pid);
}

// Actions

/**
 * Sets what the process does with a signal. Parameters: `handler`, SIG_DFL, SIG_IGN, SIG_KEEP (only asks) or the guest's own;
 * `mask`, blocked while it runs. Result: the old SIGACTION at `old`, unless that is 0. Errors: EINVAL for SIGKILL and SIGSTOP.
 * See: sigaction(2).
 */
export function sigaction(
  context: WasiContext,
  signal: number,
  handler: number,
  mask: bigint,
  flags: number,
  old: number,
): SystemCallResult {
  const { actions, memory } = context.process;
  checkSignal(signal, 1);
  const keeps = handler >>> 0 === SIG_KEEP;
  if (!keeps && hasSignal(UNBLOCKABLE, signal)) fail(Errno.EINVAL);
  if (old !== 0) {
    const addr = checkRange(memory, old, SIGACTION.size);
    const action = actions.get(signal);
    storeU32(memory, addr + SIGACTION.handler, action.handler);
    storeU32(memory, addr + SIGACTION.flags, action.flags);
    storeU64(memory, addr + SIGACTION.mask, action.mask);
  }
  if (keeps) return Errno.ESUCCESS;
  actions.set(signal, {
    handler: handler >>> 0,
    flags: flags >>> 0,
    mask: BigInt.asUintN(SIGNAL_LAST, mask) & ~UNBLOCKABLE,
  });
  if (actions.disposition(signal) === 'ignore') discard(context.process, bitOf(signal));
  return Errno.ESUCCESS;
}

/**
 * From now on the export of that name gets every signal that can be caught and has no action of its own; '': none does.
 * No result. See: WASIX, callback_signal.
 */
export function callback_signal(context: WasiContext, name: number, length: number): SystemCallResult {
  context.process.actions.callback = loadPath(context.process.memory, name, length);
  return new Completed(Errno.ESUCCESS);
}

/** Result: how many dispositions proc_signals_get stores. */
export function proc_signals_sizes_get(context: WasiContext, count: number): SystemCallResult {
  const { memory } = context.process;
  storeU32(memory, checkRange(memory, count, 4), ignoredSignals(context.process).length);
  return Errno.ESUCCESS;
}

/** Result: SIGNAL_DISPOSITION of each signal that the process ignores, as its parent may have wished; the others are default. */
export function proc_signals_get(context: WasiContext, buffer: number): SystemCallResult {
  const { memory } = context.process;
  const signals = ignoredSignals(context.process);
  const addr = checkRange(memory, buffer, signals.length * SIGNAL_DISPOSITION.size);
  for (const [index, signal] of signals.entries()) {
    const at = addr + index * SIGNAL_DISPOSITION.size;
    memory.bytes[at + SIGNAL_DISPOSITION.signal] = signal;
    memory.bytes[at + SIGNAL_DISPOSITION.disposition] = SignalDisposition.IGNORE;
  }
  return Errno.ESUCCESS;
}

function ignoredSignals(process: Process): number[] {
  const signals: number[] = [];
  for (let signal = 1; signal <= SIGNAL_LAST; signal++) {
    if (process.actions.get(signal).handler === SIG_IGN) signals.push(signal);
  }
  return signals;
}

// Masks and waiting

/** Changes the calling thread's mask by the set at `set`, unless that is 0. Result: the old one at `old`. See: sigprocmask(2). */
export function sigprocmask(context: WasiContext, how: number, set: number, old: number): SystemCallResult {
  const { memory } = context.process;
  const { signals } = context.kernel.current;
  const setAddr = set === 0 ? 0 : checkRange(memory, set, 8);
  const oldAddr = old === 0 ? 0 : checkRange(memory, old, 8);
  const before = signals.mask;
  if (set !== 0) {
    const given = memory.view.getBigUint64(setAddr, true) & ~UNBLOCKABLE;
    if (how === SIG_BLOCK) signals.mask |= given;
    else if (how === SIG_UNBLOCK) signals.mask &= ~given;
    else if (how === SIG_SETMASK) signals.mask = given;
    else fail(Errno.EINVAL);
  }
  if (old !== 0) storeU64(memory, oldAddr, before);
  return new Completed(Errno.ESUCCESS);
}

/** Result: what is pending and blocked, of the thread and the process. See: sigpending(2). */
export function sigpending(context: WasiContext, set: number): SystemCallResult {
  const { memory, pending } = context.process;
  const { signals } = context.kernel.current;
  storeU64(memory, checkRange(memory, set, 8), (signals.pending.set | pending.set) & signals.mask);
  return Errno.ESUCCESS;
}

/** Waits until a handler has run that `mask` allows; then the old mask is back. Errors: EINTR, always. See: sigsuspend(2). */
export function sigsuspend(context: WasiContext, mask: bigint): SystemCallResult {
  const { signals, isInterrupted } = context.kernel.current;
  if (signals.suspendedMask === null && !isInterrupted) {
    signals.suspendedMask = signals.mask;
    signals.mask = BigInt.asUintN(SIGNAL_LAST, mask) & ~UNBLOCKABLE;
  }
  return new Blocked([]);
}

/**
 * Takes a pending signal of `set`, which should be blocked, or waits for one. Parameters: `timeout` in ns, below 0: none.
 * Result: SIGINFO at `info`, unless that is 0. Errors: EAGAIN (the time is over), EINTR. See: sigtimedwait(2).
 */
export function sigtimedwait(context: WasiContext, set: bigint, info: number, timeout: bigint): SystemCallResult {
  const { memory, pending } = context.process;
  const { current, clock } = context.kernel;
  const addr = info === 0 ? 0 : checkRange(memory, info, SIGINFO.size);
  const wanted = BigInt.asUintN(SIGNAL_LAST, set) & ~UNBLOCKABLE;
  const taken = current.signals.pending.take(wanted) ?? pending.take(wanted);
  if (taken !== undefined) {
    if (info !== 0) {
      storeU32(memory, addr + SIGINFO.signal, taken.signal);
      storeU32(memory, addr + SIGINFO.code, taken.code);
      storeU32(memory, addr + SIGINFO.pid, taken.pid);
      storeU32(memory, addr + SIGINFO.value, taken.value);
    }
    return Errno.ESUCCESS;
  }
  let deadlineNs = current.restart?.deadlineNs;
  if (current.restart === undefined && timeout >= 0n) deadlineNs = clock.nowNs() + timeout;
  if (deadlineNs !== undefined && clock.isOver(deadlineNs)) fail(Errno.EAGAIN);
  current.signals.awaited = wanted;
  if (deadlineNs === undefined) return new Blocked([], {});
  return new Blocked([{ kind: 'timer', deadlineNs }], { deadlineNs });
}

function checkSignal(signal: number, least: number): void {
  if (signal < least || signal > SIGNAL_LAST) fail(Errno.EINVAL);
}

function infoFrom(context: WasiContext, signal: number, code: number, value = 0): SignalInfo {
  return { signal, code, pid: context.process.pid, value };
}
