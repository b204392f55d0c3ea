// Numbers of scheduling. Source: linux/sched.h, sys/resource.h, sched(7).

export const SchedPolicy = { SCHED_OTHER: 0, SCHED_FIFO: 1, SCHED_RR: 2 } as const;
/** In place of a policy: the thread keeps the one that it has, as for sched_setparam(2). */
export const SCHED_KEEP = -1;

/** Of SCHED_FIFO and SCHED_RR; SCHED_OTHER has 0. */
export const PRIORITY_MIN = 1;
export const PRIORITY_MAX = 99;

export const NICE_MIN: number = -20;
export const NICE_MAX = 19;

/** Whose nice value setpriority(2) means: a thread, all threads of a process group, all threads of a user. */
export const PriorityWhich = { PRIO_PROCESS: 0, PRIO_PGRP: 1, PRIO_USER: 2 } as const;
