// Ctrl-C and SIGTERM at any moment of the commands that take their time: the store is as it was or has all of the new, and nobody
// is in anybody's way afterwards.

import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore } from '../../runtime/host/store/open-store.ts';
import { Bench, until } from '../cli/wvm.ts';
import { TestMachine } from './machines.ts';

const MOMENTS: number = process.env['CI'] === undefined ? 1 : 8;
/** How long the quickest of them is at work. */
const WORK_MS = 400;

let bench: Bench;
let ids: string[];

beforeAll(async () => {
  bench = new Bench();
  const store = await openStore(bench.path('store'));
  const machine = new TestMachine(1024);
  ids = [];
  for (let round = 0; round < 3; round++) {
    // Half of a pack is gone with the one before: worth being written anew.
    machine.fill((round % 2) * 4096, 8192);
    machine.tick = round;
    const parent = (ids.at(-1) ?? null) as never;
    ids.push((await store.commit(machine.increment(parent))).id);
    machine.tracker.confirm();
  }
  await store.close();
  writeFileSync(bench.path('machine.wvm'), machine.image());
});
afterAll(() => bench.close());

/** It holds a lease. */
function isAtWork(work: string): boolean {
  return ['store', 'other'].some((place) => {
    const leases = join(work, place, 'leases');
    return existsSync(leases) && readdirSync(leases).length > 0;
  });
}

const commands: readonly { readonly name: string; readonly args: readonly string[] }[] = [
  { name: 'verify', args: ['verify', '--deep', '--store', 'store'] },
  { name: 'gc', args: ['gc', '--keep', '1', '--store', 'store'] },
  { name: 'push', args: ['push', 'counter', 'other', '--store', 'store'] },
  { name: 'pull', args: ['pull', 'counter', 'store', '--store', 'other'] },
  { name: 'import', args: ['import', 'machine.wvm', '--store', 'other'] },
  { name: 'export', args: ['export', 'counter', 'out.wvm', '--store', 'store'] },
];

for (const [k, { name, args }] of commands.entries()) {
  test(`${name}: a signal at any moment leaves nothing half done`, async () => {
    for (let moment = 0; moment < MOMENTS; moment++) {
      const work = join(bench.work, `${name}-${moment}`);
      mkdirSync(work);
      cpSync(bench.path('store'), join(work, 'store'), { recursive: true });
      if (name === 'import') copyFileSync(bench.path('machine.wvm'), join(work, 'machine.wvm'));
      const signal = (moment + k) % 2 === 0 ? 'SIGINT' : 'SIGTERM';
      const delayMs = Math.random() * WORK_MS;
      const running = bench.start(args, { cwd: work, input: '' });
      await until(() => isAtWork(work) || running.end !== undefined, `${name} to begin`);
      await sleep(delayMs);
      running.child.kill(signal);
      const { code, signal: ended, stdout, stderr } = await running.done;
      const where = `${signal} after ${delayMs} ms: ${stderr}`;
      // It may have been done already, and gone so far in ending that Node takes no signal any more.
      if (ended === null) expect([0, signal === 'SIGINT' ? 130 : 143], where).toContain(code);
      else expect([ended, stdout === ''], where).toEqual([signal, false]);
      for (const place of ['store', 'other']) {
        const directory = join(work, place);
        if (!readdirSync(work).includes(place) || !readdirSync(directory).includes('wvm-store')) continue;
        for (const folder of ['tmp', 'leases']) expect(readdirSync(join(directory, folder)), where).toEqual([]);
        const store = await openStore(directory, { create: false });
        expect((await store.verify({ deep: true })).problems, where).toEqual([]);
        const found = (await store.log()).map((snapshot) => snapshot.id as string);
        if (place === 'store') expect(found, where).toContain(ids[2]);
        if (place === 'store' && name !== 'gc') expect(found.length, where).toBe(3);
        await store.close();
      }
      const rest = readdirSync(work).filter((file) => !['store', 'other', 'machine.wvm'].includes(file));
      expect(rest, where).toEqual(code !== 130 && code !== 143 && name === 'export' ? ['out.wvm'] : []);
    }
  });
}
