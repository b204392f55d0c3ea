// Running machines and stores through the command line: what survives kill -9, and who disturbs whom.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Bench, hasPrinted, type Result, type Running, until } from '../cli/wvm.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const wvm = (...args: string[]): Promise<Result> => bench.run(args);

interface LogEntry {
  readonly id: string;
  readonly machineName: string;
  readonly sequence: number;
  readonly parent: string | null;
  readonly reason: string;
  readonly createdAtMs: number;
}

async function log(...args: string[]): Promise<LogEntry[]> {
  const { stdout, stderr, code } = await wvm('log', ...args, '--json');
  if (code !== 0 && stderr.includes('there is no store')) return [];
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as LogEntry[];
}

/** Waits until the machine has saved itself so often. */
async function hasSnapshots(machine: Running, count: number, ...args: string[]): Promise<LogEntry[]> {
  for (;;) {
    const entries = await log(...args);
    if (entries.length >= count) return entries;
    if (machine.end !== undefined) throw new Error(`ended with ${machine.end}: ${machine.stderr}`);
    await sleep(50);
  }
}

async function isClean(): Promise<void> {
  const { code, stdout } = await wvm('verify', '--deep');
  expect([code, stdout]).toEqual([0, expect.stringContaining('nothing is wrong')]);
}

/** The numbers that it printed, which follow one another. */
function counted({ stdout }: { stdout: string }): number[] {
  const numbers = stdout.split('\n').slice(0, -1).map(Number);
  for (const [k, number] of numbers.entries()) expect(number).toBe((numbers[0]! + k) % 1000);
  return numbers;
}

async function kill(machine: Running): Promise<void> {
  machine.child.kill('SIGKILL');
  expect((await machine.done).signal).toBe('SIGKILL');
}

test('V01 after kill -9 resume NAME goes on from the last snapshot, and --at from an older one', async () => {
  const first = bench.start(['run', '--name', 'job', '--snapshot-every', '100ms', bench.guest('countOn')]);
  await hasPrinted(first, 40);
  await hasSnapshots(first, 3, 'job');
  await kill(first);
  const saved = await log('job');
  const next = bench.start(['resume', 'job', '--name', 'job', '--snapshot-every', '100ms']);
  await hasPrinted(next, 8);
  await hasSnapshots(next, saved.length + 2, 'job');
  await kill(next);
  const [before, after] = [counted(first), counted(next)];
  // From where it was saved, which is not later than where it was killed.
  expect(after[0]).toBeGreaterThan(0);
  expect(after[0]).toBeLessThanOrEqual(before.at(-1)! + 1);
  const entries = await log('job');
  expect(entries.find(({ parent }) => parent === saved[0]!.id)).toBeDefined();
  expect(new Set(entries.map(({ machineName }) => machineName))).toEqual(new Set(['job']));
  const oldest = entries.at(-1)!;
  for (const at of [
    ['--at', '1'],
    ['--at', `-${entries.length - 1}`],
    ['--at', new Date(oldest.createdAtMs).toISOString()],
  ]) {
    const past = bench.start(['resume', 'job', ...at, '--name', 'past']);
    await hasPrinted(past, 4);
    await kill(past);
    expect(counted(past)[0]).toBeLessThanOrEqual(after[0]!);
  }
  expect((await wvm('resume', 'job', '--at', '1000')).stderr).toMatch(
    /WVM_NO_SUCH_SNAPSHOT: job: job has no snapshot number 1000/,
  );
  await isClean();
});

test('--mark-writes: snapshots of what is marked go on after kill -9, with marks and without', async () => {
  const every = ['--snapshot-every', '100ms'];
  const first = bench.start(['run', '--name', 'job', '--mark-writes', ...every, bench.guest('countOn')]);
  await hasPrinted(first, 20);
  let saved = await hasSnapshots(first, 3, 'job');
  await kill(first);
  let before = counted(first);
  for (const marks of [['--mark-writes'], []]) {
    const next = bench.start(['resume', 'job', '--name', 'job', ...marks, ...every]);
    await hasPrinted(next, 20);
    saved = await hasSnapshots(next, saved.length + 2, 'job');
    await kill(next);
    const after = counted(next);
    expect(after[0]).toBeGreaterThan(0);
    expect(after[0]).toBeLessThanOrEqual(before.at(-1)! + 1);
    before = after;
  }
  await isClean();
});

test('two machines on one store forget their own only, beside wvm gc and wvm rm of others', async () => {
  const start = (name: string): Running =>
    bench.start(['run', '--name', name, '--snapshot-every', '50ms', '--keep', '3', bench.guest('countOn')]);
  const machines = [start('one'), start('two')];
  for (const machine of machines) await hasPrinted(machine, 40);
  for (let round = 0; round < 3; round++) {
    const [newest] = await hasSnapshots(machines[0]!, 2, 'one');
    // Perhaps what the machine is about to add to.
    await wvm('rm', newest!.id);
    expect((await wvm('gc', '--keep', '2')).stderr).toBe('');
  }
  for (const machine of machines) await kill(machine);
  await isClean();
  for (const name of ['one', 'two']) {
    expect((await log(name)).length).toBeGreaterThan(0);
    const next = bench.start(['resume', name]);
    await hasPrinted(next, 8);
    await kill(next);
    counted(next);
  }
  for (const machine of machines) expect(machine.stderr).toBe('');
  // What killed processes left is taken away by the next collection.
  expect((await wvm('gc')).code).toBe(0);
  const store = bench.path('../data/wvm/store');
  expect([...readdirSync(`${store}/tmp`), ...readdirSync(`${store}/leases`)]).toEqual([]);
});

