import { expect, test } from 'vitest';
import { insertPolls } from './asyncified.ts';

test('insertPolls() puts a poll behind every loop header, with or without label and types', () => {
  const text = `(module\n (func $a\n  (loop $l (result i32)\n   (loop\n    (loop $m (param i32) (result i32 i64)\n (nop)))))\n)\n`;
  const polled = insertPolls(text);
  expect(polled.match(/\(loop[^?]*?\(if \(global\.get \$wvm_bench\.flag\)/g)).toHaveLength(3);
  expect(polled).toContain('(loop $m (param i32) (result i32 i64) (if (global.get');
  expect(polled.indexOf('(import')).toBeLessThan(polled.indexOf('(func $a'));
});
