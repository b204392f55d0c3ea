import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, hasPrinted, type Running, until } from './wvm.ts';

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

/** What the counting guests print: `count` numbers by their last three digits. */
function numbers(count: number): string {
  return Array.from({ length: count }, (_, index) => `${String(index % 1000).padStart(3, '0')}\n`).join('');
}
const allNumbers = numbers(200);

/** A counting machine that has printed something. */
async function startCounting(guest: 'count' | 'countOn' = 'count', ...options: string[]): Promise<Running> {
  const machine = bench.start(['run', ...options, bench.guest(guest)]);
  await hasPrinted(machine, 20);
  return machine;
}

/** An image of a machine that copies its input and has copied some; cheaper to resume than one that counts. */
async function makeImage(name = 'a.wvm', ...options: string[]): Promise<void> {
  const machine = await startCopying(...options);
  const { code, stderr } = await bench.run(['snapshot', 'cat', '--stop', '-o', name]);
  expect([code, stderr]).toEqual([0, '']);
  expect((await machine.done).code).toBe(122);
}

async function startCopying(...options: string[]): Promise<Running> {
  const machine = bench.start(['run', ...options, bench.guest('cat')]);
  machine.child.stdin!.write('before');
  await hasPrinted(machine, 'before'.length);
  return machine;
}

