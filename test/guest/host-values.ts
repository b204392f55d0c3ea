// Memory of guests that hold what only their host decides: inode numbers and file times. Several undisturbed runs show
// which aligned words these are; all other words of a disturbed run must be the same as theirs.

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
const WORD_BYTES = 8;
/** The guests whose memory holds inode numbers or file times. */
const HOLDERS: readonly string[] = ['file-io', 'directory', 'sparse-file', 'devices'];
/** Kept in the directories of earlier runs, so that no inode number comes again. */
const PLACEHOLDERS = 12;

/** Times that undisturbed runs are looked at anew, before words that only a disturbed one has are a mistake. */
const SEARCHES = 5;

/**
 * Word indexes per memory that differ between undisturbed runs. What other processes do to the inodes of the host may be the same in
 * all runs of a moment: for words in which the memories of `outcomes` differ there are further ones.
 */
export async function hostWords(guest: Guest, ...outcomes: Pick<Outcome, 'memories'>[]): Promise<Set<number>[]> {
  if (!HOLDERS.includes(guest.name)) return [];
  const found = await searchWords(guest);
  const isExplained = (): boolean =>
    outcomes.every(({ memories }) =>
      memories.every((memory, k) =>
        differingWords(memory, outcomes[0]!.memories[k] ?? memory).every((word) => found[k]?.has(word) === true),
      ),
    );
  for (let search = 1; search < SEARCHES && !isExplained(); search++) {
    for (const [k, words] of (await searchWords(guest)).entries()) for (const word of words) found[k]!.add(word);
  }
  return found;
}

async function searchWords(guest: Guest): Promise<Set<number>[]> {
  return await withDirectory(async (parent) => {
    const outcomes: Outcome[] = [];
    for (let run = 0; run < RUNS; run++) {
      // In another second than the first.
      if (run === RUNS - 1) await setTimeout(1000);
      const directory = path.join(parent, String(run));
      fs.mkdirSync(directory);
      outcomes.push(await runStraight(guest, directory));
      for (let k = 0; k < PLACEHOLDERS; k++) fs.writeFileSync(path.join(directory, `placeholder-${k}`), '');
    }
    const [first, ...others] = outcomes.map(({ memories }) => memories);
    return first!.map((memory, k) => new Set(others.flatMap((memories) => differingWords(memory, memories[k]!))));
  });
}

/** Indexes of the aligned words in which two memories differ; the longer one's end differs. */
export function differingWords(a: Uint8Array, b: Uint8Array): number[] {
  const differing: number[] = [];
  if (a.length === b.length && Buffer.compare(a, b) === 0) return differing;
  for (let word = 0; word * WORD_BYTES < Math.max(a.length, b.length); word++) {
    const start = word * WORD_BYTES;
    const end = start + WORD_BYTES;
    if (Buffer.compare(a.subarray(start, end), b.subarray(start, end)) !== 0) differing.push(word);
  }
  return differing;
}
