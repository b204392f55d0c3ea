import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { folderPorts, openStore } from '../../runtime/host/store/open-store.ts';
import { nodeSystemCalls } from '../../runtime/host/store/system-calls.ts';
import { Store } from '../../runtime/snapshot/store/store.ts';
import { BytesSink } from '../../runtime/snapshot/testing/memory-sink.ts';
import { removeDirectory, TestMachine, temporaryDirectory } from './machines.ts';

let directory: string;
let store: Store;

beforeEach(async () => {
  directory = temporaryDirectory();
  store = await openStore(directory);
});
afterEach(async () => {
  await store.close();
  removeDirectory(directory);
});

async function imageOf(from: Store, id: string): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(from.exportImage(id as never)));
}

async function clean(from: Store): Promise<void> {
  expect((await from.verify({ deep: true })).problems).toEqual([]);
}

test('a snapshot comes back as it was: state, pages, and the image byte for byte', async () => {
  const machine = new TestMachine(40);
  machine.fill(3, 300);
  machine.bytes.fill(7, 500 * 4096, 520 * 4096);
  const { id } = await store.commit(machine.whole());
  expect((await imageOf(store, id)).equals(machine.image())).toBe(true);
  const sink = new BytesSink();
  expect(await store.read(id, sink)).toEqual(machine.state());
  expect(Buffer.compare(sink.memories[0]!.bytes, machine.bytes)).toBe(0);
  expect(await store.state(id)).toEqual(machine.state());
  await clean(store);
});

test('increments: each has its own contents, stores what changed only, and survives a new opening', async () => {
  const machine = new TestMachine(64);
  machine.fill(0, 1024);
  const images: [string, Buffer][] = [];
  let parent: never | null = null;
  for (let round = 0; round < 12; round++) {
    machine.tick = round;
    const { id, newChunkCount, newBytes } = await store.commit(machine.increment(parent));
    machine.tracker.confirm();
    images.push([id, machine.image()]);
    if (round > 0) {
      expect(newChunkCount).toBeLessThan(30);
      expect(newBytes).toBeLessThan(40_000);
    }
    parent = id as never;
    machine.fill((round * 97) % 1000, 2);
    machine.bytes.fill(0, 4096 * (round * 31), 4096 * (round * 31 + 1));
    if (round === 5) machine.memory.grow(4096);
    if (round === 6) machine.fill(1024 + 60_000, 3);
  }
  const again = await openStore(directory);
  for (const [id, image] of images) expect((await imageOf(again, id)).equals(image)).toBe(true);
  await clean(again);
  expect((await again.log('counter')).map(({ manifest }) => manifest.sequence)).toEqual(
    [...images.keys()].map((k) => k + 1).reverse(),
  );
  await again.close();
});

test('a commit of what the store has writes a manifest and no pack', async () => {
  const machine = new TestMachine(4);
  machine.fill(0, 50);
  await store.commit(machine.whole({ createdAtMs: 1 }));
  const packs = readdirSync(join(directory, 'packs'));
  const { newChunkCount } = await store.commit(machine.whole({ createdAtMs: 2 }));
  expect(newChunkCount).toBe(0);
  expect(readdirSync(join(directory, 'packs'))).toEqual(packs);
});

test('import takes an image, export gives it back; a damaged image is refused', async () => {
  const machine = new TestMachine(8);
  machine.fill(0, 100);
  const image = machine.image();
  const pieces = async function* (bytes: Buffer): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += 10_001) yield bytes.subarray(at, at + 10_001);
  };
  const { id, manifest } = await store.importImage(pieces(image), { machineId: 'b0000000' });
  expect(manifest).toMatchObject({ machineName: machine.state().name, reason: 'import', sequence: 1 });
  expect((await imageOf(store, id)).equals(image)).toBe(true);
  const damaged = Buffer.from(image);
  damaged[image.length - 40]! ^= 1;
  await expect(store.importImage(pieces(damaged), { machineId: 'b0000000' })).rejects.toThrow(/image: trailer/);
  expect((await store.log()).length).toBe(1);
});

