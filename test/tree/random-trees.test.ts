// Trees of processes that do at random what their seed says, saved and resumed at random places: what they print, how they end
// and in which order, their memory and the work they did are those of an undisturbed run.
//
// A failure names its seed: WVM_TREE_SEED=N runs that tree alone, saved at the same places.

import { afterAll, describe, expect, it } from 'vitest';
import { type Guest, guestNamed } from '../../guest/manifest.ts';
import { differingBytes } from '../guest/host-values.ts';
import {
  type Disturbance,
  type DisturbedOutcome,
  type Outcome,
  runDisturbed,
  runStraight,
  withDirectory,
} from '../guest/modes.ts';
import { randomFrom, testSeed } from '../guest/random.ts';

const given = process.env['WVM_TREE_SEED'];
const TREES = process.env['CI'] === 'true' ? 100 : 8;
/** A futex wait whose time is over, of which its thread has not heard yet, is in an image. */
const LATE_WAIT = 1_528_622_464;
const random = Array.from({ length: TREES }, (_, k) => (testSeed + k) % 2 ** 31);
const seeds = given === undefined ? [LATE_WAIT, ...random] : [Number(given)];
/** One of so many places is a point, by the way. */
const PLACES_PER_POINT = 200;

let points = 0;
let ends = 0;

const guestOf = (seed: number): Guest => ({ ...guestNamed('random-tree'), args: [String(seed)] });

const straightly = (seed: number): Promise<Outcome> =>
  withDirectory((directory) => runStraight(guestOf(seed), directory));

function disturbed(seed: number, others: Partial<Disturbance> = {}): Promise<DisturbedOutcome> {
  const random = randomFrom(seed);
  const picks = (): boolean => random() < 1 / PLACES_PER_POINT;
  return withDirectory((directory) => runDisturbed(guestOf(seed), directory, { picks, compareEvery: 4, ...others }));
}

function expectEqual(actual: Outcome, straight: Outcome): void {
  expect(actual.stdout).toBe(straight.stdout);
  expect(actual.stderr).toBe(straight.stderr);
  expect(actual.exit).toEqual(straight.exit);
  expect(actual.ends).toEqual(straight.ends);
  expect(actual.fuelUsed).toBe(straight.fuelUsed);
  expect(actual.memories.map((memory, k) => differingBytes(memory, straight.memories[k]!))).toEqual([[]]);
}

describe('random trees of processes', () => {
  it.each(seeds)('M18 go on as if nothing had happened (WVM_TREE_SEED=%i)', async (seed) => {
    const straight = await straightly(seed);
    expect(straight.exit).toEqual({ kind: 'exit', code: 0 });
    expect(straight.stdout).toMatch(/\nPASS\n$/);
    const actual = await disturbed(seed);
    expectEqual(actual, straight);
    expect(actual.refused).toBe(0);
    points += actual.points;
    ends += actual.ends.length;
  });

  afterAll(() => {
    console.log(`${ends} processes of ${seeds.length} trees, saved and resumed at ${points} points`);
    if (given !== undefined || points === 0) return;
    expect(points).toBeGreaterThan(5 * TREES);
    expect(ends).toBeGreaterThan(3 * TREES);
  });

  it('a machine that goes on from the image of an earlier point is noticed', async () => {
    const straight = await straightly(1);
    let earlier: Uint8Array | undefined;
    const plant = (image: Uint8Array, point: number): Uint8Array => {
      if (point === 5) return earlier!;
      earlier = image;
      return image;
    };
    const wrong = await disturbed(1, { plant, compareEvery: 1000 });
    expect(wrong.points).toBeGreaterThan(5);
    expect(() => expectEqual(wrong, straight)).toThrow();
  });
});
