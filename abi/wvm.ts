// wvm's own import namespace, module `wvm`: what POSIX and Linux programs expect of a kernel and neither WASI nor WASIX has.
// guest/include/wvm.h and the AssemblyScript module are generated from this table.
//
// Every function returns a WASI errno (0: success) unless it says otherwise; results go to the addresses given. An address of
// 0 for an optional result means that it is not wanted. Signal numbers, FUTEX_*, SIG_*, LOCK_*, wait options and wait statuses
// are Linux's. Times are nanoseconds; -1 as a timeout is none.

import { type FunctionSignature, signature } from './signature.ts';

export const WVM_FUNCTIONS: Readonly<Record<string, FunctionSignature>> = {
  /** Takes a snapshot of the whole machine; an id above 0 in the original, 0 in a resumed copy, below 0: -errno. */
  snapshot: signature(''),
  /** The process cannot be saved until this is called with an empty reason; `snapshot` is refused with it. */
  snapshot_forbid: signature('reason:string reason_len:size'),

  /**
   * Action of a signal. `handler`: 0 SIG_DFL, 1 SIG_IGN, else what the exported `__wvm_signal` gets back as its second argument
   * (a table index, in C); 0xffffffff keeps the action, to ask for it. `old`: SIGACTION, or 0.
   */
  sigaction: signature('signal:signal handler:u32 mask:sigset flags:u32 old:out'),
  /** `how`: SIG_BLOCK 0, SIG_UNBLOCK 1, SIG_SETMASK 2; `set`, `old`: addresses of u64, or 0. */
  sigprocmask: signature('how:u32 set:in old:out-u64'),
  sigpending: signature('set:out-u64'),
  /** Waits with `mask` in place of the thread's until a handler has run: EINTR. */
  sigsuspend: signature('mask:sigset'),
  /** Takes a pending signal of `set` without running its handler. `info`: SIGINFO, or 0. EAGAIN after the timeout. */
  sigtimedwait: signature('set:sigset info:out timeout_ns:s64'),
  sigqueue: signature('pid:pid signal:signal value:u32'),
  /** kill(2): a process, 0 for the caller's group, -1 for all, -n for group n. Signal 0 only asks. */
  kill: signature('pid:pid signal:signal'),
  tgkill: signature('pid:pid tid:tid signal:signal'),
  /** ITIMER_REAL 0 (SIGALRM), ITIMER_VIRTUAL 1, ITIMER_PROF 2. `value_ns` 0 disarms. `old`: ITIMER, or 0. */
  setitimer: signature('which:u32 value_ns:u64 interval_ns:u64 old:out'),
  getitimer: signature('which:u32 value:out'),

  /** wait4(2): `pid` as there; `status` in Linux's encoding. WNOHANG 1, WUNTRACED 2, WCONTINUED 8. `waited`: the pid, or 0. */
  waitpid: signature('pid:pid status:out-u32 options:u32 waited:out-u32'),
  /**
   * execve(2): `argv` and `envp` are C's arrays of addresses of strings, with a 0 at the end; `envp` 0 keeps the environment.
   * `search_path`: 0, then `name` is a path; else the directories to look through, as a C string ('': those of PATH).
   */
  exec: signature('name:string name_len:size argv:in envp:in search_path:in'),
  /** posix_spawn(3): exec in a child, after the operations (SPAWN_FD_OP) on its descriptors. */
  spawn: signature('name:string name_len:size argv:in envp:in search_path:in fd_ops:in fd_ops_len:size pid:out-u32'),
  setpgid: signature('pid:pid pgid:pid'),
  getpgid: signature('pid:pid pgid:out-u32'),
  setsid: signature('sid:out-u32'),
  getsid: signature('pid:pid sid:out-u32'),
  /** The thread's name, at most 15 bytes (prctl(PR_SET_NAME)); get writes 16 bytes with a NUL. */
  thread_set_name: signature('name:string name_len:size'),
  thread_get_name: signature('name:out'),

  /**
   * sched_setscheduler(2) of thread `tid`, 0 for the caller: SCHED_OTHER 0 with `priority` 0, SCHED_FIFO 1 or SCHED_RR 2 with 1 to 99.
   * `policy` -1 keeps the policy, as sched_setparam(2) does.
   */
  sched_setscheduler: signature('tid:tid policy:s32 priority:s32'),
  sched_getscheduler: signature('tid:tid policy:out-u32 priority:out-u32'),
  /**
   * setpriority(2): `nice`, -20 to 19, of thread `who` (PRIO_PROCESS 0), of all threads of group `who` (PRIO_PGRP 1) or of all there are
   * (PRIO_USER 2, of user 0); `who` 0 is the caller, or its group. `get` finds the lowest of them.
   */
  setpriority: signature('which:u32 who:pid nice:s32'),
  getpriority: signature('which:u32 who:pid nice:out-u32'),

  /**
   * futex(2). `timeout_or_value2`: for waits a timeout (relative for FUTEX_WAIT, absolute for the others; CLOCK_REALTIME by flag),
   * for FUTEX_REQUEUE, CMP_REQUEUE and WAKE_OP the second count. `result`: u32, woken threads.
   */
  futex: signature('addr:in op:futexop value:u32 timeout_or_value2:s64 addr2:in value3:u32 result:out-u32'),
  set_robust_list: signature('head:in len:size'),
  /** Of thread `tid`, 0 for the caller. */
  get_robust_list: signature('tid:tid head:out-u32 len:out-u32'),

  /** pipe2(2) with FDFLAGS_NONBLOCK and, as bit 16, close-on-exec; two u32 at `fds`. */
  pipe2: signature('flags:u32 fds:out'),
  /** flock(2): LOCK_SH 1, LOCK_EX 2, LOCK_UN 8, with LOCK_NB 4. */
  flock: signature('fd:fd operation:u32'),
  /** fcntl(F_GETLK 5, F_SETLK 6, F_SETLKW 7): `lock` is FLOCK, read and (F_GETLK) written. */
  record_lock: signature('fd:fd command:u32 lock:out'),
};

/** Layouts of results. */
export const SIGACTION = { handler: 0, flags: 4, mask: 8, size: 16 } as const;
export const SIGINFO = { signal: 0, code: 4, pid: 8, value: 12, size: 16 } as const;
export const ITIMER = { valueNs: 0, intervalNs: 8, size: 16 } as const;
/** type: F_RDLCK 0, F_WRLCK 1, F_UNLCK 2; whence as SEEK_*. */
export const FLOCK = { type: 0, whence: 2, pid: 4, start: 8, length: 16, size: 24 } as const;

/** Bit of pipe2's flags. */
export const PIPE_CLOEXEC: number = 1 << 16;

/**
 * The export that runs the handlers of `sigaction`: (signal, handler, flags, code, sender's pid, value) -> (). wvm.h has it.
 * Handlers of WASIX libraries run in the export that `callback_signal` names: (signal) -> ().
 */
export const SIGNAL_EXPORT = '__wvm_signal';
