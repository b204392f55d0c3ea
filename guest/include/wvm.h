// What a guest may ask of wvm beyond WASI: functions, structs and constants, just as they are imported. posix.h makes the
// functions of POSIX of them. A program that calls none of these runs on any WASI host; WASIX hosts have the functions wasix_*.
//
// Generated from abi/ by guest/generate-headers.ts: change it there. Functions return 0 or an errno of WASI, unless they say
// otherwise, and write results to the addresses given; one that may be 0 is then not written. Only functions that a program
// calls become imports.
#ifndef WVM_H
#define WVM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define WVM_LAYOUT(condition) static_assert(condition, "layout of abi")
#define WVM_NORETURN [[noreturn]]
#else
#define WVM_LAYOUT(condition) _Static_assert(condition, "layout of abi")
#define WVM_NORETURN _Noreturn
#endif
#define WVM_IMPORT(module, name) __attribute__((import_module(module), import_name(name)))

// ---- Module wvm ----

// Takes a snapshot of the whole machine; an id above 0 in the original, 0 in a resumed copy, below 0: -errno.
WVM_IMPORT("wvm", "snapshot") int32_t wvm_snapshot(void);

// The process cannot be saved until this is called with an empty reason; `snapshot` is refused with it.
WVM_IMPORT("wvm", "snapshot_forbid") int32_t wvm_snapshot_forbid(const char *reason, size_t reason_len);

// Action of a signal. `handler`: 0 SIG_DFL, 1 SIG_IGN, else what the exported `__wvm_signal` gets back as its second argument
// (a table index, in C); 0xffffffff keeps the action, to ask for it. `old`: SIGACTION, or 0.
WVM_IMPORT("wvm", "sigaction")
int32_t wvm_sigaction(uint32_t signal_, uint32_t handler, uint64_t mask, uint32_t flags, void *old);

// `how`: SIG_BLOCK 0, SIG_UNBLOCK 1, SIG_SETMASK 2; `set`, `old`: addresses of u64, or 0.
WVM_IMPORT("wvm", "sigprocmask") int32_t wvm_sigprocmask(uint32_t how, const void *set, uint64_t *old);
WVM_IMPORT("wvm", "sigpending") int32_t wvm_sigpending(uint64_t *set);

// Waits with `mask` in place of the thread's until a handler has run: EINTR.
WVM_IMPORT("wvm", "sigsuspend") int32_t wvm_sigsuspend(uint64_t mask);

// Takes a pending signal of `set` without running its handler. `info`: SIGINFO, or 0. EAGAIN after the timeout.
WVM_IMPORT("wvm", "sigtimedwait") int32_t wvm_sigtimedwait(uint64_t set, void *info, int64_t timeout_ns);
WVM_IMPORT("wvm", "sigqueue") int32_t wvm_sigqueue(int32_t pid, uint32_t signal_, uint32_t value);

// kill(2): a process, 0 for the caller's group, -1 for all, -n for group n. Signal 0 only asks.
WVM_IMPORT("wvm", "kill") int32_t wvm_kill(int32_t pid, uint32_t signal_);
WVM_IMPORT("wvm", "tgkill") int32_t wvm_tgkill(int32_t pid, uint32_t tid, uint32_t signal_);

// ITIMER_REAL 0 (SIGALRM), ITIMER_VIRTUAL 1, ITIMER_PROF 2. `value_ns` 0 disarms. `old`: ITIMER, or 0.
WVM_IMPORT("wvm", "setitimer")
int32_t wvm_setitimer(uint32_t which, uint64_t value_ns, uint64_t interval_ns, void *old);
WVM_IMPORT("wvm", "getitimer") int32_t wvm_getitimer(uint32_t which, void *value);

// wait4(2): `pid` as there; `status` in Linux's encoding. WNOHANG 1, WUNTRACED 2, WCONTINUED 8. `waited`: the pid, or 0.
WVM_IMPORT("wvm", "waitpid") int32_t wvm_waitpid(int32_t pid, uint32_t *status, uint32_t options, uint32_t *waited);

// execve(2): `argv` and `envp` are C's arrays of addresses of strings, with a 0 at the end; `envp` 0 keeps the environment.
// `search_path`: 0, then `name` is a path; else the directories to look through, as a C string ('': those of PATH).
WVM_IMPORT("wvm", "exec")
int32_t wvm_exec(const char *name, size_t name_len, const void *argv, const void *envp, const void *search_path);

