// Runs of a program that time what the figures compare: the guest's own time, from its first instruction to its exit,
// without reading, instrumenting and compiling.

import { Machine, type MachineOptions } from '../runtime/index.ts';
import { timeMs } from './interleave.ts';

/** What both sides of a comparison get: arguments, and a sink for stdout. */
export interface RunOptions {
  readonly args: readonly string[];
  readonly stdout: 'null' | ((chunk: Uint8Array) => void);
}

/** A program under wvm, uninterrupted but stoppable anywhere. */
export class StoppableProgram {
  readonly #module: Uint8Array;
  // V8 shares compiled code between modules of equal bytes while one of them lives: the first machine stays, so that
  // later ones start as warm as a plain module that is kept.
  #first: Machine | undefined;

  constructor(module: Uint8Array) {
    this.#module = module;
  }

  async runMs(options: RunOptions): Promise<number> {
    const machine = await Machine.load(this.#module, machineOptions(options));
    this.#first ??= machine;
    return timeMs(async () => {
      const exit = await machine.run();
      if (exit.kind !== 'exit' || exit.code !== 0)
        throw new Error(`the guest under wvm ended with ${JSON.stringify(exit)}`);
    });
  }
}

export function machineOptions({ args, stdout }: RunOptions): MachineOptions {
  return { args, stdout, stdin: 'null', stderr: 'inherit', cacheDirectory: null };
}

/** All that a run writes to stdout, as one array. */
export async function outputOf(run: (stdout: (chunk: Uint8Array) => void) => unknown): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  await run((chunk) => void chunks.push(chunk.slice()));
  return new Uint8Array(Buffer.concat(chunks));
}
