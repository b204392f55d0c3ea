// One call that lasts (a loop in `main`). V8 never replaces the running baseline frame of a wasm function; wvm unwinds it
// and goes on in optimised code. Every sample has module bytes of its own: code that an earlier sample got optimised
// would help later ones, on both sides.

import type { Area } from './area.ts';
import { lower } from './figure.ts';
import { assemble, longCall, withUniqueBytes } from './guests.ts';
import { interleave } from './interleave.ts';
import { PlainProgram } from './plain.ts';
import { ratio } from './statistics.ts';
import { StoppableProgram, withFolder } from './timed-run.ts';

/** About a second in baseline code. */
const PRODUCT_COUNT = 1500;

export const osr: Area = {
  name: 'osr',
  figures: [lower('osr.long-call', 'one long-running call, stoppable / plain V8 in default tiers', 'ratio', 1.0, 0.55)],
  async measure(bench) {
    const module = await assemble('long-call', longCall(PRODUCT_COUNT));
    const samples = await withFolder((folder) => {
      const options = { args: [], stdout: 'null', folder } as const;
      return interleave(
        {
          stoppable: () => new StoppableProgram(withUniqueBytes(module)).runMs(options),
          plain: () => new PlainProgram(withUniqueBytes(module)).runMs(options),
        },
        { warmups: 1, rounds: bench.rounds(7) },
      );
    });
    const { value, spread } = ratio(samples.stoppable, samples.plain);
    bench.report('osr.long-call', value, {
      spread,
      note: `${PRODUCT_COUNT} products of 64 x 64 matrices in _start, fresh code each time`,
    });
  },
};