// posix_spawn(3): exec in a child, after the operations (SPAWN_FD_OP) on its descriptors.
WVM_IMPORT("wvm", "spawn")
int32_t wvm_spawn(const char *name, size_t name_len, const void *argv, const void *envp, const void *search_path, const void *fd_ops, size_t fd_ops_len, uint32_t *pid);
WVM_IMPORT("wvm", "setpgid") int32_t wvm_setpgid(int32_t pid, int32_t pgid);
WVM_IMPORT("wvm", "getpgid") int32_t wvm_getpgid(int32_t pid, uint32_t *pgid);
WVM_IMPORT("wvm", "setsid") int32_t wvm_setsid(uint32_t *sid);
WVM_IMPORT("wvm", "getsid") int32_t wvm_getsid(int32_t pid, uint32_t *sid);

// The thread's name, at most 15 bytes (prctl(PR_SET_NAME)); get writes 16 bytes with a NUL.
WVM_IMPORT("wvm", "thread_set_name") int32_t wvm_thread_set_name(const char *name, size_t name_len);
WVM_IMPORT("wvm", "thread_get_name") int32_t wvm_thread_get_name(void *name);

// sched_setscheduler(2) of thread `tid`, 0 for the caller: SCHED_OTHER 0 with `priority` 0, SCHED_FIFO 1 or SCHED_RR 2 with 1 to 99.
// `policy` -1 keeps the policy, as sched_setparam(2) does.
WVM_IMPORT("wvm", "sched_setscheduler")
int32_t wvm_sched_setscheduler(uint32_t tid, int32_t policy, int32_t priority);

WVM_IMPORT("wvm", "sched_getscheduler")
int32_t wvm_sched_getscheduler(uint32_t tid, uint32_t *policy, uint32_t *priority);

// setpriority(2): `nice`, -20 to 19, of thread `who` (PRIO_PROCESS 0), of all threads of group `who` (PRIO_PGRP 1) or of all there are
// (PRIO_USER 2, of user 0); `who` 0 is the caller, or its group. `get` finds the lowest of them.
WVM_IMPORT("wvm", "setpriority") int32_t wvm_setpriority(uint32_t which, int32_t who, int32_t nice);
WVM_IMPORT("wvm", "getpriority") int32_t wvm_getpriority(uint32_t which, int32_t who, uint32_t *nice);

// futex(2). `timeout_or_value2`: for waits a timeout (relative for FUTEX_WAIT, absolute for the others; CLOCK_REALTIME by flag),
// for FUTEX_REQUEUE, CMP_REQUEUE and WAKE_OP the second count. `result`: u32, woken threads.
WVM_IMPORT("wvm", "futex")
int32_t wvm_futex(const void *addr, uint32_t op, uint32_t value, int64_t timeout_or_value2, const void *addr2, uint32_t value3, uint32_t *result);
WVM_IMPORT("wvm", "set_robust_list") int32_t wvm_set_robust_list(const void *head, size_t len);

// Of thread `tid`, 0 for the caller.
WVM_IMPORT("wvm", "get_robust_list") int32_t wvm_get_robust_list(uint32_t tid, uint32_t *head, uint32_t *len);

// pipe2(2) with FDFLAGS_NONBLOCK and, as bit 16, close-on-exec; two u32 at `fds`.
WVM_IMPORT("wvm", "pipe2") int32_t wvm_pipe2(uint32_t flags, void *fds);

// flock(2): LOCK_SH 1, LOCK_EX 2, LOCK_UN 8, with LOCK_NB 4.
WVM_IMPORT("wvm", "flock") int32_t wvm_flock(int32_t fd, uint32_t operation);

// fcntl(F_GETLK 5, F_SETLK 6, F_SETLKW 7): `lock` is FLOCK, read and (F_GETLK) written.
WVM_IMPORT("wvm", "record_lock") int32_t wvm_record_lock(int32_t fd, uint32_t command, void *lock);

// A program with signal handlers exports __wvm_signal(signal, handler, flags, code, pid, value); lib/signal.c does.
#define WVM_PIPE_CLOEXEC 65536u

struct wvm_sigaction {
  uint32_t handler;
  uint32_t flags;
  uint64_t mask;
};
WVM_LAYOUT(offsetof(struct wvm_sigaction, handler) == 0);
WVM_LAYOUT(offsetof(struct wvm_sigaction, flags) == 4);
WVM_LAYOUT(offsetof(struct wvm_sigaction, mask) == 8);
WVM_LAYOUT(sizeof(struct wvm_sigaction) == 16);

