// Many objects of the kernel, and large ones that are shared: each is in an image once, and all come back.

import fs from 'node:fs';
import { expect, it } from 'vitest';
import { Machine, type MachineOptions } from '../../runtime/index.ts';
import { imageOf, quiet, withDirectory } from '../guest/modes.ts';
import { assemble, fork, get, pipe, put, times } from './wat.ts';

const PASSED = { kind: 'exit', code: 0 };
const MiB = 2 ** 20;
const snapshot = '(if (i32.lt_s (call $snapshot) (i32.const 0)) (then (unreachable)))';

interface Taken {
  readonly image: Uint8Array;
  readonly fdCounts: readonly number[];
}

/** Runs a guest that asks for one snapshot; it must pass. */
async function take(module: Uint8Array, options: MachineOptions = {}): Promise<Taken> {
  let taken: Taken | undefined;
  const machine = await Machine.load(module, {
    ...quiet,
    ...options,
    onSelfSnapshot: (at) => {
      taken = { image: imageOf(at), fdCounts: at.processes().map(({ fdCount }) => fdCount) };
      return Promise.resolve(1);
    },
  });
  expect(await machine.run()).toEqual(PASSED);
  machine.dispose();
  return taken!;
}

it('V04 99,600 objects: pipes with both ends open in four processes, each pipe with its own contents', {
  timeout: 60_000,
}, async () => {
  const children = 3;
  const pipesEach = 8300;
  // The ends have numbers from the first free one on, which is at 80. A pipe holds the low byte of its number.
  const fill = `${pipe(48)} (i32.store (i32.const 80) (i32.load (i32.const 48)))
    (local.set $j (i32.const 0))
    (loop $fill
      (i32.store8 (i32.const 64) (local.get $j))
      (call $put (i32.load (i32.const 52)))
      (if (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (i32.const ${pipesEach}))
        (then ${pipe(48)} (br $fill))))`;
  const check = `(local.set $j (i32.const 0))
    (loop $check
      (i32.store8 (i32.const 64) (i32.const 255))
      (if (i32.ne (call $get (i32.add (i32.load (i32.const 80)) (i32.mul (local.get $j) (i32.const 2)))) (i32.const 1))
        (then (unreachable)))
      (if (i32.ne (i32.load8_u (i32.const 64)) (i32.and (local.get $j) (i32.const 255))) (then (unreachable)))
      (br_if $check (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (i32.const ${pipesEach}))))`;
  const module = await assemble({
    calls: ['pipe2', 'proc_fork', 'waitpid', 'snapshot'],
    // A child says that it is ready, and waits for its byte of the first pipe.
    main: `${pipe(16)} ${pipe(24)}
      ${times(children, fork(`${fill} ${put(28)} (drop ${get(16)}) ${check}`))}
      ${fill}
      ${times(children, `(drop ${get(24)})`).replaceAll('$again', '$ready')}
      ${snapshot} ${check} ${times(children, put(20)).replaceAll('$again', '$release')}
      ${times(
        children,
        `(call $check (call $waitpid (i32.const -1) (i32.const 48) (i32.const 0) (i32.const 0)))
         (call $check (i32.load (i32.const 48)))`,
      ).replaceAll('$again', '$reap')}`,
  });
  const startMs = performance.now();
  const { image, fdCounts } = await take(module);
  const takenMs = performance.now();
  const copy = await Machine.resume(image, quiet);
  const resumedMs = performance.now();
  const descriptions = fdCounts.reduce((sum, count) => sum + count - 7, 0);
  expect(descriptions).toBeGreaterThan(2 ** 16);
  expect(copy.processes().map(({ fdCount }) => fdCount)).toEqual(fdCounts);
  expect(Buffer.compare(imageOf(copy), image)).toBe(0);
  expect(await copy.run()).toEqual(PASSED);
  const objects = descriptions + descriptions / 2;
  console.log(
    `${objects} objects: ${Math.round(image.length / objects)} bytes each, resumed in ${Math.round(resumedMs - takenMs)} ms`,
  );
  expect(image.length / objects).toBeLessThan(100);
  // Proportional to their number: a table that is searched from its start would take minutes.
  expect(resumedMs - takenMs).toBeLessThan(15_000);
  expect(takenMs - startMs).toBeLessThan(30_000);
});

