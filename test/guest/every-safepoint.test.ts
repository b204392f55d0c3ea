// The modes straight, snapshot-once and every-safepoint, for every test guest: what a program prints, how it ends, its
// memory, its files, the ends of its processes and the work they did are the same whether or not it was saved and resumed,
// wherever that was.

import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Guest, guests } from '../../guest/manifest.ts';
import { differingBytes, hostBytes } from './host-values.ts';
import { type DisturbedOutcome, type Outcome, runDisturbed, runStraight, withDirectory } from './modes.ts';
import { leastPoints } from './points.ts';
import { randomFrom, testSeed } from './random.ts';

/** Guests with more points are saved at one of so many where there is no CI, beginning somewhere; all others at every one. */
const THIN = process.env['CI'] === 'true' ? 1 : 4;
const MANY_POINTS = 200;
/** So many are tried in all. */
const LEAST_POINTS_IN_ALL = THIN === 1 ? 20_000 : 7_000;
/** Saving a second time costs as much as the first; this checks some points of even the shortest guest. */
const COMPARE_EVERY = 7;

let pointsInAll = 0;

describe('every test guest', () => {
  for (const guest of guests.filter(({ kind }) => kind === 'test')) {
    it(`${guest.name}: straight, snapshot-once and every-safepoint are equal`, async () => {
      const straight = await withDirectory((directory) => runStraight(guest, directory));
      expectExpected(guest, straight);

      const least = leastPoints[guest.name] ?? Number.NaN;
      const thin = least > MANY_POINTS ? THIN : 1;
      const step = (guest.everyNthPoint ?? 1) * thin;
      const first = thin === 1 ? step - 1 : Math.floor(randomFrom(testSeed)() * step);
      const picks = (place: number): boolean => place % step === first;
      const compareEvery = guest.everyNthPoint === undefined ? Math.ceil(COMPARE_EVERY / thin) : 1;
      const every = await withDirectory((directory) => runDisturbed(guest, directory, { picks, compareEvery }));
      expect(every.points + every.refused, 'a place is left out').toBe(Math.ceil((every.seen - first) / step));
      expect(every.points).toBeGreaterThanOrEqual(Math.floor(least / thin));
      expect(every.compared).toBeGreaterThan(0);
      pointsInAll += every.points;

      const chosen = Math.floor(randomFrom(testSeed)() * every.seen);
      const once = await withDirectory((directory) =>
        runDisturbed(guest, directory, { compareEvery: 1, picks: (place) => place === chosen }),
      );
      const volatile = await hostBytes(guest, straight, every, once);
      expectEqual(every, straight, volatile, 'every-safepoint');
      const where = `snapshot-once at place ${chosen} of ${every.seen} (WVM_TEST_SEED=${testSeed})`;
      expectEqual(once, straight, volatile, where);
      expect(once.points + once.refused, where).toBe(1);
    });
  }

  afterAll(() => {
    console.log(`saved and resumed at ${pointsInAll} points`);
  });

  it(`at least ${LEAST_POINTS_IN_ALL} points were tried in all`, ({ skip }) => {
    // Only if all of them ran.
    if (pointsInAll === 0) skip();
    expect(pointsInAll).toBeGreaterThanOrEqual(LEAST_POINTS_IN_ALL);
  });
});

function expectExpected(guest: Guest, { stdout, exit }: Outcome): void {
  const expected = path.join(import.meta.dirname, '../../guest/expected', `${guest.name}.txt`);
  expect(stdout).toBe(fs.readFileSync(expected, 'utf8'));
  expect(exit).toMatchObject(guest.expected);
}

function expectEqual(
  actual: DisturbedOutcome,
  straight: Outcome,
  volatile: readonly ReadonlySet<number>[],
  where: string,
): void {
  expect(actual.stdout, where).toBe(straight.stdout);
  expect(actual.stderr, where).toBe(straight.stderr);
  expect(actual.exit, where).toEqual(straight.exit);
  expect(actual.ends, where).toEqual(straight.ends);
  expect(actual.files, where).toEqual(straight.files);
  expect(actual.fuelUsed, where).toBe(straight.fuelUsed);
  expect(actual.memories.length, where).toBe(straight.memories.length);
  actual.memories.forEach((memory, k) => {
    const wrong = differingBytes(memory, straight.memories[k]!).filter((address) => volatile[k]?.has(address) !== true);
    expect(wrong, `${where}: bytes of memory ${k} that differ`).toEqual([]);
  });
}
