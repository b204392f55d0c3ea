// Machines whose guests mark what they write (--mark-writes), and a store: every snapshot of a history holds what an image of the
// same moment holds, to the byte, and goes on with marks or without.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { guestNamed } from '../../guest/manifest.ts';
import { Machine, type MachineOptions, MachineSaver, openStore, type SnapshotId } from '../../runtime/index.ts';
import { imageOf, moduleOf, programsOf, withDirectory } from '../guest/modes.ts';
import { removeDirectory, temporaryDirectory } from './machines.ts';

let folder: string;
beforeEach(() => {
  folder = temporaryDirectory();
});
afterEach(() => removeDirectory(folder));

/** Loops, system calls, threads over shared memory, forks whose instances are used again, exec, contexts, several memories. */
const GUESTS = [
  'qsort',
  'memory-grow',
  'bulk-memory',
  'multi-memory',
  'memory64',
  'atomics',
  'stdin-lines',
  'threads-robust',
  'threads-pi',
  'fork-tree',
  'exec',
  'contexts',
  'stack-checkpoint',
];
const SAVES = 12;

interface Moment {
  readonly id: SnapshotId;
  readonly image: Uint8Array;
}

describe.each(GUESTS)('%s', (name) => {
  test('what a store has of it is what an image has, and both go on', async () => {
    const guest = guestNamed(name);
    await withDirectory(async (directory) => {
      const written: Uint8Array[] = [];
      const options: MachineOptions = {
        env: guest.env,
        programs: programsOf(guest),
        directories: [{ hostPath: directory, guestPath: '/', readOnly: false, kind: 'overlay' }],
        stdout: (chunk) => void written.push(chunk.slice()),
        stderr: 'null',
        cacheDirectory: null,
        onSelfSnapshot: () => Promise.resolve(1),
      };
      const load = (more: MachineOptions): Promise<Machine> => {
        const stdin = new TextEncoder().encode(guest.stdin);
        return Machine.load(moduleOf(guest), {
          ...options,
          ...more,
          programName: name,
          args: guest.args,
          stdin,
          seed: 1n,
        });
      };
      const straight = await load({});
      const end = await straight.run();
      const output = Buffer.concat(written.splice(0));

      let places = 0;
      const stops = { polls: true, calls: true };
      await (await load({ stops: { ...stops, onStop: () => ++places < 0 } })).run();
      written.length = 0;
      const step = Math.max(1, Math.floor(places / SAVES));
      let place = 0;
      const machine = await load({ marksWrites: true, stops: { ...stops, onStop: () => ++place % step === 0 } });
      const store = await openStore(folder);
      const saver = new MachineSaver(store, machine);
      const moments: (Moment & { readonly output: Buffer })[] = [];
      let exit = await machine.run();
      while (exit.kind === 'stopped') {
        const { id } = await saver.save({ reason: 'test' });
        moments.push({ id, image: imageOf(machine), output: Buffer.concat(written) });
        exit = await machine.run();
      }
      expect(exit).toEqual(end);
      expect(Buffer.concat(written).equals(output)).toBe(true);
      expect(moments.length).toBeGreaterThan(3);

      for (const [k, { id, image, output: before }] of moments.entries()) {
        const marksWrites = k % 2 === 0;
        const resumed = await Machine.resumeFromStore(store, id, {
          ...options,
          stdin: new Uint8Array(0),
          marksWrites,
          isTracked: true,
        });
        expect(Buffer.compare(imageOf(resumed), image), `snapshot ${k}`).toBe(0);
        if (k % 5 !== 2) {
          resumed.kill();
          continue;
        }
        written.length = 0;
        expect(await resumed.run()).toEqual(end);
        expect(Buffer.concat([before, ...written]).equals(output)).toBe(true);
      }
      await store.close();
    });
  });
});

test('what a machine writes is marked again after a resume: an increment of it is small', async () => {
  const guest = guestNamed('qsort');
  await withDirectory(async (directory) => {
    const options: MachineOptions = {
      directories: [{ hostPath: directory, guestPath: '/', readOnly: false, kind: 'overlay' }],
      stdin: 'null',
      stdout: 'null',
      stderr: 'null',
      cacheDirectory: null,
      marksWrites: 'check',
    };
    let place = 0;
    const stops = { polls: true, calls: false, onStop: () => ++place % 100 === 0 };
    const machine = await Machine.load(moduleOf(guest), { ...options, stops });
    const store = await openStore(folder);
    expect((await machine.run()).kind).toBe('stopped');
    const first = await new MachineSaver(store, machine).save({ reason: 'test' });
    machine.kill();
    const resumed = await Machine.resumeFromStore(store, first.id, { ...options, stops, isTracked: true });
    expect((await resumed.run()).kind).toBe('stopped');
    const second = await new MachineSaver(store, resumed).save({ reason: 'test' });
    expect(second.manifest.parent).toBe(first.id);
    expect(second.newBytes).toBeLessThan(first.newBytes);
    resumed.kill();
    await store.close();
  });
});
