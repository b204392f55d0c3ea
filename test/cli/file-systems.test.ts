// --tmpfs and --overlay: what the guest gets, what the host keeps, what an image needs.

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { Bench } from './wvm.ts';

let benches: Awaited<ReturnType<typeof Bench.prepare>>;
let bench: Bench;
beforeAll(async () => {
  benches = await Bench.prepare();
});
afterAll(() => benches.remove());
beforeEach(() => {
  bench = benches.create();
});
afterEach(() => bench.close());

/** Makes and changes files in its working directory for a while, then prints PASS. */
const worker: string = join(import.meta.dirname, '../../guest/built/open-files.wasm');
/** About in the middle of it. */
const FUEL = '300';

/** Stops the worker in the middle, and gives the path of its image. */
async function stopped(...args: string[]): Promise<string> {
  const result = await bench.run([
    'run',
    '--fuel',
    FUEL,
    '--snapshot-on',
    'exit',
    '--output',
    'images',
    ...args,
    worker,
  ]);
  expect(result.code, result.stderr).toBe(123);
  const [image] = readdirSync(bench.path('images'));
  return join('images', image!);
}

test('a guest writes into an overlay, and the host has nothing of it', async () => {
  mkdirSync(bench.path('lent'));
  writeFileSync(bench.path('lent/below'), 'as it was');
  expect((await bench.run(['run', '--overlay', 'lent::/', bench.guest('create')])).code).toBe(0);
  expect(readdirSync(bench.path('lent'))).toEqual(['below']);
  expect((await bench.run(['run', '--tmpfs', '/:1M', bench.guest('create')])).code).toBe(0);
});

test('an image carries a tmpfs, says so, and needs nothing to be resumed', async () => {
  const image = await stopped('--tmpfs', '/:8M');
  const { stdout } = await bench.run(['inspect', image]);
  expect(stdout).toMatch(/^features .*tmpfs/m);
  expect(stdout).toMatch(/^tmpfs {5}\/, [0-9]+ files? of .*, at most 8/m);
  const resumed = await bench.run(['resume', image]);
  expect([resumed.code, resumed.stdout.endsWith('PASS\n')]).toEqual([0, true]);
});

test('an image of an overlay needs a lower directory, and any copy of it will do', async () => {
  for (const name of ['lent', 'copy']) mkdirSync(bench.path(name));
  const image = await stopped('--overlay', 'lent::/');
  expect(readdirSync(bench.path('lent'))).toEqual([]);
  expect((await bench.run(['inspect', image])).stdout).toMatch(/^overlay {3}\//m);
  for (const args of [[], ['--dir', 'lent::/']]) {
    const refused = await bench.run(['resume', ...args, image]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('--overlay HOST::/');
  }
  const resumed = await bench.run(['resume', '--overlay', 'copy::/', image]);
  expect([resumed.code, resumed.stdout.endsWith('PASS\n')]).toEqual([0, true]);
  expect(readdirSync(bench.path('copy'))).toEqual([]);
});

test('what makes no sense is refused by name', async () => {
  mkdirSync(bench.path('lent'));
  for (const args of [
    ['--overlay', 'lent::/:ro'],
    ['--tmpfs', ''],
    ['--tmpfs', '/:much'],
    ['--tmpfs', '/', '--tmpfs', '/'],
    ['--tmpfs', '/', '--overlay', 'lent::/'],
    ['--tmpfs', '/:1T'],
  ]) {
    const { code, stderr } = await bench.run(['run', ...args, bench.guest('create')]);
    expect([args, code]).toEqual([args, 2]);
    expect(stderr).not.toBe('');
  }
});
