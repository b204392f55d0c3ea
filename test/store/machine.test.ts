// Real machines and a store, through the API: a history of one of them, another process's, a store that fails.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { assembleWat } from '../../guest/toolchain.ts';
import { folderPorts } from '../../runtime/host/store/open-store.ts';
import { nodeSystemCalls, type StoreFile, type SystemCalls } from '../../runtime/host/store/system-calls.ts';
import {
  Machine,
  type MachineOptions,
  MachineSaver,
  MachineThread,
  openStore,
  type SnapshotId,
  saveMachine,
} from '../../runtime/index.ts';
import type { PageBlock } from '../../runtime/snapshot/page-block.ts';
import { Store } from '../../runtime/snapshot/store/store.ts';
import { BytesSink } from '../../runtime/snapshot/testing/memory-sink.ts';
import { removeDirectory, temporaryDirectory } from './machines.ts';

const MIB = 1024 * 1024;
const noise = { stdin: 'null', stderr: 'null', cacheDirectory: null } as const;

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => removeDirectory(directory));

/**
 * Fills `usedBytes` of its memory with what cannot be compressed, then counts: a turn of work, a change of one byte in one page,
 * "." on stdout; exits with 7 after `rounds`.
 */
function counter(memoryBytes: number, usedBytes: number, rounds: number): Promise<Uint8Array> {
  return assembleWat(
    'counter',
    `(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") ${memoryBytes / 65536})
    (func (export "_start") (local $at i32) (local $round i32) (local $turn i32) (local $x i64)
      (local.set $x (i64.const 88172645463325252))
      (local.set $at (i32.const 4096))
      (loop $fill
        (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 13))))
        (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 7))))
        (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 17))))
        (i64.store (local.get $at) (local.get $x))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $fill (i32.lt_u (local.get $at) (i32.const ${usedBytes}))))
      (i32.store (i32.const 0) (i32.const 8)) (i32.store (i32.const 4) (i32.const 1)) (i32.store8 (i32.const 8) (i32.const 46))
      (loop $rounds
        (local.set $turn (i32.const 3000000))
        (loop $work (br_if $work (local.tee $turn (i32.sub (local.get $turn) (i32.const 1)))))
        (i32.store8 (i32.const 5000) (local.get $round))
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
        (local.set $round (i32.add (local.get $round) (i32.const 1)))
        (br_if $rounds (i32.lt_u (local.get $round) (i32.const ${rounds}))))
      (call $exit (i32.const 7))))`,
  );
}

class Counted {
  readonly machine: Machine;
  readonly #output: { text: string };

  private constructor(machine: Machine, output: { text: string }) {
    this.machine = machine;
    this.#output = output;
  }

  static async of(make: (options: MachineOptions) => Promise<Machine>, options: MachineOptions = {}): Promise<Counted> {
    const output = { text: '' };
    const stdout = (chunk: Uint8Array): void => {
      output.text += Buffer.from(chunk).toString();
    };
    return new Counted(await make({ ...noise, stdout, ...options }), output);
  }

  get rounds(): number {
    return this.#output.text.length;
  }

  /** Until it has counted so much further. */
  async further(rounds: number): Promise<void> {
    const goal = this.rounds + rounds;
    while (this.rounds < goal) await sleep(1);
  }
}

async function imageOf(store: Store, id: SnapshotId): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(store.exportImage(id)));
}

/** The snapshot has the memory that the machine has, which stands still. */
async function holds(store: Store, id: SnapshotId, machine: Machine): Promise<void> {
  const sink = new BytesSink();
  await store.read(id, sink);
  expect(Buffer.compare(sink.memories[0]!.bytes, machine.memories()[0]!)).toBe(0);
}