it('V13 10,000 files of the host are open, come back, and are let go if the resume fails', {
  timeout: 60_000,
}, async ({ skip }) => {
  const count = 10_000;
  const [limit] = /Max open files\s+(\d+)/.exec(fs.readFileSync('/proc/self/limits', 'utf8'))!.slice(1).map(Number);
  if (limit! < 2 * count) skip('this host does not let a process have so many');
  const module = await assemble({
    calls: ['path_open', 'snapshot'],
    rest: '(data (i32.const 128) "file")',
    // The file is read at another position through each descriptor; the last one is at 48.
    main: `(i32.store (i32.const 4) (i32.const 1))
      ${times(
        count,
        `(call $check (call $path_open (i32.const 3) (i32.const 0) (i32.const 128) (i32.const 4) (i32.const 0)
          (i64.const 0x200002) (i64.const 0) (i32.const 0) (i32.const 48)))`,
      )}
      (drop ${get(48)})
      ${snapshot}
      (drop ${get(48)})
      (if (i32.ne (i32.load8_u (i32.const 64)) (i32.const ${'b'.charCodeAt(0)})) (then (unreachable)))
      (i32.store (i32.const 48) (i32.sub (i32.load (i32.const 48)) (i32.const 1)))
      (drop ${get(48)})
      (if (i32.ne (i32.load8_u (i32.const 64)) (i32.const ${'a'.charCodeAt(0)})) (then (unreachable)))`,
  });
  await withDirectory(async (directory) => {
    const file = `${directory}/file`;
    const openFiles = (): number => fs.readdirSync('/proc/self/fd').length;
    const directories = [{ hostPath: directory, guestPath: '/', readOnly: true }];
    fs.writeFileSync(file, 'abc');
    const before = openFiles();
    const { image, fdCounts } = await take(module, { directories });
    expect(fdCounts).toEqual([count + 4]);
    const copy = await Machine.resume(image, { ...quiet, directories });
    expect(openFiles()).toBeGreaterThan(before + count);
    expect(await copy.run()).toEqual(PASSED);
    expect(openFiles()).toBe(before);
    fs.writeFileSync(file, 'changed');
    await expect(Machine.resume(image, { ...quiet, directories })).rejects.toMatchObject({ code: 'WVM_FILE_CHANGED' });
    expect(openFiles()).toBe(before);
  });
});

it('V21 memory that ten threads share is in the image once', { timeout: 60_000 }, async () => {
  const threads = 10;
  const sizeBytes = 64 * MiB;
  const module = await assemble({
    calls: ['thread_spawn', 'snapshot'],
    isShared: true,
    pageCount: sizeBytes / 65_536,
    // They are counted at 128 and wait at 136; each has its part of the memory checked at the end.
    rest: `(func (export "wasi_thread_start") (param $tid i32) (param $part i32)
      (drop (i32.atomic.rmw.add (i32.const 128) (i32.const 1)))
      (drop (memory.atomic.wait32 (i32.const 136) (i32.const 0) (i64.const -1)))
      (call $each (i32.const 1) (local.get $part))
      (if (i32.eq (i32.atomic.rmw.sub (i32.const 128) (i32.const 1)) (i32.const 1))
        (then (drop (memory.atomic.notify (i32.const 128) (i32.const 1))))))
      ;; Writes or checks words that cannot be compressed.
      (func $each (param $checks i32) (param $part i32) (local $at i32) (local $end i32) (local $x i64)
        (local.set $at (i32.add (i32.const 4096) (i32.mul (local.get $part) (i32.const ${Math.floor((sizeBytes - 4096) / threads / 8) * 8}))))
        (local.set $end (i32.add (local.get $at) (i32.const ${Math.floor((sizeBytes - 4096) / threads / 8) * 8})))
        (local.set $x (i64.add (i64.extend_i32_u (local.get $part)) (i64.const 88172645463325252)))
        (loop $next
          (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 13))))
          (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 7))))
          (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 17))))
          (if (local.get $checks)
            (then (if (i64.ne (i64.load (local.get $at)) (local.get $x)) (then (unreachable))))
            (else (i64.store (local.get $at) (local.get $x))))
          (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $end)))))`,
    main: `${times(
      threads,
      `(local.set $j (i32.sub (local.get $i) (i32.const 1)))
       (call $each (i32.const 0) (local.get $j))
       (if (i32.lt_s (call $thread_spawn (local.get $j)) (i32.const 2)) (then (unreachable)))`,
    )}
      ;; The others run while this one sleeps.
      (drop (memory.atomic.wait32 (i32.const 140) (i32.const 0) (i64.const 1000000)))
      (if (i32.ne (i32.atomic.load (i32.const 128)) (i32.const ${threads})) (then (unreachable)))
      ${snapshot}
      (drop (memory.atomic.notify (i32.const 136) (i32.const -1)))
      (loop $wait
        (local.set $i (i32.atomic.load (i32.const 128)))
        (if (local.get $i)
          (then (drop (memory.atomic.wait32 (i32.const 128) (local.get $i) (i64.const -1))) (br $wait))))`,
  });
  // Virtual time: a sleep is over when there is nothing else to do.
  const { image } = await take(module, { seed: 1n });
  expect(image.length).toBeGreaterThan(sizeBytes - MiB);
  expect(image.length).toBeLessThan(sizeBytes + MiB / 4);
  const copy = await Machine.resume(image, quiet);
  expect(copy.processes().map(({ threadCount }) => threadCount)).toEqual([threads + 1]);
  expect(await copy.run()).toEqual(PASSED);
  copy.dispose();
});
