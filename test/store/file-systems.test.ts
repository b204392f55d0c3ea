// Files in memory, in a store: a snapshot costs what changed in them, whatever their size, and each gives back what it got.

import { afterEach, beforeEach, expect, test } from 'vitest';
import { assembleWat } from '../../guest/toolchain.ts';
import { MachineSaver } from '../../runtime/host/store/machine-saver.ts';
import { openStore } from '../../runtime/host/store/open-store.ts';
import { Machine, type MachineOptions } from '../../runtime/index.ts';
import { removeDirectory, temporaryDirectory } from './machines.ts';

const FILE_BYTES: number = 16 * 2 ** 20;
const ROUNDS = 6;

/**
 * Writes a file, every page of it another one, then changes eight bytes of it and asks for a snapshot, again and again; at the end
 * reads it all, and exits with a sum of it.
 */
const source = `(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pwrite" (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pread" (func $pread (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_set_size" (func $size (param i32 i64) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wvm" "snapshot" (func $snapshot (result i32)))
  (memory (export "memory") 4)
  (data (i32.const 32) "file")
  (func $check (param i32) (if (local.get 0) (then (call $exit (i32.const 99)))))
  (func (export "_start") (local $i i32) (local $at i64) (local $sum i32)
    (i32.store (i32.const 0) (i32.const 65536)) (i32.store (i32.const 4) (i32.const 65536))
    (i32.store (i32.const 8) (i32.const 40)) (i32.store (i32.const 12) (i32.const 8))
    (call $check (call $open (i32.const 3) (i32.const 0) (i32.const 32) (i32.const 4) (i32.const 1)
      (i64.const -1) (i64.const -1) (i32.const 0) (i32.const 16)))
    (loop $fill
      (local.set $at (i64.const 0))
      (loop $page
        (i64.store (i32.add (i32.const 65536) (i32.wrap_i64 (local.get $at)))
          (i64.mul (i64.add (i64.mul (i64.extend_i32_u (local.get $i)) (i64.const 65536)) (local.get $at))
            (i64.const 0x9e3779b97f4a7c15)))
        (local.set $at (i64.add (local.get $at) (i64.const 8)))
        (br_if $page (i64.lt_u (local.get $at) (i64.const 65536))))
      (call $check (call $write (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (i32.const 20)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $fill (i32.lt_u (local.get $i) (i32.const ${FILE_BYTES / 65536}))))
    (memory.fill (i32.const 65536) (i32.const 0) (i32.const 65536))
    (local.set $i (i32.const 0))
    (loop $round
      (i64.store (i32.const 40) (i64.extend_i32_u (local.get $i)))
      (call $check (call $pwrite (i32.load (i32.const 16)) (i32.const 8) (i32.const 1)
        (i64.mul (i64.extend_i32_u (local.get $i)) (i64.const 1000003)) (i32.const 20)))
      (drop (call $snapshot))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $round (i32.lt_u (local.get $i) (i32.const ${ROUNDS - 1}))))
    ;; A hole in the middle, and an end that comes earlier.
    (call $check (call $size (i32.load (i32.const 16)) (i64.const ${FILE_BYTES / 2})))
    (call $check (call $size (i32.load (i32.const 16)) (i64.const ${FILE_BYTES})))
    (drop (call $snapshot))
    (local.set $at (i64.const 0))
    (loop $read
      (call $check (call $pread (i32.load (i32.const 16)) (i32.const 0) (i32.const 1) (local.get $at) (i32.const 20)))
      (local.set $i (i32.const 65536))
      (loop $add
        (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31)) (i32.load (local.get $i))))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br_if $add (i32.lt_u (local.get $i) (i32.const 131072))))
      (local.set $at (i64.add (local.get $at) (i64.const 65536)))
      (br_if $read (i64.lt_u (local.get $at) (i64.const ${FILE_BYTES}))))
    (call $exit (i32.and (i32.add (local.get $sum) (i32.shr_u (local.get $sum) (i32.const 13))) (i32.const 63)))))`;

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => removeDirectory(directory));

