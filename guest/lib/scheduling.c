// Policies, priorities and nice values for a libc that has none, over the calls of wvm.h.
#include "errno-result.h"
#include "posix.h"

int sched_setscheduler(pid_t tid, int policy, const struct sched_param *param) {
  if (policy < 0) return errno_result(EINVAL);
  return errno_result(wvm_sched_setscheduler((uint32_t)tid, policy, param->sched_priority));
}

int sched_getscheduler(pid_t tid) {
  uint32_t policy;
  return errno_result(wvm_sched_getscheduler((uint32_t)tid, &policy, 0)) == 0 ? (int)policy : -1;
}

int sched_setparam(pid_t tid, const struct sched_param *param) {
  return errno_result(wvm_sched_setscheduler((uint32_t)tid, -1, param->sched_priority));
}

int sched_getparam(pid_t tid, struct sched_param *param) {
  uint32_t priority;
  if (errno_result(wvm_sched_getscheduler((uint32_t)tid, 0, &priority)) < 0) return -1;
  param->sched_priority = (int)priority;
  return 0;
}

static int limit(int policy, int of_real_time) {
  if (policy == SCHED_FIFO || policy == SCHED_RR) return of_real_time;
  return policy == SCHED_OTHER ? 0 : errno_result(EINVAL);
}

int sched_get_priority_min(int policy) { return limit(policy, 1); }
int sched_get_priority_max(int policy) { return limit(policy, 99); }

int setpriority(int which, id_t who, int nice) {
  return errno_result(wvm_setpriority((uint32_t)which, (int32_t)who, nice));
}

int getpriority(int which, id_t who) {
  uint32_t nice;
  return errno_result(wvm_getpriority((uint32_t)which, (int32_t)who, &nice)) == 0 ? (int)nice : -1;
}

int nice(int increment) {
  uint32_t value;
  if (errno_result(wvm_getpriority(PRIO_PROCESS, 0, &value)) < 0) return -1;
  // What is too much is cut off, without an overflow.
  int wanted = increment > 40 ? 40 : increment < -40 ? -40 : increment;
  if (setpriority(PRIO_PROCESS, 0, (int)value + wanted) < 0) return -1;
  return getpriority(PRIO_PROCESS, 0);
}
