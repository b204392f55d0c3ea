// What POSIX has and wasi-libc leaves out: processes, signals, pipes, locks, timers. A program includes it (or <signal.h>,
// <sys/wait.h>, <sys/epoll.h>, which lead here) and is linked with the files of lib/ that it needs:
//   lib/process.c     fork, exec, spawn, wait, process groups and sessions
//   lib/signal.c      handlers, masks, waiting for signals, alarms and timers
//   lib/descriptor.c  pipes, duplicates, locks, eventfd, epoll, close-on-exec
//   lib/directory.c   a working directory that children inherit
//   lib/scheduling.c  policies, priorities, nice values
// What is not called is not linked. Compile with -D_WASI_EMULATED_GETPID -Iinclude: it keeps wasi-libc from warning of getpid.
//
// Limits: siginfo_t has the fields below; posix_spawn takes no attributes.
#ifndef POSIX_H
#define POSIX_H

// wasi-libc's own sigset_t is a placeholder of one byte.
#ifdef __DEFINED_sigset_t
#define sigset_t posix_sigset_t
#endif
#define __DEFINED_sigset_t
typedef unsigned long long sigset_t;

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <__struct_rusage.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "futex.h"
#include "wvm.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- Processes: lib/process.c ----

#define WNOHANG 1
#define WUNTRACED 2
#define WCONTINUED 8

#define WEXITSTATUS(status) (((status) >> 8) & 0xff)
#define WTERMSIG(status) ((status) & 0x7f)
#define WSTOPSIG(status) WEXITSTATUS(status)
#define WIFEXITED(status) (WTERMSIG(status) == 0)
#define WIFSTOPPED(status) (((status) & 0xff) == 0x7f)
#define WIFCONTINUED(status) ((status) == 0xffff)
#define WIFSIGNALED(status) (!WIFEXITED(status) && !WIFSTOPPED(status) && !WIFCONTINUED(status))
#define WCOREDUMP(status) ((status) & 0x80)

pid_t fork(void);
int execve(const char *path, char *const argv[], char *const envp[]);
int execv(const char *path, char *const argv[]);
int execvp(const char *file, char *const argv[]);
int execvpe(const char *file, char *const argv[], char *const envp[]);

pid_t wait(int *status);
pid_t waitpid(pid_t pid, int *status, int options);
pid_t wait3(int *status, int options, struct rusage *usage);
pid_t wait4(pid_t pid, int *status, int options, struct rusage *usage);

pid_t getppid(void);
pid_t gettid(void);
pid_t getpgid(pid_t pid);
pid_t getpgrp(void);
pid_t getsid(pid_t pid);
pid_t setsid(void);
int setpgid(pid_t pid, pid_t pgid);
int setpgrp(void);

// The child runs in the parent's memory and stack until it execs or exits, so its first frame must be the caller's own.
static inline __attribute__((always_inline)) pid_t vfork(void) {
  uint32_t pid;
  int32_t error = wasix_proc_fork(0, &pid);
  if (error == 0) return (pid_t)pid;
  errno = error;
  return -1;
}

typedef struct {
  struct wasix_spawn_fd_op *operations;
  unsigned count, capacity;
} posix_spawn_file_actions_t;

// No attribute is supported: a spawned program inherits mask, group and ignored signals.
typedef struct posix_spawnattr posix_spawnattr_t;

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
                char *const argv[], char *const envp[]);
int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const argv[], char *const envp[]);
int posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions);
int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *actions);
int posix_spawn_file_actions_addclose(posix_spawn_file_actions_t *actions, int fd);
int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int fd, int result);

#define PR_SET_NAME 15
#define PR_GET_NAME 16
int prctl(int option, ...);

// ---- Signals and timers: lib/signal.c ----

#define SIGHUP 1
#define SIGINT 2
#define SIGQUIT 3
#define SIGILL 4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGBUS 7
#define SIGFPE 8
#define SIGKILL 9
#define SIGUSR1 10
#define SIGSEGV 11
#define SIGUSR2 12
#define SIGPIPE 13
#define SIGALRM 14
#define SIGTERM 15
#define SIGSTKFLT 16
#define SIGCHLD 17
#define SIGCONT 18
#define SIGSTOP 19
#define SIGTSTP 20
#define SIGTTIN 21
#define SIGTTOU 22
#define SIGURG 23
#define SIGXCPU 24
#define SIGXFSZ 25
#define SIGVTALRM 26
#define SIGPROF 27
#define SIGWINCH 28
#define SIGIO 29
#define SIGPWR 30
#define SIGSYS 31
#define SIGRTMIN 32
#define SIGRTMAX 64
#define NSIG 65

#define SIG_BLOCK 0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2

#define SA_NOCLDSTOP 1u
#define SA_NOCLDWAIT 2u
#define SA_SIGINFO 4u
#define SA_RESTART 0x10000000u
#define SA_NODEFER 0x40000000u
#define SA_RESETHAND 0x80000000u

