// Every shape is instrumented, runs, is stopped in mid-work, and goes on from its image in another machine, each within a
// time that leaves room for a slow machine and none for anything that grows with the square of a shape.

import { expect, test } from 'vitest';
import { Machine, type MachineExit, type MachineOptions } from '../../runtime/index.ts';
import { assembleShape } from './assemble.ts';
import { shapes } from './shapes.ts';

const LIMIT_MS = 30_000;
const ENDED_WELL: MachineExit = { kind: 'exit', code: 0 };

for (const shape of shapes) {
  test(`${shape.name}: runs, and goes on from an image`, { timeout: LIMIT_MS }, async () => {
    const module = await assembleShape(shape);
    let printed = '';
    const options: MachineOptions = {
      cacheDirectory: null,
      stdin: 'null',
      stdout: (chunk) => {
        printed += Buffer.from(chunk).toString('latin1');
      },
    };
    const straight = await Machine.load(module, options);
    expect([await straight.run(), printed]).toEqual([ENDED_WELL, shape.stdout]);

    printed = '';
    let image = new Uint8Array(0);
    const beforeEnd = async (machine: Machine): Promise<void> => {
      image = Buffer.concat(machine.snapshotNow().chunks);
    };
    const half = straight.stats().fuelUsed / 2n;
    const stopped = await Machine.load(module, { ...options, fuel: half, beforeEnd });
    expect([await stopped.run(), printed]).toEqual([{ kind: 'stopped', reason: 'fuel' }, '']);
    const resumed = await Machine.resume(image, options);
    expect([await resumed.run(), printed]).toEqual([ENDED_WELL, shape.stdout]);
    expect(resumed.stats().fuelUsed).toBe(straight.stats().fuelUsed);
  });
}
