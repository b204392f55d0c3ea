// Signals of the terminal and of other programs, for guests that catch them: the shell in front of all.

import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Bench, hasPrinted } from './wvm.ts';

const tools = join(import.meta.dirname, '../../guest/built/tools');
let prepared: Awaited<ReturnType<typeof Bench.prepare>>;
let bench: Bench;

beforeAll(async () => {
  prepared = await Bench.prepare();
});
afterAll(() => prepared.remove());
beforeEach(() => {
  bench = prepared.create();
});
afterEach(() => bench.close());

const shell = ['run', '--dir', `${tools}::/bin:ro`, join(tools, 'shell.wasm')];

describe('signals that the program catches', () => {
  test('Ctrl-C ends what the shell runs, and the rest of the line, not the shell', async () => {
    const machine = await bench.startMachine(shell, 'shell');
    machine.child.stdin!.write('echo begun; sleep.wasm 1000 | cat.wasm; echo not reached\n');
    await hasPrinted(machine, 6);
    machine.child.kill('SIGINT');
    machine.child.stdin!.write('echo ended with $?\n');
    await hasPrinted(machine, 6 + 15);
    machine.child.stdin!.end('exit 4\n');
    expect(await machine.done).toMatchObject({ code: 4, stdout: 'begun\nended with 130\n' });
  });

  test('a signal that it does not catch ends the machine', async () => {
    const machine = await bench.startMachine(shell, 'shell');
    machine.child.kill('SIGTERM');
    expect(await machine.done).toMatchObject({ code: 143, stdout: '' });
  });

  test('wvm kill ends it in any case', async () => {
    const machine = await bench.startMachine(shell, 'shell');
    expect((await bench.run(['kill', '--signal', 'INT', 'shell'])).code).toBe(0);
    expect((await machine.done).code).toBe(130);
  });
});
