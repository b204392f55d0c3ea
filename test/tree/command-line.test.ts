// Trees of processes under the command line: moved from one wvm to another, frozen, interrupted.

import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FEATURES } from '../../runtime/host/machine/features.ts';
import { Bench, hasPrinted, type Running, until } from '../cli/wvm.ts';
import { randomFrom, testSeed } from '../guest/random.ts';
import { assemble, close, fork, get, pipe, put, times } from './wat.ts';

const EXIT_STOPPED = 122;
const INTERRUPTIONS = process.env['CI'] === 'true' ? 30 : 5;

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

/** Two children wait for the end of a pipe that the first process closes at the end of its input: it prints "w" and "d". */
const waiting = assemble({
  calls: ['pipe2', 'proc_fork', 'fd_close', 'waitpid'],
  main: `${pipe(16)} ${fork(`${close(20)} (drop ${get(16)})`)} ${fork(`${close(20)} (drop ${get(16)})`)}
    ${say('w')}
    (loop $input (br_if $input (call $get (i32.const 0))))
    ${close(20)}
    ${times(2, '(call $check (call $waitpid (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 0)))')}
    ${say('d')}`,
});

function say(letter: string): string {
  return `(i32.store8 (i32.const 64) (i32.const ${letter.charCodeAt(0)})) (call $put (i32.const 1))`;
}

async function startWaiting(): Promise<Running> {
  fs.writeFileSync(bench.path('waiting.wasm'), await waiting);
  const machine = await bench.startMachine(['run', 'waiting.wasm'], 'waiting');
  await hasPrinted(machine, 1);
  return machine;
}

async function saveTree(file: string): Promise<void> {
  const machine = await startWaiting();
  const { code, stderr } = await bench.run(['snapshot', 'waiting', '--stop', '-o', file]);
  expect([code, stderr]).toEqual([0, '']);
  expect(await machine.done).toMatchObject({ code: EXIT_STOPPED, stdout: 'w' });
  fs.rmSync(bench.path('waiting.wasm'));
}

