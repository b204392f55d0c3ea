// What it costs to be stoppable anywhere, in whole programs: the instrumented program under the engine, uninterrupted,
// against the original on plain V8 with the same system calls (plain.ts).

import type { Area } from './area.ts';
import { lower } from './figure.ts';
import { PlainProgram } from './plain.ts';
import { programRatios } from './program-ratios.ts';
import { programsOfKind } from './programs.ts';
import { geomean, spreadOf } from './statistics.ts';
import { StoppableProgram } from './timed-run.ts';

export const overhead: Area = {
  name: 'overhead',
  figures: [
    lower('overhead.geomean', 'run time, stoppable / plain V8, geomean', 'ratio', 1.15, 1.05),
    lower('overhead.worst', 'run time, stoppable / plain V8, worst program', 'ratio', 1.6, 1.25),
  ],
  async measure(bench) {
    const ratios = await programRatios(bench, 'overhead', programsOfKind('bench'), {
      subject: (module) => new StoppableProgram(module),
      baseline: (module) => new PlainProgram(module),
    });
    const values = [...ratios.values()].map(({ value }) => value);
    const worst = [...ratios].reduce((a, b) => (b[1].value > a[1].value ? b : a));
    const spread = spreadOf(values);
    bench.report('overhead.geomean', geomean(values), {
      spread,
      note: `${values.length} programs, warm process, V8's default tiers; min … max over the programs`,
    });
    bench.report('overhead.worst', worst[1].value, { spread: worst[1].spread, note: worst[0] });
  },
};
