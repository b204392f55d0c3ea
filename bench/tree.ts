// Trees of processes and threads: what fork, a switch and a wake cost, and how long a family of processes takes to stop
// and to resume. Forks, switches and wakes as processor time of the thread, since nothing in them waits: of a whole run, by the number
// of things done.

import { Machine } from '../runtime/index.ts';
import type { Area } from './area.ts';
import { lower } from './figure.ts';
import { assemble } from './guests.ts';
import { resumeMs, stopInMidRun } from './image.ts';
import { interleave } from './interleave.ts';
import { median, spreadOf } from './statistics.ts';
import { family, forks, futexPingPong, pingPong, pipeStream } from './tree-guests.ts';

const MIB: number = 1 << 20;
const FORKS = 200;
const ROUND_TRIPS = 20_000;
const WAKES = 20_000;
const CHUNKS = 2000;
const CHILDREN = 32;

export const tree: Area = {
  name: 'tree',
  figures: [
    lower('tree.fork', 'fork of a process of 1 MiB, its end and wait', 'ms', 1, 0.3),
    lower('tree.switch', 'switch between two processes at a pipe', 'us', 15, 3),
    lower('tree.futex', 'futex wake to run', 'us', 15, 2),
    lower('tree.stop', 'snapshot of 33 small processes, API', 'ms', 60, 10),
    lower('tree.resume', 'resume of 33 small processes to their first instruction, API', 'ms', 40, 10),
  ],
  async measure(bench) {
    const threadsText = { threads: true };
    const modules = {
      fork: await assemble('fork', forks(MIB, FORKS)),
      switch: await assemble('switch', pingPong(ROUND_TRIPS)),
      futex: await assemble('futex', futexPingPong(WAKES), threadsText),
      stream: await assemble('stream', pipeStream(CHUNKS)),
    };
    const { image } = await stopInMidRun(await assemble('family', family(CHILDREN)));
    const familyModule = await assemble('family', family(CHILDREN));
    const samples = await interleave(
      {
        fork: () => runMs(modules.fork),
        switch: () => runMs(modules.switch),
        futex: () => runMs(modules.futex),
        stream: () => runMs(modules.stream),
        stop: async () => (await stopInMidRun(familyModule)).wallMs,
        resume: () => resumeMs(image),
      },
      { warmups: 2, rounds: bench.rounds(9) },
    );
    const per = (name: keyof typeof samples, count: number): { value: number; spread: readonly [number, number] } => {
      const each = samples[name].map((ms) => ms / count);
      return { value: median(each), spread: spreadOf(each) };
    };
    const fork = per('fork', FORKS);
    bench.report('tree.fork', fork.value, { spread: fork.spread, note: 'processor time' });
    const change = per('switch', 2 * ROUND_TRIPS * 1e-3);
    bench.report('tree.switch', change.value, {
      spread: change.spread,
      note: 'two system calls for each; processor time',
    });
    const wake = per('futex', 2 * WAKES * 1e-3);
    bench.report('tree.futex', wake.value, {
      spread: wake.spread,
      note: 'memory.atomic.notify and wait32; processor time',
    });
    const stop = per('stop', 1);
    bench.report('tree.stop', stop.value, { spread: stop.spread, note: 'CRIU 4.2 as root: 206 ms' });
    const resume = per('resume', 1);
    bench.report('tree.resume', resume.value, { spread: resume.spread, note: 'CRIU 4.2 as root: 92 ms' });
    const stream = per('stream', CHUNKS * 64);
    bench.inform('tree.stream', '1 KiB through a pipe, in pieces of 64 KiB', 'us', stream.value * 1e3);
  },
};

/** Milliseconds of processor time of a run that ends with status 0. */
async function runMs(module: Uint8Array): Promise<number> {
  const machine = await Machine.load(module, { stdin: 'null', stdout: 'null', cacheDirectory: null });
  const before = process.threadCpuUsage();
  const exit = await machine.run();
  const { user, system } = process.threadCpuUsage(before);
  if (exit.kind !== 'exit' || exit.code !== 0) throw new Error(`the guest ended with ${JSON.stringify(exit)}`);
  machine.dispose();
  return (user + system) / 1000;
}
