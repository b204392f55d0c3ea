// Programs of shapes that no compiler of good taste produces and some compiler will: thousands of call sites in one
// function, thousands of locals, tables of ten thousand targets, a thousand levels of nesting. Each is generated as WAT,
// runs in milliseconds on plain V8 and prints one number that is computed here as well.
//
// Where V8 has a limit (50,000 locals, 1,000 parameters, 1,000 results) the shape goes to the limit of what a host may
// be given, less what an instrumenter needs: nothing above it could run after being instrumented anywhere.

import type { ByteWriter } from '../../runtime/base/bytes.ts';

export interface Shape {
  name: string;
  /** A module with _start. */
  text: () => string;
  /** Writes the body of $shape (locals and code) when it nests too deep for text; the text then says `hollow`. */
  body?: (writer: ByteWriter) => void;
  /** All that it prints. */
  stdout: string;
}

/** Indexes in a module that holds report.wat and then $shape; two imports come first. */
export const FunctionIndex = { work: 6, i32: 7, i64: 8, shape: 11 } as const;
export const IMPORT_COUNT = 2;

const U64 = (1n << 64n) - 1n;

/** The line that $say prints for a value. */
const printed = (value: bigint): string => `${(value & U64).toString(16).padStart(16, '0')}\n`;

const repeat = (count: number, piece: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => piece(index)).join('\n');

const module = (...parts: string[]): string =>
  `(module\n  ;; include report.wat\n${parts.join('\n')}\n  (func (export "_start") (call $say (call $shape))))\n`;

/** What stands for a function whose body is written in bytes. */
const hollow = (): string => module('(func $shape (result i64) unreachable)');

const VOID = 0x40;
const I64 = 0x7e;

const Op = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  brIf: 0x0d,
  brTable: 0x0e,
  call: 0x10,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  i32Const: 0x41,
  i64Const: 0x42,
  i32Eq: 0x46,
  i32LtU: 0x49,
  i32Add: 0x6a,
  i32Mul: 0x6c,
  i32RemU: 0x70,
  i64Add: 0x7c,
} as const;

/** Writes bytes as they are: opcodes, types, and immediates below 64, which are one byte in every LEB128. */
function emit(writer: ByteWriter, ...bytes: readonly number[]): void {
  for (const byte of bytes) writer.u8(byte);
}

/** Declares two locals, an i32 and an i64, and gives their indexes. */
function locals(writer: ByteWriter): [n: number, sum: number] {
  emit(writer, 2, 1, 0x7f, 1, I64);
  return [0, 1];
}

const triangle = (count: number): bigint => (BigInt(count) * BigInt(count - 1)) / 2n;

/** One function with `sites` calls and `live` locals that live from its first line to its last. */
function manySites(sites: number, live: number): Shape {
  return {
    name: `${sites} call sites, ${live} live locals`,
    text: () =>
      module(
        `(func $shape (result i64) (local $sum i64) ${repeat(live, (i) => `(local $v${i} i64)`)}`,
        repeat(live, (i) => `(local.set $v${i} (call $i64 (i64.const ${i})))`),
        repeat(sites, (i) => `(local.set $sum (i64.add (local.get $sum) (call $i64 (i64.const ${i}))))`),
        repeat(live, (i) => `(local.set $sum (i64.add (local.get $sum) (local.get $v${i})))`),
        '(local.get $sum))',
      ),
    stdout: printed(triangle(sites) + triangle(live)),
  };
}

