// Taking signals: what the engine asks for a thread before the thread runs.
//
//   1. deliver(thread) takes the first pending signal that the thread does not block, its own before its process's.
//   2. A default action is carried out: the process has ended or stopped.
//   3. A handler: the mask is what it is to be while the handler runs, and a record of what it runs over lies on
//      thread.interrupted. If the thread has a parked call, the engine makes it once more with thread.isInterrupted; if it is still
//      Blocked, thread.shelve() keeps it for afterwards when `restartsCall`, else its result is EINTR (thread.unblock()).
//   4. The engine calls the export `entry` with `args` as a new activation, and handlerReturned(thread) when it is over.
// See: signal(7), sigaction(2).

import { FUTEX_CLOCK_REALTIME, FUTEX_PRIVATE_FLAG, FutexOp } from '../../../abi/futex.ts';
import { SIG_DFL, SignalFlags } from '../../../abi/signals.ts';
import { SIGNAL_EXPORT } from '../../../abi/wvm.ts';
import type { BlockedCall, Thread } from '../thread.ts';
import type { SignalInfo } from './pending-signals.ts';
import { ALL_SIGNALS, bitOf, UNBLOCKABLE } from './signal-set.ts';

export type Delivery =
  /** The process is gone, or was before. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'stopped' }
  /** The export `entry` is to be called. */
  | {
      readonly kind: 'handler';
      readonly entry: string;
      readonly args: readonly number[];
      /** A parked call that is still blocked goes on afterwards; else it answers EINTR. */
      readonly restartsCall: boolean;
    };

/** Calls that a handler ends with EINTR even with SA_RESTART: sleeps, polls and those that wait for signals. */
const NEVER_RESTARTED: ReadonlySet<string> = new Set([
  'poll_oneoff',
  'thread_sleep',
  'epoll_wait',
  'sigsuspend',
  'sigtimedwait',
]);
/** They have no way to say EINTR, or (futex_wait) libraries that take any error for a bug of theirs. */
const ALWAYS_RESTARTED: ReadonlySet<string> = new Set(['atomic.wait32', 'atomic.wait64', 'futex_wait', 'thread_join']);

export function deliver(thread: Thread): Delivery | undefined {
  const { process } = thread;
  const { tree } = process.kernel;
  if (process.threads.get(thread.tid) !== thread) return { kind: 'ended' };
  if (process.isStopped) return { kind: 'stopped' };
  for (;;) {
    const info = take(thread);
    if (info === undefined) return undefined;
    const { signal } = info;
    switch (process.actions.disposition(signal)) {
      case 'ignore':
      case 'continue':
        break;
      case 'terminate':
        tree.exit(process, { signal });
        return { kind: 'ended' };
      case 'stop':
        // Nobody could continue it; only SIGSTOP does not care.
        if ((bitOf(signal) & UNBLOCKABLE) === 0n && tree.isOrphanedGroup(process.pgid, process.sid)) break;
        tree.stop(process, signal);
        return { kind: 'stopped' };
      case 'handler':
        return beginHandler(thread, info);
      case 'callback':
        return beginCallback(thread, info);
    }
  }
}

export function handlerReturned(thread: Thread): void {
  thread.signals.mask = thread.unshelve().savedMask;
}

function take(thread: Thread): SignalInfo | undefined {
  const { signals, process } = thread;
  const set = ALL_SIGNALS & ~(signals.mask | (signals.awaited & ~UNBLOCKABLE));
  return signals.pending.take(set) ?? process.pending.take(set);
}

function beginHandler(thread: Thread, info: SignalInfo): Delivery {
  const { actions } = thread.process;
  const { signal, code, pid, value } = info;
  const { handler, flags, mask } = actions.get(signal);
  if ((flags & SignalFlags.SA_RESETHAND) !== 0) actions.set(signal, { handler: SIG_DFL, flags: 0, mask: 0n });
  const blocked = mask | ((flags & SignalFlags.SA_NODEFER) !== 0 ? 0n : bitOf(signal));
  return {
    kind: 'handler',
    entry: SIGNAL_EXPORT,
    args: [signal, handler, flags, code, pid, value],
    restartsCall: interrupt(thread, blocked, (flags & SignalFlags.SA_RESTART) !== 0),
  };
}

/** A library that handles all signals itself: its program's flags are not known here, so what can go on does. */
function beginCallback(thread: Thread, { signal }: SignalInfo): Delivery {
  const { callback } = thread.process.actions;
  return { kind: 'handler', entry: callback, args: [signal], restartsCall: interrupt(thread, bitOf(signal), true) };
}

/** Locking a priority-inheriting futex is never interrupted, as pthread_mutex_lock is not. */
function isLock({ name, args }: BlockedCall): boolean {
  const operation = name === 'futex' ? Number(args[1]) & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME) : -1;
  return operation === FutexOp.FUTEX_LOCK_PI || operation === FutexOp.FUTEX_LOCK_PI2;
}

/** Changes the mask for a handler; true if the call that it runs over goes on afterwards. */
function interrupt(thread: Thread, blocked: bigint, restarts: boolean): boolean {
  const { signals, call } = thread;
  thread.interrupted.push({ call: null, restart: null, savedMask: signals.suspendedMask ?? signals.mask });
  signals.suspendedMask = null;
  signals.mask |= blocked & ~UNBLOCKABLE;
  if (call === undefined) return false;
  return isLock(call) || ALWAYS_RESTARTED.has(call.name) || (restarts && !NEVER_RESTARTED.has(call.name));
}
