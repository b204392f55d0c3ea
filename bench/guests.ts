// The guests of the micro figures, as WebAssembly text: each does one thing, so that a figure says what it names.
// Whole programs come from guest/ (programs.ts).

import wabt from 'wabt';

const WASM_PAGE_BYTES = 65536;

/** Assembles the text form. */
export async function assemble(
  name: string,
  text: string,
  features: { readonly threads?: boolean } = {},
): Promise<Uint8Array> {
  const module = (await wabt()).parseWat(`${name}.wat`, text, features);
  try {
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

/** Numbers in a row or column of the matrices of longCall(). */
const MATRIX_SIZE = 64;

/** One call that lasts: `_start` multiplies two 64 x 64 matrices of f64 `productCount` times, in a loop nest of its own. */
export function longCall(productCount: number): string {
  const rowBytes = MATRIX_SIZE * 8;
  const matrixBytes = MATRIX_SIZE * rowBytes;
  const next = (index: string): string => `(local.tee $${index} (i32.add (local.get $${index}) (i32.const 1)))`;
  const again = (label: string, index: string, count: number): string =>
    `(br_if $${label} (i32.lt_u ${next(index)} (i32.const ${count})))`;
  const address = (row: string, column: string): string =>
    `(i32.add (i32.mul (local.get $${row}) (i32.const ${rowBytes})) (i32.shl (local.get $${column}) (i32.const 3)))`;
  return `(module
    (memory (export "memory") 2)
    (func (export "_start") (local $product i32) (local $i i32) (local $j i32) (local $k i32) (local $sum f64)
      (loop $fill
        (f64.store (i32.shl (local.get $i) (i32.const 3)) (f64.convert_i32_u (i32.and (local.get $i) (i32.const 15))))
        ${again('fill', 'i', (2 * matrixBytes) / 8)})
      (loop $products
        (local.set $i (i32.const 0))
        (loop $rows
          (local.set $j (i32.const 0))
          (loop $columns
            (local.set $sum (f64.const 0))
            (local.set $k (i32.const 0))
            (loop $terms
              (local.set $sum (f64.add (local.get $sum) (f64.mul
                (f64.load ${address('i', 'k')})
                (f64.load offset=${matrixBytes} ${address('k', 'j')}))))
              ${again('terms', 'k', MATRIX_SIZE)})
            (f64.store offset=${2 * matrixBytes} ${address('i', 'j')} (local.get $sum))
            ${again('columns', 'j', MATRIX_SIZE)})
          ${again('rows', 'i', MATRIX_SIZE)})
        ${again('products', 'product', productCount)})))`;
}

/**
 * Memory of `memoryBytes`, the last `touchedBytes` of it filled with pseudo-random words; then runs for ever, and says
 * "." on stdout every 16,384 turns (some 20 µs): the first "." after a resume is a sign of life of the guest.
 */
export function memoryHolder(memoryBytes: number, touchedBytes: number): string {
  return `(module
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") ${memoryBytes / WASM_PAGE_BYTES})
    (data (i32.const 0) "\\08\\00\\00\\00\\01\\00\\00\\00.")
    (func (export "_start") (local $at i32) (local $turn i32) (local $x i64)
      (local.set $x (i64.const 88172645463325252))
      (local.set $at (i32.const ${memoryBytes - touchedBytes}))
      (loop $fill
        (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 13))))
        (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 7))))
        (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 17))))
        (i64.store (local.get $at) (i64.or (local.get $x) (i64.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $fill (i32.lt_u (local.get $at) (i32.const ${memoryBytes}))))
      (loop $forever
        (local.set $turn (i32.add (local.get $turn) (i32.const 1)))
        (if (i32.eqz (i32.and (local.get $turn) (i32.const 0x3fff)))
          (then (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))
        (br $forever))))`;
}

/**
 * Memory of `memoryBytes`, all of it filled with pseudo-random words, and "." on stdout; then `roundCount` rounds: one word of
 * every `strideBytes` changes, and `turnCount` turns of work follow. "." again at the end.
 */
export function memoryChanger(memoryBytes: number, strideBytes: number, roundCount: number, turnCount: number): string {
  return `(module
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") ${memoryBytes / WASM_PAGE_BYTES})
    (func $say
      (i32.store (i32.const 0) (i32.const 8)) (i32.store (i32.const 4) (i32.const 1)) (i32.store8 (i32.const 8) (i32.const 46))
      (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))))
    (func (export "_start") (local $at i32) (local $round i32) (local $turn i32) (local $x i64)
      (local.set $x (i64.const 88172645463325252))
      (loop $fill
        (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 13))))
        (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 7))))
        (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 17))))
        (i64.store (local.get $at) (i64.or (local.get $x) (i64.const 1)))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $fill (i32.lt_u (local.get $at) (i32.const ${memoryBytes}))))
      (call $say)
      (loop $rounds
        (local.set $at (i32.const 512))
        (loop $change
          (i64.store (local.get $at) (i64.add (i64.load (local.get $at)) (local.get $x)))
          (local.set $at (i32.add (local.get $at) (i32.const ${strideBytes})))
          (br_if $change (i32.lt_u (local.get $at) (i32.const ${memoryBytes}))))
        (local.set $turn (i32.const ${turnCount}))
        (loop $work
          (local.set $x (i64.mul (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 29))) (i64.const 0x9e3779b97f4a7c15)))
          (br_if $work (local.tee $turn (i32.sub (local.get $turn) (i32.const 1)))))
        (local.set $round (i32.add (local.get $round) (i32.const 1)))
        (br_if $rounds (i32.lt_u (local.get $round) (i32.const ${roundCount}))))
      (call $say)))`;
}

/** Opens "out" in the directory granted first, writes one byte `writeCount` times; exits with the errno of what fails. */
export function oneByteWrites(writeCount: number): string {
  return `(module
    (import "wasi_snapshot_preview1" "path_open"
      (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\\08\\00\\00\\00\\01\\00\\00\\00.")
    (data (i32.const 32) "out")
    (func $check (param $errno i32)
      (if (local.get $errno) (then (call $proc_exit (local.get $errno)))))
    (func (export "_start") (local $left i32) (local $fd i32)
      ;; O_CREAT | O_TRUNC = 9; rights: FD_WRITE = 64
      (call $check (call $path_open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 3) (i32.const 9)
        (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 24)))
      (local.set $fd (i32.load (i32.const 24)))
      (local.set $left (i32.const ${writeCount}))
      (loop $again
        (call $check (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 16)))
        (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))))`;
}

/**
 * `chunkCount` chunks of work in one call of `_start`, "." on stdout after each. A chunk is an inner loop that either
 * computes in place or calls a small function every turn.
 */
export function chunkedLoop(chunkCount: number, turnsPerChunk: number, work: 'in-place' | 'calls'): string {
  const step = `(i32.add (i32.mul (local.get $x) (i32.const 1103515245)) (i32.xor (local.get $i) (i32.const 12345)))`;
  const turn =
    work === 'in-place' ? `(local.set $x ${step})` : '(local.set $x (call $step (local.get $x) (local.get $i)))';
  return `(module
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\\08\\00\\00\\00\\01\\00\\00\\00.")
    (func $step (param $x i32) (param $i i32) (result i32) ${step})
    (func (export "_start") (local $chunk i32) (local $i i32) (local $x i32)
      (loop $chunks
        (local.set $i (i32.const 0))
        (loop $turns
          ${turn}
          (i32.store (i32.and (i32.shl (local.get $i) (i32.const 2)) (i32.const 0xffc)) (local.get $x))
          (br_if $turns (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const ${turnsPerChunk}))))
        (i32.store (i32.const 0) (i32.const 8)) (i32.store (i32.const 4) (i32.const 1))
        (i32.store8 (i32.const 8) (i32.const 46))
        (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
        (br_if $chunks (i32.lt_u (local.tee $chunk (i32.add (local.get $chunk) (i32.const 1)))
          (i32.const ${chunkCount}))))))`;
}

/** The same module with other bytes: a custom section that nobody reads, so that no cache of compiled code knows it. */
export function withUniqueBytes(module: Uint8Array): Uint8Array {
  const name = [...new TextEncoder().encode('unique')];
  const salt = [...crypto.getRandomValues(new Uint8Array(16))];
  const section = Uint8Array.from([0, 1 + name.length + salt.length, name.length, ...name, ...salt]);
  const result = new Uint8Array(module.length + section.length);
  result.set(module);
  result.set(section, module.length);
  return result;
}
