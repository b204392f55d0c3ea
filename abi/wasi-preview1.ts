// WASI preview1 (and its predecessor wasi_unstable, "snapshot 0"): constants, struct layouts and the table of functions
// with their parameters. Source: wasi_snapshot_preview1.witx and wasi_unstable.witx; constants keep their C spelling.
//
// Layouts are tables of byte offsets from the start of the struct, little endian, plus `size`.

import { type FunctionSignature, signature } from './signature.ts';

/** Rights, bit by bit. They fit in 30 bits, so the kernel keeps them as plain numbers. */
export const Rights = {
  FD_DATASYNC: 0x1,
  FD_READ: 0x2,
  FD_SEEK: 0x4,
  FD_FDSTAT_SET_FLAGS: 0x8,
  FD_SYNC: 0x10,
  FD_TELL: 0x20,
  FD_WRITE: 0x40,
  FD_ADVISE: 0x80,
  FD_ALLOCATE: 0x100,
  PATH_CREATE_DIRECTORY: 0x200,
  PATH_CREATE_FILE: 0x400,
  PATH_LINK_SOURCE: 0x800,
  PATH_LINK_TARGET: 0x1000,
  PATH_OPEN: 0x2000,
  FD_READDIR: 0x4000,
  PATH_READLINK: 0x8000,
  PATH_RENAME_SOURCE: 0x10000,
  PATH_RENAME_TARGET: 0x20000,
  PATH_FILESTAT_GET: 0x40000,
  PATH_FILESTAT_SET_SIZE: 0x80000,
  PATH_FILESTAT_SET_TIMES: 0x100000,
  FD_FILESTAT_GET: 0x200000,
  FD_FILESTAT_SET_SIZE: 0x400000,
  FD_FILESTAT_SET_TIMES: 0x800000,
  PATH_SYMLINK: 0x1000000,
  PATH_REMOVE_DIRECTORY: 0x2000000,
  PATH_UNLINK_FILE: 0x4000000,
  POLL_FD_READWRITE: 0x8000000,
  SOCK_SHUTDOWN: 0x10000000,
  SOCK_ACCEPT: 0x20000000,
} as const;

export const ALL_RIGHTS: number = 2 ** 30 - 1;

export const FDFLAGS_APPEND = 1;
export const FDFLAGS_DSYNC = 2;
export const FDFLAGS_NONBLOCK = 4;
export const FDFLAGS_RSYNC = 8;
export const FDFLAGS_SYNC = 16;
export const FDFLAGS_ALL = 31;

export const OFLAGS_CREAT = 1;
export const OFLAGS_DIRECTORY = 2;
export const OFLAGS_EXCL = 4;
export const OFLAGS_TRUNC = 8;
export const OFLAGS_ALL = 15;

export const LOOKUPFLAGS_SYMLINK_FOLLOW = 1;

export const FSTFLAGS_ATIM = 1;
export const FSTFLAGS_ATIM_NOW = 2;
export const FSTFLAGS_MTIM = 4;
export const FSTFLAGS_MTIM_NOW = 8;
export const FSTFLAGS_ALL = 15;

export const WHENCE_SET = 0;
export const WHENCE_CUR = 1;
export const WHENCE_END = 2;

export const CLOCKID_REALTIME = 0;
export const CLOCKID_MONOTONIC = 1;
export const CLOCKID_PROCESS_CPUTIME_ID = 2;
export const CLOCKID_THREAD_CPUTIME_ID = 3;

export const SUBCLOCKFLAGS_SUBSCRIPTION_CLOCK_ABSTIME = 1;

export const EVENTTYPE_CLOCK = 0;
export const EVENTTYPE_FD_READ = 1;
export const EVENTTYPE_FD_WRITE = 2;

export const EVENTRWFLAGS_FD_READWRITE_HANGUP = 1;

/** Advice values run from NORMAL (0) to NOREUSE (5). */
export const ADVICE_LAST = 5;

export const PREOPENTYPE_DIR = 0;

export const RIFLAGS_RECV_PEEK = 1;
export const RIFLAGS_RECV_WAITALL = 2;

export const SDFLAGS_RD = 1;
export const SDFLAGS_WR = 2;

/** WASI's filetype; kinds of file that it cannot name (pipes) are UNKNOWN. */
export const Filetype = {
  UNKNOWN: 0,
  BLOCK_DEVICE: 1,
  CHARACTER_DEVICE: 2,
  DIRECTORY: 3,
  REGULAR_FILE: 4,
  SOCKET_DGRAM: 5,
  SOCKET_STREAM: 6,
  SYMBOLIC_LINK: 7,
} as const;

/** WASI signal numbers run without Linux's SIGSTKFLT (16), so from SIGCHLD on they are one lower than Linux's. */
export const WASI_SIGNAL_LAST = 30;
export const WASI_SIGCHLD = 16;

export const IOVEC = { buf: 0, len: 4, size: 8 } as const;
export const PRESTAT = { tag: 0, nameLen: 4, size: 8 } as const;
export const FDSTAT = { filetype: 0, flags: 2, rightsBase: 8, rightsInheriting: 16, size: 24 } as const;
export const DIRENT = { next: 0, ino: 8, nameLen: 16, type: 20, size: 24 } as const;
export const EVENT = { userdata: 0, error: 8, type: 10, bytes: 16, flags: 24, size: 32 } as const;

