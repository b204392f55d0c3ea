// The inner loops behind the other figures, for information: when stop-time or instrument-time moves, these say where to
// look. One function at a time, so tinybench measures them; no ratios, no bounds.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Bench as TinyBench } from 'tinybench';
import { WasmPageScanner } from '../runtime/engine/page-scanner.ts';
import { instrument } from '../runtime/instrument/instrument.ts';
import { parseModule } from '../runtime/wasm/parse.ts';
import type { Area } from './area.ts';
import { repositoryRoot } from './repository.ts';

const MEMORY_PAGES = 1024;

export const micro: Area = {
  name: 'micro',
  figures: [],
  async measure(bench) {
    const original = new Uint8Array(readFileSync(join(repositoryRoot, 'guest', 'built', 'format.wasm')));
    const parsed = parseModule(original);
    const memory = new WebAssembly.Memory({ initial: MEMORY_PAGES });
    const bytes = new Uint8Array(memory.buffer);
    const scanner = new WasmPageScanner();
    const size = `${(original.length / 1024).toFixed(0)} KiB`;
    const tasks: Record<string, [what: string, run: () => unknown]> = {
      parse: [`parsing a module of ${size}`, () => parseModule(original)],
      instrument: [`instrumenting a module of ${size}, warm`, () => instrument(parsed)],
      'scan-zeros': ['looking for pages in 64 MiB of zeros', () => scanner.nonZeroRuns({ bytes, memory })],
    };
    const tiny = new TinyBench({ time: bench.quick ? 100 : 500 });
    for (const [name, [, run]] of Object.entries(tasks)) tiny.add(name, run);
    await tiny.run();
    for (const { name, result } of tiny.tasks) {
      if (result.state !== 'completed') throw new Error(`micro.${name}: ${result.state}`);
      const { p50, min, max } = result.latency;
      bench.inform(`micro.${name}`, tasks[name]![0], 'ms', p50, { spread: [min, max] });
    }
  },
};