struct wvm_siginfo {
  uint32_t signal;
  int32_t code;
  int32_t pid;
  uint32_t value;
};
WVM_LAYOUT(offsetof(struct wvm_siginfo, signal) == 0);
WVM_LAYOUT(offsetof(struct wvm_siginfo, code) == 4);
WVM_LAYOUT(offsetof(struct wvm_siginfo, pid) == 8);
WVM_LAYOUT(offsetof(struct wvm_siginfo, value) == 12);
WVM_LAYOUT(sizeof(struct wvm_siginfo) == 16);

struct wvm_itimer {
  uint64_t value_ns;
  uint64_t interval_ns;
};
WVM_LAYOUT(offsetof(struct wvm_itimer, value_ns) == 0);
WVM_LAYOUT(offsetof(struct wvm_itimer, interval_ns) == 8);
WVM_LAYOUT(sizeof(struct wvm_itimer) == 16);

struct wvm_flock {
  int16_t type;
  int16_t whence;
  int32_t pid;
  int64_t start;
  int64_t length;
};
WVM_LAYOUT(offsetof(struct wvm_flock, type) == 0);
WVM_LAYOUT(offsetof(struct wvm_flock, whence) == 2);
WVM_LAYOUT(offsetof(struct wvm_flock, pid) == 4);
WVM_LAYOUT(offsetof(struct wvm_flock, start) == 8);
WVM_LAYOUT(offsetof(struct wvm_flock, length) == 16);
WVM_LAYOUT(sizeof(struct wvm_flock) == 24);

enum {
  WVM_SIGHUP = 1,
  WVM_SIGINT = 2,
  WVM_SIGQUIT = 3,
  WVM_SIGILL = 4,
  WVM_SIGTRAP = 5,
  WVM_SIGABRT = 6,
  WVM_SIGBUS = 7,
  WVM_SIGFPE = 8,
  WVM_SIGKILL = 9,
  WVM_SIGUSR1 = 10,
  WVM_SIGSEGV = 11,
  WVM_SIGUSR2 = 12,
  WVM_SIGPIPE = 13,
  WVM_SIGALRM = 14,
  WVM_SIGTERM = 15,
  WVM_SIGSTKFLT = 16,
  WVM_SIGCHLD = 17,
  WVM_SIGCONT = 18,
  WVM_SIGSTOP = 19,
  WVM_SIGTSTP = 20,
  WVM_SIGTTIN = 21,
  WVM_SIGTTOU = 22,
  WVM_SIGURG = 23,
  WVM_SIGXCPU = 24,
  WVM_SIGXFSZ = 25,
  WVM_SIGVTALRM = 26,
  WVM_SIGPROF = 27,
  WVM_SIGWINCH = 28,
  WVM_SIGIO = 29,
  WVM_SIGPWR = 30,
  WVM_SIGSYS = 31,
};

// ---- Module wasi: threads ----
WVM_IMPORT("wasi", "thread-spawn") int32_t wasi_thread_spawn(uint32_t start_arg);

// ---- Module wasix_32v1 ----

WVM_IMPORT("wasix_32v1", "proc_raise_interval")
int32_t wasix_proc_raise_interval(uint32_t sig, uint64_t interval_ns, uint32_t repeat);

// copy_memory 0: the child borrows the parent's memory until it execs (vfork).
WVM_IMPORT("wasix_32v1", "proc_fork") int32_t wasix_proc_fork(uint32_t copy_memory, uint32_t *pid);
WVM_IMPORT("wasix_32v1", "proc_fork_env") int32_t wasix_proc_fork_env(uint32_t *pid);

WVM_IMPORT("wasix_32v1", "proc_exec")
WVM_NORETURN void wasix_proc_exec(const char *name, size_t name_len, const void *args, size_t args_len);

WVM_IMPORT("wasix_32v1", "proc_exec2")
WVM_NORETURN void wasix_proc_exec2(const char *name, size_t name_len, const void *args, size_t args_len, const void *envs, size_t envs_len);

WVM_IMPORT("wasix_32v1", "proc_exec3")
int32_t wasix_proc_exec3(const char *name, size_t name_len, const void *args, size_t args_len, const void *envs, size_t envs_len, uint32_t search_path, const char *path, size_t path_len);