/** Locals of all number types, of which few are used; a loop with a call in it. */
function manyLocals(count: number): Shape {
  const types = ['i32', 'f64', 'i64', 'f32'];
  return {
    name: `${count} locals`,
    text: () =>
      module(
        `(func $shape (result i64) (local $n i32) (local $sum i64)`,
        repeat(count - 2, (i) => `(local ${types[(i >> 4) % 4]})`),
        `(local.set $n (i32.const 40))
        (loop $next
          (local.set 20 (f64.add (local.get 20) (f64.const 1.5)))
          (local.set $sum (i64.add (local.get $sum) (call $i64 (i64.trunc_f64_s (local.get 20)))))
          (br_if $next (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
        (local.get $sum))`,
      ),
    stdout: printed(Array.from({ length: 40 }, (_, i) => BigInt(Math.trunc((i + 1) * 1.5))).reduce((a, b) => a + b)),
  };
}

/** A br_table of `entries` targets among `depth` nested blocks, dispatched 50 times in a loop. */
function wideTable(entries: number, depth: number): Shape {
  const target = (index: number): number => (index * 7) % depth;
  const picks = Array.from({ length: 50 }, (_, i) => (i * 211) % (entries + 100));
  return {
    name: `br_table of ${entries} entries, ${depth} targets`,
    text: hollow,
    body: (writer) => {
      const [n, sum] = locals(writer);
      emit(writer, Op.loop, VOID);
      for (let i = 0; i < depth; i++) emit(writer, Op.block, VOID);
      emit(writer, Op.localGet, n, Op.i32Const);
      writer.s32(211);
      emit(writer, Op.i32Mul, Op.i32Const);
      writer.s32(entries + 100);
      emit(writer, Op.i32RemU, Op.call, FunctionIndex.i32, Op.brTable);
      writer.u32(entries);
      for (let i = 0; i < entries; i++) writer.u32(target(i));
      writer.u32(depth - 1);
      for (let i = 0; i < depth; i++) {
        emit(writer, Op.end, Op.localGet, sum, Op.i64Const);
        writer.s32(i);
        emit(writer, Op.call, FunctionIndex.i64, Op.i64Add, Op.localSet, sum);
      }
      emit(writer, Op.localGet, n, Op.i32Const, 1, Op.i32Add, Op.localTee, n, Op.i32Const, 50, Op.i32LtU, Op.brIf, 0);
      emit(writer, Op.end, Op.localGet, sum, Op.end);
    },
    // A branch to block n runs the additions after it and after all blocks around it.
    stdout: printed(
      picks
        .map((pick) => triangle(depth) - triangle(pick < entries ? target(pick) : depth - 1))
        .reduce((a, b) => a + b, 0n),
    ),
  };
}

/** Nested blocks, each with an operand below it; safe points in the innermost and after each. */
function deepBlocks(depth: number): Shape {
  return {
    name: `${depth} nested blocks with operands`,
    text: hollow,
    body: (writer) => {
      locals(writer);
      for (let i = 0; i < depth; i++) {
        emit(writer, Op.i64Const);
        writer.s32(i);
        emit(writer, Op.block, I64);
      }
      emit(writer, Op.i64Const, 1, Op.call, FunctionIndex.i64);
      for (let i = 0; i < depth; i++) emit(writer, Op.end, Op.call, FunctionIndex.i64, Op.i64Add);
      emit(writer, Op.end);
    },
    stdout: printed(triangle(depth) + 1n),
  };
}

/** Nested loops; the innermost starts some of the outer ones over again in turn. */
function deepLoops(depth: number): Shape {
  const restarted = Array.from({ length: 10 }, (_, i) => i * 50);
  return {
    name: `${depth} nested loops`,
    text: hollow,
    body: (writer) => {
      const [n, sum] = locals(writer);
      for (let i = 0; i < depth; i++) {
        emit(writer, Op.loop, VOID, Op.localGet, sum, Op.i64Const, 1, Op.i64Add, Op.localSet, sum);
      }
      emit(writer, Op.i32Const, 1, Op.call, FunctionIndex.work);
      emit(writer, Op.localGet, n, Op.i32Const, 1, Op.i32Add, Op.localSet, n);
      for (const [i, label] of restarted.entries()) {
        emit(writer, Op.localGet, n, Op.i32Const, i + 1, Op.i32Eq, Op.brIf);
        writer.u32(label);
      }
      for (let i = 0; i < depth; i++) emit(writer, Op.end);
      emit(writer, Op.localGet, sum, Op.end);
    },
    stdout: printed(restarted.reduce((sum, label) => sum + BigInt(label + 1), BigInt(depth))),
  };
}

