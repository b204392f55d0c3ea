// Signals and timers for a libc that has none, over the calls of wvm.h. What the kernel keeps of a handler is one number: 0
// and 1 are SIG_DFL and SIG_IGN, so a function is its table index plus 1.
#include "errno-result.h"
#include "posix.h"
#include <wasi/api.h>

enum { DEFAULT = 0, IGNORE = 1, FIRST_HANDLER = 2 };
#define KEEP 0xffffffffu

static uint32_t number_of(sighandler_t handler) {
  if (handler == SIG_DFL) return DEFAULT;
  if (handler == SIG_IGN) return IGNORE;
  return (uint32_t)(uintptr_t)handler + 1;
}

static sighandler_t handler_of(uint32_t number) {
  if (number < FIRST_HANDLER) return number == IGNORE ? SIG_IGN : SIG_DFL;
  return (sighandler_t)(uintptr_t)(number - 1);
}

static siginfo_t info_of(int signal, int code, int pid, uint32_t value) {
  siginfo_t info = {.si_signo = signal, .si_code = code, .si_pid = pid, .si_value = {.sival_int = (int)value}};
  if (signal == SIGCHLD) info.si_status = (int)value;
  return info;
}

static __attribute__((noinline)) void run_handler(int signal, uint32_t number, uint32_t flags, int code, int pid,
                                                  uint32_t value) {
  int saved = errno;
  uintptr_t function = (uintptr_t)handler_of(number);
  if (flags & SA_SIGINFO) {
    siginfo_t info = info_of(signal, code, pid, value);
    ((void (*)(int, siginfo_t *, void *))function)(signal, &info, 0);
  } else {
    ((sighandler_t)function)(signal);
  }
  errno = saved;
}

// The kernel's way in. The interrupted function may keep up to 128 bytes below the stack pointer (the red zone of clang's
// leaf functions), so nothing but this array may lie there.
__attribute__((export_name("__wvm_signal"))) void wvm_signal_entry(int signal, uint32_t number, uint32_t flags, int code,
                                                                   int pid, uint32_t value) {
  char red_zone[128];
  __asm__ volatile("" : : "r"(red_zone) : "memory");
  run_handler(signal, number, flags, code, pid, value);
}

int sigaction(int signal, const struct sigaction *action, struct sigaction *old) {
  struct wvm_sigaction before;
  if (!action) {
    int error = wvm_sigaction((uint32_t)signal, KEEP, 0, 0, &before);
    if (error) return errno_result(error);
  } else {
    int error = wvm_sigaction((uint32_t)signal, number_of(action->sa_handler), action->sa_mask, action->sa_flags, &before);
    if (error) return errno_result(error);
  }
  if (old) {
    *old = (struct sigaction){.sa_mask = before.mask, .sa_flags = before.flags};
    old->sa_handler = handler_of(before.handler);
  }
  return 0;
}

sighandler_t signal(int signal, sighandler_t handler) {
  struct sigaction action = {.sa_flags = SA_RESTART}, old;
  action.sa_handler = handler;
  return sigaction(signal, &action, &old) < 0 ? SIG_ERR : old.sa_handler;
}

// ---- Sending ----

int kill(pid_t pid, int signal) { return errno_result(wvm_kill(pid, (uint32_t)signal)); }
int killpg(pid_t pgid, int signal) { return kill(-pgid, signal); }
int tgkill(pid_t pid, pid_t tid, int signal) {
  return errno_result(wvm_tgkill(pid, (uint32_t)tid, (uint32_t)signal));
}

int raise(int signal) {
  uint32_t pid, tid;
  wasix_proc_id(&pid);
  wasix_thread_id(&tid);
  return tgkill((pid_t)pid, (pid_t)tid, signal);
}

int sigqueue(pid_t pid, int signal, const union sigval value) {
  return errno_result(wvm_sigqueue(pid, (uint32_t)signal, (uint32_t)value.sival_int));
}

// ---- Blocking and waiting ----

