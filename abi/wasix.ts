// WASIX, module `wasix_32v1`: constants, struct layouts and the table of functions with their parameters; and the one function
// of module `wasi`. Source: the public interface files of WASIX (wasix_v1.witx, and five functions that its libc alone
// declares), lowered to wasm32.
//
// - A WASIX host has the 46 preview1 functions and the 91 below in both namespaces: older modules import everything from
//   `wasix_32v1`, newer ones the preview1 names from `wasi_snapshot_preview1`. imports.ts puts the tables together.
// - All return an errno and write results through trailing addresses, but for those that do not return.
// - Layouts are tables of byte offsets from the start of the struct, little endian, plus `size`. Lists of strings (args, envs) are
//   one string with line feeds between its elements.

import { type FunctionSignature, signature } from './signature.ts';

const NAME = 'name:string name_len:size';
const ARGS = 'args:buffer args_len:size';
const ENVS = 'envs:buffer envs_len:size';
const PATH = 'path:path path_len:size';
const SEARCH = 'search_path:bool path:string path_len:size';

/** No result: the call does not return, or says nothing. */
const VOID: readonly [] = [];

export const WASIX_FUNCTIONS: Readonly<Record<string, FunctionSignature>> = {
  // Processes
  proc_raise_interval: signature('sig:signal interval_ns:u64 repeat:bool'),
  /** copy_memory 0: the child borrows the parent's memory until it execs (vfork). */
  proc_fork: signature('copy_memory:bool pid:out-u32'),
  proc_fork_env: signature('pid:out-u32'),
  proc_exec: signature(`${NAME} ${ARGS}`, VOID),
  proc_exec2: signature(`${NAME} ${ARGS} ${ENVS}`, VOID),
  proc_exec3: signature(`${NAME} ${ARGS} ${ENVS} ${SEARCH}`),
  proc_spawn: signature(
    `${NAME} chroot:bool ${ARGS} preopen:string preopen_len:size stdin:u32 stdout:u32 stderr:u32 working_dir:path working_dir_len:size handles:out`,
  ),
  proc_spawn2: signature(
    `${NAME} ${ARGS} ${ENVS} fd_ops:in fd_ops_len:size signals:in signals_len:size ${SEARCH} pid:out-u32`,
  ),
  proc_id: signature('pid:out-u32'),
  proc_parent: signature('pid:pid parent:out-u32'),
  /** `pid`: OPTION_PID, none for any child; the child that was found is written there. */
  proc_join: signature('pid:out flags:u32 status:out'),
  proc_signal: signature('pid:pid signal:signal'),
  proc_signals_get: signature('buf:out'),
  proc_signals_sizes_get: signature('count:out-u32'),
  proc_snapshot: signature(''),
  proc_exit2: signature('rval:u32', VOID),

  // Threads, futexes, stacks
  callback_signal: signature('callback:string callback_len:size', VOID),
  thread_spawn_v2: signature('args:in tid:out-u32'),
  thread_sleep: signature('duration_ns:u64'),
  thread_id: signature('tid:out-u32'),
  thread_join: signature('tid:tid'),
  thread_parallelism: signature('count:out-u32'),
  thread_signal: signature('tid:tid signal:signal'),
  /** `timeout`: OPTION_TIMESTAMP; `woken`: a bool, 0 when the time was over. */
  futex_wait: signature('futex:in expected:u32 timeout:in woken:out'),
  futex_wake: signature('futex:in woken:out'),
  futex_wake_all: signature('futex:in woken:out'),
  thread_exit: signature('rval:u32', VOID),
  /** setjmp: `value` is 0 now, and later what stack_restore brings. */
  stack_checkpoint: signature('snapshot:out value:out-u64'),
  stack_restore: signature('snapshot:in value:u64', VOID),
  context_create: signature('context:out-u64 entrypoint:u32'),
  context_switch: signature('context:u64'),
  context_destroy: signature('context:u64'),

  // Descriptors and paths
  fd_dup: signature('fd:fd result:out-u32'),
  fd_dup2: signature('fd:fd min_result_fd:fd cloexec:bool result:out-u32'),
  fd_event: signature('initial:u64 flags:u32 result:out-u32'),
  fd_pipe: signature('read_end:out-u32 write_end:out-u32'),
  path_open2: signature(
    `fd:fd dirflags:lookupflags ${PATH} oflags:oflags rights_base:rights rights_inheriting:rights fdflags:fdflags fdflagsext:fdflagsext opened:out-u32`,
  ),
  fd_fdflags_get: signature('fd:fd flags:out'),
  fd_fdflags_set: signature('fd:fd flags:fdflagsext'),

  // Clock, terminal, working directory
  clock_time_set: signature('id:clockid time:u64'),
  tty_get: signature('state:out'),
  tty_set: signature('state:in'),
  getcwd: signature('path:out path_len:out-u32'),
  chdir: signature(PATH),

  // epoll
  epoll_create: signature('result:out-u32'),
  epoll_ctl: signature('epfd:fd op:u32 fd:fd event:in'),
  epoll_wait: signature('epfd:fd events:out maxevents:size timeout_ns:u64 count:out-u32'),

  // Sockets
  sock_status: signature('fd:fd status:out'),
  sock_addr_local: signature('fd:fd addr:out'),
  sock_addr_peer: signature('fd:fd addr:out'),
  sock_open: signature('af:u32 socktype:u32 protocol:u32 result:out-u32'),
  sock_pair: signature('af:u32 socktype:u32 protocol:u32 first:out-u32 second:out-u32'),
  sock_set_opt_flag: signature('fd:fd option:u32 flag:bool'),
  sock_get_opt_flag: signature('fd:fd option:u32 flag:out'),
  sock_set_opt_time: signature('fd:fd option:u32 timeout:in'),
  sock_get_opt_time: signature('fd:fd option:u32 timeout:out'),
  sock_set_opt_size: signature('fd:fd option:u32 size:u64'),
  sock_get_opt_size: signature('fd:fd option:u32 size:out-u64'),
  sock_join_multicast_v4: signature('fd:fd group:in interface:in'),
  sock_leave_multicast_v4: signature('fd:fd group:in interface:in'),
  sock_join_multicast_v6: signature('fd:fd group:in interface:u32'),
  sock_leave_multicast_v6: signature('fd:fd group:in interface:u32'),
  sock_bind: signature('fd:fd addr:in'),
  sock_listen: signature('fd:fd backlog:size'),
  sock_accept_v2: signature('fd:fd flags:fdflags result:out-u32 addr:out'),
  sock_connect: signature('fd:fd addr:in'),
  sock_recv_from: signature(
    'fd:fd ri_data:iovecs ri_data_len:size ri_flags:u32 ro_datalen:out-u32 ro_flags:out addr:out',
  ),
  sock_send_to: signature('fd:fd si_data:ciovecs si_data_len:size si_flags:u32 addr:in so_datalen:out-u32'),
  sock_send_file: signature('out_fd:fd in_fd:fd offset:u64 count:u64 sent:out-u64'),
  resolve: signature('host:string host_len:size port:u32 addrs:out naddrs:size count:out-u32'),

  // Dynamic linking
  dl_invalid_handle: signature('handle:u32'),
  dlopen: signature(
    `${PATH} flags:u32 err:out err_len:size ld_library_path:string ld_library_path_len:size handle:out-u32`,
  ),
  dlsym: signature('handle:u32 symbol:string symbol_len:size err:out err_len:size addr:out-u32'),
  call_dynamic: signature('function:u32 values:buffer values_len:size results:out results_len:size strict:bool'),
  closure_prepare: signature(
    'backing_function:u32 closure:u32 params:buffer params_len:size results:buffer results_len:size user_data:in',
  ),
  closure_allocate: signature('closure:out-u32'),
  closure_free: signature('closure:u32'),
  reflect_signature: signature('function:u32 params:out params_len:size results:out results_len:size result:out'),

  // The virtual network card
  port_bridge: signature('network:string network_len:size token:string token_len:size security:u32'),
  port_unbridge: signature(''),
  port_dhcp_acquire: signature(''),
  port_addr_add: signature('addr:in'),
  port_addr_remove: signature('addr:in'),
  port_addr_clear: signature(''),
  port_mac: signature('mac:out'),
  port_addr_list: signature('addrs:out naddrs:out-u32'),
  port_gateway_set: signature('addr:in'),
  port_route_add: signature('cidr:in via_router:in preferred_until:in expires_at:in'),
  port_route_remove: signature('cidr:in'),
  port_route_clear: signature(''),
  port_route_list: signature('routes:out nroutes:out-u32'),
};

