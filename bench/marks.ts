// What it costs a program to mark the pages that it writes (wvm run --mark-writes): whole programs that do, against the same
// programs that do not, both stoppable anywhere. The other side, how short a stop is then, is in snapshots.ts.

import type { Area } from './area.ts';
import { lower } from './figure.ts';
import { programRatios } from './program-ratios.ts';
import { programsOfKind } from './programs.ts';
import { geomean, spreadOf } from './statistics.ts';
import { StoppableProgram } from './timed-run.ts';

export const marks: Area = {
  name: 'marks',
  figures: [
    lower('marks.geomean', 'run time, marking its writes / not marking, geomean', 'ratio', null, null),
    lower('marks.worst', 'run time, marking its writes / not marking, worst program', 'ratio', null, null),
  ],
  async measure(bench) {
    const ratios = await programRatios(bench, 'marks', programsOfKind('bench'), {
      subject: (module) => new StoppableProgram(module, { marksWrites: true }),
      baseline: (module) => new StoppableProgram(module),
    });
    const values = [...ratios.values()].map(({ value }) => value);
    const worst = [...ratios].reduce((a, b) => (b[1].value > a[1].value ? b : a));
    bench.report('marks.geomean', geomean(values), {
      spread: spreadOf(values),
      note: `${values.length} programs, warm process, V8's default tiers; min … max over the programs`,
    });
    bench.report('marks.worst', worst[1].value, { spread: worst[1].spread, note: worst[0] });
  },
};
