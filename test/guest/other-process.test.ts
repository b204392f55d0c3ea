// The mode other-process: real programs under the command line, stopped in the middle of their work, and resumed in other
// processes. What all processes print together is what one undisturbed run prints.

import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guestNamed } from '../../guest/manifest.ts';
import { Bench, hasPrinted, until } from '../cli/wvm.ts';
import { type Outcome, runStraight, withDirectory } from './modes.ts';
import { randomFrom, testSeed } from './random.ts';

/** runtime/cli/exit-codes.ts */
const EXIT_STOPPED = 122;
const EXIT_FUEL = 123;
const guestFolder = path.join(import.meta.dirname, '../../guest');
const random = randomFrom(testSeed);

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

function moduleFile(name: string): string {
  return path.join(guestFolder, guestNamed(name).file);
}

function undisturbed(name: string, args = guestNamed(name).args): Promise<Outcome> {
  return withDirectory((directory) => runStraight({ ...guestNamed(name), args }, directory));
}

/** Runs a command until so much work is done; it leaves an image of that moment. What it printed. */
async function stopAfter(fuel: bigint, command: readonly string[], image: string): Promise<string> {
  const [verb, ...rest] = command;
  fs.rmSync(bench.path('images'), { recursive: true, force: true });
  const saving = ['--fuel', String(fuel), '--snapshot-on', 'exit', '--output', 'images', '--quiet'];
  const { code, stdout, stderr } = await bench.run([verb!, ...saving, ...rest]);
  expect([code, stderr], `WVM_TEST_SEED=${testSeed}`).toEqual([EXIT_FUEL, '']);
  const [made] = fs.readdirSync(bench.path('images'));
  fs.renameSync(bench.path(`images/${made}`), bench.path(image));
  return stdout;
}

/** Some part of all work. */
const partOf = (work: bigint): bigint => BigInt(Math.floor(Number(work) * (0.1 + 0.35 * random())));

describe('computation', () => {
  it.each(['bench/nbody', 'bench/json', 'bench/interpreter', 'qsort', 'assemblyscript', 'exceptions'])(
    '%s goes on in another process, and in a third',
    async (name) => {
      const expected = await undisturbed(name);
      const command = ['run', moduleFile(name), ...guestNamed(name).args];
      const first = await stopAfter(partOf(expected.fuelUsed), command, 'a.wvm');
      const second = await stopAfter(partOf(expected.fuelUsed), ['resume', 'a.wvm'], 'b.wvm');
      const third = await bench.run(['resume', 'b.wvm']);
      expect([third.code, third.stderr]).toEqual([0, '']);
      expect(first + second + third.stdout).toBe(expected.stdout);
    },
  );

  it('M12 the same image goes on ten times at once', async () => {
    const expected = await undisturbed('bench/nbody');
    const printed = await stopAfter(partOf(expected.fuelUsed), ['run', moduleFile('bench/nbody'), '1'], 'a.wvm');
    const copies = await Promise.all(Array.from({ length: 10 }, () => bench.run(['resume', 'a.wvm'])));
    for (const copy of copies) expect([copy.code, printed + copy.stdout]).toEqual([0, expected.stdout]);
  });

  it('V10 wvm snapshot -o - | wvm resume - moves a program from one process to another', async () => {
    // Some seconds.
    const rounds = '400';
    const machine = await bench.startMachine(['run', moduleFile('bench/nbody'), rounds], 'nbody');
    const sender = bench.start(['snapshot', 'nbody', '--stop', '-o', '-']);
    const receiver = bench.start(['resume', '-']);
    sender.child.stdout!.pipe(receiver.child.stdin!);
    const { code, stderr } = await sender.done;
    expect(code, stderr).toBe(0);
    expect(await machine.done).toMatchObject({ code: EXIT_STOPPED, stdout: '' });
    const { stdout } = await undisturbed('bench/nbody', [rounds]);
    expect(await receiver.done).toMatchObject({ code: 0, stdout });
  });

  it('a trap after a resume has the exit code and the backtrace of one before', async () => {
    const { stdout, stderr, code } = await bench.run(['run', moduleFile('trap')]);
    expect([code, stderr]).toEqual([134, expect.stringContaining('innermost')]);
    const { fuelUsed } = await undisturbed('trap');
    const printed = await stopAfter(partOf(fuelUsed), ['run', moduleFile('trap')], 'a.wvm');
    const copy = await bench.run(['resume', 'a.wvm']);
    expect({ ...copy, stdout: printed + copy.stdout }).toEqual({ code, signal: null, stdout, stderr });
  });
});

