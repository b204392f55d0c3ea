// A guest that asks for its own snapshots goes on in a new machine after each of them: a chain of machines, each made of the
// image of the one before, which is killed.

import { Machine, type MachineExit, type MachineOptions } from '../../runtime/index.ts';
import { imageOf } from '../guest/modes.ts';

interface ChainOutcome {
  /** Of all machines together. */
  readonly stdout: string;
  readonly exit: MachineExit;
  /** "pid: status, signal" of every process other than the first, in the order in which they ended. */
  readonly ends: readonly string[];
  /** Machines but the first. */
  readonly links: number;
}

interface ChainLinks {
  /** Whether a machine ends at this request, counted from 0. */
  readonly picks?: (request: number) => boolean;
  /** Every image is compared with that of the machine which is resumed from it. */
  readonly compares?: boolean;
}

export async function runChain(
  module: Uint8Array,
  options: MachineOptions,
  { picks = () => true, compares = true }: ChainLinks = {},
): Promise<ChainOutcome> {
  const stdout: Uint8Array[] = [];
  const ends: string[] = [];
  let image: Uint8Array | undefined;
  let requests = 0;
  const shared: MachineOptions = {
    stderr: 'null',
    cacheDirectory: null,
    ...options,
    stdout: (chunk) => stdout.push(chunk),
    onProcessEnd: ({ pid, status, signal }) => ends.push(`${pid}: ${status}, ${signal}`),
    onSelfSnapshot: (machine) => {
      if (!picks(requests++)) return Promise.resolve(1);
      image = imageOf(machine);
      machine.kill();
      return Promise.resolve(1);
    },
  };
  let links = 0;
  let machine = await Machine.load(module, { seed: 42n, ...shared });
  let exit = await machine.run();
  while (exit.kind === 'stopped' && image !== undefined) {
    links++;
    const { args: _args, seed: _seed, ...rest } = shared;
    machine = await Machine.resume(image, { ...rest, stdin: new Uint8Array(0) });
    if (compares && Buffer.compare(imageOf(machine), image) !== 0) {
      throw new Error(`link ${links}: the image differs from the one that the machine was resumed from`);
    }
    image = undefined;
    exit = await machine.run();
  }
  return { stdout: Buffer.concat(stdout).toString('latin1'), exit, ends, links };
}
