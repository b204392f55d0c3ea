// Longer programs, stopped at random points of their work: a run with so much fuel, its image when that is used up, a new
// machine with so much more, and so on to the end. Equal: output, end, memory, files, fuel.

import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { guests } from '../../guest/manifest.ts';
import { differingBytes } from './host-values.ts';
import { runInPieces, runStraight, withDirectory } from './modes.ts';
import { randomFrom, testSeed } from './random.ts';

/** CI tries more. */
const PIECES = process.env['CI'] === 'true' ? 300 : 60;
/** Between two polls of a loop whose turns cost much, several pieces may end. */
const LEAST_PIECES = PIECES * 0.8;
let pointsInAll = 0;

describe(`every benchmark, saved and resumed at ${PIECES} random points`, () => {
  for (const guest of guests.filter(({ kind }) => kind !== 'test' && kind !== 'tool')) {
    it(`${guest.name} (WVM_TEST_SEED=${testSeed})`, async () => {
      const straight = await withDirectory((directory) => runStraight(guest, directory));
      const expected = path.join(import.meta.dirname, '../../guest/expected', `${guest.name}.txt`);
      expect(straight.stdout).toBe(fs.readFileSync(expected, 'utf8'));

      const random = randomFrom(testSeed);
      const most = Number(straight.fuelUsed) / PIECES;
      const pieces = await withDirectory((directory) =>
        runInPieces(guest, directory, () => BigInt(Math.floor(random() * 2 * most))),
      );
      expect(pieces.stdout).toBe(straight.stdout);
      expect(pieces.stderr).toBe(straight.stderr);
      expect(pieces.exit).toEqual(straight.exit);
      expect(pieces.ends).toEqual(straight.ends);
      expect(pieces.files).toEqual(straight.files);
      expect(pieces.fuelUsed).toBe(straight.fuelUsed);
      expect(pieces.memories.map((memory, k) => differingBytes(memory, straight.memories[k]!))).toEqual(
        straight.memories.map(() => []),
      );
      expect(pieces.points).toBeGreaterThanOrEqual(LEAST_PIECES);
      pointsInAll += pieces.points;
    });
  }

  afterAll(() => {
    console.log(`saved and resumed at ${pointsInAll} random points`);
  });
});