test('a snapshot of a machine with large files costs what changed in them', { timeout: 120_000 }, async () => {
  const store = await openStore(directory);
  const module = await assembleWat('file-systems', source);
  const saves: Awaited<ReturnType<MachineSaver['save']>>[] = [];
  let saver: MachineSaver | undefined;
  const options: MachineOptions = {
    stdout: 'null',
    cacheDirectory: null,
    onSelfSnapshot: async (machine) => {
      saver ??= new MachineSaver(store, machine);
      saves.push(await saver.save({ reason: 'guest' }));
      return saves.length;
    },
  };
  const machine = await Machine.load(module, { ...options, tmpfs: [{ guestPath: '/', maxBytes: 2 * FILE_BYTES }] });
  const exit = await machine.run();
  expect(exit).toMatchObject({ kind: 'exit' });
  expect(saves).toHaveLength(ROUNDS);
  const [first, ...rest] = saves;
  expect(first!.newBytes).toBeGreaterThan(FILE_BYTES);
  // A page, the nodes above it, the records.
  for (const { newBytes } of rest) expect(newBytes).toBeLessThan(64 * 1024);
  expect((await store.verify({ deep: true })).problems).toEqual([]);

  for (const { id } of [saves[0]!, saves[3]!, saves.at(-1)!]) {
    const image = Buffer.concat(await Array.fromAsync(store.exportImage(id)));
    for (const resumed of [
      await Machine.resumeFromStore(store, id, { ...options, onSelfSnapshot: () => Promise.resolve(1) }),
      await Machine.resume(new Uint8Array(image), { ...options, onSelfSnapshot: () => Promise.resolve(1) }),
    ]) {
      expect(Buffer.compare(Buffer.concat(resumed.snapshotNow().chunks), image)).toBe(0);
      expect(await resumed.run()).toEqual(exit);
    }
  }
  // In and out of the store as a file.
  const image = await Array.fromAsync(store.exportImage(saves[2]!.id));
  const imported = await store.importImage(store.exportImage(saves[2]!.id), { machineId: 'a0000001' });
  expect(imported.newBytes).toBeLessThan(64 * 1024);
  expect(Buffer.concat(await Array.fromAsync(store.exportImage(imported.id))).equals(Buffer.concat(image))).toBe(true);
});

test('a machine goes on in the store that it came from with what changes then', { timeout: 120_000 }, async () => {
  const store = await openStore(directory);
  const module = await assembleWat('file-systems', source);
  let saver: MachineSaver | undefined;
  let count = 0;
  const options: MachineOptions = {
    stdout: 'null',
    cacheDirectory: null,
    onSelfSnapshot: async (machine) => {
      saver ??= new MachineSaver(store, machine);
      if (count++ < 2) await saver.save({ reason: 'guest' });
      else machine.kill();
      return 1;
    },
  };
  const machine = await Machine.load(module, { ...options, tmpfs: [{ guestPath: '/' }] });
  expect(await machine.run()).toMatchObject({ kind: 'stopped' });
  const [newest] = await store.log();
  const sizes: number[] = [];
  let again: MachineSaver | undefined;
  const resumed = await Machine.resumeFromStore(store, newest!.id, {
    stdout: 'null',
    cacheDirectory: null,
    isTracked: true,
    onSelfSnapshot: async (copy) => {
      again ??= new MachineSaver(store, copy);
      sizes.push((await again.save({ reason: 'guest' })).newBytes);
      return 1;
    },
  });
  expect(await resumed.run()).toMatchObject({ kind: 'exit' });
  expect(sizes.length).toBeGreaterThan(2);
  for (const size of sizes) expect(size).toBeLessThan(64 * 1024);
  expect((await store.verify({ deep: true })).problems).toEqual([]);
});
