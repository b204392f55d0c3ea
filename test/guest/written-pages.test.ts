// Every test guest in a machine whose program and host mark the pages that they write: each capture is held against a
// comparison of all memory, and finds the same. What the guest does is what it does without marks.

import { afterAll, describe, expect, it } from 'vitest';
import { type Guest, guestNamed, guests } from '../../guest/manifest.ts';
import { differingBytes, hostBytes } from './host-values.ts';
import { type Outcome, runCaptured, runStraight, withDirectory } from './modes.ts';

/** Captures of one guest, about: its places are spread over the whole run. */
const CAPTURES = process.env['CI'] === 'true' ? 1000 : 20;
/** Short guests have fewer places. */
const LEAST_CAPTURES_IN_ALL: number = CAPTURES * 20;
let capturesInAll = 0;

/** Places at which a run can be stopped. */
async function placesOf(guest: Guest): Promise<number> {
  let places = 0;
  await withDirectory((directory) =>
    runCaptured(guest, directory, () => {
      places++;
      return false;
    }),
  );
  return places;
}

describe('every test guest marks what it writes', () => {
  for (const guest of guests.filter(({ kind }) => kind === 'test')) {
    it(guest.name, async () => {
      const straight = await withDirectory((directory) => runStraight(guest, directory));
      const step = Math.ceil((await placesOf(guest)) / CAPTURES);
      const captured = await withDirectory((directory) =>
        runCaptured(guest, directory, (place) => place % step === step - 1),
      );
      capturesInAll += captured.captures;
      expectEqual(captured, straight, (await hostBytes(guest)).length > 0);
    });
  }

  afterAll(() => {
    console.log(`captured ${capturesInAll} times`);
  });

  it(`at least ${LEAST_CAPTURES_IN_ALL} captures were made in all`, ({ skip }) => {
    // Only if all of them ran.
    if (capturesInAll === 0) skip();
    expect(capturesInAll).toBeGreaterThanOrEqual(LEAST_CAPTURES_IN_ALL);
  });
});

it('a byte that is written without a mark is noticed', async () => {
  const guest = guestNamed('qsort');
  const run = withDirectory((directory) =>
    runCaptured(
      guest,
      directory,
      (place) => place % 50 === 49,
      (machine, captures) => {
        const bytes = machine.memories()[0]!;
        // In the middle of nowhere, past everybody who marks.
        if (captures === 3) bytes[bytes.length - 5000]! ^= 1;
      },
    ),
  );
  await expect(run).rejects.toThrow('written without a mark');
});

function expectEqual(actual: Outcome, straight: Outcome, holdsHostWords: boolean): void {
  expect(actual.stdout).toBe(straight.stdout);
  expect(actual.stderr).toBe(straight.stderr);
  expect(actual.exit).toEqual(straight.exit);
  expect(actual.ends).toEqual(straight.ends);
  expect(actual.files).toEqual(straight.files);
  expect(actual.fuelUsed).toBe(straight.fuelUsed);
  // Those that hold what the host gave them hold something else in every run.
  if (holdsHostWords) return;
  expect(actual.memories.length).toBe(straight.memories.length);
  actual.memories.forEach((memory, k) => {
    expect(differingBytes(memory, straight.memories[k]!), `bytes of memory ${k} that differ`).toEqual([]);
  });
}