test('ids may be shortened, machines and tags name snapshots', async () => {
  const machine = new TestMachine(1);
  const one = await store.commit(machine.whole({ createdAtMs: 1 }));
  machine.tick = 1;
  const two = await store.commit(machine.whole({ createdAtMs: 2, parent: one.id }));
  await store.tag('good', one.id);
  expect(await store.resolve('good')).toBe(one.id);
  expect(await store.resolve('counter')).toBe(two.id);
  expect(await store.resolve('a0000001')).toBe(two.id);
  expect(await store.resolve(two.id.slice(0, 12))).toBe(two.id);
  expect(await store.resolve(two.id.slice(0, 9).toUpperCase())).toBe(two.id);
  await expect(store.resolve(two.id.slice(0, 3))).rejects.toMatchObject({ hint: expect.stringContaining('4 digits') });
  const likeTwo = join(directory, 'snapshots', `${two.id.slice(0, 6)}${'0'.repeat(58)}`);
  writeFileSync(likeTwo, '');
  await expect(store.resolve(two.id.slice(0, 6))).rejects.toMatchObject({
    message: expect.stringContaining('2 snapshots begin like this'),
    hint: expect.stringContaining(two.id.slice(0, 10)),
  });
  unlinkSync(likeTwo);
  await expect(store.resolve('nothing')).rejects.toMatchObject({ code: 'WVM_NO_SUCH_SNAPSHOT' });
  expect(() => store.tag('abcd', one.id)).toThrow(/cannot be a tag/);
  expect(() => store.tag('../x', one.id)).toThrow(/cannot be a tag/);
  await store.untag('good');
  expect((await store.tags()).size).toBe(0);
});

test('a clock that is set back makes no snapshot older than the one before it', async () => {
  const machine = new TestMachine(1);
  let nowMs = 2_000_000;
  const ports = { ...(await folderPorts(directory, nodeSystemCalls)), nowMs: () => nowMs };
  const clocked = await Store.open(ports);
  const ids: string[] = [];
  for (let round = 0; round < 6; round++) {
    if (round === 3) nowMs = 1_000_000;
    machine.tick = round;
    ids.push((await clocked.commit(machine.increment((ids.at(-1) ?? null) as never))).id);
    machine.tracker.confirm();
    nowMs += 1000;
  }
  expect((await clocked.log()).map(({ id }) => id)).toEqual(ids.toReversed());
  expect(await clocked.resolve('counter')).toBe(ids[5]);
  await clocked.collect({ keepCount: 2 });
  expect((await clocked.log()).map(({ id }) => id)).toEqual([ids[5], ids[4]]);
  await clocked.close();
});

test('collect() keeps what the policy says, frees the rest, and every snapshot that stays is whole', async () => {
  const machine = new TestMachine(64);
  const images = new Map<string, Buffer>();
  let parent: never | null = null;
  for (let round = 0; round < 20; round++) {
    machine.fill((round % 4) * 200, 100);
    const { id } = await store.commit(machine.increment(parent, { createdAtMs: 1000 + round }));
    machine.tracker.confirm();
    images.set(id, machine.image());
    parent = id as never;
  }
  const ids = [...images.keys()];
  await store.tag('first', ids[0] as never);
  const result = await store.collect({ keepCount: 3 });
  expect(result.removedSnapshots.length).toBe(16);
  expect(result.freedBytes).toBeGreaterThan(5_000_000);
  const left = (await store.log()).map(({ id }) => id as string);
  expect(left.sort()).toEqual([ids[0]!, ...ids.slice(17)].sort());
  for (const id of left) expect((await imageOf(store, id)).equals(images.get(id)!)).toBe(true);
  await clean(store);
  expect((await store.verify()).unusedChunkCount).toBeLessThan(100);
  // A commit upon a snapshot that is still there goes on as before; upon another it is refused.
  machine.fill(0, 1);
  await store.commit(machine.increment(ids[19] as never));
  await expect(store.commit(machine.increment(ids[5] as never))).rejects.toMatchObject({
    code: 'WVM_NO_SUCH_SNAPSHOT',
  });
  await store.remove([ids[0] as never]);
  expect((await store.tags()).size).toBe(0);
});

