// The same programs under wvm against Binaryen's Asyncify -O2 with polls (asyncified.ts), on the same system calls.

import type { Area } from './area.ts';
import { asyncified } from './asyncified.ts';
import { lower } from './figure.ts';
import { PlainProgram } from './plain.ts';
import { programRatios } from './program-ratios.ts';
import { programsOfKind } from './programs.ts';
import { geomean, spreadOf } from './statistics.ts';
import { StoppableProgram } from './timed-run.ts';

export const asyncify: Area = {
  name: 'asyncify',
  figures: [lower('asyncify.geomean', 'run time, wvm / Asyncify -O2 with polls, geomean', 'ratio', 0.75, 0.65)],
  async measure(bench) {
    const ratios = await programRatios(bench, 'asyncify', programsOfKind('bench'), {
      subject: (module) => new StoppableProgram(module),
      baseline: (module) => new PlainProgram(asyncified(module)),
    });
    const values = [...ratios.values()].map(({ value }) => value);
    bench.report('asyncify.geomean', geomean(values), {
      spread: spreadOf(values),
      note: `${values.length} programs, warm process; Binaryen's -O2 also optimises the program, wvm does not`,
    });
  },
};