describe('files and input', () => {
  it('a program goes on writing to the file that it had open', async () => {
    const rounds = 20_000;
    const name = 'bench/system-calls';
    const expected = await undisturbed(name, [String(rounds)]);
    fs.mkdirSync(bench.path('lent'));
    const lend = ['--dir', 'lent::/'];
    const command = ['run', ...lend, moduleFile(name), String(rounds)];
    const printed = await stopAfter(partOf(expected.fuelUsed), command, 'a.wvm');
    const { size } = fs.statSync(bench.path('lent/bytes'));
    expect(size).toBeGreaterThan(0);
    expect(size).toBeLessThan(rounds);
    const second = await bench.run(['resume', ...lend, 'a.wvm']);
    expect([second.code, second.stderr]).toEqual([0, '']);
    expect(printed + second.stdout).toBe(expected.stdout);
    expect(fs.statSync(bench.path('lent/bytes')).size).toBe(rounds);
    // Its file has changed since: the same image cannot go on, unless that is wanted.
    const again = await bench.run(['resume', ...lend, 'a.wvm']);
    expect([again.code, again.stdout]).toEqual([125, '']);
    expect(again.stderr).toMatch(/^wvm: WVM_FILE_CHANGED: /);
    expect((await bench.run(['resume', '--files', 'ignore', ...lend, 'a.wvm'])).code).toBe(0);
  });

  it('input that comes in pieces, to three processes one after the other, is read once', async () => {
    const guest = guestNamed('stdin-lines');
    const pieces = [guest.stdin.slice(0, 14), guest.stdin.slice(14, 33), guest.stdin.slice(33)];
    let printed = '';
    for (const [index, piece] of pieces.entries()) {
      const command = index === 0 ? ['run', moduleFile('stdin-lines')] : ['resume', `${index - 1}.wvm`];
      const machine = await bench.startMachine(command, 'stdin-lines');
      machine.child.stdin!.write(piece);
      if (index === pieces.length - 1) machine.child.stdin!.end();
      else {
        const complete =
          pieces
            .slice(0, index + 1)
            .join('')
            .split('\n').length - 1;
        const isComplete = (): boolean => (printed + machine.stdout).split('\n').length > complete;
        await until(() => isComplete() || machine.end !== undefined, `${complete} lines`);
        const { code, stderr } = await bench.run(['snapshot', 'stdin-lines', '--stop', '-o', `${index}.wvm`]);
        expect([code, stderr]).toEqual([0, '']);
      }
      printed += (await machine.done).stdout;
    }
    const expected = fs.readFileSync(path.join(guestFolder, 'expected/stdin-lines.txt'), 'utf8');
    expect(printed).toBe(expected);
  });
});

it('F15 nothing of the process that resumes comes through: variables, working directory, umask, descriptors', async () => {
  const tools = path.join(guestFolder, 'built/tools');
  fs.mkdirSync(bench.path('lent'));
  fs.mkdirSync(bench.path('elsewhere'));
  const directories = ['--dir', `${tools}::/bin:ro`, '--dir', `${bench.path('lent')}::/work`];
  const lend = [...directories, '--env', 'PLANET=earth'];
  const command = ['run', ...lend, path.join(tools, 'shell.wasm')];
  const machine = await bench.startMachine(command, 'shell');
  machine.child.stdin!.write('cd /work; echo begun\n');
  await hasPrinted(machine, 6);
  expect((await bench.run(['snapshot', 'shell', '--stop', '-o', 'a.wvm'])).code).toBe(0);
  expect((await machine.done).code).toBe(EXIT_STOPPED);
  const hostile = { PLANET: 'mars', HOME: '/root', PWD: '/', LD_PRELOAD: '', PATH: '/nowhere', IFS: 'x' };
  const copy = await bench.run(['resume', ...lend, bench.path('a.wvm')], {
    cwd: bench.path('elsewhere'),
    env: hostile,
    input:
      'echo "$PLANET" "$HOME" "$PATH" "$IFS"; pwd; echo made > file; cat.wasm < file; [ -f a.wvm ]; echo $?; exit 5\n',
  });
  expect(copy).toMatchObject({ code: 5, stderr: '', stdout: 'earth   \n/work\nmade\n1\n' });
  expect(fs.readFileSync(bench.path('lent/file'), 'utf8')).toBe('made\n');
  expect(fs.readdirSync(bench.path('elsewhere'))).toEqual([]);
});

