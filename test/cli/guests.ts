// Small guests for the tests of the command line, made of text: what they do is seen where they are used.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toBinaryModule } from '../../runtime/host/programs/read-module.ts';
import { assembleText } from '../conformance/assembler.ts';

const types = {
  fd_write: '(param i32 i32 i32 i32) (result i32)',
  fd_read: '(param i32 i32 i32 i32) (result i32)',
  proc_exit: '(param i32)',
  args_get: '(param i32 i32) (result i32)',
  args_sizes_get: '(param i32 i32) (result i32)',
  environ_get: '(param i32 i32) (result i32)',
  environ_sizes_get: '(param i32 i32) (result i32)',
  path_open: '(param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)',
  random_get: '(param i32 i32) (result i32)',
  /** Of wvm; the others are of WASI. */
  snapshot: '(result i32)',
} as const;
type Imported = keyof typeof types;

/** A module with these imports, one page of memory and a function $print that writes `size` bytes at `addr` to `fd`. */
function moduleText(names: readonly Imported[], body: string): string {
  const list = [...new Set<Imported>([...names, 'fd_write', 'proc_exit'])].map((name) => {
    const module = name === 'snapshot' ? 'wvm' : 'wasi_snapshot_preview1';
    return `(import "${module}" "${name}" (func $${name} ${types[name]}))`;
  });
  return `(module
  ${list.join('\n  ')}
  (memory (export "memory") 1)
  (func $print (param $fd i32) (param $addr i32) (param $size i32)
    (i32.store (i32.const 0) (local.get $addr)) (i32.store (i32.const 4) (local.get $size))
    (if (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8)) (then (call $proc_exit (i32.const 99)))))
  ${body})`;
}

/** Prints the numbers from 0 below `limit` by their last three digits; `afterEach`, which calls `names`, is done after each of them. */
function countingText(limit: number, names: readonly Imported[] = [], afterEach = ''): string {
  return moduleText(
    names,
    `(func $work (param $n i32)
      (loop $again (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func $digit (param $addr i32) (param $n i32)
      (i32.store8 (local.get $addr) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10)))))
    (func $main (export "_start") (local $i i32)
      (i32.store8 (i32.const 67) (i32.const 10))
      (loop $next
        (call $work (i32.const 5000000))
        (call $digit (i32.const 64) (i32.div_u (local.get $i) (i32.const 100)))
        (call $digit (i32.const 65) (i32.div_u (local.get $i) (i32.const 10)))
        (call $digit (i32.const 66) (local.get $i))
        (call $print (i32.const 1) (i32.const 64) (i32.const 4))
        ${afterEach}
        (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const ${limit}))))
      (call $proc_exit (i32.const 7)))`,
  );
}

