// Threads of WASIX and of the threads proposal. A thread's stack, its thread-local storage and what it returns are the
// guest's: wvm starts the export wasi_thread_start(tid, argument) and knows the thread by its tid.
//
// Threads run one at a time, by turns (scheduler.ts); they are concurrent, not parallel.

import { Errno } from '../../../abi/errno.ts';
import { THREAD_START, THREAD_START_EXPORT } from '../../../abi/wasix.ts';
import type { Tid } from '../../base/ids.ts';
import { Blocked, type SystemCallResult, ThreadEnded, ThreadSpawned } from '../blocked.ts';
import { checkRange, storeU32 } from '../guest-access.ts';
import { fail } from '../sys-error.ts';
import type { Thread } from '../thread.ts';
import type { WasiContext } from '../wasi/context.ts';
import { sched_yield } from '../wasi/process.ts';

/** Of one process; an image has room for no more. */
export const THREADS_MAX = 100_000;

/** What nproc(1) would say: guest threads share one processor. */
const PARALLELISM = 1;

/**
 * Starts a thread. `start`: THREAD_START, which the guest reads itself. Result: the tid at `tid`. Errors: EAGAIN (too many
 * threads), EFAULT. See: pthread_create(3).
 */
export function thread_spawn_v2(context: WasiContext, start: number, tid: number): SystemCallResult {
  const { memory } = context.process;
  checkRange(memory, start, THREAD_START.size);
  const tidAddr = checkRange(memory, tid, 4);
  const thread = addThread(context) ?? fail(Errno.EAGAIN);
  storeU32(memory, tidAddr, thread.tid);
  return new ThreadSpawned(thread, THREAD_START_EXPORT, [thread.tid, start], Errno.ESUCCESS);
}

/** As above, for the threads proposal: the tid, or below 0 minus the errno. */
function spawnOfProposal(context: WasiContext, startArg: number): SystemCallResult {
  const thread = addThread(context);
  if (thread === undefined) return -Errno.EAGAIN;
  return new ThreadSpawned(thread, THREAD_START_EXPORT, [thread.tid, startArg], thread.tid);
}

export { spawnOfProposal as 'thread-spawn' };

function addThread({ process, kernel }: WasiContext): Thread | undefined {
  const tid = process.threads.size < THREADS_MAX ? kernel.allocateId() : undefined;
  return tid === undefined ? undefined : process.addThread(tid as Tid, kernel.current);
}

/** Sleeps for `durationNs`; 0 lets the others run. See: nanosleep(2). */
export function thread_sleep(context: WasiContext, durationNs: bigint): SystemCallResult {
  if (durationNs === 0n) return sched_yield(context);
  const { clock, current } = context.kernel;
  const deadlineNs = current.restart?.deadlineNs ?? clock.nowNs() + BigInt.asUintN(64, durationNs);
  return clock.isOver(deadlineNs) ? Errno.ESUCCESS : new Blocked([{ kind: 'timer', deadlineNs }], { deadlineNs });
}

/** Result: the caller's tid at `tid`; the main thread's is the process's pid. Errors: EFAULT. See: gettid(2). */
export function thread_id(context: WasiContext, tid: number): SystemCallResult {
  const { memory } = context.process;
  storeU32(memory, checkRange(memory, tid, 4), context.kernel.current.tid);
  return Errno.ESUCCESS;
}

/**
 * Waits until the thread has ended; at once if it has, or never was: every thread is detached, and what it returned is the
 * guest's to keep. Errors: EDEADLK (the caller itself). See: pthread_join(3).
 */
export function thread_join(context: WasiContext, tid: number): SystemCallResult {
  const thread = context.process.threads.get((tid >>> 0) as Tid);
  if (thread === undefined) return Errno.ESUCCESS;
  if (thread === context.kernel.current) fail(Errno.EDEADLK);
  return new Blocked([{ kind: 'queue', queue: thread.joiners }]);
}

/** Result: how many threads can run at the same time, at `count`. Errors: EFAULT. */
export function thread_parallelism(context: WasiContext, count: number): SystemCallResult {
  const { memory } = context.process;
  storeU32(memory, checkRange(memory, count, 4), PARALLELISM);
  return Errno.ESUCCESS;
}

/** Ends the calling thread; the last one's status is the process's. See: pthread_exit(3). */
export function thread_exit(context: WasiContext, status: number): SystemCallResult {
  context.kernel.tree.endThread(context.kernel.current, status >>> 0);
  return new ThreadEnded();
}
