// What a guest may ask of wvm beyond WASI, just as it is imported; wvm.ts makes it convenient. Addresses are usize.
// Generated from abi/ by guest/generate-headers.ts: change it there.

/** Takes a snapshot of the whole machine; an id above 0 in the original, 0 in a resumed copy, below 0: -errno. */
// @ts-ignore: decorator
@external("wvm", "snapshot")
export declare function wvm_snapshot(): i32;

/** The process cannot be saved until this is called with an empty reason; `snapshot` is refused with it. */
// @ts-ignore: decorator
@external("wvm", "snapshot_forbid")
export declare function wvm_snapshot_forbid(reason: usize, reason_len: u32): i32;

/**
 * Action of a signal. `handler`: 0 SIG_DFL, 1 SIG_IGN, else what the exported `__wvm_signal` gets back as its second argument
 * (a table index, in C); 0xffffffff keeps the action, to ask for it. `old`: SIGACTION, or 0.
 */
// @ts-ignore: decorator
@external("wvm", "sigaction")
export declare function wvm_sigaction(signal: i32, handler: i32, mask: i64, flags: i32, old: usize): i32;

/** `how`: SIG_BLOCK 0, SIG_UNBLOCK 1, SIG_SETMASK 2; `set`, `old`: addresses of u64, or 0. */
// @ts-ignore: decorator
@external("wvm", "sigprocmask")
export declare function wvm_sigprocmask(how: i32, set: usize, old: usize): i32;

// @ts-ignore: decorator
@external("wvm", "sigpending")
export declare function wvm_sigpending(set: usize): i32;

/** Waits with `mask` in place of the thread's until a handler has run: EINTR. */
// @ts-ignore: decorator
@external("wvm", "sigsuspend")
export declare function wvm_sigsuspend(mask: i64): i32;

/** Takes a pending signal of `set` without running its handler. `info`: SIGINFO, or 0. EAGAIN after the timeout. */
// @ts-ignore: decorator
@external("wvm", "sigtimedwait")
export declare function wvm_sigtimedwait(set: i64, info: usize, timeout_ns: i64): i32;

// @ts-ignore: decorator
@external("wvm", "sigqueue")
export declare function wvm_sigqueue(pid: i32, signal: i32, value: i32): i32;

/** kill(2): a process, 0 for the caller's group, -1 for all, -n for group n. Signal 0 only asks. */
// @ts-ignore: decorator
@external("wvm", "kill")
export declare function wvm_kill(pid: i32, signal: i32): i32;

// @ts-ignore: decorator
@external("wvm", "tgkill")
export declare function wvm_tgkill(pid: i32, tid: i32, signal: i32): i32;

/** ITIMER_REAL 0 (SIGALRM), ITIMER_VIRTUAL 1, ITIMER_PROF 2. `value_ns` 0 disarms. `old`: ITIMER, or 0. */
// @ts-ignore: decorator
@external("wvm", "setitimer")
export declare function wvm_setitimer(which: i32, value_ns: i64, interval_ns: i64, old: usize): i32;

// @ts-ignore: decorator
@external("wvm", "getitimer")
export declare function wvm_getitimer(which: i32, value: usize): i32;

/** wait4(2): `pid` as there; `status` in Linux's encoding. WNOHANG 1, WUNTRACED 2, WCONTINUED 8. `waited`: the pid, or 0. */
// @ts-ignore: decorator
@external("wvm", "waitpid")
export declare function wvm_waitpid(pid: i32, status: usize, options: i32, waited: usize): i32;

/**
 * execve(2): `argv` and `envp` are C's arrays of addresses of strings, with a 0 at the end; `envp` 0 keeps the environment.
 * `search_path`: 0, then `name` is a path; else the directories to look through, as a C string ('': those of PATH).
 */
// @ts-ignore: decorator
@external("wvm", "exec")
export declare function wvm_exec(name: usize, name_len: u32, argv: usize, envp: usize, search_path: usize): i32;

/** posix_spawn(3): exec in a child, after the operations (SPAWN_FD_OP) on its descriptors. */
// @ts-ignore: decorator
@external("wvm", "spawn")
export declare function wvm_spawn(name: usize, name_len: u32, argv: usize, envp: usize, search_path: usize, fd_ops: usize, fd_ops_len: u32, pid: usize): i32;

// @ts-ignore: decorator
@external("wvm", "setpgid")
export declare function wvm_setpgid(pid: i32, pgid: i32): i32;

// @ts-ignore: decorator
@external("wvm", "getpgid")
export declare function wvm_getpgid(pid: i32, pgid: usize): i32;

// @ts-ignore: decorator
@external("wvm", "setsid")
export declare function wvm_setsid(sid: usize): i32;