test('a copy of a running machine is another one: it forgets and goes on by itself', async () => {
  const machine = await bench.startMachine(
    ['run', '--name', 'job', '--snapshot-every', '100ms', '--keep', '4', bench.guest('countOn')],
    'job',
  );
  await hasSnapshots(machine, 2, 'job');
  const copy = bench.start(['resume', 'job', '--snapshot-every', '100ms', '--keep', '2']);
  await until(() => bench.registered().length === 2, 'the copy');
  const name = bench.registered().find((registered) => registered !== 'job')!;
  await hasSnapshots(copy, 2, name);
  await hasPrinted(copy, 40);
  await kill(copy);
  await kill(machine);
  expect((await log('job')).length).toBeGreaterThanOrEqual(2);
  const rest = bench.start(['resume', name]);
  await hasPrinted(rest, 4);
  await kill(rest);
  counted(rest);
});

/** Files with keys, and what names them. */
function keys(): { image: string[]; unseal: string[]; store: string[] } {
  writeFileSync(bench.path('image.key'), randomBytes(32).toString('hex'));
  writeFileSync(bench.path('other.key'), randomBytes(32).toString('hex'));
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  writeFileSync(bench.path('sign.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(bench.path('verify.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  return {
    image: ['--key', 'image.key', '--sign', 'sign.pem'],
    unseal: ['--key', 'image.key', '--verify', 'verify.pem'],
    store: [
      '--store',
      'sealed',
      '--store-key',
      'image.key',
      '--store-sign',
      'sign.pem',
      '--store-verify',
      'verify.pem',
    ],
  };
}

test('V25 images may be sealed by snapshot and --output, and are opened by resume and inspect with their keys only', async () => {
  const { image, unseal } = keys();
  const machine = bench.start([
    ...['run', '--name', 'job', '--output', 'images', '--snapshot-on', 'SIGUSR2', ...image, bench.guest('count')],
  ]);
  await hasPrinted(machine, 4);
  expect((await wvm('snapshot', 'job', '-o', 'job.wvm', ...image)).code).toBe(0);
  machine.child.kill('SIGUSR2');
  await until(() => machine.stderr.includes('job-0001.wvm'), 'the image');
  await kill(machine);
  for (const file of ['job.wvm', 'images/job-0001.wvm']) {
    expect(readFileSync(bench.path(file)).includes('count')).toBe(false);
    const copy = await wvm('resume', file, ...unseal);
    expect([copy.code, copy.stdout.slice(-4)]).toEqual([7, '199\n']);
  }
  const piped = await bench.run(['resume', '-', ...unseal], { input: readFileSync(bench.path('job.wvm')) });
  expect(piped.code).toBe(7);
  const description = await wvm('inspect', 'job.wvm', '--key', 'image.key', '--verify=verify.pem', '--json');
  expect(JSON.parse(description.stdout)).toMatchObject({ name: 'job' });
  const refusals: [string[], RegExp][] = [
    [[], /WVM_KEY: image: it is encrypted/],
    [['--key', 'other.key'], /WVM_IMAGE_SIGNATURE: .*another key/],
    [['--key', 'sign.pem'], /WVM_KEY: sign.pem: is no key of 32 bytes/],
  ];
  for (const [options, message] of refusals) {
    for (const command of ['resume', 'inspect']) {
      const { code, stderr } = await wvm(command, 'job.wvm', ...options);
      expect([code, stderr]).toEqual([125, expect.stringMatching(message)]);
    }
  }
  const edited = readFileSync(bench.path('job.wvm'));
  edited[edited.length >> 1]! ^= 1;
  writeFileSync(bench.path('edited.wvm'), edited);
  expect((await wvm('resume', 'edited.wvm', ...unseal)).stderr).toMatch(/WVM_IMAGE_SIGNATURE/);
  writeFileSync(bench.path('plain.wvm'), 'no image');
  expect((await wvm('resume', 'plain.wvm', '--verify', 'verify.pem')).stderr).toMatch(/it is not signed/);
});

test('a machine saves itself into a sealed store, on schedule and on request, and comes back with the keys only', async () => {
  const { store } = keys();
  const machine = bench.start(['run', '--name', 'job', '--snapshot-every', '100ms', ...store, bench.guest('countOn')]);
  await hasPrinted(machine, 40);
  await hasSnapshots(machine, 2, 'job', ...store);
  expect((await wvm('snapshot', 'job', ...store, '--tag', 'kept')).code).toBe(0);
  const refused = await wvm('snapshot', 'job', '--store', 'sealed', '--store-key', 'other.key');
  expect([refused.code, refused.stderr]).toEqual([125, expect.stringMatching(/WVM_KEY: .*with another key/)]);
  // The one that went wrong has changed nothing.
  const count = (await log('job', ...store)).length;
  await hasSnapshots(machine, count + 1, 'job', ...store);
  await kill(machine);
  expect(machine.stderr).toBe('');
  expect((await wvm('resume', 'job', '--store', 'sealed')).stderr).toMatch(/WVM_KEY: .*is encrypted/);
  const rest = bench.start(['resume', 'kept', ...store]);
  await hasPrinted(rest, 8);
  await kill(rest);
  counted(rest);
  expect((await wvm('verify', '--deep', ...store)).stdout).toContain('nothing is wrong');
});