export const guestTexts = {
  /** Prints 200 numbers, working some milliseconds for each, and exits with code 7. */
  count: countingText(200),
  /** The same with 600 of them. */
  countLong: countingText(600),
  /** The same with so many that it has to be ended. */
  countOn: countingText(1_000_000_000),
  /** The same, and it asks for a snapshot after each number. */
  countAndSave: countingText(1_000_000_000, ['snapshot'], '(drop (call $snapshot))'),
  /** Works until somebody ends it. */
  endless: moduleText([], '(func $main (export "_start") (loop $l (br $l)))'),
  /** Copies stdin to stdout. */
  cat: moduleText(
    ['fd_read'],
    `(func (export "_start")
      (loop $next
        (i32.store (i32.const 16) (i32.const 1024)) (i32.store (i32.const 20) (i32.const 4096))
        (if (call $fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 24)) (then (call $proc_exit (i32.const 98))))
        (if (i32.load (i32.const 24))
          (then (call $print (i32.const 1) (i32.const 1024) (i32.load (i32.const 24))) (br $next)))))`,
  ),
  /** Prints "out" to stdout and "err" to stderr and exits with 5. */
  hello: moduleText(
    [],
    `(data (i32.const 64) "outerr")
    (func (export "_start")
      (call $print (i32.const 1) (i32.const 64) (i32.const 3))
      (call $print (i32.const 2) (i32.const 67) (i32.const 3))
      (call $proc_exit (i32.const 5)))`,
  ),
  /** Prints "?", then what it can read at once from stdin. */
  prompt: moduleText(
    ['fd_read'],
    `(data (i32.const 64) "?")
    (func (export "_start")
      (call $print (i32.const 1) (i32.const 64) (i32.const 1))
      (i32.store (i32.const 16) (i32.const 1024)) (i32.store (i32.const 20) (i32.const 4096))
      (if (call $fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 24)) (then (call $proc_exit (i32.const 98))))
      (call $print (i32.const 1) (i32.const 1024) (i32.load (i32.const 24))))`,
  ),
  /** Prints 200,000 zeros, 1,000 at a time. */
  flood: moduleText(
    [],
    `(func (export "_start") (local $i i32)
      (memory.fill (i32.const 1024) (i32.const 48) (i32.const 1000))
      (loop $next
        (call $print (i32.const 1) (i32.const 1024) (i32.const 1000))
        (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 200)))))`,
  ),
  /** Prints "before" and traps. */
  printTrap: moduleText(
    [],
    `(data (i32.const 64) "before")
    (func (export "_start") (call $print (i32.const 1) (i32.const 64) (i32.const 6)) (unreachable))`,
  ),
  /** Waits for input, and traps in a function of its own. */
  lateTrap: moduleText(
    ['fd_read'],
    `(func $inner (unreachable))
    (func $main (export "_start")
      (i32.store (i32.const 16) (i32.const 1024)) (i32.store (i32.const 20) (i32.const 4096))
      (drop (call $fd_read (i32.const 0) (i32.const 16) (i32.const 1) (i32.const 24)))
      (call $inner))`,
  ),
  /** Traps three functions deep. */
  trap: moduleText(
    [],
    `(func $inner (unreachable)) (func $middle (call $inner)) (func $outer (export "_start") (call $middle))`,
  ),
  /** Prints its arguments, each with a zero at its end. */
  args: moduleText(
    ['args_get', 'args_sizes_get'],
    `(func (export "_start")
      (drop (call $args_sizes_get (i32.const 16) (i32.const 20)))
      (drop (call $args_get (i32.const 1024) (i32.const 8192)))
      (call $print (i32.const 1) (i32.const 8192) (i32.load (i32.const 20))))`,
  ),
  /** Prints its environment, each variable with a zero at its end. */
  environment: moduleText(
    ['environ_get', 'environ_sizes_get'],
    `(func (export "_start")
      (drop (call $environ_sizes_get (i32.const 16) (i32.const 20)))
      (drop (call $environ_get (i32.const 1024) (i32.const 8192)))
      (call $print (i32.const 1) (i32.const 8192) (i32.load (i32.const 20))))`,
  ),
  /** Creates made.txt in its first directory; exits with the errno. */
  create: moduleText(
    ['path_open'],
    `(data (i32.const 64) "made.txt")
    (func (export "_start")
      (call $proc_exit (call $path_open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 8)
        (i32.const 9) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 16))))`,
  ),
  /** Exits with 1 if it cannot have 16 MiB more. */
  grow: moduleText(
    [],
    `(func (export "_start")
      (call $proc_exit (i32.eq (memory.grow (i32.const 256)) (i32.const -1))))`,
  ),
  /** Prints 16 random bytes. */
  random: moduleText(
    ['random_get'],
    `(func (export "_start")
      (drop (call $random_get (i32.const 64) (i32.const 16))) (call $print (i32.const 1) (i32.const 64) (i32.const 16)))`,
  ),
  /** Exits with 300, which is 44 for a host. */
  exit300: moduleText([], '(func (export "_start") (call $proc_exit (i32.const 300)))'),
  /** Asks for a snapshot; prints what it got as a digit, "-" for a refusal. */
  selfSnapshot: moduleText(
    ['snapshot'],
    `(func (export "_start") (local $id i32)
      (local.set $id (call $snapshot))
      (i32.store8 (i32.const 64)
        (select (i32.const 45) (i32.add (i32.const 48) (local.get $id)) (i32.lt_s (local.get $id) (i32.const 0))))
      (call $print (i32.const 1) (i32.const 64) (i32.const 1)))`,
  ),
  /** Calls itself 100,000 deep; exits with 0 if the sum of all depths is right. */
  deep: moduleText(
    [],
    `(func $sum (param $n i32) (result i32)
      (if (result i32) (i32.eqz (local.get $n))
        (then (i32.const 0))
        (else (i32.add (local.get $n) (call $sum (i32.sub (local.get $n) (i32.const 1)))))))
    (func (export "_start")
      (call $proc_exit (i32.ne (call $sum (i32.const 100000)) (i32.const 705082704))))`,
  ),
  /** Has 8 MiB of memory that is not zero, and works until somebody ends it. */
  large: `(module
    (memory (export "memory") 129)
    (func (export "_start") (local $i i32)
      (loop $fill
        (i64.store (local.get $i) (i64.mul (i64.extend_i32_u (local.get $i)) (i64.const 0x9e3779b97f4a7c15)))
        (br_if $fill (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8))) (i32.const 8388608))))
      (loop $l (br $l))))`,
} as const;

/** Guests with garbage-collected objects, which wabt cannot assemble and wvm cannot capture. */
const uncapturableTexts = {
  /** Works until somebody ends it, with no point where it could be stopped. */
  unstoppable: `(module
    (type $box (struct (field i32)))
    (memory (export "memory") 1)
    (func (export "_start") (local $box (ref null $box))
      (local.set $box (struct.new $box (i32.const 1)))
      (loop $l (br $l))))`,
} as const;

export type GuestName = keyof typeof guestTexts | keyof typeof uncapturableTexts;

/** Writes every guest as NAME.wasm. */
export async function writeGuests(directory: string): Promise<void> {
  for (const [name, text] of Object.entries(guestTexts)) {
    const bytes = await toBinaryModule(new TextEncoder().encode(text), name);
    writeFileSync(join(directory, `${name}.wasm`), bytes);
  }
  for (const [name, text] of Object.entries(uncapturableTexts)) {
    writeFileSync(join(directory, `${name}.wasm`), await assembleText(text));
  }
}