test('small packs are put together', async () => {
  const machine = new TestMachine(2);
  let parent: never | null = null;
  for (let round = 0; round < 20; round++) {
    machine.tick = round;
    machine.bytes[round] = 1;
    parent = (await store.commit(machine.increment(parent))).id as never;
    machine.tracker.confirm();
  }
  const image = machine.image();
  await store.collect();
  expect(readdirSync(join(directory, 'packs')).length).toBe(1);
  expect((await imageOf(store, parent!)).equals(image)).toBe(true);
  expect((await store.collect()).removedPackCount).toBe(0);
  await clean(store);
});

test('copyTo() sends the chunks that the other does not have', async () => {
  const otherDirectory = temporaryDirectory();
  const other = await openStore(otherDirectory);
  const machine = new TestMachine(32);
  machine.fill(0, 400);
  const one = await store.commit(machine.increment(null));
  machine.tracker.confirm();
  machine.fill(7, 1);
  const two = await store.commit(machine.increment(one.id));
  const first = await store.copyTo(other, one.id);
  expect(first.sentChunkCount).toBe(first.chunkCount);
  const second = await store.copyTo(other, two.id);
  expect(second.sentChunkCount).toBeLessThan(8);
  expect((await imageOf(other, two.id)).equals(machine.image())).toBe(true);
  await clean(other);
  await other.close();
  removeDirectory(otherDirectory);
});

test('diff() names the pages that differ', async () => {
  const machine = new TestMachine(32);
  machine.fill(0, 100);
  const one = await store.commit(machine.increment(null));
  machine.tracker.confirm();
  machine.fill(10, 3);
  machine.bytes.fill(0, 50 * 4096, 51 * 4096);
  machine.fill(400, 1);
  machine.memory.grow(64);
  machine.fill(1500, 2);
  const two = await store.commit(machine.increment(one.id));
  const [difference] = await store.diff(one.id, two.id);
  expect(difference).toMatchObject({ pageCounts: [512, 1536], runs: [10, 3, 50, 1, 400, 1, 1500, 2] });
});

test('every flipped byte of a pack or a manifest is found by verify --deep or changes nothing', async () => {
  const machine = new TestMachine(2);
  machine.fill(0, 3);
  const { id } = await store.commit(machine.whole());
  const image = machine.image();
  for (const folder of ['packs', 'snapshots']) {
    const path = join(directory, folder, readdirSync(join(directory, folder))[0]!);
    const good = readFileSync(path);
    for (let at = 0; at < good.length; at += 61) {
      const bad = Buffer.from(good);
      bad[at]! ^= 0x10;
      writeFileSync(path, bad);
      const damaged = await openStore(directory);
      const { problems } = await damaged.verify({ deep: true });
      expect(problems.length, `byte ${at} of ${path}`).toBeGreaterThan(0);
      const read = await imageOf(damaged, id).catch((error: { code: string }) => error.code);
      if (read instanceof Buffer) expect(read.equals(image)).toBe(true);
      else expect(read).toMatch(/^WVM_(STORE_CORRUPT|IMAGE_)/);
      // Damage is no reason to throw away what is left.
      const collected = await damaged.collect({ keepCount: 1 }).catch(() => undefined);
      expect(collected?.removedChunkCount ?? 0).toBe(0);
      await damaged.close();
    }
    writeFileSync(path, good);
  }
});

test('a large memory is read by several threads at once: whole, or refused wherever a pack is damaged', async () => {
  const machine = new TestMachine(320);
  machine.fill(0, 5120);
  // Runs of pages that lie elsewhere, and pages that compress.
  machine.bytes.fill(9, 1000 * 4096, 1200 * 4096);
  const one = await store.commit(machine.increment(null));
  machine.tracker.confirm();
  for (let page = 3; page < 5120; page += 70) machine.fill(page, 2);
  const { id } = await store.commit(machine.increment(one.id));
  const read = async (): Promise<Uint8Array> => {
    const again = await openStore(directory);
    const sink = new BytesSink();
    try {
      await again.read(id, sink);
      return sink.memories[0]!.bytes;
    } finally {
      await again.close();
    }
  };
  expect(Buffer.compare(await read(), machine.bytes)).toBe(0);
  const packs = join(directory, 'packs');
  const [path] = readdirSync(packs)
    .map((name) => join(packs, name))
    .sort((a, b) => statSync(b).size - statSync(a).size);
  const good = readFileSync(path!);
  for (const part of [0.02, 0.3, 0.6, 0.9]) {
    const bad = Buffer.from(good);
    bad[Math.floor(bad.length * part)]! ^= 1;
    writeFileSync(path!, bad);
    await expect(read()).rejects.toMatchObject({ code: 'WVM_STORE_CORRUPT' });
  }
  writeFileSync(path!, good);
  // Cut short while it is open: the index is known, the bytes are gone.
  const cut = await openStore(directory);
  truncateSync(path!, Math.floor(good.length / 2));
  await expect(cut.read(id, new BytesSink())).rejects.toThrow(/the pack ends here/);
  await cut.close();
  writeFileSync(path!, good);
  expect(Buffer.compare(await read(), machine.bytes)).toBe(0);
});

