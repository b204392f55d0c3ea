// Every program runs on plain V8, then instrumented, then with a stop at every place where it can be stopped: all of
// them in one run, and each of them alone in a run of its own. A stop unwinds the stack, saves frames and instance,
// makes a fresh instance of them and goes on there. Results, host calls, memory, globals and tables must be the same.

import { afterEach, describe, expect, test, vi } from 'vitest';
import { assembleText } from '../../test/conformance/assembler.ts';
import { insertPoints } from '../../test/conformance/dense-points.ts';
import { checkEverySite, difference, NEVER, TestProgram } from '../../test/unit/every-site.ts';
import { type Exceptions, randomProgram } from '../../test/unit/random-program.ts';
import { HOST, SAMPLES } from '../../test/unit/site-samples.ts';
import type { WvmError } from '../base/wvm-error.ts';
import type { ExceptionState, FrameState, ValueState } from '../engine/state.ts';
import { parseModule } from '../wasm/parse.ts';
import { BackwardPass } from './liveness.ts';

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

  test.each(Object.entries(SAMPLES))('%s, marking what it writes', async (_, { wat, args, points }) => {
    const bytes = await assembleText(`(module ${HOST} ${wat})`);
    const counts = checkEverySite(new TestProgram(bytes, 'run', args, true));
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

describe('frames that the code could not have made', () => {
  const LEGACY = `(tag $e (param i32)) (tag $f (param i64))
    (func (export "run")
      try try (throw $e (i32.const 5)) catch $f drop catch_all (call $note (i32.const 1)) rethrow 0 end catch $e drop end)`;
  const STANDARD = `(tag $e (param i32)) (func (export "run") (local $x exnref)
      (local.set $x (block $c (result exnref) (try_table (catch_all_ref $c) (throw $e (i32.const 5))) (unreachable)))
      (call $note (i32.const 1)) (drop (block $c (result i32) (try_table (catch $e $c) (throw_ref (local.get $x))) (unreachable))))`;
  const i32: ValueState = { type: 'i32', bits: 7 };
  const i64: ValueState = { type: 'i64', bits: 7n };

  async function run(wat: string, tamper: (frame: FrameState) => FrameState): Promise<string> {
    const program = new TestProgram(await assembleText(`(module ${HOST} ${wat})`), 'run');
    program.tamper = tamper;
    try {
      return program.run(() => true).outcome;
    } catch (error) {
      return (error as WvmError).code;
    }
  }

  test.each<[string, FrameState['caught']]>([
    ['none', []],
    ['too many', [{ tag: 0, payload: [i32] }, null]],
    ['one that is needed is missing', [null]],
    ['a tag that another clause catches', [{ tag: 1, payload: [i64] }]],
    ['no such tag', [{ tag: 9, payload: [] }]],
    ['another payload', [{ tag: 0, payload: [i64] }]],
    ['a payload too short', [{ tag: 0, payload: [] }]],
  ])('caught exceptions: %s', async (_, caught) => {
    expect(await run(LEGACY, (frame) => ({ ...frame, caught: caught! }))).toBe('WVM_IMAGE_BAD_FRAME');
    expect(await run(LEGACY, (frame) => ({ ...frame, caught: [{ tag: 0, payload: [i32] }] }))).toBe('()');
  });

  test.each<[string, ExceptionState]>([
    ['no such tag', { tag: 0xffff_fffe, payload: [] }],
    ['another payload', { tag: 0, payload: [i64] }],
    ['a payload too long', { tag: 0, payload: [i32, i32] }],
    ['an exception within', { tag: 0, payload: [{ type: 'exnref', exception: null }] }],
  ])('references to exceptions: %s', async (_, exception) => {
    const bad: ValueState = { type: 'exnref', exception };
    const good: ValueState = { type: 'exnref', exception: { tag: 0, payload: [i32] } };
    expect(await run(STANDARD, (frame) => ({ ...frame, locals: [bad] }))).toBe('WVM_IMAGE_BAD_FRAME');
    expect(await run(STANDARD, (frame) => ({ ...frame, locals: [good] }))).toBe('()');
  });
});

/** How many, from which seed on; in CI many more. */
const PROGRAMS = Number(process.env['WVM_FUZZ_PROGRAMS'] ?? (process.env['CI'] === undefined ? 60 : 300));
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
    const { run } = BackwardPass.prototype;
    vi.spyOn(BackwardPass.prototype, 'run').mockImplementation(function (this: BackwardPass, analysis, words) {
      const bits = run.call(this, analysis, words);
      for (let site = 0; site < analysis.sites.length; site++) bits[site * words]! &= ~(1 << 2);
      return bits;
    });
    await expect(findFailure(40)).resolves.toBeDefined();
  }, 30_000);
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