test('V01 V22 any snapshot of a history comes back: its image byte for byte, and all that follows', async () => {
  const store = await openStore(directory);
  const module = await counter(24 * MIB, 20 * MIB, 1500);
  const first = await Counted.of((options) => Machine.load(module, { ...options, programName: 'counter' }));
  let end = first.machine.run();
  await first.further(3);
  const saves: { id: SnapshotId; rounds: number }[] = [];
  for (let k = 0; k < 4; k++) {
    // Running or not: a machine that goes on from a stop goes on in its history.
    const stop = k % 2 === 1;
    const { id, newBytes, manifest } = await saveMachine(store, first.machine, { reason: 'test', stop });
    expect(manifest).toMatchObject({ sequence: k + 1, reason: 'test', machineName: 'counter' });
    if (k === 0) expect(newBytes).toBeGreaterThan(19 * MIB);
    else expect(newBytes).toBeLessThan(40_000);
    saves.push({ id, rounds: stop ? first.rounds : 0 });
    if (stop) {
      expect(await end).toEqual({ kind: 'stopped', reason: 'snapshot' });
      end = first.machine.run();
    }
    await first.further(4);
  }
  expect(await end).toEqual({ kind: 'exit', code: 7 });
  for (const { id, rounds } of saves) {
    const image = await imageOf(store, id);
    const again = await Counted.of((options) => Machine.resumeFromStore(store, id, options));
    expect(again.machine.origin).toEqual({ id, machineId: (await store.manifest(id)).machineId });
    expect(Buffer.concat(again.machine.snapshotNow().chunks).equals(image)).toBe(true);
    if (rounds === 0) again.machine.kill();
    else {
      expect(await again.machine.run()).toEqual({ kind: 'exit', code: 7 });
      expect(again.rounds + rounds).toBe(1500);
    }
  }
  expect((await store.verify({ deep: true })).problems).toEqual([]);
  await store.close();
});

test('V20 a machine that goes on in its store adds what changes, and reading its memory changes nothing', async () => {
  const store = await openStore(directory);
  const module = await counter(8 * MIB, 6 * MIB, 100_000);
  const first = await Counted.of((options) => Machine.load(module, options));
  const end = first.machine.run();
  await first.further(3);
  const { id, manifest } = await saveMachine(store, first.machine, { stop: true });
  await end;
  for (const isTracked of [true, false]) {
    const next = await Counted.of((options) => Machine.resumeFromStore(store, id, { ...options, isTracked }));
    // It stands still: nothing has changed but who it is.
    const idle = await saveMachine(store, next.machine);
    expect(idle.newBytes).toBeLessThan(2000);
    expect(idle.manifest).toMatchObject({ machineId: manifest.machineId, parent: id, sequence: 2 });
    void next.machine.run();
    await next.further(2);
    expect((await saveMachine(store, next.machine)).newBytes).toBeLessThan(20_000);
    next.machine.kill();
  }
  await store.close();
});

test('two stores take turns with one machine, and each has all of it', async () => {
  const stores = [await openStore(join(directory, 'a')), await openStore(join(directory, 'b'))];
  const module = await counter(2 * MIB, MIB, 100_000);
  const { machine } = await Counted.of((options) => Machine.load(module, options));
  const savers = stores.map((store) => new MachineSaver(store, machine));
  const end = machine.run();
  // Also at once: what one captures is no news to the other.
  const saves = await Promise.all([0, 1, 0, 0, 1, 1, 0, 1].map((which) => savers[which]!.save({ reason: 'test' })));
  const last = [await savers[0]!.save({ reason: 'test', stop: true }), await savers[1]!.save({ reason: 'test' })];
  await end;
  for (const [k, store] of stores.entries()) {
    await holds(store, last[k]!.id, machine);
    expect((await store.verify({ deep: true })).problems).toEqual([]);
    await store.close();
  }
  expect(new Set(saves.map(({ id }) => id)).size).toBe(8);
  machine.kill();
});

test('a parent that is removed meanwhile costs a whole snapshot, and nothing else', async () => {
  const store = await openStore(directory);
  const other = await openStore(directory);
  const module = await counter(2 * MIB, MIB, 100_000);
  const { machine } = await Counted.of((options) => Machine.load(module, options));
  void machine.run();
  const first = await saveMachine(store, machine);
  await other.remove([first.id]);
  await other.collect();
  const second = await saveMachine(store, machine);
  expect(second.manifest).toMatchObject({ parent: null, sequence: 1 });
  const third = await saveMachine(store, machine);
  expect(third.manifest.parent).toBe(second.id);
  expect((await other.verify({ deep: true })).problems).toEqual([]);
  machine.kill();
  await store.close();
  await other.close();
});

