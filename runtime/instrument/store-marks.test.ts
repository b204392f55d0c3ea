// What a program writes bears a mark at every place where it can be stopped, whatever it writes with and in whatever order.
// The program runs on plain V8 too: marks change nothing of what it computes.

import { afterEach, describe, expect, test, vi } from 'vitest';
import { assembleText } from '../../test/conformance/assembler.ts';
import { difference, NEVER, TestProgram } from '../../test/unit/every-site.ts';
import { randomStores } from '../../test/unit/random-stores.ts';
import { MemoryMarks } from '../engine/page-marks.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const SEEDS = 12;
/** Of those, stops that go on in another instance. */
const ELSEWHERE_SEEDS = 3;

/** How many stops were made. */
function check(program: TestProgram): number {
  const plain = program.runPlain();
  const undisturbed = program.run(NEVER);
  program.keepsInstance = true;
  const everywhere = program.run(() => true);
  const sometimes = program.run((point) => point % 3 === 1);
  for (const run of [undisturbed, everywhere, sometimes]) {
    expect(difference(plain, { ...run, instance: undefined })).toBeUndefined();
  }
  return everywhere.stops;
}

describe('random programs mark every page that they write', () => {
  test.each([false, true])(
    '64-bit addresses: %s',
    async (is64) => {
      let stops = 0;
      for (let seed = 1; seed <= SEEDS; seed++) {
        const bytes = await assembleText(randomStores({ seed, is64 }));
        try {
          const program = new TestProgram(bytes, 'run', [], true);
          stops += check(program);
          program.keepsInstance = false;
          if (seed <= ELSEWHERE_SEEDS) stops += program.run(() => true).stops;
        } catch (error) {
          throw new Error(`seed ${seed}`, { cause: error });
        }
      }
      expect(stops).toBeGreaterThan(SEEDS * 12);
    },
    30_000,
  );

  test('a page without a mark is noticed', async () => {
    const bytes = await assembleText(randomStores({ seed: 1 }));
    vi.spyOn(MemoryMarks.prototype, 'take').mockReturnValue([]);
    expect(() => check(new TestProgram(bytes, 'run', [], true))).toThrow('written without a mark');
  });
});