/** Sleeps for the given time and prints how long that was, in milliseconds of the monotonic clock. */
const sleeper = (milliseconds: number): string => `(module
  (import "wasi_snapshot_preview1" "clock_time_get" (func $time (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $now (result i64) (drop (call $time (i32.const 1) (i64.const 1) (i32.const 256))) (i64.load (i32.const 256)))
  (func $print (param $n i64) (local $at i32)
    (local.set $at (i32.const 120))
    (loop $digits
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $n) (i64.const 10)))))
      (br_if $digits (i64.ne (local.tee $n (i64.div_u (local.get $n) (i64.const 10))) (i64.const 0))))
    (i32.store8 (i32.const 120) (i32.const 10))
    (i32.store (i32.const 0) (local.get $at)) (i32.store (i32.const 4) (i32.sub (i32.const 121) (local.get $at)))
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func (export "_start") (local $start i64)
    (local.set $start (call $now))
    (call $print (i64.const 0))
    (i32.store (i32.const 528) (i32.const 1))
    (i64.store (i32.const 536) (i64.const ${milliseconds}000000))
    (drop (call $poll (i32.const 512) (i32.const 600) (i32.const 1) (i32.const 700)))
    (call $print (i64.div_u (i64.sub (call $now) (local.get $start)) (i64.const 1000000)))))`;

describe('sleep', () => {
  it('O06 a sleeping program sleeps its remaining time, however long it was an image', async () => {
    const sleepMs = 2500;
    fs.writeFileSync(bench.path('sleeper.wat'), sleeper(sleepMs));
    const machine = await bench.startMachine(['run', 'sleeper.wat'], 'sleeper');
    await hasPrinted(machine, 2);
    const startMs = performance.now();
    await sleep(300);
    expect((await bench.run(['snapshot', 'sleeper', '--stop', '-o', 'a.wvm'])).code).toBe(0);
    const sleptMs = performance.now() - startMs;
    expect((await machine.done).stdout).toBe('0\n');
    await sleep(1000);
    const resumeMs = performance.now();
    const copy = await bench.run(['resume', 'a.wvm']);
    expect(performance.now() - resumeMs).toBeGreaterThan(sleepMs - sleptMs - 50);
    // In the machine's own time neither the second as an image nor the start of processes is there.
    const elapsedMs = Number(copy.stdout);
    expect(elapsedMs).toBeGreaterThanOrEqual(sleepMs);
    expect(elapsedMs).toBeLessThan(sleepMs + 900);
  });

  it('O08 a frozen machine does not run until it is told to', async () => {
    const expected = await undisturbed('bench/nbody');
    await stopAfter(partOf(expected.fuelUsed), ['run', moduleFile('bench/nbody'), '1'], 'a.wvm');
    const copy = await bench.startMachine(['resume', '--frozen', 'a.wvm'], 'nbody');
    const states = async (): Promise<string[]> => {
      const machines: { state: string }[] = JSON.parse((await bench.run(['ps', '--json'])).stdout);
      return machines.map(({ state }) => state);
    };
    while ((await states())[0] !== 'frozen') await sleep(50);
    await sleep(500);
    expect([await states(), copy.stdout]).toEqual([['frozen'], '']);
    expect((await bench.run(['continue', 'nbody'])).code).toBe(0);
    expect(await copy.done).toMatchObject({ code: 0, stdout: expected.stdout });
  });
});
