// What a program writes bears a mark at every place where it can be stopped, whatever it writes with and in whatever order.
// The program runs on plain V8 too: marks change nothing of what it computes.

import { afterEach, describe, expect, test, vi } from 'vitest';
import { assembleText } from '../../test/conformance/assembler.ts';
import { difference, NEVER, TestProgram } from '../../test/unit/every-site.ts';
import { randomStores } from '../../test/unit/random-stores.ts';
import { HOST } from '../../test/unit/site-samples.ts';
import { MemoryMarks } from '../engine/page-marks.ts';
import { parseModule } from '../wasm/parse.ts';
import { buildCallGraph } from './call-graph.ts';
import { instrument } from './instrument.ts';

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

  test('a store at each distance from a marked one, at the end of a page', async () => {
    // One call in each turn: a program of its own for every distance.
    const distances = [-4097, -4096, -17, -1, 0, 1, 4064, 4079, 4080, 4081, 4082, 4083, 4096, 4097, 8176, 8177, 8192];
    const bodies = distances.flatMap((distance) =>
      [0, 1, 2048, 4080, 4094, 4095].map(
        (at) => `(local.set $p (i32.const ${40960 + at}))
          (i32.store8 (local.get $p) (call $i (i32.const 7)))
          (i32.store8 (local.get $p) (i32.add (global.get $n) (i32.const 1)))
          (v128.store (i32.add (local.get $p) (i32.const ${distance})) (i32x4.splat (global.get $n)))
          (i64.store8 (i32.const 40900) (i64.extend_i32_u (global.get $n)))
          (v128.store offset=${8192 + distance} (i32.const ${32768 + at}) (i32x4.splat (global.get $n)))
          (global.set $n (i32.add (global.get $n) (i32.const 3)))`,
      ),
    );
    const bytes = await assembleText(`(module ${HOST} (memory (export "memory") 1) (global $n (mut i32) (i32.const 1))
      (func (export "run") (local $p i32) ${bodies.join('\n')}))`);
    expect(check(new TestProgram(bytes, 'run', [], true))).toBe(bodies.length);
  });

  test('a store whose base moves while its address lies on the stack', async () => {
    const moved = (step: number): string => `(local.tee $p (i32.add (local.get $p) (i32.const ${step})))`;
    const bodies = [20000, -9000, 4096].map(
      (step) => `(local.set $p (i32.const 32768))
        (i32.store offset=8 (local.get $p) ${moved(step)})
        (drop (call $i (i32.const 1)))
        (local.set $q (i32.add (local.get $p) (i32.const 12000)))
        (i32.store (local.get $q) ${moved(step)})
        (i32.store offset=16 (local.get $p) (local.get $q))
        (drop (call $i (i32.const 2)))`,
    );
    const bytes = await assembleText(`(module ${HOST} (memory (export "memory") 2)
      (func (export "run") (local $p i32) (local $q i32) ${bodies.join('\n')}))`);
    expect(check(new TestProgram(bytes, 'run', [], true))).toBe(bodies.length * 2);
  });

  test('a page without a mark is noticed', async () => {
    const bytes = await assembleText(randomStores({ seed: 1 }));
    vi.spyOn(MemoryMarks.prototype, 'take').mockReturnValue([]);
    expect(() => check(new TestProgram(bytes, 'run', [], true))).toThrow('written without a mark');
  });
});

describe('what a program costs that marks', () => {
  /** Marks in a function without sites: stores to the memory of the marks. */
  async function marksOf(body: string): Promise<number> {
    const module = parseModule(
      await assembleText(`(module (memory 1) (func (param $p i32) (param $q i32) (local $v i32) ${body}))`),
    );
    const { map } = instrument(module, buildCallGraph(module), { marksWrites: true });
    return map.plan(0).marks.marks.size;
  }
  const store = (base: string, offset: number): string => `(i32.store offset=${offset} ${base} (local.get $v))`;
  const p = '(local.get $p)';

  test.each([
    ['stores to one structure', `${store(p, 0)} ${store(p, 4)} ${store(p, 4000)}`, 1],
    ['in any order', `${store(p, 400)} ${store(p, 4)} ${store(p, 0)}`, 1],
    ['beyond a page', `${store(p, 0)} ${store(p, 5000)} ${store(p, 5004)}`, 2],
    ['two bases', `${store(p, 0)} ${store('(local.get $q)', 0)} ${store(p, 8)}`, 2],
    [
      'sums',
      `${store('(i32.add (local.get $p) (i32.const -8))', 0)} ${store('(i32.add (i32.const -4) (local.get $p))', 0)}`,
      1,
    ],
    [
      'a base that moves on',
      `${store(p, 0)} (local.set $p (i32.add (local.get $p) (i32.const 4))) ${store(p, 0)} (local.set $p (i32.add (local.get $p) (i32.const -8))) ${store(p, 4)}`,
      1,
    ],
    ['a base that is another', `${store(p, 0)} (local.set $p (local.get $q)) ${store(p, 0)}`, 2],
    [
      'variables of C',
      `${store('(i32.const 1024)', 0)} ${store('(i32.const 1040)', 8)} ${store('(i32.const 9000)', 0)}`,
      2,
    ],
    ['behind an if', `${store(p, 0)} (if (local.get $q) (then ${store(p, 4)})) ${store(p, 8)}`, 1],
    ['in an if, and behind it', `(if (local.get $q) (then ${store(p, 4)}) (else ${store(p, 8)})) ${store(p, 8)}`, 3],
    [
      'behind an if that moves the base',
      `${store(p, 0)} (if (local.get $q) (then (local.set $p (i32.const 64)))) ${store(p, 8)}`,
      2,
    ],
    [
      'a sum in another local',
      `${store(p, 0)} (local.set $q (i32.add (local.get $p) (i32.const 80))) ${store('(local.get $q)', 0)} (local.set $p (local.get $v)) ${store('(local.get $q)', 8)} ${store(p, 0)}`,
      2,
    ],
    ['addresses of which nothing is known', `${store('(i32.mul (local.get $p) (local.get $q))', 0)}`, 1],
  ])('%s', async (_, body, count) => {
    expect(await marksOf(body)).toBe(count);
  });

  test('a program that does not mark is what it was', async () => {
    const module = parseModule(await assembleText(randomStores({ seed: 3 })));
    const plain = instrument(module).bytes;
    expect(plain).toEqual(instrument(module, buildCallGraph(module), { marksWrites: false }).bytes);
    expect(new TextDecoder('latin1').decode(plain)).not.toContain('\x05marks');
    const marked = instrument(module, buildCallGraph(module), { marksWrites: true }).bytes;
    expect(new TextDecoder('latin1').decode(marked)).toContain('\x05marks');
  });
});
