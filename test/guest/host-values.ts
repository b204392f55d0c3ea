// Memory of guests that hold what only their host decides: inode numbers and file times. Several undisturbed runs show
// where these are; all other bytes of a disturbed run must be the same as theirs.

import fs from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Guest } from '../../guest/manifest.ts';
import { type Outcome, runStraight, withDirectory } from './modes.ts';

/**
 * More than two: files made within the same tick of the host's clock have equal times, so one pair of runs may agree by
 * chance where a third does not.
 */
const RUNS = 6;
/** Of an inode number, or a time. It lies at any address: records of directories are packed. */
const NUMBER_BYTES = 8;
/** The guests whose memory holds inode numbers or file times. */
const HOLDERS: readonly string[] = ['file-io', 'directory', 'sparse-file', 'devices'];
/** Files and directories kept in those of earlier runs, so that no inode number comes again: a file system may take them from places of their own. */
const PLACEHOLDERS = 12;

/** Times that undisturbed runs are looked at anew, before bytes in which only a disturbed one differs are a mistake. */
const SEARCHES = 5;

/**
 * Addresses per memory of numbers that differ between undisturbed runs, all bytes of them: the upper ones seldom do. What other processes
 * do to the inodes of the host may be the same in all runs of a moment: for bytes in which the memories of `outcomes` differ there are
 * further ones.
 */
export async function hostBytes(guest: Guest, ...outcomes: Pick<Outcome, 'memories'>[]): Promise<Set<number>[]> {
  if (!HOLDERS.includes(guest.name)) return [];
  const found = await searchBytes(guest);
  const isExplained = (): boolean =>
    outcomes.every(({ memories }) =>
      memories.every((memory, k) =>
        differingBytes(memory, outcomes[0]!.memories[k] ?? memory).every((address) => found[k]?.has(address) === true),
      ),
    );
  for (let search = 1; search < SEARCHES && !isExplained(); search++) {
    for (const [k, bytes] of (await searchBytes(guest)).entries()) for (const address of bytes) found[k]!.add(address);
  }
  return found;
}

async function searchBytes(guest: Guest): Promise<Set<number>[]> {
  return await withDirectory(async (parent) => {
    const outcomes: Outcome[] = [];
    for (let run = 0; run < RUNS; run++) {
      // In another second than the first.
      if (run === RUNS - 1) await setTimeout(1000);
      const directory = path.join(parent, String(run));
      fs.mkdirSync(directory);
      outcomes.push(await runStraight(guest, directory));
      for (let k = 0; k < PLACEHOLDERS; k++) {
        fs.writeFileSync(path.join(directory, `placeholder-${k}`), '');
        fs.mkdirSync(path.join(directory, `placeholder-directory-${k}`));
      }
    }
    const [first, ...others] = outcomes.map(({ memories }) => memories);
    return first!.map(
      (memory, k) => new Set(others.flatMap((memories) => numbersAt(differingBytes(memory, memories[k]!)))),
    );
  });
}

/** The bytes of the numbers that differ in these, the lowest of each among them. */
function numbersAt(differing: readonly number[]): number[] {
  const bytes = new Set<number>();
  let end = 0;
  for (const address of differing) {
    if (address < end) continue;
    end = address + NUMBER_BYTES;
    for (let k = address; k < end; k++) bytes.add(k);
  }
  return [...bytes];
}

/** Addresses of the bytes in which two memories differ; the longer one's end differs. */
export function differingBytes(a: Uint8Array, b: Uint8Array): number[] {
  const differing: number[] = [];
  if (a.length === b.length && Buffer.compare(a, b) === 0) return differing;
  for (let address = 0; address < Math.max(a.length, b.length); address++) {
    if (a[address] !== b[address]) differing.push(address);
  }
  return differing;
}
