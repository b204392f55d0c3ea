// How a thread is scheduled: its policy, its real-time priority and its nice value, as sched(7) has them. A record that is never
// changed, only replaced; threads and processes inherit it from whoever makes them, and exec keeps it.
//
//   SCHED_OTHER   the ready threads take turns; nice says how long a thread's turn is (engine/turn.ts)
//   SCHED_FIFO    before every thread of less priority, until it waits, yields or ends
//   SCHED_RR      as SCHED_FIFO, but the threads of one priority take turns
//
// What the scheduler orders by is a thread's rank: its priority, 0 of SCHED_OTHER, or that of a thread that waits for a
// priority-inheriting lock of its own, if that is higher. The rank is derived (futex/futexes.ts, futex/effective-ranks.ts).

import { Errno } from '../../abi/errno.ts';
import { NICE_MAX, NICE_MIN, PRIORITY_MAX, PRIORITY_MIN, SchedPolicy } from '../../abi/scheduling.ts';
import { fail } from './sys-error.ts';
import { badRecord, checkInteger, checkRecord } from './validate.ts';

export interface Scheduling {
  /** SchedPolicy. */
  readonly policy: number;
  /** 1 to 99; 0 of SCHED_OTHER. */
  readonly priority: number;
  /** -20 to 19. Kept while the policy is a real-time one, where it means nothing. */
  readonly nice: number;
}

export const ORDINARY: Scheduling = { policy: SchedPolicy.SCHED_OTHER, priority: 0, nice: 0 };

/** EINVAL: no such policy (or a flag in it), or a priority that the policy does not have. */
export function withPolicy({ nice }: Scheduling, policy: number, priority: number): Scheduling {
  if (!isValid(policy, priority)) fail(Errno.EINVAL);
  return { policy, priority, nice };
}

/** A value beyond the limits is taken for the nearest one. See: setpriority(2). */
export function withNice({ policy, priority }: Scheduling, nice: number): Scheduling {
  return { policy, priority, nice: Math.min(Math.max(nice, NICE_MIN), NICE_MAX) };
}

/** Null: as a thread is that nobody has changed. */
export function saveScheduling({ policy, priority, nice }: Scheduling): Scheduling | null {
  return priority === 0 && nice === 0 ? null : { policy, priority, nice };
}

export function checkScheduling(state: Scheduling | null, where: string): void {
  if (state === null) return;
  const { policy, priority, nice } = checkRecord(state, where);
  checkInteger(policy, SchedPolicy.SCHED_OTHER, SchedPolicy.SCHED_RR, `${where}.policy`);
  checkInteger(priority, 0, PRIORITY_MAX, `${where}.priority`);
  checkInteger(nice, NICE_MIN, NICE_MAX, `${where}.nice`);
  if (!isValid(policy, priority)) badRecord(where, `policy ${policy} with priority ${priority}`);
  if (saveScheduling(state) === null) badRecord(where, 'nothing special: that is null');
}

function isValid(policy: number, priority: number): boolean {
  if (policy === SchedPolicy.SCHED_OTHER) return priority === 0;
  const isRealTime = policy === SchedPolicy.SCHED_FIFO || policy === SchedPolicy.SCHED_RR;
  return isRealTime && priority >= PRIORITY_MIN && priority <= PRIORITY_MAX;
}

/** For people: "nice 5", "FIFO 50"; '' of what nobody has changed. */
export function schedulingText({ policy, priority, nice }: Scheduling): string {
  if (policy === SchedPolicy.SCHED_OTHER) return nice === 0 ? '' : `nice ${nice}`;
  return `${policy === SchedPolicy.SCHED_FIFO ? 'FIFO' : 'RR'} ${priority}`;
}
