// The store: a durable increment of a guest of 64 MiB of which 1 MiB has changed, reading that guest back, a thousand
// snapshots of a counter, and keeping house among 100,000 chunks. In a folder of the file system that TMPDIR names.

import { randomBytes, randomFillSync } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HashPageTracker, PAGE_HASH_KEY_BYTES, type PageTracker } from '../runtime/engine/page-diff.ts';
import { openStore } from '../runtime/host/store/open-store.ts';
import { encodeStateRecords } from '../runtime/snapshot/encode-image.ts';
import type { MachineState } from '../runtime/snapshot/machine-state.ts';
import type { CommitRequest } from '../runtime/snapshot/store/commit.ts';
import type { SnapshotId } from '../runtime/snapshot/store/manifest.ts';
import { changedBlocks } from '../runtime/snapshot/store/page-changes.ts';
import type { Store } from '../runtime/snapshot/store/store.ts';
import type { Area, Bench } from './area.ts';
import { lower } from './figure.ts';
import { timeMs } from './interleave.ts';
import { median, spreadOf } from './statistics.ts';

const MIB = 1024 * 1024;
const PAGE_BYTES = 4096;
const MODULE_HASH = '93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476';
const noTags = { machineId: 'a0000000', machineName: 'bench', reason: 'bench', stopNs: null };

export const store: Area = {
  name: 'store',
  figures: [
    lower('store.increment', 'durable increment, 1 MiB of 64 MiB changed', 'ms', 60, 20),
    lower('store.increment-size', 'what it adds to the store, incompressible', 'MiB', 1.2, null),
    lower('store.increment-size-text', 'the same, pages of numbers', 'MiB', 1.2, 1),
    lower('store.read', 'read 64 MiB out of the store, of which 19 increments have rewritten a third', 'ms', 60, 20),
    lower('store.thousand', '1,000 snapshots of a counter in a 16 MiB guest', 'MiB', 20, 8),
    lower('store.verify-100k', 'wvm verify of 100,000 chunks', 's', 10, 3),
    lower('store.verify-deep-100k', 'wvm verify --deep of 100,000 chunks', 's', 10, 3),
    lower('store.gc-100k', 'wvm gc of 100,000 chunks, half of them garbage', 's', 10, 3),
  ],
  async measure(bench) {
    await inFolder((folder) => increments(bench, folder));
    await inFolder((folder) => thousand(bench, folder));
    await inFolder((folder) => housekeeping(bench, folder));
  },
};

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'wvm-bench-store-'));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

class Guest {
  readonly memory: WebAssembly.Memory;
  readonly bytes: Uint8Array;
  readonly tracker: PageTracker;
  fuelUsed = 0n;
  parent: SnapshotId | null = null;

  constructor(sizeBytes: number) {
    this.memory = new WebAssembly.Memory({ initial: sizeBytes / 65536, maximum: 65536 });
    this.bytes = new Uint8Array(this.memory.buffer);
    this.tracker = new HashPageTracker(this.memory, randomBytes(PAGE_HASH_KEY_BYTES));
  }

  /** What changed since the last one is found, stored and durable; gives the bytes that are new. */
  async save(to: Store): Promise<number> {
    const place = { processIndex: 0, memoryIndex: 0 };
    const changes = this.tracker.capture();
    const { pageCount, zeroed } = changes;
    const base = this.parent === null ? null : place;
    const request: CommitRequest = {
      ...noTags,
      parent: this.parent,
      blocks: changedBlocks(place, changes),
      describe: () => ({
        records: encodeStateRecords(this.state()),
        memories: [{ ...place, pageCount, zeroed, base }],
      }),
    };
    const { id, newBytes } = await to.commit(request);
    this.tracker.confirm();
    this.parent = id;
    return newBytes;
  }

  state(): MachineState {
    const memory = { pageCount: this.bytes.length / 65536, maxPageCount: null, shared: false, is64: false };
    const frame = { functionIndex: 0, codeOffset: 5, kind: 'poll' as const, locals: [], stack: [] };
    const poll = { entry: 0, pending: { kind: 'poll' as const }, isHandler: false, stackPointer: null };
    return {
      producer: 'wvm bench',
      features: { used: [], available: [] },
      name: 'bench',
      fuelUsed: this.fuelUsed,
      modules: [{ hash: MODULE_HASH, name: 'bench.wasm', bytes: null }],
      kernel: { clock: this.fuelUsed },
      processes: [
        {
          pid: 1,
          parentPid: null,
          name: 'counter',
          scheduling: '',
          instance: {
            moduleHash: MODULE_HASH,
            memories: [memory],
            globals: [{ type: 'i32', bits: 65536 }],
            tables: [],
            droppedElements: [],
            droppedData: [],
          },
          threads: [
            {
              tid: 1,
              fuelLeft: 1000,
              entries: [],
              globals: null,
              checkpoints: [],
              contexts: [],
              activations: [{ ...poll, frames: [frame] }],
            },
          ],
        },
      ],
    };
  }
}