describe('wvm snapshot', () => {
  test.each<[place: string, flags: string[], said: RegExp]>([
    [
      'the store',
      [],
      /^([0-9a-f]{12}) {2}saved countOn, [\d.]+ KiB new of [\d.]+ KiB, it stood still for [\d.]+ ms\n$/,
    ],
    ['an image', ['-o', 'a.wvm'], /^[a-f][0-9a-f]{7} countOn: saved, (a.wvm) \(.* KiB, it stood still for .* ms\)\n$/],
  ])('into %s leaves the machine running; a copy goes on from there with nothing lost or repeated', async (...row) => {
    const [, flags, said] = row;
    const machine = await startCounting('countOn');
    const { code, stdout } = await bench.run(['snapshot', 'countOn', ...flags]);
    expect(code).toBe(0);
    expect(stdout).toMatch(said);
    const copy = bench.start(['resume', '--name', 'copy', said.exec(stdout)![1]!]);
    await hasPrinted(copy, 40);
    expect((await bench.run(['kill', 'countOn'])).code).toBe(0);
    expect((await bench.run(['kill', 'copy'])).code).toBe(0);
    const original = (await machine.done).stdout;
    const resumed = (await copy.done).stdout;
    expect(original).toBe(numbers(original.length / 4));
    const start = Number(resumed.slice(0, 3));
    expect(start).toBeGreaterThan(5);
    expect(numbers(start) + resumed).toBe(numbers(start + resumed.length / 4));
    expect(bench.registryFiles()).toEqual(['names']);
  });

  test('--stop ends it, and original and copy together print everything once', async () => {
    const machine = await startCounting('countOn');
    const { code, stdout } = await bench.run(['snapshot', 'countOn', '--stop', '--json', '-o', 'a.wvm']);
    expect(code).toBe(0);
    const sizeBytes = statSync(bench.path('a.wvm')).size;
    expect(JSON.parse(stdout)).toMatchObject({ name: 'countOn', file: 'a.wvm', stopped: true, sizeBytes });
    const original = await machine.done;
    expect(original.code).toBe(122);
    expect(original.stderr).toMatch(/stopped by wvm snapshot --stop/);
    const copy = await bench.run(['resume', '--timeout', '300ms', 'a.wvm']);
    expect(copy.code).toBe(124);
    const printed = original.stdout + copy.stdout;
    expect(copy.stdout.length).toBeGreaterThan(0);
    expect(printed).toBe(numbers(printed.length / 4));
  });

  test('-o - streams to wvm resume -, and a guest that waits for input goes on waiting', async () => {
    const machine = await bench.startMachine(['run', bench.guest('cat')], 'cat');
    machine.child.stdin!.write('before ');
    await hasPrinted(machine, 'before '.length);
    const sender = bench.start(['snapshot', 'cat', '--stop', '-o', '-']);
    const receiver = bench.start(['resume', '-']);
    sender.child.stdout!.pipe(receiver.child.stdin!);
    expect((await sender.done).stderr).toMatch(/^[a-f][0-9a-f]{7} cat: stopped, image \(/);
    expect((await machine.done).code).toBe(122);
    expect(await receiver.done).toMatchObject({ code: 0, stdout: '' });
  });

  test('names machines by id, beginning of the id, name and pid', async () => {
    const machine = await bench.startMachine(['run', '--name', 'mine', bench.guest('cat')], 'mine');
    const [{ id, pid }] = JSON.parse((await bench.run(['ps', '--json'])).stdout);
    expect(pid).toBe(machine.child.pid);
    for (const query of [id, id.slice(0, 3), 'mine', String(pid)]) {
      expect((await bench.run(['snapshot', query, '-o', 'a.wvm'])).code).toBe(0);
    }
    const unknown = await bench.run(['snapshot', 'other']);
    expect(unknown.code).toBe(125);
    expect(unknown.stderr).toMatch(
      /WVM_NO_SUCH_MACHINE: other: .*\n {2}hint: running: [a-f0-9]{8} \(mine, pid [0-9]+\)/,
    );
    expect((await bench.run(['snapshot', 'mine', '--stop', '--leave-running'])).code).toBe(2);
    expect((await bench.run(['snapshot'])).code).toBe(2);
  });

  test('replaces an image only when the new one is whole, and keeps links', async () => {
    await startCounting('countOn');
    mkdirSync(bench.path('far'));
    writeFileSync(bench.path('far/a.wvm'), 'old');
    symlinkSync('far/a.wvm', bench.path('a.wvm'));
    expect((await bench.run(['snapshot', 'countOn', '-o', 'a.wvm'])).code).toBe(0);
    expect(readFileSync(bench.path('far/a.wvm')).subarray(0, 3).toString()).not.toBe('old');
    expect(readdirSync(bench.path('far'))).toEqual(['a.wvm']);
  });

  test('--no-module makes an image that needs the module given', async () => {
    await makeImage('a.wvm');
    const machine = await startCopying();
    await bench.run(['snapshot', 'cat', '--stop', '--no-module', '-o', 'b.wvm']);
    await machine.done;
    expect(statSync(bench.path('b.wvm')).size).toBeLessThan(statSync(bench.path('a.wvm')).size);
    const without = await bench.run(['resume', 'b.wvm']);
    expect(without.code).toBe(125);
    expect(without.stderr).toMatch(/WVM_MODULE_MISSING[\s\S]*--module/);
    expect((await bench.run(['resume', '--module', bench.guest('args'), 'b.wvm'])).stderr).toMatch(
      /WVM_MODULE_MISSING/,
    );
    const copy = await bench.run(['resume', '--module', bench.guest('cat'), 'b.wvm'], { input: 'after' });
    expect(copy).toMatchObject({ code: 0, stdout: 'after' });
  });
});

describe('a snapshot that fails leaves the machine running and no file behind', () => {
  test.each([
    ['a full disk', '/dev/full', /ENOSPC/],
    ['a directory that is not there', 'none/a.wvm', /ENOENT/],
    ['a directory in its place', '.', /it is a directory/],
    ['a name too long', `${'x'.repeat(300)}.wvm`, /ENAMETOOLONG/],
  ])('%s', async (_name, path, message) => {
    const machine = await startCounting('countOn');
    const result = await bench.run(['snapshot', 'countOn', '--stop', '-o', path]);
    expect(result.code).toBe(125);
    expect(result.stderr).toMatch(/^wvm: WVM_FILE: /);
    expect(result.stderr).toMatch(message);
    expect(bench.files()).toEqual([]);
    const printed = machine.stdout.length;
    await hasPrinted(machine, printed + 1);
    machine.child.kill('SIGTERM');
    const { stdout, stderr } = await machine.done;
    expect([stdout, stderr]).toEqual([numbers(stdout.length / 4), '']);
  });

  test('a reader that closes the pipe', async () => {
    const machine = await bench.startMachine(['run', bench.guest('large')], 'large');
    const sender = bench.start(['snapshot', 'large', '--stop', '-o', '-']);
    sender.child.stdout!.once('data', () => sender.child.stdout!.destroy());
    const { code, stderr } = await sender.done;
    expect(code).toBe(125);
    expect(stderr).toMatch(/WVM_FILE: the reader of the image: .*EPIPE/);
    const [{ state }] = JSON.parse((await bench.run(['ps', '--json'])).stdout);
    expect(state).toBe('running');
    expect(machine.end).toBeUndefined();
  });

  test.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('%s for wvm snapshot at any moment', async (signal) => {
    const machine = await bench.startMachine(['run', bench.guest('large')], 'large');
    writeFileSync(bench.path('a.wvm'), 'old');
    let endedBefore = 0;
    for (let round = 0; round < 6; round++) {
      const client = bench.start(['snapshot', 'large', '-o', 'a.wvm']);
      await Promise.race([sleep(120 + round * 60), client.done]);
      if (client.end === undefined) client.child.kill(signal);
      const { code } = await client.done;
      if (code !== 0) endedBefore++;
      const content = readFileSync(bench.path('a.wvm'));
      if (content.length < 100) expect(content.toString()).toBe('old');
      else expect((await bench.run(['inspect', '--verify', 'a.wvm'])).code).toBe(0);
      if (signal !== 'SIGKILL') expect(bench.files()).toEqual(['a.wvm']);
    }
    expect(endedBefore).toBeGreaterThan(0);
    expect(machine.end).toBeUndefined();
    expect((await bench.run(['snapshot', 'large', '-o', 'a.wvm'])).code).toBe(0);
    expect(bench.files(), 'the next one removes what killed ones left').toEqual(['a.wvm']);
  });

  test('a client that hangs up while the guest stands still for it', async () => {
    const machine = await startCounting();
    const directory = join(bench.root, 'run', 'wvm');
    const socketFile = readdirSync(directory).find((file) => file.endsWith('.sock'))!;
    const socket = connect(join(directory, socketFile));
    const request = JSON.stringify({ type: 'snapshot', stop: true, includeModule: true });
    const header = Buffer.from([request.length, 0, 0, 0, 1]);
    socket.write(Buffer.concat([header, Buffer.from(request)]));
    let receivedBytes = 0;
    socket.on('data', (chunk) => {
      receivedBytes += chunk.length;
    });
    await until(() => receivedBytes > 4000, 'the image');
    await sleep(200);
    const printed = machine.stdout.length;
    await sleep(200);
    expect(machine.stdout.length, 'it stands still').toBe(printed);
    expect(JSON.parse((await bench.run(['ps', '--json'])).stdout)[0].state).toBe('frozen');
    socket.destroy();
    expect(await machine.done).toMatchObject({ code: 7, stdout: allNumbers });
  });

  test('kill -9 of the machine in the middle', async () => {
    const machine = await bench.startMachine(['run', bench.guest('large')], 'large');
    const client = bench.start(['snapshot', 'large', '-o', '-']);
    client.child.stdout!.once('readable', () => machine.child.kill('SIGKILL'));
    const { code, stderr } = await client.done;
    // All of it may have been on its way already.
    if (code !== 0) expect(stderr).toMatch(/WVM_CONTROL: control socket: /);
    expect((await machine.done).signal).toBe('SIGKILL');
    expect((await bench.run(['ps', '--json'])).stdout).toBe('[]\n');
    expect(bench.registryFiles()).toEqual(['names']);
  });
});

describe('wvm resume', () => {
  test('ten copies of one image at once go on each by itself', async () => {
    await makeImage();
    const inputs = Array.from({ length: 10 }, (_, index) => `input ${index}`);
    const copies = await Promise.all(inputs.map((input) => bench.run(['resume', 'a.wvm'], { input })));
    expect(copies).toEqual(inputs.map((input) => ({ code: 0, signal: null, stdout: input, stderr: '' })));
    expect(bench.registryFiles()).toEqual(['names']);
  });

  test('a copy can be saved again, and its copy too', async () => {
    let printed = '';
    for (const generation of [0, 1, 2, 3]) {
      const command = generation === 0 ? ['run', bench.guest('countOn')] : ['resume', `${generation - 1}.wvm`];
      const machine = bench.start(command);
      await hasPrinted(machine, 20);
      await bench.run(['snapshot', 'countOn', '--stop', '-o', `${generation}.wvm`]);
      printed += (await machine.done).stdout;
    }
    expect(printed).toBe(numbers(printed.length / 4));
  });

  test('--frozen waits for wvm continue, for SIGCONT, or for its end', async () => {
    await makeImage();
    for (const how of ['continue', 'SIGCONT', 'kill', 'SIGTERM', 'stop']) {
      const copy = await bench.startMachine(['resume', '--frozen', 'a.wvm'], 'cat', { input: 'after' });
      await until(() => copy.stderr !== '', 'the note');
      expect(copy.stderr).toMatch(/^wvm: machine [a-f0-9]{8} \(cat\) is frozen; wvm continue /);
      expect(JSON.parse((await bench.run(['ps', '--json'])).stdout)[0].state).toBe('frozen');
      if (how === 'continue') expect((await bench.run(['continue', 'cat'])).code).toBe(0);
      if (how === 'SIGCONT' || how === 'SIGTERM') copy.child.kill(how);
      if (how === 'kill') expect((await bench.run(['kill', 'cat'])).code).toBe(0);
      if (how === 'stop') expect((await bench.run(['snapshot', 'cat', '--stop', '-o', 'b.wvm'])).code).toBe(0);
      const { code, stdout } = await copy.done;
      const goesOn = how === 'continue' || how === 'SIGCONT';
      expect([how, code, stdout]).toEqual([how, goesOn ? 0 : how === 'stop' ? 122 : 143, goesOn ? 'after' : '']);
      expect(bench.registryFiles()).toEqual(['names']);
    }
    expect(readFileSync(bench.path('b.wvm')).equals(readFileSync(bench.path('a.wvm')))).toBe(true);
    await startCopying();
    expect((await bench.run(['continue', 'cat'])).stderr).toMatch(/is not frozen/);
  });

  test('a directory that the machine had must be lent again', async () => {
    mkdirSync(bench.path('lent'));
    await makeImage('a.wvm', '--dir', 'lent::/data');
    const without = await bench.run(['resume', 'a.wvm']);
    expect([without.code, without.stdout]).toEqual([125, '']);
    expect(without.stderr).toMatch(/WVM_CAPABILITY_MISSING: .*\/data.*\n {2}hint: .*--dir/);
    const copy = await bench.run(['resume', '--dir', 'lent::/data', 'a.wvm'], { input: 'after' });
    expect(copy).toMatchObject({ code: 0, stdout: 'after' });
  });

  test('what is no image is refused by a stable code', async () => {
    await makeImage();
    const image = readFileSync(bench.path('a.wvm'));
    const flipped = Buffer.from(image);
    flipped[image.length >> 1]! ^= 1;
    for (const [name, bytes] of Object.entries({
      'empty.wvm': Buffer.alloc(0),
      'noise.wvm': Buffer.from('noise, more of it than a header has'),
      'cut.wvm': image.subarray(0, image.length - 100),
      'flipped.wvm': flipped,
    })) {
      writeFileSync(bench.path(name), bytes);
      const others =
        name === 'cut.wvm'
          ? [
              ['resume', '-'],
              ['inspect', name],
            ]
          : [];
      for (const command of [['resume', name], ...others]) {
        const { code, stdout, stderr } = await bench.run(command, { input: bytes });
        expect([command, code, stdout]).toEqual([command, 125, '']);
        expect(stderr).toMatch(/^wvm: WVM_IMAGE_[A-Z_]+: /);
      }
    }
    for (const args of [
      ['none.wvm'],
      ['.'],
      ['--files', 'maybe', 'a.wvm'],
      ['--features', 'x', 'a.wvm'],
      ['a.wvm', 'extra'],
    ]) {
      const { code, stderr } = await bench.run(['resume', ...args]);
      expect([args, code]).toEqual([args, args.length === 1 ? 125 : 2]);
      expect(stderr).toMatch(/^wvm: WVM_(FILE|USAGE): /);
    }
  });
});

describe('snapshots on schedule', () => {
  test('--snapshot-every saves numbered images that all go on', async () => {
    const args = ['--snapshot-every', '100ms', '--output', 'images', '--json', bench.guest('countOn')];
    const machine = bench.start(['run', ...args]);
    await until(() => machine.stderr.includes('countOn-0003.wvm'), 'the third image');
    machine.child.kill('SIGTERM');
    const { code, stdout, stderr } = await machine.done;
    expect(code).toBe(143);
    const { snapshots } = JSON.parse(stderr.trimEnd().split('\n').at(-1)!);
    const files = readdirSync(bench.path('images')).sort();
    expect(snapshots.map(({ file }: { file: string }) => file)).toEqual(files.map((file) => `images/${file}`));
    expect(snapshots.every(({ event }: { event: string }) => event === 'timer')).toBe(true);
    for (const file of files.slice(0, 3)) {
      const copy = bench.start(['resume', '--quiet', `images/${file}`]);
      await hasPrinted(copy, 40);
      copy.child.kill('SIGTERM');
      const printed = (await copy.done).stdout;
      const start = stdout.indexOf(printed.slice(0, 4));
      expect((stdout.slice(0, start) + printed).startsWith(numbers(start / 4 + 10))).toBe(true);
    }
  });

  test('--snapshot-on SIGUSR2,exit saves at the signal and before a clean stop, and replaces nothing', async () => {
    mkdirSync(bench.path('images'));
    writeFileSync(bench.path('images/countOn-0004.wvm'), 'keep');
    const machine = await startCounting('countOn', '--snapshot-on', 'SIGUSR2,exit', '--output', 'images');
    machine.child.kill('SIGUSR2');
    await until(() => machine.stderr.includes('countOn-0005.wvm'), 'the first image');
    machine.child.kill('SIGTERM');
    const { code, stdout, stderr } = await machine.done;
    expect(code).toBe(143);
    expect(stderr).toMatch(
      /^wvm: saved images\/countOn-0005.wvm \(.*\)\nwvm: saved images\/countOn-0006.wvm \(.*\)\n$/,
    );
    const copy = bench.start(['resume', 'images/countOn-0006.wvm']);
    await hasPrinted(copy, 40);
    expect((stdout + copy.stdout).startsWith(numbers(stdout.length / 4 + 10))).toBe(true);
    expect(readFileSync(bench.path('images/countOn-0004.wvm'), 'utf8')).toBe('keep');
  });

  test('a failed one is a warning, and the guest goes on', async () => {
    writeFileSync(bench.path('images'), 'a file');
    const machine = await startCounting('count', '--snapshot-on', 'USR2', '--output', 'images');
    machine.child.kill('SIGUSR2');
    const { code, stdout, stderr } = await machine.done;
    expect([code, stdout]).toEqual([7, allNumbers]);
    expect(stderr).toMatch(/^wvm: warning: WVM_FILE: images: cannot hold images: EEXIST/);
  });

  test('a guest may ask itself if --output lends it a place: an id here, 0 in the copy', async () => {
    expect((await bench.run(['run', bench.guest('selfSnapshot')])).stdout).toBe('-');
    const original = await bench.run(['run', '--quiet', '--output', '.', bench.guest('selfSnapshot')]);
    expect([original.code, original.stdout]).toEqual([0, '1']);
    expect(bench.files()).toEqual(['selfSnapshot-0001.wvm']);
    for (let copy = 0; copy < 2; copy++) {
      expect((await bench.run(['resume', 'selfSnapshot-0001.wvm'])).stdout).toBe('0');
    }
  });
});

describe('many at once', () => {
  test('ps, snapshots and machines do not disturb each other', async () => {
    const machines = await Promise.all(
      Array.from({ length: 4 }, (_, index) =>
        bench.startMachine(['run', '--name', `m${index}`, bench.guest(index === 0 ? 'endless' : 'cat')], `m${index}`),
      ),
    );
    const results = await Promise.all(
      machines.flatMap((_, index) => [
        bench.run(['ps', '--json']),
        bench.run(['snapshot', `m${index}`, '-o', `m${index}.wvm`]),
        bench.run(['snapshot', `m${index}`, '-o', 'same.wvm']),
      ]),
    );
    for (const { code, stderr } of results) expect([code, stderr]).toEqual([0, '']);
    for (let index = 0; index < results.length; index += 3) {
      expect(JSON.parse(results[index]!.stdout)).toHaveLength(4);
    }
    expect(bench.files()).toEqual(['m0.wvm', 'm1.wvm', 'm2.wvm', 'm3.wvm', 'same.wvm']);
    expect((await bench.run(['inspect', '--verify', 'same.wvm'])).code).toBe(0);
    for (const [index, machine] of machines.entries()) {
      if (index % 2 === 0) machine.child.kill('SIGKILL');
      else expect((await bench.run(['kill', `m${index}`])).code).toBe(0);
      expect((await machine.done).code).toBe(index % 2 === 0 ? null : 143);
    }
    expect((await bench.run(['ps'])).stdout).toMatch(/^ID [^\n]*\n$/);
    expect(bench.registryFiles()).toEqual(['names']);
  });

  test('a given name is unique among the running, a made one finds a way', async () => {
    const first = await bench.startMachine(['run', '--name', 'cat', bench.guest('cat')], 'cat');
    const second = await bench.run(['run', '--name', 'cat', bench.guest('exit300')]);
    expect(second.code).toBe(125);
    expect(second.stderr).toMatch(/WVM_NAME_TAKEN: --name: machine [a-f0-9]{8} has the name 'cat' already/);
    const third = bench.start(['run', bench.guest('cat')]);
    await until(() => bench.registered().length === 2, 'the second machine');
    expect(bench.registered().sort()[1]).toMatch(/^cat-[a-f0-9]{8}$/);
    first.child.kill('SIGKILL');
    await first.done;
    const fourth = await bench.run(['run', '--name', 'cat', bench.guest('exit300')]);
    expect(fourth.code, 'a dead machine holds no name').toBe(44);
    await bench.run(['ps']);
    third.child.kill('SIGTERM');
    expect((await third.done).code).toBe(143);
    expect(bench.registryFiles()).toEqual(['names']);
  });

  test('wvm kill: signals of its choice, KILL for one that does not answer', async () => {
    const machine = await bench.startMachine(['run', bench.guest('cat')], 'cat');
    expect((await bench.run(['kill', '-s', 'USR1', 'cat'])).code).toBe(2);
    expect((await bench.run(['kill', '-s', 'FOO', 'cat'])).code).toBe(2);
    machine.child.kill('SIGSTOP');
    expect(JSON.parse((await bench.run(['ps', '--json'])).stdout)[0].state).toBe('unresponsive');
    expect((await bench.run(['kill', '-s', 'KILL', 'cat'])).code).toBe(0);
    expect((await machine.done).signal).toBe('SIGKILL');
    const other = await bench.startMachine(['run', bench.guest('cat')], 'cat');
    expect((await bench.run(['kill', '-s', 'INT', 'cat'])).code).toBe(0);
    expect((await other.done).code).toBe(130);
    expect(bench.registryFiles()).toEqual(['names']);
  });
});

test('wvm inspect shows frames by name, reads stdin, and --json says the same', async () => {
  await startCounting('countOn');
  await bench.run(['snapshot', 'countOn', '--stop', '-o', 'a.wvm']);
  const text = (await bench.run(['inspect', '--frames', '--pages', 'a.wvm'])).stdout;
  expect(text).toMatch(/#1 +main {2}function [0-9]+ \+ 0x/);
  expect(text).toMatch(/local 0 i: i32 [0-9]+/);
  expect(text).toMatch(/0x0 to 0xfff/);
  const image = readFileSync(bench.path('a.wvm'));
  const json = JSON.parse((await bench.run(['inspect', '--json', '-'], { input: image })).stdout);
  expect(json.processes[0].threads[0].activations[0].at(-1).functionName).toBe('main');
  expect(json.sizeBytes).toBe(image.length);
  rmSync(bench.path('a.wvm'));
  expect((await bench.run(['inspect', 'a.wvm'])).code).toBe(125);
});

test('--snapshot-on exit saves the last moment, whatever ends the machine: the copy ends the same way', async () => {
  const intoStore = ['--snapshot-on', 'exit', '--quiet'];
  expect(await bench.run(['run', ...intoStore, bench.guest('exit300')])).toMatchObject({ code: 44, stderr: '' });
  expect((await bench.run(['resume', 'exit300'])).code, 'from the store').toBe(44);
  const saveAtExit = [...intoStore, '--output', '.'];
  expect(await bench.run(['run', ...saveAtExit, bench.guest('exit300')])).toMatchObject({ code: 44, stderr: '' });
  expect((await bench.run(['resume', 'exit300-0001.wvm'])).code).toBe(44);
  expect((await bench.run(['run', ...saveAtExit, bench.guest('args')])).code, 'returns from _start').toBe(0);
  expect(await bench.run(['resume', 'args-0001.wvm'])).toMatchObject({ code: 0, stdout: '' });
  const stopped = await bench.run(['run', ...saveAtExit, '--timeout', '200ms', bench.guest('countOn')]);
  const copy = await bench.run(['resume', '--timeout', '200ms', 'countOn-0001.wvm']);
  expect([stopped.code, copy.code]).toEqual([124, 124]);
  const printed = stopped.stdout + copy.stdout;
  expect(printed).toBe(numbers(printed.length / 4));
  expect((await bench.run(['run', ...saveAtExit, bench.guest('trap')])).code).toBe(134);
  expect(bench.files()).toEqual(['args-0001.wvm', 'countOn-0001.wvm', 'exit300-0001.wvm']);
});

test.each([
  ['a store', ['--store', 'store'], ['--store', 'store']],
  ['images', ['--output', 'images'], ['-o', 'stopped.wvm']],
])(
  'a machine that saves itself into %s all the time is stopped by wvm snapshot and by a signal',
  async (_, own, flags) => {
    const run = ['run', '--name', 'job', '--quiet', '--snapshot-on', 'exit', ...own, bench.guest('countAndSave')];
    // It is saving itself most of the time: some of these come into the middle of that.
    for (let round = 0; round < 2; round++) {
      const machine = bench.start(run);
      await hasPrinted(machine, 20 + round * 4);
      expect(await bench.run(['snapshot', '--stop', 'job', ...flags])).toMatchObject({ code: 0, stderr: '' });
      const { code, stdout } = await machine.done;
      expect(code).toBe(122);
      const copy = bench.start([
        'resume',
        ...(own[0] === '--store' ? ['job', ...own] : ['stopped.wvm']),
        '--name',
        'copy',
      ]);
      await hasPrinted(copy, 8);
      copy.child.kill('SIGTERM');
      const next = await copy.done;
      expect(next.code).toBe(143);
      const all = stdout + next.stdout;
      expect(all).toBe(numbers(all.length / 4));
    }
    for (let round = 0; round < 2; round++) {
      const machine = bench.start(run);
      await hasPrinted(machine, 20 + round * 4);
      machine.child.kill('SIGTERM');
      expect(await machine.done).toMatchObject({ code: 143, stderr: '' });
    }
  },
);
