// Sending signals. What is ignored is dropped here; the rest becomes pending, and a thread that can take it is woken. What then
// happens is deliver.ts's.
//
// Stopping and continuing undo each other when they are sent, not when they are taken: SIGCONT makes a process go on though it
// is blocked or ignored, and drops pending stops; a stop drops a pending SIGCONT. SIGKILL makes a stopped process go on, to its end.

import { Signal } from '../../../abi/signals.ts';
import type { Process } from '../process.ts';
import type { Thread } from '../thread.ts';
import type { SignalInfo } from './pending-signals.ts';
import { bitOf, hasSignal, STOP_SIGNALS } from './signal-set.ts';

/** To the process: one of its threads takes it. */
export function sendToProcess(process: Process, info: SignalInfo): void {
  if (!prepare(process, info.signal)) return;
  const taker = takerOf(process, info.signal);
  if (isIgnored(process, taker ?? anyThread(process), info.signal)) return;
  process.pending.add(info);
  if (taker !== undefined) process.kernel.scheduler.wake(taker);
}

/** To this thread alone. */
export function sendToThread(thread: Thread, info: SignalInfo): void {
  const { process } = thread;
  if (!prepare(process, info.signal) || isIgnored(process, thread, info.signal)) return;
  thread.signals.pending.add(info);
  if (canTake(thread, info.signal)) process.kernel.scheduler.wake(thread);
}

/** False if there is nobody to send to. */
function prepare(process: Process, signal: number): boolean {
  if (process.isZombie) return false;
  if (signal === Signal.SIGCONT) {
    discard(process, STOP_SIGNALS);
    process.kernel.tree.goOn(process, true);
  } else if (hasSignal(STOP_SIGNALS, signal)) {
    discard(process, bitOf(Signal.SIGCONT));
  } else if (signal === Signal.SIGKILL) {
    process.kernel.tree.goOn(process, false);
  }
  return true;
}

/** Drops pending signals of the process and of all of its threads. */
export function discard(process: Process, set: bigint): void {
  process.pending.discard(set);
  for (const { signals } of process.threads.values()) signals.pending.discard(set);
}

/** A blocked signal is kept, even if it is ignored now: the action may change before it is unblocked. */
function isIgnored(process: Process, thread: Thread, signal: number): boolean {
  const { mask, suspendedMask, awaited } = thread.signals;
  if (hasSignal(mask | (suspendedMask ?? 0n) | awaited, signal)) return false;
  const disposition = process.actions.disposition(signal);
  return disposition === 'ignore' || disposition === 'continue';
}

function canTake(thread: Thread, signal: number): boolean {
  return !hasSignal(thread.signals.mask, signal) || hasSignal(thread.signals.awaited, signal);
}

/** Who waits for it; else the main thread, else the first that does not block it. */
function takerOf(process: Process, signal: number): Thread | undefined {
  const threads = [...process.threads.values()];
  return (
    threads.find((thread) => hasSignal(thread.signals.awaited, signal)) ??
    [anyThread(process), ...threads].find((thread) => canTake(thread, signal))
  );
}

/** The main thread, or the first if that has ended. */
function anyThread(process: Process): Thread {
  for (const thread of process.threads.values()) return process.mainThread ?? thread;
  return process.mainThread;
}
