// The first run of a program: a trial that is kept, or thrown away without a trace. The cache of prepared modules tells
// which it was: only a program that was not kept is instrumented.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, hasPrinted } from './wvm.ts';

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

/** Modules that were instrumented since the test began. */
function preparedCount(): number {
  const directory = join(bench.root, 'cache', 'wvm', 'modules');
  return existsSync(directory) ? readdirSync(directory).length : 0;
}

describe('a first run', () => {
  // Where others keep the machine busy for a tenth of a second, it is dropped.
  test('that ends at once is kept: its output, its exit code, and nobody instruments it', { retry: 3 }, async () => {
    const result = await bench.run(['run', bench.guest('hello')]);
    expect(result).toEqual({ code: 5, signal: null, stdout: 'out', stderr: 'err' });
    expect(preparedCount()).toBe(0);
    expect(bench.registryFiles()).toEqual([]);
  });

  test('that ends at once loads the command line and what runs a guest, and none of what takes Node long to load', {
    retry: 3,
  }, async () => {
    const hook = bench.path('hook.cjs');
    const list = bench.path('loaded.txt');
    writeFileSync(
      hook,
      `const fs = require('node:fs'), read = fs.readFileSync, seen = new Set();
       fs.readFileSync = (file, ...rest) => (seen.add(String(file)), read(file, ...rest));
       const loaded = () => process.moduleLoadList.filter((each) => /^NativeModule (crypto|child_process|tty|worker_threads)$/.test(each));
       const before = loaded();
       process.on('exit', () => {
         const late = loaded().filter((each) => !before.includes(each));
         fs.writeFileSync(${JSON.stringify(list)}, JSON.stringify([...seen, ...late]));
       });`,
    );
    const result = await bench.run(['run', bench.guest('hello')], { env: { NODE_OPTIONS: `--require ${hook}` } });
    expect(result).toMatchObject({ code: 5, stdout: 'out', stderr: 'err' });
    const loaded: string[] = JSON.parse(readFileSync(list, 'utf8'));
    const own = loaded.filter((file) => file.endsWith('.js')).map((file) => basename(file));
    const start = ['main.js', 'compile-cache.js', 'rolldown-runtime.js', 'command.js'];
    expect([...new Set(own)]).toEqual([...start, 'run-trial.js', 'guest.js']);
    expect(loaded.filter((each) => each.startsWith('NativeModule'))).toEqual([]);
  });

  test('that reads stdin is repeated, and says nothing twice', async () => {
    const result = await bench.run(['run', bench.guest('prompt')], { input: 'answer' });
    expect(result).toMatchObject({ code: 0, stdout: '?answer', stderr: '' });
    expect(preparedCount()).toBe(1);
  });

  test('that makes a file makes it once', async () => {
    // It would fail with EEXIST the second time.
    const result = await bench.run(['run', '--dir', '.', bench.guest('create')]);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(bench.files()).toEqual(['made.txt']);
    expect(preparedCount()).toBe(1);
  });

  test('that prints more than is held back prints every byte once', async () => {
    const result = await bench.run(['run', bench.guest('flood')]);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toBe('0'.repeat(200_000));
    expect(preparedCount()).toBe(1);
  });

  test('that traps is repeated: one output, and the backtrace of every other run', async () => {
    const first = await bench.run(['run', bench.guest('printTrap')]);
    expect(first).toMatchObject({ code: 134, stdout: 'before' });
    expect(preparedCount()).toBe(1);
    expect(await bench.run(['run', bench.guest('printTrap')])).toEqual(first);
  });

  test('that takes long goes on instrumented, from its first line', async () => {
    const machine = bench.start(['run', bench.guest('countOn')]);
    await hasPrinted(machine, 400);
    expect(preparedCount()).toBe(1);
    machine.child.kill('SIGTERM');
    const { code, stdout } = await machine.done;
    expect(code).toBe(143);
    const lines = stdout.split('\n').slice(0, -1);
    expect(lines).toEqual(lines.map((_, index) => String(index % 1000).padStart(3, '0')));
  });

  test.each([
    ['--fuel', '1000000000'],
    ['--timeout', '1h'],
    ['--seed', '1'],
    ['--max-memory', '1G'],
    ['--trace=calls.txt'],
    ['--json=result.json'],
    ['--snapshot-on', 'exit'],
  ])('with %s is no trial', async (...flags) => {
    const result = await bench.run(['run', '--quiet', ...flags, bench.guest('hello')]);
    expect(result).toMatchObject({ code: 5, stdout: 'out', stderr: 'err' });
    expect(preparedCount()).toBe(1);
  });

  test('of what is no valid module says what every run says', async () => {
    const [first, second] = [
      await bench.run(['run', 'missing.wasm']),
      await bench.run(['run', '--fuel', '1', 'missing.wasm']),
    ];
    expect(first).toEqual(second);
    expect(first.code).toBe(125);
  });
});
