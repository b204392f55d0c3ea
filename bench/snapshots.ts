// A running guest of 64 MiB, every page of it touched and incompressible, and a store: how long it stands still for a snapshot
// that takes what has changed (found by hashes, or by the marks that the guest makes), what snapshots every second cost it, and how fast it is back. The guest has a thread of its own, as
// `wvm run` gives it one.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Machine, MachineSaver, MachineThread, openStore, type SnapshotId, type StoredSave } from '../runtime/index.ts';
import type { Area, Bench } from './area.ts';
import { lower } from './figure.ts';
import { assemble, memoryChanger } from './guests.ts';
import { interleave, timeMs } from './interleave.ts';
import { median, ratio, spreadOf } from './statistics.ts';

const MIB = 1024 * 1024;
const MEMORY_BYTES: number = 64 * MIB;
/** One page in 64: 1 MiB of pages. */
const STRIDE_BYTES: number = 64 * 4096;
/** Some 10 ms. */
const ROUND_TURNS = 10_000_000;
const FOR_EVER: number = 2 ** 31;
/** Some seconds. */
const PERIODIC_ROUNDS = 500;
const options = { stdin: 'null', stdout: 'null', cacheDirectory: null } as const;

export const snapshots: Area = {
  name: 'snapshots',
  figures: [
    lower('snapshots.stop', 'stop of a 64 MiB guest for a snapshot in a store, 1 MiB changed', 'ms', 20, 6),
    lower('snapshots.stop-marked', 'the same of a guest that marks its writes', 'ms', 6, 1),
    lower('snapshots.resume', 'resume of a 64 MiB guest out of a store to its first instruction, API', 'ms', 60, 20),
    lower('snapshots.periodic', 'a 64 MiB guest with a snapshot every second / without', 'ratio', 1.05, 1.01),
  ],
  async measure(bench) {
    const folder = mkdtempSync(join(tmpdir(), 'wvm-bench-snapshots-'));
    try {
      const id = await stops(bench, folder);
      await markedStops(bench, folder);
      await resumes(bench, join(folder, 'store'), id);
      await periodic(bench, folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function start(folder: string, roundCount: number, marksWrites = false): Promise<MachineThread> {
  const program = join(folder, `rounds-${roundCount}.wasm`);
  writeFileSync(program, await assemble('changer', memoryChanger(MEMORY_BYTES, STRIDE_BYTES, roundCount, ROUND_TURNS)));
  const machine = new MachineThread();
  await machine.load(program, { ...options, marksWrites });
  return machine;
}

async function stops(bench: Bench, folder: string): Promise<SnapshotId> {
  const store = await openStore(join(folder, 'store'));
  const machine = await start(folder, FOR_EVER);
  const end = machine.run();
  await sleep(2000);
  const saver = new MachineSaver(store, machine, { machineName: 'bench' });
  const first = await saver.save({ reason: 'bench' });
  bench.inform('snapshots.stop-first', 'the first one: all 64 MiB are copied', 'ms', stopMs(first));
  bench.inform('snapshots.first', 'until the first one is durable', 'ms', Number(first.totalNs) / 1e6);
  const samples = await increments(bench, saver);
  const all = samples.map(stopMs);
  bench.report('snapshots.stop', median(all), { spread: spreadOf(all), note: 'finding what changed, and copying it' });
  const totals = samples.map(({ totalNs }) => Number(totalNs) / 1e6);
  bench.inform('snapshots.durable', 'from the request to the durable snapshot', 'ms', median(totals), {
    spread: spreadOf(totals),
  });
  bench.inform(
    'snapshots.new',
    'what it adds to the store',
    'MiB',
    median(samples.map(({ newBytes }) => newBytes / MIB)),
  );
  const { id } = await saver.save({ reason: 'bench', stop: true });
  await end;
  machine.end();
  await store.close();
  return id;
}

function stopMs({ stopNs }: StoredSave): number {
  return Number(stopNs) / 1e6;
}

async function increments(bench: Bench, saver: MachineSaver): Promise<StoredSave[]> {
  const samples: StoredSave[] = [];
  for (let round = -2; round < bench.rounds(21); round++) {
    await sleep(100);
    const saved = await saver.save({ reason: 'bench' });
    if (round >= 0) samples.push(saved);
  }
  return samples;
}

async function markedStops(bench: Bench, folder: string): Promise<void> {
  const store = await openStore(join(folder, 'marked'));
  const machine = await start(folder, FOR_EVER, true);
  const end = machine.run();
  await sleep(2000);
  const saver = new MachineSaver(store, machine, { machineName: 'bench' });
  await saver.save({ reason: 'bench' });
  const all = (await increments(bench, saver)).map(stopMs);
  bench.report('snapshots.stop-marked', median(all), {
    spread: spreadOf(all),
    note: 'run with --mark-writes; two pages are looked at for each that was written, and 1 MiB is copied',
  });
  await saver.save({ reason: 'bench', stop: true });
  await end;
  machine.end();
  await store.close();
}

async function resumes(bench: Bench, folder: string, id: SnapshotId): Promise<void> {
  const resumeMs = (isTracked: boolean): Promise<number> =>
    timeMs(async () => {
      const store = await openStore(folder);
      const machine = await Machine.resumeFromStore(store, id, { ...options, isTracked });
      await store.close();
      machine.kill();
    });
  const prepared = async (isTracked: boolean): Promise<number> => {
    await Machine.prewarm(MEMORY_BYTES);
    // Made ready long before it is needed: what V8 has to do for that is done.
    globalThis.gc?.();
    return await resumeMs(isTracked);
  };
  const { resume, tracked, fresh } = await interleave(
    { resume: () => prepared(false), tracked: () => prepared(true), fresh: () => resumeMs(false) },
    { warmups: 2, rounds: bench.rounds(15) },
  );
  bench.report('snapshots.resume', median(resume), {
    spread: spreadOf(resume),
    note: 'opened anew, every block held against its SHA-256, warm page cache, memory made ready by Machine.prewarm()',
  });
  bench.inform('snapshots.resume-tracked', 'the same, ready for an increment', 'ms', median(tracked), {
    spread: spreadOf(tracked),
  });
  bench.inform('snapshots.resume-fresh', 'the same into fresh memory', 'ms', median(fresh), {
    spread: spreadOf(fresh),
  });
}

async function periodic(bench: Bench, folder: string): Promise<void> {
  const store = await openStore(join(folder, 'periodic'));
  const runMs = async (everyMs: number | undefined): Promise<number> => {
    const machine = await start(folder, PERIODIC_ROUNDS);
    const saver = new MachineSaver(store, machine, { machineName: 'bench' });
    const end = machine.run();
    await sleep(500);
    // Both take the first one, which is large, before the time counts: it is one of thousands.
    await saver.save({ reason: 'bench' });
    const save = (): void => void saver.save({ reason: 'bench' }).catch(() => {});
    const timer = everyMs === undefined ? undefined : setInterval(save, everyMs);
    const ms = await timeMs(() => end);
    clearInterval(timer);
    machine.end();
    return ms;
  };
  const samples = await interleave(
    { every: () => runMs(1000), without: () => runMs(undefined) },
    { warmups: 0, rounds: bench.rounds(5) },
  );
  const { value, spread } = ratio(samples.every, samples.without);
  bench.report('snapshots.periodic', value, { spread, note: '1 MiB changes every 10 ms; on two processors' });
  await store.close();
}
