// The conformance harness itself: it must tell a right answer from a wrong one, down to the bits.
import { describe, expect, test } from 'vitest';
import { findExpectedFailure } from '../conformance/expected-failures.ts';
import { InstrumentedExecutor } from '../conformance/instrumented-executor.ts';
import { parseFloatBits, parseIntegerBits } from '../conformance/literal.ts';
import { PlainExecutor } from '../conformance/plain-executor.ts';
import { runScript } from '../conformance/run-script.ts';
import { readNodes } from '../conformance/sexpr.ts';
import { SnapshotExecutor } from '../conformance/snapshot-executor.ts';
import { readWast } from '../conformance/wast-script.ts';

const SCRIPT = `
  (module
    (func (export "f32") (param f32) (result f32) (local.get 0))
    (func (export "vector") (result v128) (v128.const f32x4 nan:0x200001 -0 1 2))
    (func (export "sum") (param i32) (result i32) (local i32)
      (loop $again
        (local.set 1 (i32.add (local.get 1) (local.get 0)))
        (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
      (local.get 1))
    (func (export "divide") (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0))))`;

const RIGHT = `
  (assert_return (invoke "f32" (f32.const nan:0x200001)) (f32.const nan:0x200001))
  (assert_return (invoke "f32" (f32.const nan)) (f32.const nan:canonical))
  (assert_return (invoke "vector") (v128.const i32x4 0x7fa00001 0x80000000 0x3f800000 0x40000000))
  (assert_return (invoke "sum" (i32.const 100)) (i32.const 5050))
  (assert_trap (invoke "divide" (i32.const 0)) "integer divide by zero")
  (assert_invalid (module (func (result i32))) "type mismatch")
  (assert_malformed (module quote "(func (result i33))") "unknown type")
  (assert_unlinkable (module (import "spectest" "print_i32" (func (param f32)))) "incompatible import type")`;

const WRONG = `
  (assert_return (invoke "f32" (f32.const nan:0x200001)) (f32.const nan:0x200002))
  (assert_return (invoke "f32" (f32.const nan:0x200001)) (f32.const nan:canonical))
  (assert_return (invoke "f32" (f32.const -0)) (f32.const 0))
  (assert_return (invoke "vector") (v128.const i32x4 0x7fe00001 0x80000000 0x3f800000 0x40000000))
  (assert_return (invoke "sum" (i32.const 100)) (i32.const 5051))
  (assert_return (invoke "missing"))
  (assert_trap (invoke "divide" (i32.const 1)) "integer divide by zero")
  (assert_trap (invoke "divide" (i32.const 0)) "integer overflow")
  (assert_exhaustion (invoke "divide" (i32.const 0)) "call stack exhausted")
  (assert_invalid (module (func)) "type mismatch")
  (assert_malformed (module quote "(func)") "unknown type")
  (assert_unlinkable (module (import "spectest" "print_i32" (func (param i32)))) "incompatible import type")`;

describe.each([
  ['plain', () => new PlainExecutor()],
  ['instrumented', () => new InstrumentedExecutor()],
  ['stopped and resumed', () => new SnapshotExecutor()],
])('runScript() on %s', (_name, makeExecutor) => {
  test('passes what is right and fails everything that is wrong', async () => {
    const right = await runScript(readWast(SCRIPT + RIGHT), makeExecutor());
    expect(right.filter(({ status }) => status !== 'pass')).toEqual([]);
    expect(right).toHaveLength(8);
    const wrong = await runScript(readWast(SCRIPT + WRONG), makeExecutor());
    expect(wrong.filter(({ status }) => status !== 'fail')).toEqual([]);
    expect(wrong).toHaveLength(12);
  });
});

test('SnapshotExecutor stops at every turn of a loop', async () => {
  const executor = new SnapshotExecutor();
  await runScript(readWast(`${SCRIPT}(invoke "sum" (i32.const 5))`), executor);
  // Nine instructions a turn and a poll at the loop's own head, for five turns, and a few around the loop.
  expect(executor.counters['stops']).toBeGreaterThan(45);
});

test('parseFloatBits() rounds once, to nearest even', () => {
  // Halfway between two f32 by way of f64: rounding twice would give 0x3f800002.
  expect(parseFloatBits('0x1.00000100000000001p0', 32)).toBe(0x3f80_0001n);
  expect(parseFloatBits('1.00000017881393432617187499', 32)).toBe(0x3f80_0001n);
  expect(parseFloatBits('0x1p-149', 32)).toBe(1n);
  expect(parseFloatBits('0x1p-150', 32)).toBe(0n);
  expect(parseFloatBits('0x1.fffffffffffffp1023', 64)).toBe(0x7fef_ffff_ffff_ffffn);
  expect(parseFloatBits('1e400', 64)).toBe(0x7ff0_0000_0000_0000n);
  expect(parseFloatBits('-nan:0x1', 64)).toBe(0xfff0_0000_0000_0001n);
});

test('parseFloatBits() agrees with JavaScript on decimal f64', () => {
  for (const text of ['0.1', '123456789.125', '4.9e-324', '2.2250738585072011e-308', '1e22', '9007199254740993']) {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, Number(text));
    expect(parseFloatBits(text, 64), text).toBe(view.getBigUint64(0));
  }
});

test('parseIntegerBits() takes signs, underscores and both bases', () => {
  expect(parseIntegerBits('-0x8000_0000', 32)).toBe(0x8000_0000n);
  expect(parseIntegerBits('+1_000', 64)).toBe(1000n);
});

test('readNodes() skips nested comments and annotations, and refuses what is unbalanced', () => {
  expect(readNodes('(a (; (; x ;) ) ;) "\\41\\u{e9}") ;; (\n(@note (b)) c').map((node) => node.kind)).toEqual([
    'list',
    'atom',
  ]);
  expect(() => readNodes('(a')).toThrow(SyntaxError);
  expect(() => readNodes('a)')).toThrow(SyntaxError);
});

test('a known failure speaks of one line with its message only', () => {
  const verdict = {
    line: 10,
    kind: 'assert_invalid',
    status: 'fail',
    message: 'multiple memories',
    detail: '',
  } as const;
  expect(findExpectedFailure('wasm-spec', 'straight', 'core/memory.wast', verdict)).toBeDefined();
  expect(findExpectedFailure('wasm-spec', 'straight', 'core/memory.wast', { ...verdict, line: 12 })).toBeUndefined();
  expect(findExpectedFailure('wasm-spec', 'straight', 'core/xmemory.wast', verdict)).toBeUndefined();
  expect(findExpectedFailure('wasi-testsuite', 'straight', 'core/memory.wast', verdict)).toBeUndefined();
});