WVM_IMPORT("wasix_32v1", "proc_spawn")
int32_t wasix_proc_spawn(const char *name, size_t name_len, uint32_t chroot, const void *args, size_t args_len, const char *preopen, size_t preopen_len, uint32_t stdin, uint32_t stdout, uint32_t stderr, const char *working_dir, size_t working_dir_len, void *handles);

WVM_IMPORT("wasix_32v1", "proc_spawn2")
int32_t wasix_proc_spawn2(const char *name, size_t name_len, const void *args, size_t args_len, const void *envs, size_t envs_len, const void *fd_ops, size_t fd_ops_len, const void *signals, size_t signals_len, uint32_t search_path, const char *path, size_t path_len, uint32_t *pid);
WVM_IMPORT("wasix_32v1", "proc_id") int32_t wasix_proc_id(uint32_t *pid);
WVM_IMPORT("wasix_32v1", "proc_parent") int32_t wasix_proc_parent(int32_t pid, uint32_t *parent);

// `pid`: OPTION_PID, none for any child; the child that was found is written there.
WVM_IMPORT("wasix_32v1", "proc_join") int32_t wasix_proc_join(void *pid, uint32_t flags, void *status);
WVM_IMPORT("wasix_32v1", "proc_signal") int32_t wasix_proc_signal(int32_t pid, uint32_t signal_);
WVM_IMPORT("wasix_32v1", "proc_signals_get") int32_t wasix_proc_signals_get(void *buf);
WVM_IMPORT("wasix_32v1", "proc_signals_sizes_get") int32_t wasix_proc_signals_sizes_get(uint32_t *count);
WVM_IMPORT("wasix_32v1", "proc_snapshot") int32_t wasix_proc_snapshot(void);
WVM_IMPORT("wasix_32v1", "proc_exit2") WVM_NORETURN void wasix_proc_exit2(uint32_t rval);
WVM_IMPORT("wasix_32v1", "callback_signal") void wasix_callback_signal(const char *callback, size_t callback_len);
WVM_IMPORT("wasix_32v1", "thread_spawn_v2") int32_t wasix_thread_spawn_v2(const void *args, uint32_t *tid);
WVM_IMPORT("wasix_32v1", "thread_sleep") int32_t wasix_thread_sleep(uint64_t duration_ns);
WVM_IMPORT("wasix_32v1", "thread_id") int32_t wasix_thread_id(uint32_t *tid);
WVM_IMPORT("wasix_32v1", "thread_join") int32_t wasix_thread_join(uint32_t tid);
WVM_IMPORT("wasix_32v1", "thread_parallelism") int32_t wasix_thread_parallelism(uint32_t *count);
WVM_IMPORT("wasix_32v1", "thread_signal") int32_t wasix_thread_signal(uint32_t tid, uint32_t signal_);

// `timeout`: OPTION_TIMESTAMP; `woken`: a bool, 0 when the time was over.
WVM_IMPORT("wasix_32v1", "futex_wait")
int32_t wasix_futex_wait(const void *futex, uint32_t expected, const void *timeout, void *woken);
WVM_IMPORT("wasix_32v1", "futex_wake") int32_t wasix_futex_wake(const void *futex, void *woken);
WVM_IMPORT("wasix_32v1", "futex_wake_all") int32_t wasix_futex_wake_all(const void *futex, void *woken);
WVM_IMPORT("wasix_32v1", "thread_exit") WVM_NORETURN void wasix_thread_exit(uint32_t rval);

// setjmp: `value` is 0 now, and later what stack_restore brings.
WVM_IMPORT("wasix_32v1", "stack_checkpoint") int32_t wasix_stack_checkpoint(void *snapshot, uint64_t *value);
WVM_IMPORT("wasix_32v1", "stack_restore") WVM_NORETURN void wasix_stack_restore(const void *snapshot, uint64_t value);
WVM_IMPORT("wasix_32v1", "context_create") int32_t wasix_context_create(uint64_t *context, uint32_t entrypoint);
WVM_IMPORT("wasix_32v1", "context_switch") int32_t wasix_context_switch(uint64_t context);
WVM_IMPORT("wasix_32v1", "context_destroy") int32_t wasix_context_destroy(uint64_t context);
WVM_IMPORT("wasix_32v1", "fd_dup") int32_t wasix_fd_dup(int32_t fd, uint32_t *result);