// @ts-ignore: decorator
@external("wvm", "getsid")
export declare function wvm_getsid(pid: i32, sid: usize): i32;

/** The thread's name, at most 15 bytes (prctl(PR_SET_NAME)); get writes 16 bytes with a NUL. */
// @ts-ignore: decorator
@external("wvm", "thread_set_name")
export declare function wvm_thread_set_name(name: usize, name_len: u32): i32;

// @ts-ignore: decorator
@external("wvm", "thread_get_name")
export declare function wvm_thread_get_name(name: usize): i32;

/**
 * sched_setscheduler(2) of thread `tid`, 0 for the caller: SCHED_OTHER 0 with `priority` 0, SCHED_FIFO 1 or SCHED_RR 2 with 1 to 99.
 * `policy` -1 keeps the policy, as sched_setparam(2) does.
 */
// @ts-ignore: decorator
@external("wvm", "sched_setscheduler")
export declare function wvm_sched_setscheduler(tid: i32, policy: i32, priority: i32): i32;

// @ts-ignore: decorator
@external("wvm", "sched_getscheduler")
export declare function wvm_sched_getscheduler(tid: i32, policy: usize, priority: usize): i32;

/**
 * setpriority(2): `nice`, -20 to 19, of thread `who` (PRIO_PROCESS 0), of all threads of group `who` (PRIO_PGRP 1) or of all there are
 * (PRIO_USER 2, of user 0); `who` 0 is the caller, or its group. `get` finds the lowest of them.
 */
// @ts-ignore: decorator
@external("wvm", "setpriority")
export declare function wvm_setpriority(which: i32, who: i32, nice: i32): i32;

// @ts-ignore: decorator
@external("wvm", "getpriority")
export declare function wvm_getpriority(which: i32, who: i32, nice: usize): i32;

/**
 * futex(2). `timeout_or_value2`: for waits a timeout (relative for FUTEX_WAIT, absolute for the others; CLOCK_REALTIME by flag),
 * for FUTEX_REQUEUE, CMP_REQUEUE and WAKE_OP the second count. `result`: u32, woken threads.
 */
// @ts-ignore: decorator
@external("wvm", "futex")
export declare function wvm_futex(addr: usize, op: i32, value: i32, timeout_or_value2: i64, addr2: usize, value3: i32, result: usize): i32;

// @ts-ignore: decorator
@external("wvm", "set_robust_list")
export declare function wvm_set_robust_list(head: usize, len: u32): i32;

/** Of thread `tid`, 0 for the caller. */
// @ts-ignore: decorator
@external("wvm", "get_robust_list")
export declare function wvm_get_robust_list(tid: i32, head: usize, len: usize): i32;

/** pipe2(2) with FDFLAGS_NONBLOCK and, as bit 16, close-on-exec; two u32 at `fds`. */
// @ts-ignore: decorator
@external("wvm", "pipe2")
export declare function wvm_pipe2(flags: i32, fds: usize): i32;

/** flock(2): LOCK_SH 1, LOCK_EX 2, LOCK_UN 8, with LOCK_NB 4. */
// @ts-ignore: decorator
@external("wvm", "flock")
export declare function wvm_flock(fd: i32, operation: i32): i32;

/** fcntl(F_GETLK 5, F_SETLK 6, F_SETLKW 7): `lock` is FLOCK, read and (F_GETLK) written. */
// @ts-ignore: decorator
@external("wvm", "record_lock")
export declare function wvm_record_lock(fd: i32, command: i32, lock: usize): i32;

// @ts-ignore: decorator
@external("wasi", "thread-spawn")
export declare function wasi_thread_spawn(start_arg: i32): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "proc_raise_interval")
export declare function wasix_proc_raise_interval(sig: i32, interval_ns: i64, repeat: i32): i32;

/** copy_memory 0: the child borrows the parent's memory until it execs (vfork). */
// @ts-ignore: decorator
@external("wasix_32v1", "proc_fork")
export declare function wasix_proc_fork(copy_memory: i32, pid: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "proc_fork_env")
export declare function wasix_proc_fork_env(pid: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "proc_exec")
export declare function wasix_proc_exec(name: usize, name_len: u32, args: usize, args_len: u32): void;

// @ts-ignore: decorator
@external("wasix_32v1", "proc_exec2")
export declare function wasix_proc_exec2(name: usize, name_len: u32, args: usize, args_len: u32, envs: usize, envs_len: u32): void;

