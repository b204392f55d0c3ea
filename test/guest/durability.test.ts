// An image on disk is the old one or the whole new one, whatever happens while it is written; and whatever happens, the
// guest goes on. (Full devices, closed pipes and killed clients: test/cli/snapshot.test.ts.)

import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guestNamed } from '../../guest/manifest.ts';
import { inspectImage, Machine, writeImageFile } from '../../runtime/index.ts';
import { Bench, until } from '../cli/wvm.ts';
import { moduleOf, runStraight, withDirectory } from './modes.ts';
import { randomFrom, testSeed } from './random.ts';

const KILLS = process.env['CI'] === 'true' ? 40 : 6;

describe('a disk that is full', () => {
  it('V18 the guest goes on, no half file is left, and a second snapshot succeeds', async ({ skip }) => {
    await withDirectory(async (directory) => {
      const small = path.join(directory, 'small');
      fs.mkdirSync(small);
      const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', small]);
      if (mount.status !== 0) skip('needs the right to mount a tmpfs');
      try {
        const guest = { ...guestNamed('bench/nbody'), args: ['400'] };
        const straight = await runStraight(guest, directory);
        let stdout = '';
        const machine = await Machine.load(moduleOf(guest), {
          programName: guest.name,
          args: guest.args,
          stdin: 'null',
          stdout: (chunk) => {
            stdout += Buffer.from(chunk).toString();
          },
          cacheDirectory: null,
        });
        const end = machine.run();
        const file = path.join(small, 'a.wvm');
        fs.writeFileSync(file, 'old');
        const first = await machine.snapshot();
        await expect(writeImageFile(file, first.chunks)).rejects.toMatchObject({
          code: 'WVM_FILE',
          message: expect.stringContaining('ENOSPC'),
        });
        expect(fs.readdirSync(small)).toEqual(['a.wvm']);
        expect(fs.readFileSync(file, 'utf8')).toBe('old');
        const elsewhere = path.join(directory, 'b.wvm');
        await writeImageFile(elsewhere, (await machine.snapshot()).chunks);
        expect(await end).toEqual(straight.exit);
        expect(stdout).toBe(straight.stdout);
        let rest = '';
        const copy = await Machine.resume(new Uint8Array(fs.readFileSync(elsewhere)), {
          stdin: 'null',
          stdout: (chunk) => {
            rest += Buffer.from(chunk).toString();
          },
          cacheDirectory: null,
        });
        expect(await copy.run()).toEqual(straight.exit);
        expect(rest).toBe(straight.stdout);
      } finally {
        spawnSync('umount', [small]);
      }
    });
  });
});

describe('kill -9', () => {
  let bench: Bench;
  beforeEach(() => {
    bench = new Bench();
  });
  afterEach(() => bench.close());

  it(`of a machine that writes images all the time leaves whole ones (WVM_TEST_SEED=${testSeed})`, async () => {
    const random = randomFrom(testSeed);
    const images = bench.path('images');
    let checked = 0;
    for (let round = 0; round < KILLS; round++) {
      const machine = bench.start(['run', '--snapshot-every', '1ms', '--output', 'images', bench.guest('large')]);
      const before = checked;
      const made = (): string[] =>
        fs.existsSync(images) ? fs.readdirSync(images).filter((file) => file.endsWith('.wvm')) : [];
      await until(() => made().length > before || machine.end !== undefined, 'an image');
      await sleep(random() * 150);
      machine.child.kill('SIGKILL');
      expect((await machine.done).signal).toBe('SIGKILL');
      const files = made();
      for (const file of files.slice(-3)) {
        const { sizeBytes } = await inspectImage(path.join(images, file), { verify: true });
        expect(sizeBytes).toBe(fs.statSync(path.join(images, file)).size);
      }
      checked = files.length;
    }
    expect(checked).toBeGreaterThanOrEqual(KILLS);
    // What a killed writer has left is removed by the next one that passes by.
    const after = await bench.run([
      'run',
      '--snapshot-on',
      'exit',
      '--output',
      'images',
      '--quiet',
      bench.guest('exit300'),
    ]);
    expect(after.code).toBe(44);
    expect(fs.readdirSync(images).filter((file) => !file.endsWith('.wvm'))).toEqual([]);
  });
});
