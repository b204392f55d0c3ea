// Every way in which some processes can hold the ends of some pipes, and every short order in which processes read a file
// through descriptors that share an offset or do not: saved and resumed on the way, what the guest finds is what
// a model of a few lines says. V09: shared objects stay the same objects; M12: pids and fds are those from before.

import { expect, it } from 'vitest';
import { guestNamed } from '../../guest/manifest.ts';
import { moduleOf, withDirectory } from '../guest/modes.ts';
import { runChain } from './chain.ts';

const CI = process.env['CI'] === 'true';
/** All 4,452 combinations take four minutes on a busy machine. */
const TIMEOUT_MS = 900_000;
/** Results of the guest's calls. */
const EAGAIN = 6;
const EPIPE = 64;
/** How often the guest asks for a snapshot. */
const REQUESTS = 3;
const PASSED = { kind: 'exit', code: 0 };

/** Ends that a child holds, as bits: 1 and 2 to read and write the first pipe, 4 and 8 the second. */
type Mask = number;

interface Holders {
  readonly pipeCount: number;
  readonly masks: readonly Mask[];
}

function allHolders(childCount: number, pipeCount: number): Holders[] {
  let lists: Mask[][] = [[]];
  for (let child = 0; child < childCount; child++) {
    lists = lists.flatMap((list) => Array.from({ length: 4 ** pipeCount }, (_, mask) => [...list, mask]));
  }
  return lists.map((masks) => ({ pipeCount, masks }));
}

/** One of those that differ only in which child or which pipe is the first. */
function isRepresentative({ pipeCount, masks }: Holders): boolean {
  const isSorted = masks.every((mask, child) => child === 0 || mask >= masks[child - 1]!);
  if (!isSorted || pipeCount === 1) return isSorted;
  const swapped = masks.map((mask) => (mask >> 2) | ((mask & 3) << 2)).sort((a, b) => a - b);
  const k = masks.findIndex((mask, child) => mask !== swapped[child]);
  return k < 0 || masks[k]! < swapped[k]!;
}

const hasEnd = (mask: Mask, pipe: number, end: 0 | 1): boolean => ((mask >> (2 * pipe + end)) & 1) === 1;

/** What the children say in their first round, line by line; and for each pipe how much is read from it in the second. */
function expected({ pipeCount, masks }: Holders): { first: string[]; readInAll: (number | undefined)[] } {
  const first: string[] = [];
  const counts = Array<number>(pipeCount).fill(0);
  const holders = (pipe: number, end: 0 | 1): number => masks.filter((mask) => hasEnd(mask, pipe, end)).length;
  for (const [child, mask] of masks.entries()) {
    for (let pipe = 0; pipe < pipeCount; pipe++) {
      if (hasEnd(mask, pipe, 1)) {
        const isRead = holders(pipe, 0) > 0;
        first.push(`${child} ${pipe} w ${isRead ? 0 : EPIPE}`);
        if (isRead) counts[pipe]!++;
      }
      if (!hasEnd(mask, pipe, 0)) continue;
      if (counts[pipe]! === 0 && holders(pipe, 1) > 0) first.push(`${child} ${pipe} e ${EAGAIN}`);
      else first.push(`${child} ${pipe} r ${counts[pipe]!}`);
      counts[pipe] = 0;
    }
  }
  const readInAll = counts.map((count, pipe) => (holders(pipe, 0) === 0 ? undefined : count + 2 * holders(pipe, 1)));
  return { first, readInAll };
}

it.each([
  [1, 1, 4, 4],
  [1, 2, 10, 16],
  [2, 1, 10, 16],
  [2, 2, 76, 256],
  [3, 1, 20, 64],
  [3, 2, 430, 4096],
])(
  'V09 %i processes hold any ends of %i pipes',
  async (childCount, pipeCount, different, inAll) => {
    const module = moduleOf(guestNamed('pipe-holders'));
    const all = allHolders(childCount, pipeCount).filter((holders) => CI || isRepresentative(holders));
    expect(all.length).toBe(CI ? inAll : different);
    const takesAll = CI || childCount < 3;
    let links = 0;
    for (const [index, holders] of all.entries()) {
      const stdin = `${childCount}${pipeCount}${holders.masks.map((mask) => String.fromCharCode(97 + mask)).join('')}`;
      const outcome = await runChain(
        module,
        { stdin: new TextEncoder().encode(stdin) },
        { compares: index % 8 === 0, picks: (request) => takesAll || request === index % REQUESTS },
      );
      const lines = outcome.stdout.split('\n');
      const { first, readInAll } = expected(holders);
      expect(outcome.exit, `${stdin}: ${outcome.stdout}`).toEqual(PASSED);
      expect(lines.slice(0, first.length), stdin).toEqual(first);
      const second = lines.slice(first.length).map((line) => line.split(' '));
      for (let pipe = 0; pipe < pipeCount; pipe++) {
        const read = second
          .filter(([, of, what]) => of === String(pipe) && what === 'R')
          .map(([, , , count]) => Number(count));
        expect(read.length === 0 ? undefined : read.reduce((sum, count) => sum + count), `${stdin}, pipe ${pipe}`).toBe(
          readInAll[pipe],
        );
        const isRead = readInAll[pipe] !== undefined;
        for (const [, of, what, errno] of second) {
          if (of === String(pipe) && what === 'W') expect(Number(errno), stdin).toBe(isRead ? 0 : EPIPE);
        }
      }
      expect(outcome.ends.length, stdin).toBe(childCount);
      links += outcome.links;
    }
    // Every one was saved in the middle of its life.
    expect(links).toBe((takesAll ? REQUESTS : 1) * all.length);
  },
  TIMEOUT_MS,
);

it('V09 duplicates share an offset, and files opened for themselves do not, whoever reads', async () => {
  const module = moduleOf(guestNamed('offset-holders'));
  const all = Array.from({ length: 6 ** 3 }, (_, n) => [Math.floor(n / 36), Math.floor(n / 6) % 6, n % 6] as const);
  // The children are alike: the first one begins.
  const sequences = all.filter(([first]) => CI || first < 3);
  expect(sequences.length).toBe(CI ? 216 : 108);
  await withDirectory(async (directory) => {
    for (const [index, steps] of sequences.entries()) {
      const offsets = [0, 0];
      const read = steps.map((step) => {
        // The third descriptor is a duplicate of the first.
        const offset = step % 3 === 1 ? 1 : 0;
        return String.fromCharCode(97 + offsets[offset]!++);
      });
      const stdin = new TextEncoder().encode(steps.join(''));
      const directories = [{ hostPath: directory, guestPath: '/', readOnly: false }];
      const { stdout, exit, links } = await runChain(module, { stdin, directories }, { compares: index % 8 === 0 });
      expect([stdout, exit], steps.join()).toEqual([`${read.join('')}\nPASS\n`, PASSED]);
      expect(links).toBe(steps.length);
    }
  });
});
