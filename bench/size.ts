// Size of the instrumented module against the original, over every whole program there is.

import { instrument } from '../runtime/instrument/instrument.ts';
import { parseModule } from '../runtime/wasm/parse.ts';
import type { Area } from './area.ts';
import { lower } from './figure.ts';
import { allPrograms } from './programs.ts';
import { geomean, spreadOf } from './statistics.ts';

export const size: Area = {
  name: 'size',
  figures: [lower('size.geomean', 'instrumented size / original, geomean', 'ratio', 2.0, 1.5)],
  async measure(bench) {
    const ratios: number[] = [];
    for (const { name, readModule } of allPrograms()) {
      const original = readModule();
      const instrumented = instrument(parseModule(original)).bytes;
      ratios.push(instrumented.length / original.length);
      bench.inform(`size.${name}`, `${original.length} bytes`, 'ratio', instrumented.length / original.length);
    }
    bench.report('size.geomean', geomean(ratios), {
      spread: spreadOf(ratios),
      note: `${ratios.length} programs, uncompressed, wvm's own sections included`,
    });
  },
};