// @ts-ignore: decorator
@external("wasix_32v1", "proc_exec3")
export declare function wasix_proc_exec3(name: usize, name_len: u32, args: usize, args_len: u32, envs: usize, envs_len: u32, search_path: i32, path: usize, path_len: u32): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "proc_spawn")
export declare function wasix_proc_spawn(name: usize, name_len: u32, chroot: i32, args: usize, args_len: u32, preopen: usize, preopen_len: u32, stdin: i32, stdout: i32, stderr: i32, working_dir: usize, working_dir_len: u32, handles: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "proc_spawn2")
export declare function wasix_proc_spawn2(name: usize, name_len: u32, args: usize, args_len: u32, envs: usize, envs_len: u32, fd_ops: usize, fd_ops_len: u32, signals: usize, signals_len: u32, search_path: i32, path: usize, path_len: u32, pid: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "proc_id")
export declare function wasix_proc_id(pid: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "proc_parent")
export declare function wasix_proc_parent(pid: i32, parent: usize): i32;

/** `pid`: OPTION_PID, none for any child; the child that was found is written there. */
// @ts-ignore: decorator
@external("wasix_32v1", "proc_join")
export declare function wasix_proc_join(pid: usize, flags: i32, status: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "proc_signal")
export declare function wasix_proc_signal(pid: i32, signal: i32): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "proc_signals_get")
export declare function wasix_proc_signals_get(buf: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "proc_signals_sizes_get")
export declare function wasix_proc_signals_sizes_get(count: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "proc_snapshot")
export declare function wasix_proc_snapshot(): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "proc_exit2")
export declare function wasix_proc_exit2(rval: i32): void;

// @ts-ignore: decorator
@external("wasix_32v1", "callback_signal")
export declare function wasix_callback_signal(callback: usize, callback_len: u32): void;

// @ts-ignore: decorator
@external("wasix_32v1", "thread_spawn_v2")
export declare function wasix_thread_spawn_v2(args: usize, tid: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "thread_sleep")
export declare function wasix_thread_sleep(duration_ns: i64): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "thread_id")
export declare function wasix_thread_id(tid: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "thread_join")
export declare function wasix_thread_join(tid: i32): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "thread_parallelism")
export declare function wasix_thread_parallelism(count: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "thread_signal")
export declare function wasix_thread_signal(tid: i32, signal: i32): i32;

/** `timeout`: OPTION_TIMESTAMP; `woken`: a bool, 0 when the time was over. */
// @ts-ignore: decorator
@external("wasix_32v1", "futex_wait")
export declare function wasix_futex_wait(futex: usize, expected: i32, timeout: usize, woken: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "futex_wake")
export declare function wasix_futex_wake(futex: usize, woken: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "futex_wake_all")
export declare function wasix_futex_wake_all(futex: usize, woken: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "thread_exit")
export declare function wasix_thread_exit(rval: i32): void;

/** setjmp: `value` is 0 now, and later what stack_restore brings. */
// @ts-ignore: decorator
@external("wasix_32v1", "stack_checkpoint")
export declare function wasix_stack_checkpoint(snapshot: usize, value: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "stack_restore")
export declare function wasix_stack_restore(snapshot: usize, value: i64): void;

