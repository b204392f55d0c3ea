import { expect, test } from 'vitest';
import { areas } from './areas.ts';
import { lower, verdict } from './figure.ts';
import { formatJson } from './table.ts';

const figure = lower('overhead.geomean', '', 'ratio', 1.15, 1.05);
const measured = (value: number) => ({ ...figure, value, spread: null, note: '' });

test('verdict() tells goal, must and missed apart, bounds included', () => {
  expect([1.05, 1.1, 1.15, 1.16].map((value) => verdict(measured(value)))).toEqual(['goal', 'ok', 'ok', 'MISSED']);
  expect(verdict({ ...measured(9), must: null, goal: null })).toBe('');
  expect(verdict({ ...measured(9), better: 'higher' })).toBe('goal');
});

test('formatJson() keeps the fields that other tools read', () => {
  expect(JSON.parse(formatJson([measured(1.0712345)]))).toEqual([
    {
      id: 'overhead.geomean',
      value: 1.071,
      unit: 'ratio',
      must: 1.15,
      goal: 1.05,
      better: 'lower',
      min: null,
      max: null,
    },
  ]);
});

test('every figure has an id of its own that begins with its area, and a goal at least as good as its must', () => {
  const ids = areas.flatMap((area) => area.figures.map(({ id }) => id));
  expect(new Set(ids).size).toBe(ids.length);
  for (const area of areas) {
    for (const { id, must, goal } of area.figures) {
      expect(id.startsWith(`${area.name}.`), id).toBe(true);
      if (must !== null && goal !== null) expect(goal, id).toBeLessThanOrEqual(must);
    }
  }
});