test.each([
  ['this thread alone', 8],
  ['several threads', 20],
])('of blocks most of which was overwritten only the pages that are wanted count, read by %s', async (_, mib) => {
  const machine = new TestMachine(mib * 16);
  const pageCount = mib * 256;
  machine.fill(0, pageCount);
  await store.commit(machine.increment(null, { createdAtMs: 1 }));
  machine.tracker.confirm();
  const packs = join(directory, 'packs');
  const [old] = readdirSync(packs);
  const parent = (await store.log())[0]!.id;
  // Blocks of 64 pages of which one is left, some that follow each other, every other one, and all but one.
  const isLeft = (page: number): boolean => {
    const at = page % 64;
    return [at === 20, at >= 10 && at < 30, at % 2 === 0, at !== 40][Math.floor(page / 64) % 4]!;
  };
  for (let page = 0; page < pageCount; page++) if (!isLeft(page)) machine.fill(page, 1);
  const { id } = await store.commit(machine.increment(parent));
  const file = openSync(join(packs, old!), 'r+');
  const flip = (at: number): void => {
    const byte = new Uint8Array(1);
    readSync(file, byte, 0, 1, at);
    byte[0]! ^= 0x80;
    writeSync(file, byte, 0, 1, at);
  };
  const read = async (): Promise<Uint8Array> => {
    const again = await openStore(directory);
    try {
      const sink = new BytesSink();
      await again.read(id, sink);
      return sink.memories[0]!.bytes;
    } finally {
      await again.close();
    }
  };
  expect(Buffer.compare(await read(), machine.bytes)).toBe(0);
  // Of every kind of block one at the beginning, in the middle and at the end. Pages lie in the file as in the memory.
  for (const firstBlock of [0, mib * 2, mib * 4 - 4]) {
    for (const page of [20, 21, 64 + 10, 64 + 29, 64 + 30, 128 + 2, 128 + 3, 192 + 39, 192 + 40]) {
      const at = firstBlock * 64 + page;
      const damaged = 16 + at * 4096 + (at % 4096);
      flip(damaged);
      // A block that is mostly wanted is checked as a whole.
      const isChecked = isLeft(at) || page >= 192;
      const outcome = await read().then(
        (bytes) => Buffer.compare(bytes, machine.bytes),
        (error) => `${error.code} ${error.message}`,
      );
      flip(damaged);
      if (isChecked) expect(outcome).toMatch(/^WVM_STORE_CORRUPT .*(page|block) .*has another SHA-256/);
      else expect(outcome).toBe(0);
    }
  }
  closeSync(file);
});

test('a folder that holds something else is no store', async () => {
  const other = temporaryDirectory();
  writeFileSync(join(other, 'letter.txt'), 'x');
  await expect(openStore(other)).rejects.toMatchObject({ code: 'WVM_STORE_VERSION' });
  removeDirectory(other);
});

test('of many that make a store at once one does, and with another key nobody else opens it', async () => {
  const place = join(directory, 'new');
  const secrets = [undefined, new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)];
  const openings = await Promise.allSettled(
    Array.from({ length: 12 }, (_, k) => {
      const secret = secrets[k % 3];
      return openStore(place, secret === undefined ? {} : { keys: { secret } });
    }),
  );
  const opened = openings.flatMap(({ status }, k) => (status === 'fulfilled' ? [k % 3] : []));
  expect([opened.length, new Set(opened).size]).toEqual([4, 1]);
  for (const each of openings) {
    if (each.status === 'fulfilled') await each.value.close();
    else expect(each.reason).toMatchObject({ code: 'WVM_KEY' });
  }
});
