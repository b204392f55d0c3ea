// First result of a 1 MB program that does next to nothing: whole processes, from start to exit.
// wvm is the built CLI, cold with an empty cache folder of its own for every sample; the peer is the plainest node:wasi runner.
//
// A program that ends so soon is not instrumented (runtime/host/programs/trial.ts). With --timeout there is no trial: the figures
// `instrumented` and `stored` say what the guest waits for then, at its first start and at later ones.

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
    lower('first-result.instrumented', 'the same without a trial run, cold cache', 'ratio', null, null),
    lower('first-result.stored', 'the same, instrumented module from the cache', 'ratio', null, null),
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
          instrumented: () => run(mkdtempSync(join(folder, 'cache-')), ...wvmRun, '--timeout', '1h'),
          stored: () => run(warmCache, ...wvmRun, '--timeout', '1h'),
          nodeWasi: () => run(warmCache, '--no-warnings', NODE_WASI.pathname, folder),
        },
        { warmups: 1, rounds: bench.rounds(9) },
      );
      const note = `whole processes, start to exit; node:wasi takes ${median(samples.nodeWasi).toFixed(0)} ms`;
      for (const kind of ['cold', 'warm', 'instrumented', 'stored'] as const) {
        const { value, spread } = ratio(samples[kind], samples.nodeWasi);
        bench.report(`first-result.${kind}`, value, { spread, ...(kind === 'cold' ? { note } : {}) });
      }
    });
  },
};
