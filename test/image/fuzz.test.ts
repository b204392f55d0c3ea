// Machines that are almost those of real guests: one to three values of the state of a machine are changed, at random, and
// the image is made with correct checksums. It is refused by a WvmError, or the guest runs, safely: it ends by itself, by a
// trap, or when its fuel is used up. Nothing else is ever thrown.

import { afterAll, beforeAll, expect, it } from 'vitest';
import { BugError } from '../../runtime/base/assert.ts';
import { randomFrom, testSeed } from '../guest/random.ts';
import { GuestImage } from './guest-image.ts';

const ROUNDS = process.env['CI'] === 'true' ? 600 : 60;
const FUEL = 300_000n;
const MIDDLES = {
  recursion: 300,
  operands: 130,
  globals: 100,
  tables: 100,
  'stdin-lines': 120,
  'open-files': 900,
  directory: 300,
  sleep: 60,
  'exceptions-legacy': 150,
  'exception-references': 20,
  'threads-condition': 300,
  'threads-robust': 150,
  'threads-pi': 25,
  'threads-signal': 107,
  epoll: 150,
  'signal-nested': 60,
} as const;
/** Whose resume takes longer: less rounds. */
const TREES = { family: 180, 'pipe-ring': 200, 'random-tree': 2000 } as const;
const TREE_ROUNDS = Math.ceil(ROUNDS / 4);
/** Whose files are in the image. */
const ON_TMPFS = { 'open-files': 900, 'unlinked-file': 60 } as const;
const ON_OVERLAY = { directory: 300 } as const;
const TITLES: readonly string[] = [
  ...Object.keys({ ...MIDDLES, ...TREES }),
  ...Object.keys(ON_TMPFS).map((name) => `${name} on tmpfs`),
  ...Object.keys(ON_OVERLAY).map((name) => `${name} on overlay`),
];

const images: GuestImage[] = [];
beforeAll(async () => {
  for (const [name, place] of Object.entries({ ...MIDDLES, ...TREES })) images.push(await GuestImage.take(name, place));
  for (const [name, place] of Object.entries(ON_TMPFS)) images.push(await GuestImage.take(name, place, 'tmpfs'));
  for (const [name, place] of Object.entries(ON_OVERLAY)) images.push(await GuestImage.take(name, place, 'overlay'));
});
afterAll(() => {
  for (const image of images) image.remove();
});

it.each(TITLES)(`%s: changed machines are refused or run safely (WVM_TEST_SEED=${testSeed})`, async (title) => {
  const image = images.find((candidate) => candidate.title === title)!;
  const counts = { refused: 0, ran: 0, unwritable: 0 };
  const rounds = title in TREES ? TREE_ROUNDS : ROUNDS;
  for (let round = 0; round < rounds; round++) {
    const random = randomFrom(testSeed + round);
    const changes: string[] = [];
    let bytes: Uint8Array;
    try {
      bytes = image.changed((machine) => {
        const copy = structuredClone(machine);
        for (let left = 1 + Math.floor(random() * 3); left > 0; left--) changes.push(changeSomething(copy, random));
        return copy;
      });
    } catch {
      // No image can say this.
      counts.unwritable++;
      continue;
    }
    const what = `round ${round}: ${changes.join('; ')}`;
    try {
      if ((await image.refusal(bytes)) !== undefined) counts.refused++;
      else {
        await image.run(bytes, { fuel: FUEL, timeoutMs: 2000 });
        counts.ran++;
      }
    } catch (error) {
      throw new Error(`${what}: ${error}`, { cause: error });
    }
  }
  // The changes are random, and a sixth of them is refused.
  expect(counts.refused).toBeGreaterThan(rounds / 60);
  expect(counts.ran).toBeGreaterThan(rounds / 60);
});

it('the fuzzer finds a planted mistake', async () => {
  const image = images[0]!;
  await expect(
    image.run(image.bytes, {
      onSelfSnapshot: () => Promise.resolve(1),
      stdout: () => {
        throw new BugError('planted');
      },
    }),
  ).rejects.toThrow('planted');
});

type Random = () => number;

/** Changes one value somewhere in plain data; says which. */
function changeSomething(data: object, random: Random): string {
  const path: string[] = [];
  let holder = data as Record<string, unknown>;
  for (;;) {
    const keys = Object.keys(holder).filter((key) => !(path.length === 0 && key === 'modules'));
    if (keys.length === 0) return `${path.join('.')} is empty`;
    const key = keys[Math.floor(random() * keys.length)]!;
    path.push(key);
    const value = holder[key];
    const goesOn = typeof value === 'object' && value !== null && Object.keys(value).length > 0 && random() < 0.95;
    if (goesOn) {
      holder = value as Record<string, unknown>;
      continue;
    }
    holder[key] = otherValue(value, random);
    if (Array.isArray(holder) && random() < 0.2) holder.splice(Number(key), 1);
    return `${path.join('.')}: ${show(value)} -> ${show(holder[key])}`;
  }
}

function otherValue(value: unknown, random: Random): unknown {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;
  switch (typeof value) {
    case 'number':
      return pick([
        0,
        1,
        -1,
        value + 1,
        value - 1,
        value ^ (1 << Math.floor(random() * 31)),
        0x7fffffff,
        0xffffffff,
        2 ** 40,
      ]);
    case 'bigint':
      return pick([0n, 1n, -1n, value + 1n, value - 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n]);
    case 'boolean':
      return !value;
    case 'string':
      return pick(['', 'x', `${value}x`, 'poll', 'call', 'entry', 'self-snapshot', '..', '/', 'a/../../b', '\0']);
    default:
      return pick([null, 0, 1n, '', true, [], {}, new Uint8Array(8)]);
  }
}

function show(value: unknown): string {
  return typeof value === 'bigint'
    ? `${value}n`
    : String(JSON.stringify(value, (_key, v) => (typeof v === 'bigint' ? `${v}n` : v)));
}
