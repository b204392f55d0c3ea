// Numeric loops in optimised code on both sides: with V8's baseline compiler switched off the figure shows what the
// instrumentation costs the optimiser, not which tier a kernel happens to run in.

import type { Area } from './area.ts';
import { lower } from './figure.ts';
import { PlainProgram } from './plain.ts';
import { programRatios } from './program-ratios.ts';
import { programsOfKind } from './programs.ts';
import { geomean, spreadOf } from './statistics.ts';
import { StoppableProgram } from './timed-run.ts';

export const polybench: Area = {
  name: 'polybench',
  figures: [
    lower('polybench.geomean', 'numeric loops, optimised code, stoppable / plain V8, geomean', 'ratio', 1.1, 1.03),
  ],
  nodeFlags: ['--no-liftoff'],
  async measure(bench) {
    const ratios = await programRatios(bench, 'polybench', programsOfKind('polybench'), {
      subject: (module) => new StoppableProgram(module),
      baseline: (module) => new PlainProgram(module),
    });
    const values = [...ratios.values()].map(({ value }) => value);
    bench.report('polybench.geomean', geomean(values), {
      spread: spreadOf(values),
      note: `${values.length} kernels, node --no-liftoff; min … max over the kernels`,
    });
  },
};
