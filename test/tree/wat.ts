// Guests of a few lines, as WebAssembly text. Memory: vectors at 0 (one byte at 64), results from 256.

import { assembleWat } from '../../guest/toolchain.ts';

const IMPORTS: Readonly<Record<string, string>> = {
  proc_fork: '"wasix_32v1" "proc_fork" (func $proc_fork (param i32 i32) (result i32))',
  waitpid: '"wvm" "waitpid" (func $waitpid (param i32 i32 i32 i32) (result i32))',
  pipe2: '"wvm" "pipe2" (func $pipe2 (param i32 i32) (result i32))',
  sched_setscheduler: '"wvm" "sched_setscheduler" (func $sched_setscheduler (param i32 i32 i32) (result i32))',
  setpriority: '"wvm" "setpriority" (func $setpriority (param i32 i32 i32) (result i32))',
  kill: '"wvm" "kill" (func $kill (param i32 i32) (result i32))',
  snapshot: '"wvm" "snapshot" (func $snapshot (result i32))',
  thread_spawn: '"wasi" "thread-spawn" (func $thread_spawn (param i32) (result i32))',
  fd_read: '"wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32))',
  fd_write: '"wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32))',
  fd_dup: '"wasix_32v1" "fd_dup" (func $fd_dup (param i32 i32) (result i32))',
  path_open:
    '"wasi_snapshot_preview1" "path_open" (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32))',
  random_get: '"wasi_snapshot_preview1" "random_get" (func $random_get (param i32 i32) (result i32))',
  fd_close: '"wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32))',
  poll_oneoff: '"wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32))',
  proc_exit: '"wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32))',
};

export interface WatGuest {
  readonly calls: readonly (keyof typeof IMPORTS)[];
  /** Of _start; there are locals $i and $j. */
  readonly main: string;
  readonly rest?: string;
  /** Pages of 64 KiB; shared memory is imported, as threads have it. */
  readonly pageCount?: number;
  readonly isShared?: boolean;
}

/** `$check` ends the process with the errno that is not 0; `$get` and `$put` move a byte through a descriptor. */
export function assemble({ calls, main, rest = '', pageCount = 1, isShared = false }: WatGuest): Promise<Uint8Array> {
  const all = new Set([...calls, 'proc_exit', 'fd_read', 'fd_write']);
  const memory = isShared
    ? `(import "env" "memory" (memory $memory ${pageCount} ${pageCount} shared)) (export "memory" (memory $memory))`
    : `(memory (export "memory") ${pageCount})`;
  const text = `(module
    ${[...all].map((name) => `(import ${IMPORTS[name]})`).join('\n')}
    ${memory}
    (data (i32.const 0) "\\40\\00\\00\\00\\01\\00\\00\\00")
    (func $check (param $errno i32) (if (local.get $errno) (then (call $proc_exit (local.get $errno)))))
    (func $get (param $fd i32) (result i32)
      (call $check (call $fd_read (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 40)))
      (i32.load (i32.const 40)))
    (func $put (param $fd i32)
      (call $check (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 40))))
    ${rest}
    (func (export "_start") (local $i i32) (local $j i32) ${main}))`;
  return assembleWat('guest.wat', text);
}

/** `body`, so many times; $i counts down. */
export function times(count: number, body: string): string {
  return `(local.set $i (i32.const ${count}))
    (loop $again${count} ${body}
      (br_if $again${count} (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))`;
}

/** A fork; `child` must end the process. The pid is at 32. */
export function fork(child: string): string {
  return `(call $check (call $proc_fork (i32.const 1) (i32.const 32)))
    (if (i32.eqz (i32.load (i32.const 32))) (then ${child} (call $proc_exit (i32.const 0))))`;
}

/** A pipe whose ends are at `addr` and the next word. */
export const pipe = (addr: number): string => `(call $check (call $pipe2 (i32.const 0) (i32.const ${addr})))`;
export const close = (addr: number): string => `(call $check (call $fd_close (i32.load (i32.const ${addr}))))`;
export const get = (addr: number): string => `(call $get (i32.load (i32.const ${addr})))`;
export const put = (addr: number): string => `(call $put (i32.load (i32.const ${addr})))`;
