// Compares hosts over a set of whole programs: for each program the variants run interleaved in one warm process, and
// the figure is the ratio of their medians. Before anything is timed their outputs are compared: a fast wrong answer
// is worth nothing.

import type { Bench } from './area.ts';
import { interleave } from './interleave.ts';
import type { Program } from './programs.ts';
import { type Ratio, ratio } from './statistics.ts';
import { outputOf, type RunOptions, withFolder } from './timed-run.ts';

/** A program made ready to run on one host, as often as wanted. */
interface Runnable {
  runMs(options: RunOptions): number | Promise<number>;
}

export type Host = (module: Uint8Array) => Runnable | Promise<Runnable>;

/** Ratio of times `subject / baseline` of each program, by name. */
export async function programRatios(
  bench: Bench,
  idPrefix: string,
  programs: readonly Program[],
  hosts: { readonly subject: Host; readonly baseline: Host },
): Promise<Map<string, Ratio>> {
  const ratios = new Map<string, Ratio>();
  for (const { name, args, readModule } of programs) {
    const module = readModule();
    const subject = await hosts.subject(module);
    const baseline = await hosts.baseline(module);
    const samples = await withFolder(async (folder) => {
      const ours = await outputOf((stdout) => subject.runMs({ args, stdout, folder }));
      const theirs = await outputOf((stdout) => baseline.runMs({ args, stdout, folder }));
      if (Buffer.compare(ours, theirs) !== 0) throw new Error(`${name}: the hosts' outputs differ`);
      const options: RunOptions = { args, stdout: 'null', folder };
      return interleave(
        { subject: () => subject.runMs(options), baseline: () => baseline.runMs(options) },
        { warmups: 2, rounds: bench.rounds(9) },
      );
    });
    const measured = ratio(samples.subject, samples.baseline);
    ratios.set(name, measured);
    bench.progress(`${name}: ${measured.value.toFixed(3)} (${(samples.baseline.at(-1) ?? 0).toFixed(0)} ms)`);
    bench.inform(`${idPrefix}.${name}`, '', 'ratio', measured.value, { spread: measured.spread });
  }
  return ratios;
}