describe('other-process', () => {
  it('O14 a tree saved from outside goes on in another process, and in a third', async () => {
    await saveTree('a.wvm');
    const machine = await bench.startMachine(['resume', '--frozen', 'a.wvm'], 'waiting');
    const again = await bench.run(['snapshot', 'waiting', '--stop', '-o', 'b.wvm']);
    expect([again.code, again.stderr]).toEqual([0, '']);
    expect((await machine.done).code).toBe(EXIT_STOPPED);
    expect(Buffer.compare(fs.readFileSync(bench.path('b.wvm')), fs.readFileSync(bench.path('a.wvm')))).toBe(0);
    for (const image of ['a.wvm', 'b.wvm']) {
      expect(await bench.run(['resume', image])).toMatchObject({ code: 0, stdout: 'd', stderr: '' });
    }
  });

  it('V10 wvm snapshot -o - | wvm resume - moves a tree', async () => {
    await startWaiting();
    const sender = bench.start(['snapshot', 'waiting', '--stop', '-o', '-']);
    const receiver = bench.start(['resume', '-']);
    sender.child.stdout!.pipe(receiver.child.stdin!);
    expect(await sender.done).toMatchObject({ code: 0 });
    expect(await receiver.done).toMatchObject({ code: 0, stdout: 'd' });
  });

  it('O08 M03 a frozen tree does nothing until it is told to', async () => {
    const file = bench.path('ping.wasm');
    // A child that answers every byte at once.
    fs.writeFileSync(
      file,
      await assemble({
        calls: ['pipe2', 'proc_fork', 'fd_close'],
        main: `${pipe(16)} ${pipe(24)} ${fork(`(loop $on (drop ${get(16)}) (call $put (i32.const 1)) ${put(28)} (br $on))`)}
          (loop $on ${put(20)} (drop ${get(24)}) (br $on))`,
      }),
    );
    const machine = await bench.startMachine(['run', 'ping.wasm'], 'ping');
    await hasPrinted(machine, 10);
    expect((await bench.run(['snapshot', 'ping', '--stop', '-o', 'a.wvm'])).code).toBe(0);
    await machine.done;
    const copy = await bench.startMachine(['resume', '--frozen', 'a.wvm'], 'ping');
    const state = async (): Promise<string> => JSON.parse((await bench.run(['ps', '--json'])).stdout)[0].state;
    while ((await state()) !== 'frozen') await sleep(20);
    await sleep(300);
    expect(copy.stdout).toBe('');
    expect((await bench.run(['continue', 'ping'])).code).toBe(0);
    await hasPrinted(copy, 10);
    expect((await bench.run(['kill', 'ping'])).code).toBe(0);
    expect((await copy.done).code).toBe(143);
  });

  it('M02 M05 F14 wvm inspect lists the tree, the root first, and the features that it needs', async () => {
    await saveTree('a.wvm');
    const { processes, features } = JSON.parse((await bench.run(['inspect', '--json', 'a.wvm'])).stdout);
    expect(features.used).toEqual(['pipes', 'processes', 'wasi-preview1', 'wasix', 'wasm-2.0', 'wvm']);
    expect(features.available).toEqual(FEATURES);
    expect(processes.map(({ pid, parentPid }: { pid: number; parentPid: number }) => [pid, parentPid ?? 0])).toEqual([
      [1, 0],
      [2, 1],
      [3, 1],
    ]);
  });

  it('M02 wvm ps --tree and wvm inspect --tree show what is special about the scheduling of a process', async () => {
    const special = assemble({
      calls: ['proc_fork', 'sched_setscheduler', 'setpriority'],
      main: `${fork(`${say('x')} (drop (call $get (i32.const 0)))`)}
        (call $check (call $setpriority (i32.const 0) (i32.load (i32.const 32)) (i32.const 5)))
        (call $check (call $sched_setscheduler (i32.const 0) (i32.const 1) (i32.const 50)))
        ${fork('(drop (call $get (i32.const 0)))')}
        (call $check (call $sched_setscheduler (i32.load (i32.const 32)) (i32.const 0) (i32.const 0)))
        (drop (call $get (i32.const 0)))`,
    });
    fs.writeFileSync(bench.path('special.wasm'), await special);
    const machine = await bench.startMachine(['run', 'special.wasm'], 'special');
    await hasPrinted(machine, 1);
    const lines = (await bench.run(['ps', '--tree'])).stdout.split('\n').slice(1, -1);
    expect(lines.map((line) => line.replace(/^.*\((\w+)(.*?), \d+ fds.*$/, '$1$2'))).toEqual([
      expect.stringContaining('special'),
      'blocked, FIFO 50',
      'blocked, nice 5',
      'blocked',
    ]);
    expect((await bench.run(['snapshot', 'special', '--stop', '-o', 'a.wvm'])).code).toBe(0);
    await machine.done;
    expect((await bench.run(['inspect', '--tree', 'a.wvm'])).stdout.trimEnd().split('\n')).toEqual([
      '  1 special.wasm  (FIFO 50)',
      '    2 special.wasm  (nice 5)',
      '    3 special.wasm',
    ]);
    expect((await bench.run(['inspect', 'a.wvm'])).stdout).toMatch(/thread 1, in a call of the host, FIFO 50\n/);
  });
});

describe(`M09 a resume that is interrupted at any time leaves nothing behind (WVM_TEST_SEED=${testSeed})`, () => {
  /** What wvm may leave: in its runtime directory, where it works, and for temporary files. */
  const left = (): string[] => [
    ...bench.registryFiles(),
    ...bench.files(),
    ...fs.readdirSync(bench.path('tmp'), { recursive: true }).map(String),
  ];

  it.each([
    ['from a file', ['a.wvm']],
    ['from a pipe that has not brought all', ['-']],
  ])('M09 %s', async (_case, source) => {
    fs.mkdirSync(bench.path('tmp'));
    await saveTree('a.wvm');
    const image = fs.readFileSync(bench.path('a.wvm'));
    const before = left();
    const random = randomFrom(testSeed);
    for (let round = 0; round < INTERRUPTIONS; round++) {
      const running = bench.start(['resume', '--frozen', ...source], { env: { TMPDIR: bench.path('tmp') } });
      if (source[0] === '-') running.child.stdin!.write(image.subarray(0, Math.floor(image.length * random())));
      else if (round === 0) await until(() => bench.registered().length > 0, 'the machine');
      await sleep(random() * 400);
      running.child.kill('SIGINT');
      const { code, signal, stdout } = await running.done;
      expect([code === 130 || signal === 'SIGINT', stdout], `code ${code}, signal ${signal}`).toEqual([true, '']);
      expect(left()).toEqual(before);
      expect(childrenOf(running.child.pid!)).toEqual([]);
    }
    // And the image is what it was.
    expect(await bench.run(['resume', 'a.wvm'])).toMatchObject({ code: 0, stdout: 'd' });
  });
});

/** Processes of a group that its leader has left. */
function childrenOf(pid: number): string[] {
  return fs.readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return fs.readFileSync(`/proc/${name}/environ`, 'latin1').includes(`${bench.path('tmp')}\0`) && name !== `${pid}`;
    } catch {
      return false;
    }
  });
}

it('M15 unknown options and words, and what is not there, are errors', async () => {
  const commands = [
    ['resume', '--thaw', 'a.wvm'],
    ['resume', '--features=some', 'a.wvm'],
    ['snapshot', '--gently', 'waiting'],
    ['inspect', '--everything', 'a.wvm'],
  ];
  const results = await Promise.all([...commands, ['resume', 'a.wvm']].map((command) => bench.run(command)));
  const [missing] = results.splice(-1);
  for (const { code, stdout, stderr } of results) {
    expect([code, stdout], stderr).toEqual([2, '']);
    expect(stderr).toMatch(/^wvm: WVM_USAGE: /);
  }
  expect([missing!.code, missing!.stderr]).toEqual([125, expect.stringContaining('a.wvm')]);
});