int sigprocmask(int how, const sigset_t *set, sigset_t *old) {
  return errno_result(wvm_sigprocmask((uint32_t)how, set, old));
}
int sigpending(sigset_t *set) { return errno_result(wvm_sigpending(set)); }
int sigsuspend(const sigset_t *mask) { return errno_result(wvm_sigsuspend(*mask)); }

int pause(void) {
  sigset_t mask;
  sigprocmask(SIG_BLOCK, 0, &mask);
  return sigsuspend(&mask);
}

int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout) {
  struct wvm_siginfo got;
  int64_t ns = timeout ? timeout->tv_sec * 1000000000ll + timeout->tv_nsec : -1;
  if (errno_result(wvm_sigtimedwait(*set, &got, ns)) < 0) return -1;
  if (info) *info = info_of((int)got.signal, got.code, got.pid, got.value);
  return (int)got.signal;
}

int sigwaitinfo(const sigset_t *set, siginfo_t *info) { return sigtimedwait(set, info, 0); }

int sigwait(const sigset_t *set, int *signal) {
  int got = sigtimedwait(set, 0, 0);
  if (got < 0) return errno;
  *signal = got;
  return 0;
}

// ---- Timers ----

static uint64_t ns_of(struct timeval time) { return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_usec * 1000u; }
static struct timeval time_of(uint64_t ns) {
  return (struct timeval){.tv_sec = (time_t)(ns / 1000000000u), .tv_usec = (suseconds_t)(ns % 1000000000u / 1000u)};
}
static void store_timer(struct itimerval *value, struct wvm_itimer timer) {
  *value = (struct itimerval){.it_value = time_of(timer.value_ns), .it_interval = time_of(timer.interval_ns)};
}

int setitimer(int which, const struct itimerval *value, struct itimerval *old) {
  struct wvm_itimer before;
  if (errno_result(wvm_setitimer((uint32_t)which, ns_of(value->it_value), ns_of(value->it_interval), &before)) < 0) return -1;
  if (old) store_timer(old, before);
  return 0;
}

int getitimer(int which, struct itimerval *value) {
  struct wvm_itimer timer;
  if (errno_result(wvm_getitimer((uint32_t)which, &timer)) < 0) return -1;
  store_timer(value, timer);
  return 0;
}

// wasi-libc's answers ENOTSUP to whatever happens to its sleep; nanosleep() and sleep() come here.
int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *rest) {
  __wasi_clockid_t id = clock == CLOCK_REALTIME ? __WASI_CLOCKID_REALTIME : __WASI_CLOCKID_MONOTONIC;
  if (time->tv_nsec < 0 || time->tv_nsec > 999999999 || time->tv_sec < 0) return EINVAL;
  __wasi_subscription_t subscription = {
      .u = {.tag = __WASI_EVENTTYPE_CLOCK,
            .u.clock = {.id = id,
                        .timeout = (uint64_t)time->tv_sec * 1000000000u + (uint64_t)time->tv_nsec,
                        .flags = flags & TIMER_ABSTIME ? __WASI_SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME : 0}}};
  __wasi_timestamp_t begin = 0, end = 0;
  if (__wasi_clock_time_get(id, 1, &begin)) return EINVAL;
  __wasi_event_t event;
  __wasi_size_t count;
  int error = __wasi_poll_oneoff(&subscription, &event, 1, &count);
  if (error == EINTR && rest && !(flags & TIMER_ABSTIME) && __wasi_clock_time_get(id, 1, &end) == 0) {
    uint64_t wanted = subscription.u.u.clock.timeout, left = end - begin < wanted ? wanted - (end - begin) : 0;
    *rest = (struct timespec){.tv_sec = (time_t)(left / 1000000000u), .tv_nsec = (long)(left % 1000000000u)};
  }
  return error;
}

// Seconds that were left, rounded up: 0 would say that none was set.
unsigned alarm(unsigned seconds) {
  struct wvm_itimer before = {0};
  wvm_setitimer(ITIMER_REAL, seconds * 1000000000ull, 0, &before);
  return (unsigned)((before.value_ns + 999999999u) / 1000000000u);
}