/** Older names of functions that got a second version: they are the same functions. */
export const WASIX_ALIASES: Readonly<Record<string, string>> = {
  thread_spawn: 'thread_spawn_v2',
  sock_accept: 'sock_accept_v2',
};

/** Module `wasi`, the threads proposal: a tid, or minus an errno. The thread runs the export `wasi_thread_start`. */
export const WASI_THREADS_FUNCTIONS: Readonly<Record<string, FunctionSignature>> = {
  'thread-spawn': signature('start_arg:u32'),
};

/** (tid, start argument) -> (): what a thread of `thread_spawn_v2` and of `wasi.thread-spawn` runs. */
export const THREAD_START_EXPORT = 'wasi_thread_start';

export const OPTION_TIMESTAMP = { tag: 0, value: 8, size: 16 } as const;
export const OPTION_PID = { tag: 0, pid: 4, size: 8 } as const;
export const OPTION_FD = { tag: 0, fd: 4, size: 8 } as const;
/** payload: the exit code (u16) of EXIT_NORMAL; code and, 2 bytes on, signal (u8) of EXIT_SIGNAL; signal (u8) of STOPPED. */
export const JOIN_STATUS = { tag: 0, payload: 2, signal: 4, size: 6 } as const;
export const PROCESS_HANDLES = { pid: 0, stdin: 4, stdout: 12, stderr: 20, size: 28 } as const;
export const THREAD_START = {
  stack: 0,
  tlsBase: 4,
  startFunction: 8,
  startArgs: 12,
  stackSize: 56,
  guardSize: 60,
  size: 64,
} as const;
/** user: what names the snapshot; the hash guards against a stack that is gone. */
export const STACK_SNAPSHOT = { user: 0, hash: 8, size: 24 } as const;
export const TTY = {
  cols: 0,
  rows: 4,
  width: 8,
  height: 12,
  stdinTty: 16,
  stdoutTty: 17,
  stderrTty: 18,
  echo: 19,
  lineBuffered: 20,
  lineFeeds: 21,
  size: 24,
} as const;
/** tag: AddressFamily; what follows depends on it. */
export const ADDR_PORT = { tag: 0, size: 110 } as const;
/** data: four values that the guest gets back as it gave them. */
export const EPOLL_EVENT = { events: 0, ptr: 8, fd: 12, data1: 16, data2: 24, size: 32 } as const;
export const SPAWN_FD_OP = {
  command: 0,
  fd: 4,
  sourceFd: 8,
  path: 12,
  pathLen: 16,
  dirflags: 20,
  oflags: 24,
  rightsBase: 32,
  rightsInheriting: 40,
  fdflags: 48,
  fdflagsext: 50,
  size: 56,
} as const;
export const SIGNAL_DISPOSITION = { signal: 0, disposition: 1, size: 2 } as const;

