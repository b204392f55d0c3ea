// The mode other-process, for every test guest: it is saved in one process, in the middle of its work, and goes on in
// another, which has been granted the directory anew, under another name. Both together print what one undisturbed run
// prints, and end as it ends: exit, ends of processes, memory, files, work done.

import fs from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Guest, guests } from '../../guest/manifest.ts';
import { GuestProcess } from './guest-process.ts';
import { differingBytes, hostBytes } from './host-values.ts';
import { type Outcome, type Piece, withDirectory } from './modes.ts';
import { randomFrom, testSeed } from './random.ts';

/** CI tries more. */
const PLACES = process.env['CI'] === 'true' ? 4 : 1;
/** Some guests cannot be saved everywhere, and say so; or end before the next safe point. */
const MOST_TRIES = 20;
let placesTried = 0;

const saver = new GuestProcess();
const resumer = new GuestProcess();
afterAll(() => {
  saver.close();
  resumer.close();
});

describe('every test guest goes on in another process', () => {
  for (const [index, guest] of guests.filter(({ kind }) => kind === 'test').entries()) {
    it(guest.name, async () => {
      const straight = await withDirectory((directory) => saver.straight(guest, directory));
      const random = randomFrom(testSeed + index);
      for (let place = 0; place < PLACES; place++) {
        await withDirectory(async (parent) => {
          const { fuel, first, directory } = await stopSomewhere(guest, straight, parent, random);
          const where = `after ${fuel} of ${straight.fuelUsed} (WVM_TEST_SEED=${testSeed})`;
          const elsewhere = path.join(parent, 'elsewhere');
          fs.renameSync(directory, elsewhere);
          const second = await resumer.from(guest, elsewhere, first.image!);
          expect(first.stdout + second.stdout, where).toBe(straight.stdout);
          expect(first.stderr + second.stderr, where).toBe(straight.stderr);
          expect(second.exit, where).toEqual(straight.exit);
          expect([...first.ends, ...second.ends], where).toEqual(straight.ends);
          expect(second.files, where).toEqual(straight.files);
          expect(second.fuelUsed, where).toBe(straight.fuelUsed);
          const volatile = await hostBytes(guest, straight, second);
          const wrong = second.memories.map((memory, k) =>
            differingBytes(memory, straight.memories[k]!).filter((address) => volatile[k]?.has(address) !== true),
          );
          placesTried++;
          expect(wrong, `${where}: words of memories that differ`).toEqual(straight.memories.map(() => []));
        });
      }
    });
  }
});

afterAll(() => {
  console.log(`saved in one process and resumed in another at ${placesTried} places`);
});

/** Saved when some part of all its work is done. */
async function stopSomewhere(
  guest: Guest,
  { fuelUsed }: Outcome,
  parent: string,
  random: () => number,
): Promise<{ fuel: bigint; first: Piece; directory: string }> {
  for (let tried = 0; tried < MOST_TRIES; tried++) {
    const fuel = BigInt(Math.floor(Number(fuelUsed) * random()));
    const directory = path.join(parent, String(tried));
    fs.mkdirSync(directory);
    const first = await saver.until(guest, directory, fuel);
    if (first.image !== undefined) return { fuel, first, directory };
  }
  throw new Error(`${guest.name}: could not be saved at ${MOST_TRIES} places (WVM_TEST_SEED=${testSeed})`);
}
