// Every program runs on plain V8, then instrumented, then with a stop at every place where it can be stopped: all of
// them in one run, and each of them alone in a run of its own. A stop unwinds the stack, saves frames and instance,
// makes a fresh instance of them and goes on there. Results, host calls, memory, globals and tables must be the same.

import { afterEach, describe, expect, test, vi } from 'vitest';
import { assembleText } from '../../test/conformance/assembler.ts';
import { insertPoints } from '../../test/conformance/dense-points.ts';
import { checkEverySite, difference, NEVER, TestProgram } from '../../test/unit/every-site.ts';
import { type Exceptions, randomProgram } from '../../test/unit/random-program.ts';
import { HOST, SAMPLES } from '../../test/unit/site-samples.ts';
import { parseModule } from '../wasm/parse.ts';
import { Liveness } from './liveness.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** With a point before every instruction not all of them are taken. */
const DENSE_STEP = 29;

describe('a stop at every site', () => {
  let stops = 0;

  test.each(Object.entries(SAMPLES))('%s', async (_, { wat, args, points }) => {
    const bytes = await assembleText(`(module ${HOST} ${wat})`);
    const counts = checkEverySite(new TestProgram(bytes, 'run', args));
    expect(counts.points).toBeGreaterThanOrEqual(points);
    stops += counts.stops;
  });

  test.each(Object.entries(SAMPLES))('%s, between any two instructions', async (_, { wat, args }) => {
    const bytes = insertPoints(parseModule(await assembleText(`(module ${HOST} ${wat})`)));
    const program = new TestProgram(bytes, 'run', args);
    const undisturbed = program.run(NEVER);
    for (const phase of [3, 11, 19]) {
      const stopped = program.run((point) => point % DENSE_STEP === phase);
      expect(difference(undisturbed, stopped)).toBeUndefined();
      stops += stopped.stops;
    }
  });

  test('they were many', () => {
    expect(stops).toBeGreaterThan(400);
  });
});

/** In CI many more: WVM_FUZZ_PROGRAMS, from WVM_FUZZ_SEED on. */
const PROGRAMS = Number(process.env['WVM_FUZZ_PROGRAMS'] ?? 80);
const FIRST_SEED = Number(process.env['WVM_FUZZ_SEED'] ?? 1);
const SINGLE_STOPS = 2;

describe('random programs', () => {
  const forms: [Exceptions, number][] = [
    ['none', PROGRAMS / 2],
    ['legacy', PROGRAMS / 4],
    ['standard', PROGRAMS / 4],
  ];
  test.each(forms)(
    'exceptions: %s',
    async (exceptions, count) => {
      let [stops, saved] = [0, 0];
      for (let seed = FIRST_SEED; seed < FIRST_SEED + count; seed++) {
        const text = randomProgram({ seed, exceptions });
        try {
          const counts = checkEverySite(new TestProgram(await assembleText(text), 'run'), SINGLE_STOPS);
          stops += counts.stops;
          saved += counts.exceptions;
        } catch (error) {
          throw new Error(`randomProgram({ seed: ${seed}, exceptions: '${exceptions}' }): ${error}`, { cause: error });
        }
      }
      expect(stops).toBeGreaterThan(count * 5);
      if (exceptions !== 'none') expect(saved).toBeGreaterThan(count / 3);
    },
    PROGRAMS * 1000,
  );

  test('a handler that forgets one live local is noticed', async () => {
    const { isLive } = Liveness.prototype;
    vi.spyOn(Liveness.prototype, 'isLive').mockImplementation(function (this: Liveness, site, index) {
      return index !== 2 && isLive.call(this, site, index);
    });
    await expect(findFailure(40)).resolves.toBeDefined();
  });
});

/** The first failure among random programs. */
async function findFailure(count: number): Promise<string | undefined> {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + count; seed++) {
    const program = new TestProgram(await assembleText(randomProgram({ seed })), 'run');
    try {
      checkEverySite(program, 0);
    } catch (error) {
      return String(error);
    }
  }
  return undefined;
}
