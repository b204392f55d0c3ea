// First result of a 1 MB program that does next to nothing: whole processes, from start to exit, nothing cached.
// wvm is the built CLI with an empty cache folder of its own for every sample; the peer is the plainest node:wasi runner.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Area } from './area.ts';
import { lower } from './figure.ts';
import { interleave, timeMs } from './interleave.ts';
import { quickjs } from './programs.ts';
import { builtCli } from './repository.ts';
import { median, ratio } from './statistics.ts';
import { withFolder } from './timed-run.ts';

const NODE_WASI = new URL('./node-wasi.mjs', import.meta.url);

export const firstResult: Area = {
  name: 'first-result',
  figures: [
    lower('first-result.cold', 'first result of a 1 MB program, cold cache, wvm / node:wasi', 'ratio', 2.5, 1.5),
    lower('first-result.warm', 'the same with a warm cache', 'ratio', null, null),
  ],
  async measure(bench) {
    if (!existsSync(builtCli)) throw new Error(`${builtCli} is missing: npm run build`);
    const program = quickjs();
    await withFolder(async (folder) => {
      writeFileSync(join(folder, 'script.js'), 'print(6 * 7)\n');
      const warmCache = mkdtempSync(join(folder, 'cache-'));
      const run = (cacheHome: string, ...command: string[]): Promise<number> =>
        timeMs(() => {
          const env = { ...process.env, XDG_CACHE_HOME: cacheHome };
          const output = execFileSync(process.execPath, [...command, program.path, ...program.args], { env });
          if (output.toString() !== '42\n') throw new Error(`${command.join(' ')} printed ${output.toString()}`);
        });
      const wvmRun = [builtCli, 'run', '--dir', `${folder}::/`];
      const samples = await interleave(
        {
          cold: () => run(mkdtempSync(join(folder, 'cache-')), ...wvmRun),
          warm: () => run(warmCache, ...wvmRun),
          nodeWasi: () => run(warmCache, '--no-warnings', NODE_WASI.pathname, folder),
        },
        { warmups: 1, rounds: bench.rounds(9) },
      );
      const cold = ratio(samples.cold, samples.nodeWasi);
      const warm = ratio(samples.warm, samples.nodeWasi);
      const note = `whole processes, start to exit; node:wasi takes ${median(samples.nodeWasi).toFixed(0)} ms`;
      bench.report('first-result.cold', cold.value, { spread: cold.spread, note });
      bench.report('first-result.warm', warm.value, { spread: warm.spread });
    });
  },
};