test('gc beside machines that save themselves: everybody goes on', async () => {
  const module = await counter(2 * MIB, MIB, 100_000);
  const machines = await Promise.all([0, 1].map(() => Counted.of((options) => Machine.load(module, options))));
  const stores = await Promise.all(machines.map(() => openStore(directory)));
  for (const { machine } of machines) void machine.run();
  const keeper = await openStore(directory);
  const collecting = (async () => {
    for (let round = 0; round < 6; round++) await keeper.collect({ keepCount: 2 });
  })();
  const last = await Promise.all(
    machines.map(async ({ machine }, k) => {
      for (let round = 0; round < 8; round++) await saveMachine(stores[k]!, machine, { machineName: `machine-${k}` });
      return await saveMachine(stores[k]!, machine, { stop: true });
    }),
  );
  await collecting;
  await keeper.collect({ keepCount: 1 });
  expect((await keeper.verify({ deep: true })).problems).toEqual([]);
  for (const [k, { machine }] of machines.entries()) {
    await holds(keeper, last[k]!.id, machine);
    machine.kill();
  }
  for (const store of [...stores, keeper]) await store.close();
});

/** Some calls fail, or take their time. */
class TroubledCalls {
  fails: ((call: string) => boolean) | undefined;
  writeMs = 0;
  count = 0;

  wrap(): SystemCalls {
    const check = (call: string): void => {
      this.count++;
      if (this.fails?.(call)) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    };
    const file = (opened: StoreFile): StoreFile => ({
      descriptor: opened.descriptor,
      write: async (bytes) => {
        check('write');
        await sleep(this.writeMs);
        return await opened.write(bytes);
      },
      read: (into, offset) => opened.read(into, offset),
      size: () => opened.size(),
      sync: async () => {
        check('sync');
        await opened.sync();
      },
      close: () => opened.close(),
    });
    return {
      ...nodeSystemCalls,
      create: async (path) => {
        check('create');
        return file(await nodeSystemCalls.create(path));
      },
      rename: async (from, to) => {
        check('rename');
        await nodeSystemCalls.rename(from, to);
      },
    };
  }
}

test('V18 V30 a disk that is full at any call: the guest goes on, nothing is left, and the next snapshot succeeds', async () => {
  const trouble = new TroubledCalls();
  const store = await Store.open(await folderPorts(directory, trouble.wrap()));
  const module = await counter(2 * MIB, MIB, 100_000);
  const counted = await Counted.of((options) => Machine.load(module, options));
  const { machine } = counted;
  void machine.run();
  await counted.further(1);
  for (let at = 0, failed = true; failed; at++) {
    let calls = 0;
    failed = false;
    trouble.fails = () => {
      const now = calls++ === at;
      failed ||= now;
      return now;
    };
    const saved = await saveMachine(store, machine).catch((error: { code: string }) => error.code);
    if (failed) expect(saved, `call ${at}`).toBe('WVM_FILE');
    trouble.fails = undefined;
    expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
    await counted.further(1);
    expect((await saveMachine(store, machine)).newBytes).toBeLessThan(1.2 * MIB);
  }
  const { id } = await saveMachine(store, machine, { stop: true });
  await holds(store, id, machine);
  expect((await store.verify({ deep: true })).problems).toEqual([]);
  expect(readdirSync(join(directory, 'leases'))).toEqual([]);
  machine.kill();
  await store.close();
});