export interface FilestatLayout {
  readonly dev: number;
  readonly ino: number;
  readonly filetype: number;
  readonly nlink: number;
  /** Bytes of the link count: 8, in snapshot 0 it is 4. */
  readonly nlinkSize: 4 | 8;
  readonly bytes: number;
  readonly atim: number;
  readonly mtim: number;
  readonly ctim: number;
  readonly size: number;
}
export const FILESTAT: FilestatLayout = {
  dev: 0,
  ino: 8,
  filetype: 16,
  nlink: 24,
  nlinkSize: 8,
  bytes: 32,
  atim: 40,
  mtim: 48,
  ctim: 56,
  size: 64,
};
export const UNSTABLE_FILESTAT: FilestatLayout = {
  dev: 0,
  ino: 8,
  filetype: 16,
  nlink: 20,
  nlinkSize: 4,
  bytes: 24,
  atim: 32,
  mtim: 40,
  ctim: 48,
  size: 56,
};

export interface SubscriptionLayout {
  readonly userdata: number;
  readonly tag: number;
  readonly clockId: number;
  readonly timeout: number;
  readonly flags: number;
  readonly fd: number;
  readonly size: number;
}
export const SUBSCRIPTION: SubscriptionLayout = {
  userdata: 0,
  tag: 8,
  clockId: 16,
  timeout: 24,
  flags: 40,
  fd: 16,
  size: 48,
};
/** Snapshot 0 has a 64-bit identifier before the clock id. */
export const UNSTABLE_SUBSCRIPTION: SubscriptionLayout = {
  userdata: 0,
  tag: 8,
  clockId: 24,
  timeout: 32,
  flags: 48,
  fd: 16,
  size: 56,
};

const PATH = 'path:path path_len:size';

/** The 46 functions of module `wasi_snapshot_preview1`. */
export const WASI_PREVIEW1_FUNCTIONS: Readonly<Record<string, FunctionSignature>> = {
  args_get: signature('argv:out argv_buf:out'),
  args_sizes_get: signature('argc:out-u32 argv_buf_size:out-u32'),
  environ_get: signature('environ:out environ_buf:out'),
  environ_sizes_get: signature('environc:out-u32 environ_buf_size:out-u32'),
  clock_res_get: signature('id:clockid resolution:out-u64'),
  clock_time_get: signature('id:clockid precision:u64 time:out-u64'),
  fd_advise: signature('fd:fd offset:s64 len:s64 advice:u32'),
  fd_allocate: signature('fd:fd offset:s64 len:s64'),
  fd_close: signature('fd:fd'),
  fd_datasync: signature('fd:fd'),
  fd_fdstat_get: signature('fd:fd stat:out'),
  fd_fdstat_set_flags: signature('fd:fd flags:fdflags'),
  fd_fdstat_set_rights: signature('fd:fd rights_base:rights rights_inheriting:rights'),
  fd_filestat_get: signature('fd:fd stat:out'),
  fd_filestat_set_size: signature('fd:fd size:s64'),
  fd_filestat_set_times: signature('fd:fd atim:u64 mtim:u64 flags:fstflags'),
  fd_pread: signature('fd:fd iovs:iovecs iovs_len:size offset:s64 nread:out-u32'),
  fd_prestat_get: signature('fd:fd prestat:out'),
  fd_prestat_dir_name: signature('fd:fd path:out path_len:size'),
  fd_pwrite: signature('fd:fd iovs:ciovecs iovs_len:size offset:s64 nwritten:out-u32'),
  fd_read: signature('fd:fd iovs:iovecs iovs_len:size nread:out-u32'),
  fd_readdir: signature('fd:fd buf:out buf_len:size cookie:u64 bufused:out-u32'),
  fd_renumber: signature('fd:fd to:fd'),
  fd_seek: signature('fd:fd offset:s64 whence:whence newoffset:out-u64'),
  fd_sync: signature('fd:fd'),
  fd_tell: signature('fd:fd offset:out-u64'),
  fd_write: signature('fd:fd iovs:ciovecs iovs_len:size nwritten:out-u32'),
  path_create_directory: signature(`fd:fd ${PATH}`),
  path_filestat_get: signature(`fd:fd flags:lookupflags ${PATH} stat:out`),
  path_filestat_set_times: signature(`fd:fd flags:lookupflags ${PATH} atim:u64 mtim:u64 fst_flags:fstflags`),
  path_link: signature('fd:fd flags:lookupflags old:path old_len:size new_fd:fd new:path new_len:size'),
  path_open: signature(
    `fd:fd dirflags:lookupflags ${PATH} oflags:oflags rights_base:rights rights_inheriting:rights fdflags:fdflags opened:out-u32`,
  ),
  path_readlink: signature(`fd:fd ${PATH} buf:out buf_len:size bufused:out-u32`),
  path_remove_directory: signature(`fd:fd ${PATH}`),
  path_rename: signature('fd:fd old:path old_len:size new_fd:fd new:path new_len:size'),
  path_symlink: signature('old:path old_len:size fd:fd new:path new_len:size'),
  path_unlink_file: signature(`fd:fd ${PATH}`),
  poll_oneoff: signature('in:out out:out nsubscriptions:size nevents:out-u32'),
  proc_exit: signature('rval:u32', []),
  proc_raise: signature('sig:u32'),
  random_get: signature('buf:out buf_len:size'),
  sched_yield: signature(''),
  sock_accept: signature('fd:fd flags:fdflags result:out-u32'),
  sock_recv: signature('fd:fd ri_data:iovecs ri_data_len:size ri_flags:u32 ro_datalen:out-u32 ro_flags:out'),
  sock_send: signature('fd:fd si_data:ciovecs si_data_len:size si_flags:u32 so_datalen:out-u32'),
  sock_shutdown: signature('fd:fd how:u32'),
};

/** The 45 functions of module `wasi_unstable`: the same signatures, without sock_accept; some layouts differ. */
export const WASI_UNSTABLE_FUNCTIONS: Readonly<Record<string, FunctionSignature>> = Object.fromEntries(
  Object.entries(WASI_PREVIEW1_FUNCTIONS).filter(([name]) => name !== 'sock_accept'),
);