WVM_IMPORT("wasix_32v1", "fd_dup2")
int32_t wasix_fd_dup2(int32_t fd, int32_t min_result_fd, uint32_t cloexec, uint32_t *result);
WVM_IMPORT("wasix_32v1", "fd_event") int32_t wasix_fd_event(uint64_t initial, uint32_t flags, uint32_t *result);
WVM_IMPORT("wasix_32v1", "fd_pipe") int32_t wasix_fd_pipe(uint32_t *read_end, uint32_t *write_end);

WVM_IMPORT("wasix_32v1", "path_open2")
int32_t wasix_path_open2(int32_t fd, uint32_t dirflags, const char *path, size_t path_len, uint32_t oflags, uint64_t rights_base, uint64_t rights_inheriting, uint32_t fdflags, uint32_t fdflagsext, uint32_t *opened);
WVM_IMPORT("wasix_32v1", "fd_fdflags_get") int32_t wasix_fd_fdflags_get(int32_t fd, void *flags);
WVM_IMPORT("wasix_32v1", "fd_fdflags_set") int32_t wasix_fd_fdflags_set(int32_t fd, uint32_t flags);
WVM_IMPORT("wasix_32v1", "clock_time_set") int32_t wasix_clock_time_set(uint32_t id, uint64_t time);
WVM_IMPORT("wasix_32v1", "tty_get") int32_t wasix_tty_get(void *state);
WVM_IMPORT("wasix_32v1", "tty_set") int32_t wasix_tty_set(const void *state);
WVM_IMPORT("wasix_32v1", "getcwd") int32_t wasix_getcwd(void *path, uint32_t *path_len);
WVM_IMPORT("wasix_32v1", "chdir") int32_t wasix_chdir(const char *path, size_t path_len);
WVM_IMPORT("wasix_32v1", "epoll_create") int32_t wasix_epoll_create(uint32_t *result);

WVM_IMPORT("wasix_32v1", "epoll_ctl")
int32_t wasix_epoll_ctl(int32_t epfd, uint32_t op, int32_t fd, const void *event);

WVM_IMPORT("wasix_32v1", "epoll_wait")
int32_t wasix_epoll_wait(int32_t epfd, void *events, size_t maxevents, uint64_t timeout_ns, uint32_t *count);
WVM_IMPORT("wasix_32v1", "sock_status") int32_t wasix_sock_status(int32_t fd, void *status);
WVM_IMPORT("wasix_32v1", "sock_addr_local") int32_t wasix_sock_addr_local(int32_t fd, void *addr);
WVM_IMPORT("wasix_32v1", "sock_addr_peer") int32_t wasix_sock_addr_peer(int32_t fd, void *addr);

WVM_IMPORT("wasix_32v1", "sock_open")
int32_t wasix_sock_open(uint32_t af, uint32_t socktype, uint32_t protocol, uint32_t *result);

WVM_IMPORT("wasix_32v1", "sock_pair")
int32_t wasix_sock_pair(uint32_t af, uint32_t socktype, uint32_t protocol, uint32_t *first, uint32_t *second);

WVM_IMPORT("wasix_32v1", "sock_set_opt_flag")
int32_t wasix_sock_set_opt_flag(int32_t fd, uint32_t option, uint32_t flag);

WVM_IMPORT("wasix_32v1", "sock_get_opt_flag")
int32_t wasix_sock_get_opt_flag(int32_t fd, uint32_t option, void *flag);

WVM_IMPORT("wasix_32v1", "sock_set_opt_time")
int32_t wasix_sock_set_opt_time(int32_t fd, uint32_t option, const void *timeout);

WVM_IMPORT("wasix_32v1", "sock_get_opt_time")
int32_t wasix_sock_get_opt_time(int32_t fd, uint32_t option, void *timeout);

WVM_IMPORT("wasix_32v1", "sock_set_opt_size")
int32_t wasix_sock_set_opt_size(int32_t fd, uint32_t option, uint64_t size);

WVM_IMPORT("wasix_32v1", "sock_get_opt_size")
int32_t wasix_sock_get_opt_size(int32_t fd, uint32_t option, uint64_t *size);

WVM_IMPORT("wasix_32v1", "sock_join_multicast_v4")
int32_t wasix_sock_join_multicast_v4(int32_t fd, const void *group, const void *interface_);

WVM_IMPORT("wasix_32v1", "sock_leave_multicast_v4")
int32_t wasix_sock_leave_multicast_v4(int32_t fd, const void *group, const void *interface_);

