// Processes, pipes, signals, futexes and snapshots for AssemblyScript, over the imports of wvm-imports.ts. What returns an i32
// returns minus an errno of WASI when it fails.
//
// A program that calls onSignal exports the handlers' entry: `export { __wvm_signal } from './wvm';`. A handler may run in the
// middle of an allocation, so it must not allocate: it notes what happened, in variables.
import {
  wasix_chdir,
  wasix_fd_dup2,
  wasix_fd_pipe,
  wasix_getcwd,
  wasix_proc_fork,
  wasix_proc_id,
  wasix_proc_parent,
  wvm_exec,
  wvm_futex,
  wvm_kill,
  wvm_setitimer,
  wvm_sigaction,
  wvm_snapshot,
  wvm_spawn,
  wvm_waitpid,
} from './wvm-imports';

@external("wasi_snapshot_preview1", "fd_read")
declare function fd_read(fd: i32, iovecs: usize, count: i32, size: usize): i32;
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: i32, iovecs: usize, count: i32, size: usize): i32;
@external("wasi_snapshot_preview1", "fd_close")
declare function fd_close(fd: i32): i32;
@external("wasi_snapshot_preview1", "proc_exit")
declare function proc_exit(code: i32): void;

/** Results of the call in progress; nothing is kept in them. */
const results: usize = memory.data(32, 8);

function first(error: i32): i32 {
  return error == 0 ? load<i32>(results) : -error;
}

// ---- Processes ----

/** The child's pid in the parent, 0 in the child. */
export function fork(): i32 {
  return first(wasix_proc_fork(1, results));
}

export function exit(code: i32): void {
  proc_exit(code);
}

export function getpid(): i32 {
  return first(wasix_proc_id(results));
}

export function getppid(): i32 {
  return first(wasix_proc_parent(getpid(), results));
}

/** C's array of strings: addresses of what `texts` keeps alive, and a 0. */
function addresses(texts: ArrayBuffer[]): StaticArray<usize> {
  const list = new StaticArray<usize>(texts.length + 1);
  for (let i = 0; i < texts.length; i++) list[i] = changetype<usize>(texts[i]);
  return list;
}

function encoded(strings: string[]): ArrayBuffer[] {
  const texts = new Array<ArrayBuffer>();
  for (let i = 0; i < strings.length; i++) texts.push(String.UTF8.encode(strings[i], true));
  return texts;
}

/** One NUL: directories of PATH. */
const DEFAULT_PATH: usize = memory.data(1);

/** Runs another program in this process, found as the shell finds it; returns only if it cannot. `env`: NAME=value, null: as it is. */
export function exec(name: string, args: string[], env: string[] | null = null): i32 {
  const file = String.UTF8.encode(name);
  const argTexts = encoded(args);
  const envTexts = env ? encoded(env) : [];
  const argv = addresses(argTexts);
  const envp = addresses(envTexts);
  return -wvm_exec(changetype<usize>(file), file.byteLength, changetype<usize>(argv), env ? changetype<usize>(envp) : 0, DEFAULT_PATH);
}

/** Starts another program in a child; its pid. */
export function spawn(name: string, args: string[], env: string[] | null = null): i32 {
  const file = String.UTF8.encode(name);
  const argTexts = encoded(args);
  const envTexts = env ? encoded(env) : [];
  const argv = addresses(argTexts);
  const envp = addresses(envTexts);
  return first(
    wvm_spawn(changetype<usize>(file), file.byteLength, changetype<usize>(argv), env ? changetype<usize>(envp) : 0, DEFAULT_PATH, 0, 0, results),
  );
}

export const WNOHANG: i32 = 1;
export const WUNTRACED: i32 = 2;
export const WCONTINUED: i32 = 8;

/** What a child was found to have done. */
export class Waited {
  constructor(
    /** 0 with WNOHANG and nothing to tell; below 0: minus an errno. */
    public pid: i32,
    public status: i32,
  ) {}
  get hasExited(): bool {
    return (this.status & 0x7f) == 0;
  }
  get exitCode(): i32 {
    return (this.status >> 8) & 0xff;
  }
  /** The signal that ended it; 0 if none did. */
  get signal(): i32 {
    return this.status & 0x7f;
  }
}

