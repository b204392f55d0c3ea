// --tmpfs, --overlay and --dev: what the guest gets, what the host keeps, what an image needs.

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Bench, hasPrinted } from './wvm.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
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

test('--dev gives devices, which an image has, and a resume needs nothing for', async () => {
  const tools = join(import.meta.dirname, '../../guest/built/tools');
  const lent = ['--dir', `${tools}::/bin:ro`];
  const shell = join(tools, 'shell.wasm');
  const text = 'cat.wasm no >/dev/null 2>&1; echo $?; echo said > /dev/stderr; seq.wasm 3 | cat.wasm /dev/stdin';
  expect(await bench.run(['run', '--dev', ...lent, shell, '-c', text])).toMatchObject({
    code: 0,
    stdout: '1\n1\n2\n3\n',
    stderr: 'said\n',
  });
  expect(
    (await bench.run(['run', '--dev=/devices', ...lent, shell, '-c', '[ -f /dev/null ]; echo $? < /devices/null']))
      .stdout,
  ).toBe('1\n');
  const machine = await bench.startMachine(['run', '--dev', ...lent, shell], 'shell');
  machine.child.stdin!.write('exec 2>/dev/null; echo begun\n');
  await hasPrinted(machine, 6);
  expect((await bench.run(['snapshot', 'shell', '--stop', '-o', 'a.wvm'])).code).toBe(0);
  expect((await bench.run(['inspect', 'a.wvm'])).stdout).toContain('/dev/null');
  const copy = await bench.run(['resume', ...lent, 'a.wvm'], {
    input: 'echo lost > /dev/stderr; cat.wasm /dev/null; exit 6\n',
  });
  expect(copy).toMatchObject({ code: 6, stdout: '', stderr: '' });
  const twice = await bench.run(['run', '--dev', '--dir', '.::/dev', shell]);
  expect([twice.code, twice.stderr]).toEqual([2, expect.stringContaining('/dev is given twice')]);
});
