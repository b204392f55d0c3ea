// Speed of a loop in a resumed frame against the same loop never stopped. The guest works in equal chunks within one
// call and says "." after each; the figure compares the median time of a chunk. The calls variant calls a small function
// every turn: in a resumed frame that call leaves the continuation's instance (RATIONALE.md).

import { Machine, type MachineOptions } from '../runtime/index.ts';
import type { Area, Bench } from './area.ts';
import { lower } from './figure.ts';
import { assemble, chunkedLoop } from './guests.ts';
import { interleave } from './interleave.ts';
import { median, type Ratio, ratio } from './statistics.ts';

const CHUNK_COUNT = 60;
/** The chunk after which the guest is stopped; chunks before it are warm-up in both variants. */
const STOP_AFTER = 20;
const TURNS_PER_CHUNK = 8_000_000;

export const afterResume: Area = {
  name: 'after-resume',
  figures: [
    lower('after-resume.loop', 'run time after a resume / never stopped, loop in a resumed frame', 'ratio', 1.3, 1.0),
  ],
  async measure(bench) {
    const note = `median chunk of ${TURNS_PER_CHUNK} turns, same process`;
    const inPlace = await compare(bench, 'in-place');
    bench.report('after-resume.loop', inPlace.value, { spread: inPlace.spread, note });
    const calls = await compare(bench, 'calls');
    bench.inform('after-resume.calls', 'the same with a call to a small function every turn', 'ratio', calls.value, {
      spread: calls.spread,
    });
  },
};

async function compare(bench: Bench, work: 'in-place' | 'calls'): Promise<Ratio> {
  const module = await assemble(`chunks-${work}`, chunkedLoop(CHUNK_COUNT, TURNS_PER_CHUNK, work));
  const samples = await interleave(
    { resumed: () => chunkAfterResume(module), neverStopped: () => chunkNeverStopped(module) },
    { warmups: 1, rounds: bench.rounds(7) },
  );
  return ratio(samples.resumed, samples.neverStopped);
}

async function chunkNeverStopped(module: Uint8Array): Promise<number> {
  const times = new ChunkTimes();
  const machine = await Machine.load(module, times.machineOptions());
  await machine.run();
  return times.medianChunkMs(STOP_AFTER);
}

async function chunkAfterResume(module: Uint8Array): Promise<number> {
  const before = new ChunkTimes();
  const original = await Machine.load(module, before.machineOptions());
  const end = original.run();
  await before.chunk(STOP_AFTER);
  const { chunks } = await original.snapshot({ stop: true });
  await end;
  const after = new ChunkTimes();
  const copy = await Machine.resume(new Uint8Array(Buffer.concat(chunks)), after.machineOptions());
  await copy.run();
  // The first chunk was begun before the stop.
  return after.medianChunkMs(1);
}

/** Notes when each chunk ends. */
class ChunkTimes {
  readonly #endsMs: number[] = [];
  #wanted = Number.POSITIVE_INFINITY;
  #reached: (() => void) | undefined;

  machineOptions(): MachineOptions {
    const stdout = (bytes: Uint8Array): void => {
      for (let index = 0; index < bytes.length; index++) this.#endsMs.push(performance.now());
      if (this.#endsMs.length >= this.#wanted) this.#reached?.();
    };
    return { stdin: 'null', stdout, cacheDirectory: null };
  }

  /** Resolves when `count` chunks are done. */
  chunk(count: number): Promise<void> {
    this.#wanted = count;
    return new Promise((resolve) => {
      this.#reached = resolve;
      if (this.#endsMs.length >= count) resolve();
    });
  }

  medianChunkMs(from: number): number {
    const durations = this.#endsMs.slice(from).map((endMs, index) => endMs - this.#endsMs[from + index - 1]!);
    return median(durations);
  }
}
