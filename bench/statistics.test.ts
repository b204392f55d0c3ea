import { expect, test } from 'vitest';
import { geomean, median, ratio } from './statistics.ts';

test('median() of an even count is the mean of the middle two, whatever the order', () => {
  expect(median([9, 1, 3, 5])).toBe(4);
  expect(median([7, 1, 100])).toBe(7);
  expect(() => median([])).toThrow(RangeError);
});

test('geomean() weighs twice as slow and twice as fast alike', () => {
  expect(geomean([2, 0.5])).toBeCloseTo(1, 12);
});

test('ratio() takes medians for the value and neighbours for the spread', () => {
  // One disturbed pair (both sides slow) must move neither the value nor the spread.
  expect(ratio([10, 1000, 11], [5, 500, 5])).toEqual({ value: 11 / 5, spread: [2, 2.2] });
});