/** Waits for a child: `pid`, or any (-1). */
export function waitpid(pid: i32 = -1, options: i32 = 0): Waited {
  store<i32>(results, 0, 4);
  const waited = first(wvm_waitpid(pid, results + 4, options, results));
  return new Waited(waited, load<i32>(results, 4));
}

// ---- Descriptors ----

export class Pipe {
  constructor(
    public readEnd: i32,
    public writeEnd: i32,
  ) {}
}

/** Null if there are no descriptors left. */
export function pipe(): Pipe | null {
  if (wasix_fd_pipe(results, results + 4) != 0) return null;
  return new Pipe(load<i32>(results), load<i32>(results, 4));
}

export function close(fd: i32): i32 {
  return -fd_close(fd);
}

/** Makes `result` another descriptor of the same open file. */
export function dup2(fd: i32, result: i32): i32 {
  if (fd == result) return fd;
  fd_close(result);
  return first(wasix_fd_dup2(fd, result, 0, results));
}

/** Bytes read; 0 at the end. */
export function read(fd: i32, buffer: ArrayBuffer): i32 {
  store<usize>(results, changetype<usize>(buffer), 8);
  store<i32>(results, buffer.byteLength, 12);
  return first(fd_read(fd, results + 8, 1, results));
}

/** Bytes written. */
export function write(fd: i32, buffer: ArrayBuffer): i32 {
  store<usize>(results, changetype<usize>(buffer), 8);
  store<i32>(results, buffer.byteLength, 12);
  return first(fd_write(fd, results + 8, 1, results));
}

export function chdir(path: string): i32 {
  const text = String.UTF8.encode(path);
  return -wasix_chdir(changetype<usize>(text), text.byteLength);
}

/** The working directory; null if it cannot be told. */
export function getcwd(): string | null {
  const buffer = new ArrayBuffer(4096);
  store<i32>(results, buffer.byteLength);
  if (wasix_getcwd(changetype<usize>(buffer), results) != 0) return null;
  return String.UTF8.decodeUnsafe(changetype<usize>(buffer), load<i32>(results), true);
}

// ---- Signals and timers ----

export const SIGHUP: i32 = 1;
export const SIGINT: i32 = 2;
export const SIGKILL: i32 = 9;
export const SIGUSR1: i32 = 10;
export const SIGUSR2: i32 = 12;
export const SIGPIPE: i32 = 13;
export const SIGALRM: i32 = 14;
export const SIGTERM: i32 = 15;
export const SIGCHLD: i32 = 17;
export const SIGCONT: i32 = 18;
export const SIGSTOP: i32 = 19;

const SA_RESTART: i32 = 0x10000000;

export function kill(pid: i32, signal: i32): i32 {
  return -wvm_kill(pid, signal);
}

/** Runs `handler` at each such signal; calls that wait go on afterwards. Numbers below 2 mean default and ignored. */
export function onSignal(signal: i32, handler: (signal: i32) => void): i32 {
  return -wvm_sigaction(signal, handler.index + 1, 0, SA_RESTART, 0);
}

export function ignoreSignal(signal: i32): i32 {
  return -wvm_sigaction(signal, 1, 0, 0, 0);
}

export function defaultSignal(signal: i32): i32 {
  return -wvm_sigaction(signal, 0, 0, 0, 0);
}

/** The kernel's way in; see onSignal. */
export function __wvm_signal(signal: i32, handler: u32, flags: u32, code: i32, pid: i32, value: u32): void {
  call_indirect<void>(handler - 1, signal);
}

/** SIGALRM after a time, once; 0 takes it back. */
export function alarmMs(milliseconds: i64): i32 {
  return -wvm_setitimer(0, milliseconds * 1000000, 0, 0);
}

// ---- Futexes, snapshots ----

/** Waits while the word at `address` is `expected`: 0 when woken, -EAGAIN if it is not, -ETIMEDOUT. */
export function futexWait(address: usize, expected: u32, timeoutNs: i64 = -1): i32 {
  return -wvm_futex(address, 0, expected, timeoutNs, 0, 0, results);
}

/** Threads woken. */
export function futexWake(address: usize, count: i32): i32 {
  return first(wvm_futex(address, 1, count, 0, 0, 0, results));
}

/** Above 0 in the original, 0 in a resumed copy. */
export function snapshot(): i32 {
  return wvm_snapshot();
}
