import { describe, expect, test } from 'vitest';
import { MemoryMarks } from './page-marks.ts';

const PAGE_BYTES = 4096;
/** Of a table of 64 pages, which starts behind another one. */
function marks(): MemoryMarks {
  return new MemoryMarks(new ArrayBuffer(128), 64, 64);
}

describe('MemoryMarks', () => {
  test('a write counts for its page and the next one, once', () => {
    const table = marks();
    table.add(3 * PAGE_BYTES + 4095, 8);
    expect(table.take(64)).toEqual([3, 5]);
    expect(table.take(64)).toEqual([]);
  });

  test.each<[addr: number, sizeBytes: number, runs: number[]]>([
    [0, 0, []],
    [0, 1, [0, 2]],
    [4095, 2, [0, 2]],
    [4095, 4098, [0, 3]],
    [8192, 12288, [2, 5]],
    [8192, 12289, [2, 6]],
    [62 * 4096, 8192, [62, 64]],
    [63 * 4096, 4096, [0, 1, 63, 64]],
  ])('add(%i, %i) leaves no page of the range out', (addr, sizeBytes, runs) => {
    const table = marks();
    table.add(addr, sizeBytes);
    const taken = table.take(64);
    expect(taken).toEqual(runs);
    for (let page = Math.floor(addr / PAGE_BYTES); page * PAGE_BYTES < addr + sizeBytes; page++) {
      expect(taken.some((_, k) => k % 2 === 0 && page >= taken[k]! && page < taken[k + 1]!)).toBe(true);
    }
  });

  test('runs that touch are one, and none is beyond the memory', () => {
    const table = marks();
    for (const page of [1, 2, 4, 9, 19]) table.add(page * PAGE_BYTES, 1);
    expect(table.take(20)).toEqual([1, 6, 9, 11, 19, 20]);
  });

  test('before the first page comes the last one, where addresses wrap around', () => {
    const whole = marks();
    whole.add(63 * PAGE_BYTES, 1);
    expect(whole.take(64)).toEqual([0, 1, 63, 64]);
    const small = marks();
    small.add(31 * PAGE_BYTES, 1);
    expect(small.take(32)).toEqual([31, 32]);
  });
});
