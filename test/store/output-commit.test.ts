// --output-commit: what the world has seen of a machine is never taken back and never repeated, whenever its process dies.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, createReadStream, openSync, readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, hasPrinted, type Running, until } from '../cli/wvm.ts';
import { randomFrom, testSeed } from '../guest/random.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const numbers = (count: number): string =>
  Array.from({ length: count }, (_, i) => `${String(i % 1000).padStart(3, '0')}\n`).join('');

const RUN = ['--name', 'job', '--output-commit'];
/** A twelfth of all that there is to see. */
const FURTHER_BYTES = 200;

/**
 * Lives of one machine, each but the last ended by kill -9, after about as long as it takes to start. `shownBytes`: how much
 * the world has seen of all of them so far.
 */
async function lives(start: (args: readonly string[]) => Running, shownBytes: () => number): Promise<void> {
  const random = randomFrom(testSeed);
  for (let life = 0; life < 60; life++) {
    const before = shownBytes();
    const machine = start(life === 0 ? ['run', ...RUN, bench.guest('countLong')] : ['resume', 'job', ...RUN]);
    const isFurther = (): boolean => shownBytes() >= before + FURTHER_BYTES || machine.end !== undefined;
    // The first one must have left something to go on from; and on a machine so busy that starting takes longer than any of
    // these lives it would never come to its end.
    if (life % 3 === 0) await until(isFurther, 'its output');
    else await sleep(200 + random() * 1200);
    machine.child.kill('SIGKILL');
    const { code, signal, stderr } = await machine.done;
    expect(stderr).not.toContain('WVM_');
    expect([null, 'SIGKILL']).toContain(signal);
    if (code !== null) {
      expect(code).toBe(7);
      return;
    }
  }
  throw new Error('it never came to its end');
}

describe('kill -9 at any moment', () => {
  it('V01 the outputs of all lives are the output of one, through pipes', async () => {
    const seen: Running[] = [];
    const shown = (): string => seen.map(({ stdout }) => stdout).join('');
    const start = (args: readonly string[]): Running => {
      const machine = bench.start(args);
      seen.push(machine);
      return machine;
    };
    await lives(start, () => shown().length);
    expect(shown()).toBe(numbers(600));
  });

  it('V01 and in one file, to which each life adds', async () => {
    const file = bench.path('out');
    const stdout = openSync(file, 'a');
    const shown = (): string => readFileSync(file, 'latin1');
    await lives(
      (args) => bench.start(args, { stdout }),
      () => shown().length,
    );
    closeSync(stdout);
    expect(shown()).toBe(numbers(600));
  });
});

it('output goes out within a moment, and all of it before the end, whatever that is', async () => {
  const hello = await bench.run(['run', '--output-commit', bench.guest('hello')]);
  expect([hello.code, hello.stdout, hello.stderr]).toEqual([5, 'out', 'err']);
  const trap = await bench.run(['run', '--output-commit', bench.guest('printTrap')]);
  expect([trap.code, trap.stdout]).toEqual([134, 'before']);
  const flood = await bench.run(['run', '--output-commit', bench.guest('flood')]);
  expect([flood.code, flood.stdout.length]).toEqual([0, 200_000]);
  const prompt = bench.start(['run', '--output-commit', bench.guest('prompt')]);
  await hasPrinted(prompt, 1);
  prompt.child.stdin!.end('yes');
  expect((await prompt.done).stdout).toBe('?yes');
  const counting = bench.start(['run', '--name', 'counting', '--output-commit', bench.guest('countOn')]);
  await hasPrinted(counting, 100);
  counting.child.kill('SIGTERM');
  const { stdout, code } = await counting.done;
  expect(code).toBe(143);
  const rest = bench.start(['resume', 'counting', '--output-commit']);
  await hasPrinted(rest, 100);
  rest.child.kill('SIGKILL');
  await rest.done;
  const all = stdout + rest.stdout;
  expect(all).toBe(numbers(1000).repeat(5).slice(0, all.length));
});

it('who asks something of a machine that waits for its reader at its end takes no output from it', async () => {
  const pipe = bench.path('pipe');
  execFileSync('mkfifo', [pipe]);
  // Open before there is a writer, and not read: 64 KiB of 200,000 bytes fit in.
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const stdout = openSync(pipe, constants.O_WRONLY);
  const machine = bench.start(['run', '--name', 'job', '--output-commit', bench.guest('flood')], { stdout });
  closeSync(stdout);
  await until(() => bench.registered().includes('job'), 'the machine');
  for (let reasons = ''; !reasons.includes('"exit"'); ) {
    await sleep(50);
    reasons = (await bench.run(['log', 'job', '--json'])).stdout;
  }
  expect((await bench.run(['ps'])).stdout).toContain('job');
  await bench.run(['snapshot', 'job']);
  const patient = createReadStream(pipe);
  await once(patient, 'open');
  closeSync(reader);
  const output = await text(patient);
  expect([(await machine.done).code, output.length]).toEqual([0, 200_000]);
});

it('what cannot be held is refused by name', async () => {
  const run = (...args: string[]) => bench.run(['run', '--output-commit', ...args, bench.guest('hello')]);
  const writable = await run('--dir', '.');
  expect([writable.code, writable.stdout]).toEqual([2, '']);
  expect(writable.stderr).toMatch(/WVM_USAGE: directory \.: the guest could write there/);
  expect((await run('--dir', '.:ro')).stdout).toBe('out');
  expect((await run('--output', 'images')).code).toBe(2);
});

it('a copy of a machine that goes on does not show what that one shows', async () => {
  const machine = await bench.startMachine(['run', '--name', 'job', '--output-commit', bench.guest('countOn')], 'job');
  await hasPrinted(machine, 200);
  const copy = bench.start(['resume', 'job', '--output-commit']);
  await hasPrinted(copy, 200);
  machine.child.kill('SIGKILL');
  copy.child.kill('SIGKILL');
  const [{ stdout: first }, { stdout: second }] = [await machine.done, await copy.done];
  expect(first).toBe(numbers(1000).repeat(5).slice(0, first.length));
  // It begins where its snapshot was taken, with whole lines, as the machine itself went on from there.
  const start = Number(second.slice(0, 3));
  expect(second).toBe(numbers(5000).slice(start * 4, start * 4 + second.length));
  expect(start).toBeGreaterThan(20);
});
