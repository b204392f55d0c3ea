// Real processes on one store at once, collections among them, ended by kill -9 at any moment.

import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore } from '../../runtime/host/store/open-store.ts';
import { removeDirectory, temporaryDirectory } from './machines.ts';

const writerFile = fileURLToPath(new URL('./writer.ts', import.meta.url));
let directory: string;
beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(() => removeDirectory(directory));

class Writer {
  output = '';
  readonly #child: ChildProcess;
  readonly #done: Promise<unknown>;

  constructor(machineId: string) {
    const child = spawn(process.execPath, [writerFile, directory, machineId], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.on('data', (text: Buffer) => {
      this.output += text.toString();
    });
    this.#child = child;
    this.#done = new Promise((resolve) => child.once('close', resolve));
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#done;
  }

  /** What it had been told to be durable. */
  get durable(): { id: string; digest: string }[] {
    const lines = this.output.split('\n').slice(0, -1);
    return lines.map((line) => ({ id: line.slice(0, 64), digest: line.slice(65) }));
  }
}

test('writers and collections share a store, and what a killed writer was told is there', async () => {
  const store = await openStore(directory);
  const writers = ['a', 'b', 'c'].map((letter) => new Writer(`${letter}0000000`));
  while (writers.some(({ durable }) => durable.length < 3)) await sleep(20);
  for (let round = 0; round < 3; round++) {
    // Twenty of each stay: far more than are made while this looks.
    await store.collect({ keepCount: 20 });
    const victim = writers[round]!;
    const before = victim.durable.length;
    while (victim.durable.length < before + 2) await sleep(5);
    await sleep(round * 3);
    await victim.kill();
    const last = victim.durable.at(-1)!;
    const image = createHash('sha256');
    for await (const chunk of store.exportImage(last.id as never)) image.update(chunk);
    expect(image.digest('hex')).toBe(last.digest);
  }
  expect((await store.verify({ deep: true })).problems).toEqual([]);
  await store.collect({ keepCount: 1 });
  expect((await store.verify({ deep: true })).problems).toEqual([]);
  expect((await store.log()).length).toBe(3);
  expect(readdirSync(join(directory, 'tmp'))).toEqual([]);
  expect(readdirSync(join(directory, 'leases'))).toEqual([]);
  await store.close();
});