WVM_IMPORT("wasix_32v1", "sock_join_multicast_v6")
int32_t wasix_sock_join_multicast_v6(int32_t fd, const void *group, uint32_t interface_);

WVM_IMPORT("wasix_32v1", "sock_leave_multicast_v6")
int32_t wasix_sock_leave_multicast_v6(int32_t fd, const void *group, uint32_t interface_);
WVM_IMPORT("wasix_32v1", "sock_bind") int32_t wasix_sock_bind(int32_t fd, const void *addr);
WVM_IMPORT("wasix_32v1", "sock_listen") int32_t wasix_sock_listen(int32_t fd, size_t backlog);

WVM_IMPORT("wasix_32v1", "sock_accept_v2")
int32_t wasix_sock_accept_v2(int32_t fd, uint32_t flags, uint32_t *result, void *addr);
WVM_IMPORT("wasix_32v1", "sock_connect") int32_t wasix_sock_connect(int32_t fd, const void *addr);

WVM_IMPORT("wasix_32v1", "sock_recv_from")
int32_t wasix_sock_recv_from(int32_t fd, const void *ri_data, size_t ri_data_len, uint32_t ri_flags, uint32_t *ro_datalen, void *ro_flags, void *addr);

WVM_IMPORT("wasix_32v1", "sock_send_to")
int32_t wasix_sock_send_to(int32_t fd, const void *si_data, size_t si_data_len, uint32_t si_flags, const void *addr, uint32_t *so_datalen);

WVM_IMPORT("wasix_32v1", "sock_send_file")
int32_t wasix_sock_send_file(int32_t out_fd, int32_t in_fd, uint64_t offset, uint64_t count, uint64_t *sent);

WVM_IMPORT("wasix_32v1", "resolve")
int32_t wasix_resolve(const char *host, size_t host_len, uint32_t port, void *addrs, size_t naddrs, uint32_t *count);
WVM_IMPORT("wasix_32v1", "dl_invalid_handle") int32_t wasix_dl_invalid_handle(uint32_t handle);

WVM_IMPORT("wasix_32v1", "dlopen")
int32_t wasix_dlopen(const char *path, size_t path_len, uint32_t flags, void *err, size_t err_len, const char *ld_library_path, size_t ld_library_path_len, uint32_t *handle);

WVM_IMPORT("wasix_32v1", "dlsym")
int32_t wasix_dlsym(uint32_t handle, const char *symbol, size_t symbol_len, void *err, size_t err_len, uint32_t *addr);

WVM_IMPORT("wasix_32v1", "call_dynamic")
int32_t wasix_call_dynamic(uint32_t function_, const void *values, size_t values_len, void *results, size_t results_len, uint32_t strict);

WVM_IMPORT("wasix_32v1", "closure_prepare")
int32_t wasix_closure_prepare(uint32_t backing_function, uint32_t closure, const void *params, size_t params_len, const void *results, size_t results_len, const void *user_data);
WVM_IMPORT("wasix_32v1", "closure_allocate") int32_t wasix_closure_allocate(uint32_t *closure);
WVM_IMPORT("wasix_32v1", "closure_free") int32_t wasix_closure_free(uint32_t closure);

WVM_IMPORT("wasix_32v1", "reflect_signature")
int32_t wasix_reflect_signature(uint32_t function_, void *params, size_t params_len, void *results, size_t results_len, void *result);

WVM_IMPORT("wasix_32v1", "port_bridge")
int32_t wasix_port_bridge(const char *network, size_t network_len, const char *token, size_t token_len, uint32_t security);
WVM_IMPORT("wasix_32v1", "port_unbridge") int32_t wasix_port_unbridge(void);
WVM_IMPORT("wasix_32v1", "port_dhcp_acquire") int32_t wasix_port_dhcp_acquire(void);
WVM_IMPORT("wasix_32v1", "port_addr_add") int32_t wasix_port_addr_add(const void *addr);
WVM_IMPORT("wasix_32v1", "port_addr_remove") int32_t wasix_port_addr_remove(const void *addr);
WVM_IMPORT("wasix_32v1", "port_addr_clear") int32_t wasix_port_addr_clear(void);
WVM_IMPORT("wasix_32v1", "port_mac") int32_t wasix_port_mac(void *mac);
WVM_IMPORT("wasix_32v1", "port_addr_list") int32_t wasix_port_addr_list(void *addrs, uint32_t *naddrs);
WVM_IMPORT("wasix_32v1", "port_gateway_set") int32_t wasix_port_gateway_set(const void *addr);