async function increments(bench: Bench, folder: string): Promise<void> {
  const opened = await openStore(folder);
  const guest = new Guest(64 * MIB);
  fillRandom(guest.bytes);
  const wholeMs = await timeMs(() => guest.save(opened));
  bench.inform('store.whole-ms', 'durable first snapshot of 64 MiB, incompressible', 'ms', wholeMs);
  const samples: number[] = [];
  let newBytes = 0;
  for (let round = -2; round < bench.rounds(15); round++) {
    changePages(guest.bytes, randomBytes(MIB), round + 2);
    globalThis.gc?.();
    const ms = await timeMs(async () => {
      newBytes = await guest.save(opened);
    });
    if (round >= 0) samples.push(ms);
  }
  bench.report('store.increment', median(samples), {
    spread: spreadOf(samples),
    note: 'diff, SHA-256, zstd, fsync of pack, manifest and two directories; CRIU 4.2 does not fsync',
  });
  bench.report('store.increment-size', newBytes / MIB, { note: '256 pages, all over the memory' });
  const numbers = new Uint32Array(MIB / 4);
  for (let i = 0; i < numbers.length; i++) numbers[i] = i * 3;
  changePages(guest.bytes, new Uint8Array(numbers.buffer), 99);
  bench.report('store.increment-size-text', (await guest.save(opened)) / MIB);
  const target = new Uint8Array(new WebAssembly.Memory({ initial: guest.bytes.length / 65536 }).buffer);
  const id = guest.parent!;
  const sink = {
    open: () => {},
    write: (_process: number, _memory: number, firstPage: number, bytes: Uint8Array) =>
      target.set(bytes, firstPage * PAGE_BYTES),
  };
  const reads: number[] = [];
  for (let round = -2; round < bench.rounds(9); round++) {
    // Opened anew each time, as by a new process.
    const ms = await timeMs(async () => {
      const again = await openStore(folder);
      await again.read(id, sink);
      await again.close();
    });
    if (round >= 0) reads.push(ms);
  }
  bench.report('store.read', median(reads), { spread: spreadOf(reads), note: 'open, indexes, trees, SHA-256, copy' });
  await opened.close();
}

/** A page every so often. */
function changePages(memory: Uint8Array, contents: Uint8Array, offsetPages: number): void {
  const step = memory.length / (contents.length / PAGE_BYTES);
  for (let at = 0; at < contents.length; at += PAGE_BYTES) {
    const to = (at / PAGE_BYTES) * step + (offsetPages % (step / PAGE_BYTES)) * PAGE_BYTES;
    memory.set(contents.subarray(at, at + PAGE_BYTES), to);
  }
}

function fillRandom(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += 65536) randomFillSync(bytes.subarray(at, at + 65536));
}

async function thousand(bench: Bench, folder: string): Promise<void> {
  const opened = await openStore(folder);
  const guest = new Guest(16 * MIB);
  // A heap of small numbers, and a counter in the middle of it.
  const words = new Uint32Array(guest.bytes.buffer);
  for (let i = 0; i < words.length; i++) words[i] = (i * 7919) % 1000;
  const count = bench.quick ? 100 : 1000;
  const totalMs = await timeMs(async () => {
    for (let k = 0; k < count; k++) {
      words[words.length / 2]!++;
      guest.fuelUsed += 1000n;
      await guest.save(opened);
    }
  });
  const openMs = await timeMs(async () => (await openStore(folder)).close());
  bench.report('store.thousand', (sizeOf(folder) * (1000 / count)) / MIB, { note: 'sum of the lengths of all files' });
  bench.inform('store.thousand-each', 'each of them, durable', 'ms', totalMs / count);
  bench.inform('store.thousand-open', 'opening that store', 'ms', openMs);
  await opened.collect();
  bench.inform('store.thousand-collected', 'the same store after wvm gc', 'MiB', sizeOf(folder) / MIB);
  const again = await timeMs(async () => (await openStore(folder)).close());
  bench.inform('store.thousand-open-collected', 'opening it then', 'ms', again);
  await opened.close();
}

async function housekeeping(bench: Bench, folder: string): Promise<void> {
  const opened = await openStore(folder);
  // Two guests of 50,000 pages and a few thousand nodes; one is forgotten before the collection.
  const guests = [new Guest(200 * MIB), new Guest(200 * MIB)];
  for (const guest of guests) {
    fillRandom(guest.bytes);
    await guest.save(opened);
  }
  const { chunkCount } = await opened.verify();
  const inSeconds = async (body: () => Promise<unknown>): Promise<number> => (await timeMs(body)) / 1000;
  const fresh = await openStore(folder);
  bench.report('store.verify-100k', await inSeconds(() => fresh.verify()), { note: `${chunkCount} chunks` });
  bench.report('store.verify-deep-100k', await inSeconds(() => fresh.verify({ deep: true })));
  await opened.remove([guests[0]!.parent!]);
  bench.report('store.gc-100k', await inSeconds(() => fresh.collect()));
  await fresh.close();
  await opened.close();
}

function sizeOf(folder: string): number {
  let sizeBytes = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) sizeBytes += statSync(join(entry.parentPath, entry.name)).size;
  }
  return sizeBytes;
}
