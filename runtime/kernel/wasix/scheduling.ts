// Policies, priorities and nice values of threads: wvm's counterparts of Linux calls. What they mean is in scheduling.ts.
//
// Whoever runs in the machine may change all of its threads, as root may: nothing of this reaches beyond the machine.

import { Errno } from '../../../abi/errno.ts';
import { PriorityWhich, SCHED_KEEP } from '../../../abi/scheduling.ts';
import type { Tid } from '../../base/ids.ts';
import type { SystemCallResult } from '../blocked.ts';
import { checkRange, storeU32 } from '../guest-access.ts';
import { withNice, withPolicy } from '../scheduling.ts';
import { fail } from '../sys-error.ts';
import type { Thread } from '../thread.ts';
import type { WasiContext } from '../wasi/context.ts';

/** The machine's only user. */
const ROOT = 0;

/**
 * A thread that has become less than one that can run stops at once, with the call done. SCHED_RESET_ON_FORK and the policies
 * that wvm does not have are refused. Errors: EINVAL, ESRCH. See: sched_setscheduler(2), sched(7).
 */
export function sched_setscheduler(
  context: WasiContext,
  tid: number,
  policy: number,
  priority: number,
): SystemCallResult {
  if ((tid | 0) < 0) fail(Errno.EINVAL);
  const thread = threadOf(context, tid);
  const { scheduling } = thread;
  const wanted = (policy | 0) === SCHED_KEEP ? scheduling.policy : policy;
  context.kernel.futexes.setScheduling(thread, withPolicy(scheduling, wanted, priority | 0));
  return Errno.ESUCCESS;
}

/** Result: what was set last, not what it inherits from a lock; either address may be 0. Errors: EINVAL, ESRCH, EFAULT. */
export function sched_getscheduler(
  context: WasiContext,
  tid: number,
  policy: number,
  priority: number,
): SystemCallResult {
  const { memory } = context.process;
  const policyAddr = policy === 0 ? 0 : checkRange(memory, policy, 4);
  const priorityAddr = priority === 0 ? 0 : checkRange(memory, priority, 4);
  if ((tid | 0) < 0) fail(Errno.EINVAL);
  const { scheduling } = threadOf(context, tid);
  if (policyAddr !== 0) storeU32(memory, policyAddr, scheduling.policy);
  if (priorityAddr !== 0) storeU32(memory, priorityAddr, scheduling.priority);
  return Errno.ESUCCESS;
}

/** The turn that a thread is in stays as long as it is. Errors: EINVAL (which), ESRCH. See: setpriority(2). */
export function setpriority(context: WasiContext, which: number, who: number, nice: number): SystemCallResult {
  const { futexes } = context.kernel;
  const threads = threadsOf(context, which, who);
  for (const thread of threads) futexes.setScheduling(thread, withNice(thread.scheduling, nice | 0));
  return Errno.ESUCCESS;
}

/** Result: the lowest nice value of them. Errors: EINVAL (which), ESRCH, EFAULT. See: getpriority(2). */
export function getpriority(context: WasiContext, which: number, who: number, nice: number): SystemCallResult {
  const { memory } = context.process;
  const addr = checkRange(memory, nice, 4);
  const values = threadsOf(context, which, who).map(({ scheduling }) => scheduling.nice);
  storeU32(memory, addr, values.reduce((lowest, value) => Math.min(lowest, value)) >>> 0);
  return Errno.ESUCCESS;
}

/** At least one, in the order of their processes. */
function threadsOf(context: WasiContext, which: number, who: number): readonly Thread[] {
  const { kernel, process } = context;
  const ofProcesses = (processes: Iterable<{ readonly threads: ReadonlyMap<Tid, Thread> }>): readonly Thread[] => {
    const threads = Array.from(processes, (one) => [...one.threads.values()]).flat();
    return threads.length === 0 ? fail(Errno.ESRCH) : threads;
  };
  switch (which) {
    case PriorityWhich.PRIO_PROCESS:
      return [threadOf(context, who)];
    case PriorityWhich.PRIO_PGRP:
      return ofProcesses(kernel.tree.groupOf(who === 0 ? process.pgid : who));
    case PriorityWhich.PRIO_USER:
      return who === ROOT ? ofProcesses(kernel.processes.values()) : fail(Errno.ESRCH);
    default:
      return fail(Errno.EINVAL);
  }
}

/** 0: the caller. A process stands for its main thread. */
function threadOf({ kernel }: WasiContext, tid: number): Thread {
  return tid === 0 ? kernel.current : (kernel.threadOf(tid) ?? fail(Errno.ESRCH));
}