test('V24 a slow disk holds the snapshot, not the guest', async () => {
  // A disk of 20 ms a write, and one that is as fast as it is: the guest stands still as long.
  const stopMs = { fast: 0, slow: 0 };
  const trouble = new TroubledCalls();
  const store = await openStore(join(directory, 'fast'));
  const other = await Store.open(await folderPorts(join(directory, 'slow'), trouble.wrap()));
  const module = await counter(8 * MIB, 7 * MIB, 100_000);
  const counted = await Counted.of((options) => Machine.load(module, options));
  void counted.machine.run();
  await counted.further(1);
  stopMs.fast = Number((await saveMachine(store, counted.machine)).stopNs) / 1e6;
  await counted.further(1);
  trouble.writeMs = 20;
  // Into a store of its own, all of it once more.
  const saving = saveMachine(other, counted.machine);
  await counted.further(5);
  const { stopNs, totalNs } = await saving;
  stopMs.slow = Number(stopNs) / 1e6;
  expect(totalNs).toBeGreaterThan(400_000_000n);
  expect(stopNs).toBeLessThan(totalNs / 4n);
  // One write more would be 20 ms.
  expect(stopMs.slow).toBeLessThan(2 * stopMs.fast + 20);
  counted.machine.kill();
  await store.close();
  await other.close();
});

test('output is held until it is covered, also when the disk is full; what no snapshot covers is not shown', async () => {
  const trouble = new TroubledCalls();
  const store = await Store.open(await folderPorts(directory, trouble.wrap()));
  const module = await counter(MIB, 8192, 400);
  let savesAtEnd = true;
  let held = 0;
  const load = (): Promise<Counted> =>
    Counted.of((options) => Machine.load(module, options), {
      outputCommit: true,
      onOutputHeld: () => held++,
      beforeEnd: async (machine) => {
        if (savesAtEnd) await saveMachine(store, machine);
      },
    });
  const counted = await load();
  const end = counted.machine.run();
  while (held === 0) await sleep(1);
  trouble.fails = (call) => call === 'rename';
  await expect(saveMachine(store, counted.machine)).rejects.toMatchObject({ code: 'WVM_FILE' });
  expect(counted.rounds).toBe(0);
  trouble.fails = undefined;
  await saveMachine(store, counted.machine);
  expect(counted.rounds).toBeGreaterThan(0);
  expect(await end).toEqual({ kind: 'exit', code: 7 });
  expect([counted.rounds, counted.machine.heldOutputBytes]).toEqual([400, 0]);
  savesAtEnd = false;
  const unsaved = await load();
  await unsaved.machine.run();
  expect([unsaved.rounds, unsaved.machine.heldOutputBytes]).toEqual([0, 400]);
  await store.close();
});

test('V19 V23 a sparse memory costs what it holds, in the store and in this process', async () => {
  const store = await openStore(directory);
  // All that 32 bits address, of which ten pages are touched.
  const module = await counter(4096 * MIB, 4096 * 10, 100_000);
  const counted = await Counted.of((options) => Machine.load(module, options));
  void counted.machine.run();
  await counted.further(1);
  const before = residentBytes();
  const { newBytes, id } = await saveMachine(store, counted.machine, { stop: true });
  expect(newBytes).toBeLessThan(60_000);
  expect(residentBytes() - before).toBeLessThan(32 * MIB);
  const again = await Counted.of((options) => Machine.resumeFromStore(store, id, options));
  expect(residentBytes() - before).toBeLessThan(64 * MIB);
  again.machine.kill();
  counted.machine.kill();
  await store.close();
});

function residentBytes(): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024;
}

test('V23 a large guest that stops is saved bit by bit, into a store and over a thread', async () => {
  const store = await openStore(directory);
  const usedBytes = 300 * MIB;
  const module = await counter(320 * MIB, usedBytes, 100_000);
  const counted = await Counted.of((options) => Machine.load(module, options));
  void counted.machine.run();
  await counted.further(1);
  const before = residentBytes();
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, residentBytes());
  }, 5);
  const { newBytes } = await saveMachine(store, counted.machine, { stop: true });
  clearInterval(watch);
  expect(newBytes).toBeGreaterThan(usedBytes - MIB);
  expect((most - before) / MIB).toBeLessThan(160);
  counted.machine.kill();
  counted.machine.dispose();
  await store.close();
  const thread = new MachineThread();
  try {
    const path = join(directory, 'counter.wasm');
    writeFileSync(path, module);
    await thread.load(path, { ...noise, stdout: 'null' });
    const end = thread.run();
    while (thread.stats().fuelUsed < BigInt(usedBytes / 8)) await sleep(5);
    const start = residentBytes();
    const { chunks, sizeBytes } = await thread.snapshot({ stop: true });
    expect(await end).toEqual({ kind: 'stopped', reason: 'snapshot' });
    let takenBytes = 0;
    let peak = 0;
    for await (const { length } of chunks) {
      takenBytes += length;
      peak = Math.max(peak, residentBytes());
    }
    expect(takenBytes).toBe(sizeBytes);
    expect(takenBytes).toBeGreaterThan(usedBytes / 2);
    expect((peak - start) / MIB).toBeLessThan(64);
  } finally {
    thread.end();
  }
});

