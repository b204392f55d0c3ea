import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Machine } from './machine.ts';
import type { MachineOptions } from './machine-options.ts';
import { memoryPool } from './memory-pool.ts';

/** Writes an ever higher number to the first word of each of 1,024 pages of 4 KiB, round after round; never ends. */
const ROUNDS = `(module
  (memory (export "memory") 64)
  (func (export "_start") (local $at i32) (local $round i32)
    (loop $rounds
      (local.set $round (i32.add (local.get $round) (i32.const 1)))
      (local.set $at (i32.const 0))
      (loop $pages
        (i32.store (local.get $at) (local.get $round))
        (br_if $pages (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.const 4096))) (i32.const 4194304))))
      (br $rounds))))`;
const PAGES = 1024;
const OPTIONS: MachineOptions = { stdin: 'null', stdout: 'null', stderr: 'null', cacheDirectory: null };

async function started(): Promise<{ machine: Machine; end: Promise<unknown> }> {
  const machine = await Machine.load(new TextEncoder().encode(ROUNDS), OPTIONS);
  const end = machine.run();
  await sleep(20);
  return { machine, end };
}

function join(chunks: readonly Uint8Array[]): Buffer {
  return Buffer.concat(chunks);
}

/** Round that each page was written in last: at a safe point those before some page are one ahead of the others. */
function roundsOf(memory: Uint8Array): number[] {
  const words = new DataView(memory.buffer);
  return Array.from({ length: PAGES }, (_, page) => words.getInt32(page * 4096, true));
}

function expectOneMoment(memory: Uint8Array): void {
  const rounds = roundsOf(memory);
  const turn = rounds.findIndex((round) => round !== rounds[0]);
  expect(rounds[0]).toBeGreaterThan(0);
  const expected = rounds.map((_, page) => (turn >= 0 && page >= turn ? rounds[0]! - 1 : rounds[0]!));
  expect(rounds).toEqual(expected);
}

test('Machine.snapshot({ stop: true }): the image stays what it was when the guest goes on', async () => {
  const { machine, end } = await started();
  const { chunks, sizeBytes } = await machine.snapshot({ stop: true });
  await end;
  const before = join(chunks);
  expect(before.length).toBe(sizeBytes);
  const goesOn = machine.run();
  await sleep(20);
  machine.kill();
  await goesOn;
  expect(roundsOf(machine.memories()[0]!)).not.toEqual(
    roundsOf((await Machine.resume(before, OPTIONS)).memories()[0]!),
  );
  expect(join(chunks).equals(before)).toBe(true);
});

test('Machine.run() straight after a snapshot that stops waits for the image', async () => {
  const { machine, end } = await started();
  const image = machine.snapshot({ stop: true });
  await end;
  const goesOn = machine.run();
  const { chunks } = await image;
  await sleep(20);
  machine.kill();
  await goesOn;
  const copy = await Machine.resume(join(chunks), OPTIONS);
  expectOneMoment(copy.memories()[0]!);
});

test('Machine.snapshot() shows one moment, though the guest goes on while it is encoded', async () => {
  const { machine, end } = await started();
  const { chunks } = await machine.snapshot();
  expect(machine.stats().state).toBe('running');
  machine.kill();
  await end;
  expectOneMoment((await Machine.resume(join(chunks), OPTIONS)).memories()[0]!);
});

test('Machine.dispose(): a later machine gets the memory, without what was in it', async () => {
  const { machine, end } = await started();
  const { chunks } = await machine.snapshot({ stop: true });
  await end;
  const image = join(chunks);
  const view = machine.memories()[0]!;
  expect(view.length).toBe(PAGES * 4096);
  machine.dispose();
  expect(view.length).toBe(0);
  expect(machine.memories()).toEqual([]);
  expect(memoryPool().sizeBytes).toBe(PAGES * 4096);
  expect(machine.stats()).toMatchObject({ state: 'ended', memoryBytes: 0 });
  // The image was of that memory.
  expect(join(chunks).equals(image)).toBe(true);
  const next = await Machine.load(new TextEncoder().encode(ROUNDS), OPTIONS);
  expect(memoryPool().sizeBytes).toBe(0);
  expect(Buffer.from(next.memories()[0]!).equals(Buffer.alloc(PAGES * 4096))).toBe(true);
  next.dispose();
  const copy = await Machine.resume(image, OPTIONS);
  expect(join(copy.snapshotNow().chunks).equals(image)).toBe(true);
});

test('Machine.dispose() of a running machine ends it', async () => {
  const { machine, end } = await started();
  machine.dispose();
  expect(await end).toEqual({ kind: 'stopped', reason: 'kill' });
  expect(machine.memories()).toEqual([]);
});

test('Machine.prewarm(): a resume into prewarmed memory gives the same machine', async () => {
  const { machine, end } = await started();
  const { chunks } = await machine.snapshot({ stop: true });
  await end;
  await Machine.prewarm(3 * 1024 * 1024);
  const copy = await Machine.resume(join(chunks), OPTIONS);
  expect(join(copy.snapshotNow().chunks).equals(join(chunks))).toBe(true);
});
