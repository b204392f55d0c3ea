// F04: the same input gives the same interleaving and the same images, byte for byte, in every run of a machine of threads or of
// processes: at places all over its work, whatever was saved before.

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { guestNamed } from '../../guest/manifest.ts';
import { Machine, type MachineOptions } from '../../runtime/index.ts';
import { imageOf, moduleOf } from '../guest/modes.ts';

/** Name and every how many places an image is taken. */
const GUESTS: Readonly<Record<string, number>> = {
  'fork-tree': 11,
  'pipe-ring': 29,
  'process-groups': 7,
  'random-tree': 400,
  'signal-nested': 9,
  sigchld: 13,
  threads: 17,
  'threads-mutex': 37,
  'threads-ring': 19,
  timeouts: 13,
};

interface Run {
  /** Every host call, in the order of all threads and processes. */
  readonly calls: readonly string[];
  readonly images: readonly string[];
}

async function run(name: string, step: number, args = guestNamed(name).args): Promise<Run> {
  const guest = guestNamed(name);
  const calls: string[] = [];
  const images: string[] = [];
  let place = 0;
  const programs = Object.keys(guest.programs).map((program) => [program, moduleOf(guest)] as const);
  const options: MachineOptions = {
    programName: name,
    args,
    env: guest.env,
    programs: Object.fromEntries(programs),
    seed: 42n,
    stdin: 'null',
    stdout: 'null',
    stderr: 'null',
    cacheDirectory: null,
    trace: (line) => calls.push(line),
    stops: {
      polls: true,
      calls: true,
      onStop: (machine) => {
        if (place++ % step === 0) images.push(createHash('sha256').update(imageOf(machine)).digest('hex'));
        return false;
      },
    },
  };
  const machine = await Machine.load(moduleOf(guest), options);
  expect(await machine.run()).toEqual({ kind: 'exit', code: 0 });
  return { calls, images };
}

describe('F04 two runs', () => {
  it.each(Object.entries(GUESTS))(
    'of %s make the same calls in the same order, and the same images',
    async (name, step) => {
      const first = await run(name, step);
      const second = await run(name, step);
      expect(second.calls).toEqual(first.calls);
      expect(second.images).toEqual(first.images);
      expect(new Set(first.images).size).toBe(first.images.length);
      expect(first.images.length).toBeGreaterThanOrEqual(8);
    },
  );

  it('of different input do not', async () => {
    const first = await run('random-tree', 400);
    const other = await run('random-tree', 400, ['12']);
    expect(other.calls).not.toEqual(first.calls);
    expect(other.images).not.toEqual(first.images);
  });
});
