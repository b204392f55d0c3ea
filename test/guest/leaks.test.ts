// M16: nothing is left behind by machines that are done: memory and open files stay as they are, however
// often a guest is saved and resumed.

import fs from 'node:fs';
import { expect, it } from 'vitest';
import { guestNamed } from '../../guest/manifest.ts';
import { Machine, type ResumeOptions } from '../../runtime/index.ts';
import { imageOf, moduleOf, withDirectory } from './modes.ts';
import { type Resources, resources } from './resources.ts';

const CYCLES = process.env['CI'] === 'true' ? 1000 : 200;
/** Caches fill and compiled code settles in the first part. */
const WARM_UP = CYCLES / 3;
/** One machine of this guest has more than 2 MiB; a leak of every tenth would show. */
const GROWTH_BYTES = 48 * 2 ** 20;

it(`M16 ${CYCLES} snapshots and resumes leave no memory and no open file`, async () => {
  await withDirectory(async (directory) => {
    const guest = guestNamed('open-files');
    const options: ResumeOptions = {
      stdin: 'null',
      stdout: 'null',
      stderr: 'null',
      cacheDirectory: null,
      directories: [{ hostPath: directory, guestPath: '/', readOnly: false }],
      stops: { polls: true, calls: true, onStop: () => stops++ % 30 === 29 },
    };
    let stops = 0;
    let cycles = 0;
    let before: Resources | undefined;
    // A whole run has about 70 cycles and leaves its directory empty; between two no machine is there.
    while (cycles < CYCLES) {
      let machine = await Machine.load(moduleOf(guest), { ...options, programName: guest.name });
      let exit = await machine.run();
      while (exit.kind === 'stopped') {
        cycles++;
        const image = imageOf(machine);
        machine.kill();
        machine = await Machine.resume(image, options);
        exit = await machine.run();
      }
      expect(exit).toEqual({ kind: 'exit', code: 0 });
      expect(fs.readdirSync(directory)).toEqual([]);
      if (cycles > WARM_UP) before ??= await resources();
    }
    const after = await resources();
    expect(after.openFiles).toBe(before!.openFiles);
    expect(after.residentBytes - before!.residentBytes).toBeLessThan(GROWTH_BYTES);
  });
});

it('M16 refused and failed resumes leave no open file', async () => {
  await withDirectory(async (directory) => {
    const guest = guestNamed('open-files');
    let stops = 0;
    const directories = [{ hostPath: directory, guestPath: '/', readOnly: false }];
    const machine = await Machine.load(moduleOf(guest), {
      stdout: 'null',
      stdin: 'null',
      cacheDirectory: null,
      directories,
      stops: { polls: true, calls: true, onStop: () => stops++ === 900 },
    });
    await machine.run();
    const image = imageOf(machine);
    machine.kill();
    const before = await resources();
    for (let round = 0; round < 50; round++) {
      const cut = image.subarray(0, image.length - 1 - round * 7);
      await expect(Machine.resume(cut, { stdin: 'null', directories })).rejects.toThrow('the image ends here');
      await expect(Machine.resume(image, { stdin: 'null' })).rejects.toMatchObject({ code: 'WVM_CAPABILITY_MISSING' });
    }
    expect((await resources()).openFiles).toBe(before.openFiles);
  });
});