test('V24 a guest that goes on while it is still being saved is saved as it was when it stopped', async () => {
  const module = await counter(8 * MIB, 6 * MIB, 100_000);
  const counted = await Counted.of((options) => Machine.load(module, options));
  const end = counted.machine.run();
  await counted.further(3);
  const { blocks } = await counted.machine.capture({ stop: true });
  await end;
  const then = Buffer.from(counted.machine.memories()[0]!);
  const taken = (blocks as Iterable<PageBlock>)[Symbol.iterator]();
  const check = ({ list, contents }: PageBlock): void => {
    expect(list.runs.length).toBe(2);
    const [first, count] = list.runs;
    const expected = then.subarray(first! * 4096, (first! + count!) * 4096);
    expect(Buffer.concat(contents).equals(expected)).toBe(true);
  };
  void counted.machine.run();
  await counted.further(3);
  expect(then.equals(counted.machine.memories()[0]!)).toBe(false);
  let blockCount = 0;
  for (let next = taken.next(); !next.done; next = taken.next()) {
    check(next.value);
    blockCount++;
  }
  expect(blockCount).toBe(6);
  counted.machine.kill();
});

test('V15 a damaged block is refused before anything runs, wherever it is checked', async () => {
  const store = await openStore(directory);
  const module = await counter(24 * MIB, 20 * MIB, 100_000);
  const counted = await Counted.of((options) => Machine.load(module, options));
  void counted.machine.run();
  await counted.further(1);
  const { id } = await saveMachine(store, counted.machine, { stop: true });
  counted.machine.kill();
  const packs = readdirSync(join(directory, 'packs')).map((name) => join(directory, 'packs', name));
  const pack = packs.sort((a, b) => readFileSync(b).length - readFileSync(a).length)[0]!;
  const good = readFileSync(pack);
  for (const place of [0.01, 0.3, 0.7, 0.9]) {
    const bad = Buffer.from(good);
    bad[Math.floor(good.length * place)]! ^= 4;
    writeFileSync(pack, bad);
    const fresh = await openStore(directory);
    await expect(Machine.resumeFromStore(fresh, id, noise)).rejects.toMatchObject({ code: 'WVM_STORE_CORRUPT' });
    await fresh.close();
  }
  writeFileSync(pack, good.subarray(0, good.length / 2));
  const cut = await openStore(directory);
  await expect(Machine.resumeFromStore(cut, id, noise)).rejects.toMatchObject({ code: 'WVM_STORE_CORRUPT' });
  await cut.close();
  await store.close();
});

test('M16 a hundred saves and resumes leave no descriptor, file or lease behind', async () => {
  const store = await openStore(directory);
  const module = await counter(MIB, 65536, 100_000);
  const fds = (): number => readdirSync('/proc/self/fd').length;
  let counted = await Counted.of((options) => Machine.load(module, options));
  let end = counted.machine.run();
  let open = 0;
  for (let round = 0; round < 100; round++) {
    const { id } = await saveMachine(store, counted.machine, { stop: round % 5 === 4 });
    if (round % 5 === 4) {
      await end;
      counted.machine.dispose();
      counted = await Counted.of((options) => Machine.resumeFromStore(store, id, options));
      end = counted.machine.run();
    }
    if (round % 20 === 19) await store.collect({ keepCount: 1 });
    if (round === 20) open = fds();
  }
  counted.machine.kill();
  await end;
  expect(fds() - open).toBeLessThan(16);
  expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
  expect(readdirSync(join(directory, 'leases'))).toEqual([]);
  expect((await store.log()).length).toBeLessThan(30);
  await store.close();
});
