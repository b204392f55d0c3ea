// The guests of the tree figures, as WebAssembly text: forks, pipes between two processes, threads at a futex.

const WASM_PAGE_BYTES = 65536;

/** Calls that answer an errno; another than 0 ends the program with it. */
const CHECK = `(func $check (param $errno i32)
  (if (local.get $errno) (then (call $proc_exit (local.get $errno)))))`;

const IMPORTS = `
  (import "wasix_32v1" "proc_fork" (func $proc_fork (param i32 i32) (result i32)))
  (import "wvm" "waitpid" (func $waitpid (param i32 i32 i32 i32) (result i32)))
  (import "wvm" "pipe2" (func $pipe2 (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))`;

/** Touches `memoryBytes`, then forks `forkCount` children, one after the other; each ends at once and is waited for. */
export function forks(memoryBytes: number, forkCount: number): string {
  return `(module ${IMPORTS}
    (memory (export "memory") ${memoryBytes / WASM_PAGE_BYTES})
    ${CHECK}
    (func (export "_start") (local $at i32) (local $left i32)
      (local.set $at (i32.const 64))
      (loop $fill
        (i32.store (local.get $at) (local.get $at))
        (br_if $fill (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 64))) (i32.const ${memoryBytes}))))
      (local.set $left (i32.const ${forkCount}))
      (loop $again
        (call $check (call $proc_fork (i32.const 1) (i32.const 8)))
        (if (i32.eqz (i32.load (i32.const 8))) (then (call $proc_exit (i32.const 0))))
        (call $check (call $waitpid (i32.const -1) (i32.const 12) (i32.const 0) (i32.const 16)))
        (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))`;
}

/** Two processes that hand one byte to and fro through two pipes, `roundTrips` times: two switches each. */
export function pingPong(roundTrips: number): string {
  // Vectors at 0 (one byte at 64); pipe to the child at 16, back at 24; results at 40.
  const transfer = (call: string, end: number): string =>
    `(call $check (call ${call} (i32.load (i32.const ${end})) (i32.const 0) (i32.const 1) (i32.const 40)))`;
  const loop = (body: string): string => `
      (local.set $left (i32.const ${roundTrips}))
      (loop $again ${body}
        (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))`;
  return `(module ${IMPORTS}
    (memory (export "memory") 1)
    (data (i32.const 0) "\\40\\00\\00\\00\\01\\00\\00\\00")
    ${CHECK}
    (func (export "_start") (local $left i32)
      (call $check (call $pipe2 (i32.const 0) (i32.const 16)))
      (call $check (call $pipe2 (i32.const 0) (i32.const 24)))
      (call $check (call $proc_fork (i32.const 1) (i32.const 32)))
      (if (i32.eqz (i32.load (i32.const 32)))
        (then ${loop(transfer('$fd_read', 16) + transfer('$fd_write', 28))}
          (call $proc_exit (i32.const 0))))
      ${loop(transfer('$fd_write', 20) + transfer('$fd_read', 24))}))`;
}

/** One process writes `chunkCount` chunks of 64 KiB into a pipe, the other reads them. */
export function pipeStream(chunkCount: number): string {
  return `(module ${IMPORTS}
    (memory (export "memory") 3)
    (data (i32.const 0) "\\00\\00\\01\\00\\00\\00\\01\\00")
    ${CHECK}
    (func (export "_start") (local $left i32)
      (call $check (call $pipe2 (i32.const 0) (i32.const 16)))
      (call $check (call $proc_fork (i32.const 1) (i32.const 32)))
      (if (i32.eqz (i32.load (i32.const 32)))
        (then
          (local.set $left (i32.const ${chunkCount}))
          (loop $write
            (call $check (call $fd_write (i32.load (i32.const 20)) (i32.const 0) (i32.const 1) (i32.const 40)))
            (br_if $write (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
          (call $proc_exit (i32.const 0))))
      (local.set $left (i32.const ${chunkCount * 65536}))
      (loop $read
        (call $check (call $fd_read (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 40)))
        (br_if $read (local.tee $left (i32.sub (local.get $left) (i32.load (i32.const 40))))))))`;
}

/** Two threads that wake each other through two futexes, `wakes` times each. */
export function futexPingPong(wakes: number): string {
  // Whose turn it is at 64: each waits for its number, then hands on.
  const turns = (mine: number, other: number): string => `
      (local.set $left (i32.const ${wakes}))
      (loop $again
        (block $mine
          (loop $wait
            (br_if $mine (i32.eq (i32.atomic.load (i32.const 64)) (i32.const ${mine})))
            (drop (memory.atomic.wait32 (i32.const 64) (i32.const ${other}) (i64.const -1)))
            (br $wait)))
        (i32.atomic.store (i32.const 64) (i32.const ${other}))
        (drop (memory.atomic.notify (i32.const 64) (i32.const 1)))
        (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))`;
  return `(module
    (import "wasi" "thread-spawn" (func $thread_spawn (param i32) (result i32)))
    (import "env" "memory" (memory 1 1 shared))
    (func (export "wasi_thread_start") (param $tid i32) (param $argument i32) (local $left i32) ${turns(1, 0)})
    (func (export "_start") (local $left i32)
      (if (i32.lt_s (call $thread_spawn (i32.const 0)) (i32.const 1)) (then (unreachable)))
      ${turns(0, 1)}))`;
}

/** Forks `childCount` children that wait on an empty pipe for ever, then says "." again and again, and waits in between. */
export function family(childCount: number): string {
  return `(module ${IMPORTS}
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\\40\\00\\00\\00\\01\\00\\00\\00")
    (data (i32.const 64) ".")
    (data (i32.const 136) "\\00")
    ${CHECK}
    (func (export "_start") (local $left i32)
      (call $check (call $pipe2 (i32.const 0) (i32.const 16)))
      (local.set $left (i32.const ${childCount}))
      (loop $again
        (call $check (call $proc_fork (i32.const 1) (i32.const 32)))
        (if (i32.eqz (i32.load (i32.const 32)))
          (then (call $check (call $fd_read (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 40)))))
        (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      ;; A subscription to the monotonic clock at 128: one millisecond.
      (i32.store (i32.const 144) (i32.const 1))
      (i64.store (i32.const 152) (i64.const 1000000))
      (loop $forever
        (call $check (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 40)))
        (call $check (call $poll_oneoff (i32.const 128) (i32.const 192) (i32.const 1) (i32.const 40)))
        (br $forever))))`;
}