/** Nested ifs with results; both arms hold safe points, the else arm goes on. */
function deepIfs(depth: number): Shape {
  return {
    name: `${depth} nested ifs`,
    text: hollow,
    body: (writer) => {
      locals(writer);
      for (let i = 0; i < depth; i++) {
        emit(writer, Op.i32Const, 0, Op.call, FunctionIndex.i32, Op.if, I64, Op.i64Const);
        writer.s32(i);
        emit(writer, Op.call, FunctionIndex.i64, Op.else, Op.i64Const, 3);
      }
      emit(writer, Op.i64Const, 5, Op.call, FunctionIndex.i64);
      for (let i = 0; i < depth; i++) emit(writer, Op.i64Add, Op.end);
      emit(writer, Op.end);
    },
    stdout: printed(3n * BigInt(depth) + 5n),
  };
}

/** Operands piled up below one call after the other. */
function deepOperands(count: number): Shape {
  return {
    name: `${count} operands below a call`,
    text: () =>
      module(
        '(func $shape (result i64)',
        repeat(count, (i) => `(call $i64 (i64.const ${i}))`),
        '(call $work (i32.const 3))',
        repeat(count - 1, () => 'i64.add'),
        ')',
      ),
    stdout: printed(triangle(count)),
  };
}

/** Functions in a tree of calls, every second one reached through a table. */
function manyFunctions(count: number): Shape {
  const weigh = (index: number): bigint =>
    2 * index + 2 >= count ? BigInt(index) : BigInt(index) + weigh(2 * index + 1) + weigh(2 * index + 2);
  return {
    name: `${count} functions`,
    text: () =>
      module(
        `(table funcref (elem ${repeat(count, (i) => `$g${i}`)}))`,
        repeat(count, (i) =>
          2 * i + 2 >= count
            ? `(func $g${i} (result i64) ${i % 64 === 0 ? `(call $i64 (i64.const ${i}))` : `(i64.const ${i})`})`
            : `(func $g${i} (result i64)
                (i64.add (i64.const ${i})
                  (i64.add (call $g${2 * i + 1}) (call_indirect (result i64) (i32.const ${2 * i + 2})))))`,
        ),
        '(func $shape (result i64) (call $g0))',
      ),
    stdout: printed(weigh(0)),
  };
}

/** Parameters and results by the hundred, with a safe point while all of them are on the operand stack. */
function wideSignature(count: number): Shape {
  const types = repeat(count, () => 'i64');
  return {
    name: `${count} parameters and results`,
    text: () =>
      module(
        `(func $wide (param ${types}) (result ${types})
          (call $work (i32.const 2))`,
        repeat(count, (i) => `(i64.add (local.get ${i}) (i64.const 2))`),
        `(call $work (i32.const 2)))
        (func $shape (result i64)`,
        repeat(count, (i) => `(i64.const ${i})`),
        'call $wide (call $work (i32.const 2)) call $wide',
        repeat(count - 1, () => 'i64.add'),
        ')',
      ),
    stdout: printed(triangle(count) + 4n * BigInt(count)),
  };
}

export const shapes: readonly Shape[] = [
  manySites(5_000, 4),
  manySites(1_500, 150),
  manySites(200, 2_000),
  manyLocals(5_000),
  manyLocals(49_900),
  wideTable(10_000, 16),
  wideTable(10_000, 500),
  deepBlocks(1_000),
  deepLoops(460),
  deepLoops(1_000),
  deepIfs(1_000),
  deepOperands(1_000),
  manyFunctions(10_000),
  wideSignature(500),
];