export const OptionTag = { NONE: 0, SOME: 1 } as const;
export const JoinFlags = { NON_BLOCKING: 1, WAKE_STOPPED: 2 } as const;
export const JoinStatus = { NOTHING: 0, EXIT_NORMAL: 1, EXIT_SIGNAL: 2, STOPPED: 3 } as const;
export const StdioMode = { PIPED: 0, INHERIT: 1, NULL: 2, LOG: 3 } as const;
export const SpawnFdCommand = { CLOSE: 0, DUP2: 1, OPEN: 2, CHDIR: 3, FCHDIR: 4 } as const;
export const SignalDisposition = { DEFAULT: 0, IGNORE: 1 } as const;
export const FdFlagsExt = { CLOEXEC: 1 } as const;
export const EventFlags = { SEMAPHORE: 1 } as const;
export const AddressFamily = { UNSPEC: 0, INET4: 1, INET6: 2, UNIX: 3 } as const;
export const SockStatus = { OPENING: 0, OPENED: 1, CLOSED: 2, FAILED: 3 } as const;
/** Those that a pair of sockets can answer. */
export const SockOption = { LAST_ERROR: 11, RECV_BUF_SIZE: 15, SEND_BUF_SIZE: 16, TYPE: 25, PROTO: 26 } as const;
export const SockType = { UNUSED: 0, STREAM: 1, DGRAM: 2, RAW: 3, SEQPACKET: 4 } as const;
export const EpollCtl = { ADD: 0, MOD: 1, DEL: 2 } as const;
export const EpollType = {
  IN: 1,
  OUT: 2,
  RDHUP: 4,
  PRI: 8,
  ERR: 16,
  HUP: 32,
  ET: 64,
  ONESHOT: 128,
} as const;