WVM_IMPORT("wasix_32v1", "port_route_add")
int32_t wasix_port_route_add(const void *cidr, const void *via_router, const void *preferred_until, const void *expires_at);
WVM_IMPORT("wasix_32v1", "port_route_remove") int32_t wasix_port_route_remove(const void *cidr);
WVM_IMPORT("wasix_32v1", "port_route_clear") int32_t wasix_port_route_clear(void);
WVM_IMPORT("wasix_32v1", "port_route_list") int32_t wasix_port_route_list(void *routes, uint32_t *nroutes);

struct wasix_option_timestamp {
  uint8_t tag;
  uint64_t value;
};
WVM_LAYOUT(offsetof(struct wasix_option_timestamp, tag) == 0);
WVM_LAYOUT(offsetof(struct wasix_option_timestamp, value) == 8);
WVM_LAYOUT(sizeof(struct wasix_option_timestamp) == 16);

struct wasix_option_pid {
  uint8_t tag;
  uint32_t pid;
};
WVM_LAYOUT(offsetof(struct wasix_option_pid, tag) == 0);
WVM_LAYOUT(offsetof(struct wasix_option_pid, pid) == 4);
WVM_LAYOUT(sizeof(struct wasix_option_pid) == 8);

struct wasix_join_status {
  uint8_t tag;
  uint16_t payload;
  uint16_t signal;
};
WVM_LAYOUT(offsetof(struct wasix_join_status, tag) == 0);
WVM_LAYOUT(offsetof(struct wasix_join_status, payload) == 2);
WVM_LAYOUT(offsetof(struct wasix_join_status, signal) == 4);
WVM_LAYOUT(sizeof(struct wasix_join_status) == 6);

struct wasix_thread_start {
  uint32_t stack;
  uint32_t tls_base;
  uint32_t start_function;
  uint32_t start_args;
  uint32_t reserved[10];
  uint32_t stack_size;
  uint32_t guard_size;
};
WVM_LAYOUT(offsetof(struct wasix_thread_start, stack) == 0);
WVM_LAYOUT(offsetof(struct wasix_thread_start, tls_base) == 4);
WVM_LAYOUT(offsetof(struct wasix_thread_start, start_function) == 8);
WVM_LAYOUT(offsetof(struct wasix_thread_start, start_args) == 12);
WVM_LAYOUT(offsetof(struct wasix_thread_start, stack_size) == 56);
WVM_LAYOUT(offsetof(struct wasix_thread_start, guard_size) == 60);
WVM_LAYOUT(sizeof(struct wasix_thread_start) == 64);

struct wasix_stack_snapshot {
  uint64_t user;
  uint64_t hash[2];
};
WVM_LAYOUT(offsetof(struct wasix_stack_snapshot, user) == 0);
WVM_LAYOUT(offsetof(struct wasix_stack_snapshot, hash) == 8);
WVM_LAYOUT(sizeof(struct wasix_stack_snapshot) == 24);

struct wasix_tty {
  uint32_t cols;
  uint32_t rows;
  uint32_t width;
  uint32_t height;
  uint8_t stdin_tty;
  uint8_t stdout_tty;
  uint8_t stderr_tty;
  uint8_t echo;
  uint8_t line_buffered;
  uint8_t line_feeds;
};
WVM_LAYOUT(offsetof(struct wasix_tty, cols) == 0);
WVM_LAYOUT(offsetof(struct wasix_tty, rows) == 4);
WVM_LAYOUT(offsetof(struct wasix_tty, width) == 8);
WVM_LAYOUT(offsetof(struct wasix_tty, height) == 12);
WVM_LAYOUT(offsetof(struct wasix_tty, stdin_tty) == 16);
WVM_LAYOUT(offsetof(struct wasix_tty, stdout_tty) == 17);
WVM_LAYOUT(offsetof(struct wasix_tty, stderr_tty) == 18);
WVM_LAYOUT(offsetof(struct wasix_tty, echo) == 19);
WVM_LAYOUT(offsetof(struct wasix_tty, line_buffered) == 20);
WVM_LAYOUT(offsetof(struct wasix_tty, line_feeds) == 21);
WVM_LAYOUT(sizeof(struct wasix_tty) == 24);

