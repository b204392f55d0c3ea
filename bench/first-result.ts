// First result of a 1 MB program that does next to nothing: whole processes, from start to exit, nothing cached.
// wvm is the built CLI with an empty cache folder of its own for every sample; the peer is the plainest node:wasi runner.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Area } from './area.ts';
import { lower } from './figure.ts';
import { interleave, timeMs } from './interleave.ts';
import { largeProgram } from './programs.ts';
import { builtCli } from './repository.ts';
import { ratio } from './statistics.ts';

const NODE_WASI = new URL('./node-wasi.mjs', import.meta.url);

export const firstResult: Area = {
  name: 'first-result',
  figures: [
    lower('first-result.cold', 'first result of a 1 MB program, cold cache, wvm / node:wasi', 'ratio', 2.5, 1.5),
    lower('first-result.warm', 'the same with a warm cache', 'ratio', null, null),
  ],
  async measure(bench) {
    if (!existsSync(builtCli)) throw new Error(`${builtCli} is missing: npm run build`);
    const program = largeProgram();
    const [warmCache, emptyParent] = [temporaryFolder(), temporaryFolder()];
    const run = (cacheHome: string, ...command: string[]): Promise<number> =>
      timeMs(() => {
        const env = { ...process.env, XDG_CACHE_HOME: cacheHome };
        const output = execFileSync(process.execPath, [...command, program.path, ...program.args], { env });
        if (output.length === 0) throw new Error(`no output of ${command.join(' ')}`);
      });
    try {
      const samples = await interleave(
        {
          cold: () => run(mkdtempSync(join(emptyParent, 'cache-')), builtCli, 'run'),
          warm: () => run(warmCache, builtCli, 'run'),
          nodeWasi: () => run(warmCache, '--no-warnings', NODE_WASI.pathname),
        },
        { warmups: 1, rounds: bench.rounds(9) },
      );
      const cold = ratio(samples.cold, samples.nodeWasi);
      const warm = ratio(samples.warm, samples.nodeWasi);
      const note = `whole processes; node:wasi took ${samples.nodeWasi.at(-1)!.toFixed(0)} ms`;
      bench.report('first-result.cold', cold.value, { spread: cold.spread, note });
      bench.report('first-result.warm', warm.value, { spread: warm.spread });
    } finally {
      rmSync(warmCache, { recursive: true, force: true });
      rmSync(emptyParent, { recursive: true, force: true });
    }
  },
};

function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'wvm-bench-'));
}
