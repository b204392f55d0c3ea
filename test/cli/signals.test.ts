// Signals of the terminal and of other programs, for guests that catch them: the shell in front of all.

import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, hasPrinted, mainFile, Running, until } from './wvm.ts';

const tools = join(import.meta.dirname, '../../guest/built/tools');
let bench: Bench;

beforeEach(() => {
  bench = new Bench();
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

describe.skipIf(spawnSync('script', ['--version']).status !== 0)('the shell at a terminal', () => {
  test('Ctrl-C, Ctrl-Z and Ctrl-D reach what runs in the foreground; the shell goes on until its own Ctrl-D', async () => {
    const command = [process.execPath, mainFile, ...shell.toSpliced(1, 0, '--dev')]
      .map((word) => `'${word}'`)
      .join(' ');
    const child = spawn('script', ['-qec', `exec ${command}`, '/dev/null'], {
      env: { PATH: process.env['PATH'], XDG_RUNTIME_DIR: join(bench.root, 'run'), TERM: 'dumb' },
    });
    const terminal = new Running(child);
    /** Types keys when the prompt, or what else is awaited, is there. */
    let seen = 0;
    const type = async (awaited: string, keys: string): Promise<void> => {
      await until(() => terminal.stdout.includes(awaited, seen) || terminal.end !== undefined, awaited);
      seen = terminal.stdout.indexOf(awaited, seen) + awaited.length;
      child.stdin!.write(keys);
    };
    await type('$ ', 'cat.wasm\r');
    await type('cat.wasm', 'typed\r');
    await type('typed\r\ntyped', '\x04');
    await type('$ ', 'sleep.wasm 1000 | cat.wasm\r');
    await type('| cat.wasm\r\n', '\x1a');
    await type('[1] stopped  sleep.wasm 1000 | cat.wasm', 'bg; jobs\r');
    await type('[1] running  sleep.wasm 1000 | cat.wasm', 'fg %1\r');
    await type('fg %1\r\n', '\x03');
    await type('$ ', 'echo $? > /dev/tty\r');
    await type('130\r\n', '\x04');
    expect((await terminal.done).code, terminal.stdout).toBe(0);
  });
});