#define SI_USER 0
#define SI_KERNEL 128
#define SI_QUEUE (-1)
#define SI_TIMER (-2)
#define SI_TKILL (-6)
#define CLD_EXITED 1
#define CLD_KILLED 2
#define CLD_DUMPED 3
#define CLD_TRAPPED 4
#define CLD_STOPPED 5
#define CLD_CONTINUED 6

union sigval {
  int sival_int;
  void *sival_ptr;
};

typedef struct {
  int si_signo;
  int si_code;
  pid_t si_pid;
  // Of SIGCHLD: the exit status, or the signal.
  int si_status;
  union sigval si_value;
} siginfo_t;

struct sigaction {
  union {
    void (*sa_handler)(int);
    void (*sa_sigaction)(int, siginfo_t *, void *);
  };
  sigset_t sa_mask;
  unsigned sa_flags;
};

// Small numbers are functions in WebAssembly.
#define SIG_DFL ((void (*)(int))0)
#define SIG_ERR ((void (*)(int))-1)
#define SIG_IGN ((void (*)(int))-2)

typedef void (*sighandler_t)(int);
typedef int sig_atomic_t;

int kill(pid_t pid, int signal);
int killpg(pid_t pgid, int signal);
int tgkill(pid_t pid, pid_t tid, int signal);
int raise(int signal);
int sigqueue(pid_t pid, int signal, const union sigval value);
int sigaction(int signal, const struct sigaction *action, struct sigaction *old);
sighandler_t signal(int signal, sighandler_t handler);
int sigprocmask(int how, const sigset_t *set, sigset_t *old);
int sigpending(sigset_t *set);
int sigsuspend(const sigset_t *mask);
int pause(void);
int sigwait(const sigset_t *set, int *signal);
int sigwaitinfo(const sigset_t *set, siginfo_t *info);
int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *timeout);

static inline int sigemptyset(sigset_t *set) {
  *set = 0;
  return 0;
}
static inline int sigfillset(sigset_t *set) {
  *set = ~0ull;
  return 0;
}
static inline int sigaddset(sigset_t *set, int signal) {
  *set |= 1ull << (signal - 1);
  return 0;
}
static inline int sigdelset(sigset_t *set, int signal) {
  *set &= ~(1ull << (signal - 1));
  return 0;
}
static inline int sigismember(const sigset_t *set, int signal) { return (*set >> (signal - 1)) & 1; }

#define ITIMER_REAL 0
#define ITIMER_VIRTUAL 1
#define ITIMER_PROF 2
struct itimerval {
  struct timeval it_interval;
  struct timeval it_value;
};
unsigned alarm(unsigned seconds);
int setitimer(int which, const struct itimerval *value, struct itimerval *old);
int getitimer(int which, struct itimerval *value);

// ---- Descriptors: lib/descriptor.c ----

// wasi-libc has 0; this bit is free there.
#undef O_CLOEXEC
#define O_CLOEXEC 0x20000000

#define F_DUPFD 0
#define F_GETLK 5
#define F_SETLK 6
#define F_SETLKW 7
#define F_DUPFD_CLOEXEC 1030
#define F_RDLCK 0
#define F_WRLCK 1
#define F_UNLCK 2

#define LOCK_SH 1
#define LOCK_EX 2
#define LOCK_NB 4
#define LOCK_UN 8

int pipe(int fds[2]);
int pipe2(int fds[2], int flags);
int dup(int fd);
int dup2(int fd, int result);
int dup3(int fd, int result, int flags);
int flock(int fd, int operation);
int socketpair(int family, int type, int protocol, int fds[2]);

#define EPOLL_CLOEXEC O_CLOEXEC
#define EPOLL_CTL_ADD 1
#define EPOLL_CTL_DEL 2
#define EPOLL_CTL_MOD 3
#define EPOLLIN 0x001u
#define EPOLLPRI 0x002u
#define EPOLLOUT 0x004u
#define EPOLLERR 0x008u
#define EPOLLHUP 0x010u
#define EPOLLRDHUP 0x2000u
#define EPOLLONESHOT (1u << 30)
#define EPOLLET (1u << 31)

typedef union epoll_data {
  void *ptr;
  int fd;
  uint32_t u32;
  uint64_t u64;
} epoll_data_t;

struct epoll_event {
  uint32_t events;
  epoll_data_t data;
};

int epoll_create(int size);
int epoll_create1(int flags);
int epoll_ctl(int epfd, int operation, int fd, struct epoll_event *event);
int epoll_wait(int epfd, struct epoll_event *events, int capacity, int timeout_ms);

// ---- Scheduling: lib/scheduling.c; the rest of it is in <sched.h> and <sys/resource.h> ----

int nice(int increment);

// ---- Futexes, as imported ----

// futex(2) with a timeout in nanoseconds, -1 for none. Result: threads that were woken or moved; -1 and errno.
static inline int futex(const void *addr, int operation, uint32_t value, int64_t timeout_or_value2, const void *addr2,
                        uint32_t value3) {
  uint32_t result = 0;
  int32_t error = wvm_futex(addr, (uint32_t)operation, value, timeout_or_value2, addr2, value3, &result);
  if (error == 0) return (int)result;
  errno = error;
  return -1;
}

#ifdef __cplusplus
}
#endif

#endif
