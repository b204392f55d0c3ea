// Images of real guests, cut short and with flipped bits: refused within a second by a stable code, without a crash, a
// hang or growing memory. What was refused leaves no trace in machines that come after it.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomFrom, testSeed } from '../guest/random.ts';
import { resources } from '../guest/resources.ts';
import { GuestImage } from './guest-image.ts';

const CODES = /^WVM_IMAGE_(TRUNCATED|CORRUPT|BAD_MAGIC|BAD_VERSION|BAD_RECORD|LIMIT)$/;
/** Every byte where the records are (one of so many without a CI), whose damage is found at once; some of the pages, whose damage is found late. */
const EVERY = process.env['CI'] === 'true' ? 1 : 3;
const IN_PAGES = 300 / EVERY;
const GROWTH_BYTES = 64 * 2 ** 20;
const MIDDLES = { recursion: 300, 'stdin-lines': 120, 'open-files': 900, 'multi-memory': 100 } as const;

describe.each(Object.entries(MIDDLES))('an image of %s', (name, place) => {
  let image: GuestImage;
  beforeAll(async () => {
    image = await GuestImage.take(name, place);
  });
  afterAll(() => image.remove());

  /** Offsets to try: `every`th byte before the pages, and some behind. */
  function offsets(every: number): number[] {
    const random = randomFrom(testSeed);
    const { recordsEnd, bytes } = image;
    const chosen = Array.from({ length: Math.ceil(recordsEnd / every) }, (_, k) => k * every);
    const pagesBytes = bytes.length - recordsEnd;
    for (let k = 0; k < IN_PAGES; k++) chosen.push(recordsEnd + Math.floor(random() * pagesBytes));
    // The end record and the trailer.
    for (let offset = bytes.length - 200; offset < bytes.length; offset++) chosen.push(offset);
    return chosen;
  }

  async function expectRefused(damaged: Uint8Array, what: string): Promise<void> {
    const code = (await image.refusal(damaged)) ?? 'it is taken';
    if (!CODES.test(code)) expect.unreachable(`${what} (WVM_TEST_SEED=${testSeed}): ${code}`);
  }

  it('V15 cut short anywhere is refused', async () => {
    for (const length of offsets(3 * EVERY)) await expectRefused(image.bytes.subarray(0, length), `cut at ${length}`);
  });

  it('V15 with a flipped bit anywhere is refused', async () => {
    const tried = offsets(EVERY);
    const before = (await resources()).residentBytes;
    for (const [k, offset] of tried.entries()) {
      const damaged = image.bytes.slice();
      damaged[offset]! ^= 1 << (k & 7);
      await expectRefused(damaged, `bit ${k & 7} of byte ${offset}`);
    }
    expect(tried.length).toBeGreaterThan(2500 / EVERY);
    expect((await resources()).residentBytes - before).toBeLessThan(GROWTH_BYTES);
  });

  it('with bytes behind its end is refused', async () => {
    await expectRefused(Buffer.concat([image.bytes, Buffer.from('x')]), 'one byte more');
    await expectRefused(Buffer.concat([image.bytes, image.bytes]), 'twice');
  });

  it('goes on as before after all that', async () => {
    expect(await image.run(image.bytes)).toEqual({ kind: 'exit', code: 0 });
  });
});