// @ts-ignore: decorator
@external("wasix_32v1", "context_create")
export declare function wasix_context_create(context: usize, entrypoint: i32): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "context_switch")
export declare function wasix_context_switch(context: i64): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "context_destroy")
export declare function wasix_context_destroy(context: i64): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "fd_dup")
export declare function wasix_fd_dup(fd: i32, result: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "fd_dup2")
export declare function wasix_fd_dup2(fd: i32, min_result_fd: i32, cloexec: i32, result: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "fd_event")
export declare function wasix_fd_event(initial: i64, flags: i32, result: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "fd_pipe")
export declare function wasix_fd_pipe(read_end: usize, write_end: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "path_open2")
export declare function wasix_path_open2(fd: i32, dirflags: i32, path: usize, path_len: u32, oflags: i32, rights_base: i64, rights_inheriting: i64, fdflags: i32, fdflagsext: i32, opened: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "fd_fdflags_get")
export declare function wasix_fd_fdflags_get(fd: i32, flags: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "fd_fdflags_set")
export declare function wasix_fd_fdflags_set(fd: i32, flags: i32): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "clock_time_set")
export declare function wasix_clock_time_set(id: i32, time: i64): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "tty_get")
export declare function wasix_tty_get(state: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "tty_set")
export declare function wasix_tty_set(state: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "getcwd")
export declare function wasix_getcwd(path: usize, path_len: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "chdir")
export declare function wasix_chdir(path: usize, path_len: u32): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "epoll_create")
export declare function wasix_epoll_create(result: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "epoll_ctl")
export declare function wasix_epoll_ctl(epfd: i32, op: i32, fd: i32, event: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "epoll_wait")
export declare function wasix_epoll_wait(epfd: i32, events: usize, maxevents: u32, timeout_ns: i64, count: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_status")
export declare function wasix_sock_status(fd: i32, status: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_addr_local")
export declare function wasix_sock_addr_local(fd: i32, addr: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_addr_peer")
export declare function wasix_sock_addr_peer(fd: i32, addr: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_open")
export declare function wasix_sock_open(af: i32, socktype: i32, protocol: i32, result: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_pair")
export declare function wasix_sock_pair(af: i32, socktype: i32, protocol: i32, first: usize, second: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_set_opt_flag")
export declare function wasix_sock_set_opt_flag(fd: i32, option: i32, flag: i32): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_get_opt_flag")
export declare function wasix_sock_get_opt_flag(fd: i32, option: i32, flag: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_set_opt_time")
export declare function wasix_sock_set_opt_time(fd: i32, option: i32, timeout: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_get_opt_time")
export declare function wasix_sock_get_opt_time(fd: i32, option: i32, timeout: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_set_opt_size")
export declare function wasix_sock_set_opt_size(fd: i32, option: i32, size: i64): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_get_opt_size")
export declare function wasix_sock_get_opt_size(fd: i32, option: i32, size: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_join_multicast_v4")
export declare function wasix_sock_join_multicast_v4(fd: i32, group: usize, interface_: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_leave_multicast_v4")
export declare function wasix_sock_leave_multicast_v4(fd: i32, group: usize, interface_: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_join_multicast_v6")
export declare function wasix_sock_join_multicast_v6(fd: i32, group: usize, interface_: i32): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_leave_multicast_v6")
export declare function wasix_sock_leave_multicast_v6(fd: i32, group: usize, interface_: i32): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_bind")
export declare function wasix_sock_bind(fd: i32, addr: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_listen")
export declare function wasix_sock_listen(fd: i32, backlog: u32): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_accept_v2")
export declare function wasix_sock_accept_v2(fd: i32, flags: i32, result: usize, addr: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_connect")
export declare function wasix_sock_connect(fd: i32, addr: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_recv_from")
export declare function wasix_sock_recv_from(fd: i32, ri_data: usize, ri_data_len: u32, ri_flags: i32, ro_datalen: usize, ro_flags: usize, addr: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_send_to")
export declare function wasix_sock_send_to(fd: i32, si_data: usize, si_data_len: u32, si_flags: i32, addr: usize, so_datalen: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "sock_send_file")
export declare function wasix_sock_send_file(out_fd: i32, in_fd: i32, offset: i64, count: i64, sent: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "resolve")
export declare function wasix_resolve(host: usize, host_len: u32, port: i32, addrs: usize, naddrs: u32, count: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "dl_invalid_handle")
export declare function wasix_dl_invalid_handle(handle: i32): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "dlopen")
export declare function wasix_dlopen(path: usize, path_len: u32, flags: i32, err: usize, err_len: u32, ld_library_path: usize, ld_library_path_len: u32, handle: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "dlsym")
export declare function wasix_dlsym(handle: i32, symbol: usize, symbol_len: u32, err: usize, err_len: u32, addr: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "call_dynamic")
export declare function wasix_call_dynamic(function_: i32, values: usize, values_len: u32, results: usize, results_len: u32, strict: i32): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "closure_prepare")
export declare function wasix_closure_prepare(backing_function: i32, closure: i32, params: usize, params_len: u32, results: usize, results_len: u32, user_data: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "closure_allocate")
export declare function wasix_closure_allocate(closure: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "closure_free")
export declare function wasix_closure_free(closure: i32): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "reflect_signature")
export declare function wasix_reflect_signature(function_: i32, params: usize, params_len: u32, results: usize, results_len: u32, result: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "port_bridge")
export declare function wasix_port_bridge(network: usize, network_len: u32, token: usize, token_len: u32, security: i32): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "port_unbridge")
export declare function wasix_port_unbridge(): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "port_dhcp_acquire")
export declare function wasix_port_dhcp_acquire(): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "port_addr_add")
export declare function wasix_port_addr_add(addr: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "port_addr_remove")
export declare function wasix_port_addr_remove(addr: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "port_addr_clear")
export declare function wasix_port_addr_clear(): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "port_mac")
export declare function wasix_port_mac(mac: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "port_addr_list")
export declare function wasix_port_addr_list(addrs: usize, naddrs: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "port_gateway_set")
export declare function wasix_port_gateway_set(addr: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "port_route_add")
export declare function wasix_port_route_add(cidr: usize, via_router: usize, preferred_until: usize, expires_at: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "port_route_remove")
export declare function wasix_port_route_remove(cidr: usize): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "port_route_clear")
export declare function wasix_port_route_clear(): i32;

// @ts-ignore: decorator
@external("wasix_32v1", "port_route_list")
export declare function wasix_port_route_list(routes: usize, nroutes: usize): i32;
