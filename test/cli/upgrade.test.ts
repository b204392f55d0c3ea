// O11: wvm is replaced or removed while machines of it run, or are being resumed: they go on with what they have, and
// another wvm talks to them.

import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Bench, hasPrinted, mainFile, type Running, until } from './wvm.ts';

/** runtime/cli/exit-codes.ts */
const EXIT_STOPPED = 122;
/** wvm has what it needs from its file system when a machine has run for so long. */
const SETTLED_MS = 300;
const tools = join(import.meta.dirname, '../../guest/built/tools');

let bench: Bench;
/** The main file of the wvm that is replaced. */
let wvm: string;
beforeEach(async () => {
  bench = new Bench();
  // The command line and the thread are beside each other.
  const built = dirname(dirname(mainFile));
  const installed = join(bench.root, 'installed');
  for (const part of ['cli', 'thread']) fs.cpSync(join(built, part), join(installed, part), { recursive: true });
  wvm = join(installed, 'cli/main.js');
});
afterEach(() => bench.close());

/** What becomes of the installed wvm. */
const fates = {
  removed: (): void => fs.rmSync(dirname(dirname(wvm)), { recursive: true }),
  'replaced by one that is another': (): void => {
    for (const part of ['cli', 'cli/chunks', 'thread']) {
      const folder = join(dirname(dirname(wvm)), part);
      for (const name of fs.readdirSync(folder).filter((file) => file.endsWith('.js'))) {
        fs.writeFileSync(join(folder, name), 'throw new Error("of another version");\n');
      }
    }
  },
};

async function start(command: readonly string[], name: string): Promise<Running> {
  const machine = await bench.startMachine(command, name, { wvm });
  await sleep(SETTLED_MS);
  return machine;
}

describe.each(Object.keys(fates) as (keyof typeof fates)[])('O11 a machine whose wvm is %s', (fate) => {
  it('can be saved by another wvm, goes on, and can be resumed there', async () => {
    const machine = await start(['run', bench.guest('cat')], 'cat');
    fates[fate]();
    machine.child.stdin!.write('one ');
    await hasPrinted(machine, 4);
    expect(await bench.run(['snapshot', 'cat', '-o', 'a.wvm'])).toMatchObject({ code: 0, stderr: '' });
    expect(await bench.run(['snapshot', 'cat'])).toMatchObject({ code: 0, stderr: '' });
    expect(await bench.run(['resume', 'a.wvm'], { input: 'two' })).toMatchObject({ code: 0, stdout: 'two' });
    expect(await bench.run(['resume', 'cat'], { input: 'three' })).toMatchObject({ code: 0, stdout: 'three' });
    machine.child.stdin!.end('four');
    expect(await machine.done).toMatchObject({ code: 0, stdout: 'one four', stderr: '' });
  });

  it('saves itself when it is told to, and at its end', async () => {
    const saving = ['--snapshot-on', 'SIGUSR2,exit', '--json=end.json', '--output', 'images'];
    const machine = await start(['run', ...saving, bench.guest('countOn')], 'countOn');
    fates[fate]();
    machine.child.kill('SIGUSR2');
    await until(
      () => fs.existsSync(bench.path('images')) && fs.readdirSync(bench.path('images')).length > 0,
      'an image',
    );
    expect((await bench.run(['kill', 'countOn'])).code).toBe(0);
    expect(await machine.done).toMatchObject({ code: 143 });
    const { snapshots } = JSON.parse(fs.readFileSync(bench.path('end.json'), 'utf8'));
    expect(snapshots.map(({ event }: { event: string }) => event)).toEqual(['SIGUSR2', 'exit']);
    for (const { file } of snapshots) expect((await bench.run(['inspect', file])).code).toBe(0);
  });

  it('starts other programs, forks, and shows where a process of it traps', async () => {
    const lent = ['--dir', `${tools}::/bin:ro`, '--map', `trap=${bench.guest('trap')}`];
    const machine = await start(['run', ...lent, join(tools, 'shell.wasm')], 'shell');
    fates[fate]();
    machine.child.stdin!.write('seq.wasm 9 | grep.wasm 7 | cat.wasm; trap; echo $?\n');
    await hasPrinted(machine, '7\n134\n'.length);
    expect(await bench.run(['snapshot', 'shell', '--stop', '-o', 'a.wvm'])).toMatchObject({ code: 0, stderr: '' });
    const { code, stdout, stderr } = await machine.done;
    expect([code, stdout]).toEqual([EXIT_STOPPED, '7\n134\n']);
    expect(stderr).toMatch(/trap[\s\S]*unreachable[\s\S]*stopped by wvm snapshot/);
    const copy = await bench.run(['resume', ...lent, 'a.wvm'], { input: 'echo again; exit 3\n' });
    expect(copy).toMatchObject({ code: 3, stdout: 'again\n' });
  });

  it('traps with its backtrace', async () => {
    const machine = await start(['run', bench.guest('lateTrap')], 'lateTrap');
    fates[fate]();
    machine.child.stdin!.end('x');
    const { code, stderr } = await machine.done;
    expect([code, stderr]).toEqual([134, expect.stringContaining('inner')]);
  });

  it('is resumed from an image that comes slowly', async () => {
    const machine = await bench.startMachine(['run', bench.guest('large')], 'large');
    await sleep(SETTLED_MS);
    expect((await bench.run(['snapshot', 'large', '--stop', '-o', 'large.wvm'])).code).toBe(0);
    await machine.done;
    const image = fs.readFileSync(bench.path('large.wvm'));
    const receiver = bench.start(['resume', '--name', 'copy', '-'], { wvm });
    // When it has all but what a pipe holds, it reads.
    await new Promise((resolve) => receiver.child.stdin!.write(image.subarray(0, image.length >> 1), resolve));
    await sleep(SETTLED_MS);
    fates[fate]();
    receiver.child.stdin!.end(image.subarray(image.length >> 1));
    await until(() => bench.registered().includes('copy') || receiver.end !== undefined, 'the copy');
    expect(await bench.run(['snapshot', 'copy', '--stop', '-o', 'b.wvm'])).toMatchObject({ code: 0, stderr: '' });
    expect((await receiver.done).code).toBe(EXIT_STOPPED);
  });
});