struct wasix_epoll_event {
  uint32_t events;
  uint32_t reserved;
  uint32_t ptr;
  int32_t fd;
  uint32_t data1;
  uint64_t data2;
};
WVM_LAYOUT(offsetof(struct wasix_epoll_event, events) == 0);
WVM_LAYOUT(offsetof(struct wasix_epoll_event, ptr) == 8);
WVM_LAYOUT(offsetof(struct wasix_epoll_event, fd) == 12);
WVM_LAYOUT(offsetof(struct wasix_epoll_event, data1) == 16);
WVM_LAYOUT(offsetof(struct wasix_epoll_event, data2) == 24);
WVM_LAYOUT(sizeof(struct wasix_epoll_event) == 32);

struct wasix_spawn_fd_op {
  uint8_t command;
  uint32_t fd;
  uint32_t source_fd;
  uint32_t path;
  uint32_t path_len;
  uint32_t dirflags;
  uint16_t oflags;
  uint64_t rights_base;
  uint64_t rights_inheriting;
  uint16_t fdflags;
  uint16_t fdflagsext;
};
WVM_LAYOUT(offsetof(struct wasix_spawn_fd_op, command) == 0);
WVM_LAYOUT(offsetof(struct wasix_spawn_fd_op, fd) == 4);
WVM_LAYOUT(offsetof(struct wasix_spawn_fd_op, source_fd) == 8);
WVM_LAYOUT(offsetof(struct wasix_spawn_fd_op, path) == 12);
WVM_LAYOUT(offsetof(struct wasix_spawn_fd_op, path_len) == 16);
WVM_LAYOUT(offsetof(struct wasix_spawn_fd_op, dirflags) == 20);
WVM_LAYOUT(offsetof(struct wasix_spawn_fd_op, oflags) == 24);
WVM_LAYOUT(offsetof(struct wasix_spawn_fd_op, rights_base) == 32);
WVM_LAYOUT(offsetof(struct wasix_spawn_fd_op, rights_inheriting) == 40);
WVM_LAYOUT(offsetof(struct wasix_spawn_fd_op, fdflags) == 48);
WVM_LAYOUT(offsetof(struct wasix_spawn_fd_op, fdflagsext) == 50);
WVM_LAYOUT(sizeof(struct wasix_spawn_fd_op) == 56);

struct wasix_signal_disposition {
  uint8_t signal;
  uint8_t disposition;
};
WVM_LAYOUT(offsetof(struct wasix_signal_disposition, signal) == 0);
WVM_LAYOUT(offsetof(struct wasix_signal_disposition, disposition) == 1);
WVM_LAYOUT(sizeof(struct wasix_signal_disposition) == 2);

enum {
  WASIX_OPTION_NONE = 0,
  WASIX_OPTION_SOME = 1,
};

enum {
  WASIX_JOIN_NON_BLOCKING = 1,
  WASIX_JOIN_WAKE_STOPPED = 2,
  WASIX_JOIN_NOTHING = 0,
  WASIX_JOIN_EXIT_NORMAL = 1,
  WASIX_JOIN_EXIT_SIGNAL = 2,
  WASIX_JOIN_STOPPED = 3,
};

enum {
  WASIX_SPAWN_CLOSE = 0,
  WASIX_SPAWN_DUP2 = 1,
  WASIX_SPAWN_OPEN = 2,
  WASIX_SPAWN_CHDIR = 3,
  WASIX_SPAWN_FCHDIR = 4,
};

enum {
  WASIX_SIGNAL_DEFAULT = 0,
  WASIX_SIGNAL_IGNORE = 1,
};

enum {
  WASIX_FD_CLOEXEC = 1,
};

enum {
  WASIX_EVENT_SEMAPHORE = 1,
};

enum {
  WASIX_EPOLL_CTL_ADD = 0,
  WASIX_EPOLL_CTL_MOD = 1,
  WASIX_EPOLL_CTL_DEL = 2,
};

enum {
  WASIX_EPOLL_IN = 1,
  WASIX_EPOLL_OUT = 2,
  WASIX_EPOLL_RDHUP = 4,
  WASIX_EPOLL_PRI = 8,
  WASIX_EPOLL_ERR = 16,
  WASIX_EPOLL_HUP = 32,
  WASIX_EPOLL_ET = 64,
  WASIX_EPOLL_ONESHOT = 128,
};

#ifdef __cplusplus
}
#endif

#endif
