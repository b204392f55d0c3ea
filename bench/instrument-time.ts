// How long it takes to instrument QuickJS (1.2 MB), cold: each sample is a fresh process, in which not even wvm's own
// code has been optimised. The process times itself, from bytes to bytes; its start does not count.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Area } from './area.ts';
import { lower } from './figure.ts';
import { interleave } from './interleave.ts';
import { quickjs } from './programs.ts';
import { median, spreadOf } from './statistics.ts';

const ONCE = new URL('./instrument-once.ts', import.meta.url);

export const instrumentTime: Area = {
  name: 'instrument-time',
  figures: [lower('instrument-time.quickjs', 'instrumenting a 1.2 MB program (QuickJS), cold', 's', 1, 0.2)],
  async measure(bench) {
    const program = quickjs();
    const { seconds } = await interleave(
      { seconds: () => instrumentOnce(program.path) },
      { warmups: 1, rounds: bench.rounds(9) },
    );
    bench.report('instrument-time.quickjs', median(seconds), {
      spread: spreadOf(seconds),
      note: `${program.readModule().length} bytes; Binaryen's Asyncify takes 98-145 s`,
    });
  },
};

async function instrumentOnce(path: string): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [ONCE.pathname, path]);
  return Number(stdout);
}
