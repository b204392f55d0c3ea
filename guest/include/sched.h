// Scheduling for a libc that has only sched_yield: lib/scheduling.c. See: sched(7).
//
// - A tid is what gettid() says, 0 the caller; a process's pid is that of its main thread. A thread of threads.h has `tid`.
// - A ready SCHED_FIFO or SCHED_RR thread runs before every one of a lower priority, and before all of SCHED_OTHER.
// - Limits: no SCHED_BATCH, SCHED_IDLE or SCHED_DEADLINE, and no SCHED_RESET_ON_FORK: EINVAL.
#ifndef WVM_SCHED_H
#define WVM_SCHED_H

#include_next <sched.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SCHED_OTHER 0
#define SCHED_FIFO 1
#define SCHED_RR 2

struct sched_param {
  int sched_priority;
};

int sched_setscheduler(pid_t tid, int policy, const struct sched_param *param);
int sched_getscheduler(pid_t tid);
int sched_setparam(pid_t tid, const struct sched_param *param);
int sched_getparam(pid_t tid, struct sched_param *param);
int sched_get_priority_min(int policy);
int sched_get_priority_max(int policy);

#ifdef __cplusplus
}
#endif

#endif
