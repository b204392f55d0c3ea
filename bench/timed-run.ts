// Runs of a program that time what the figures compare: the guest's own time, from its first instruction to its exit,
// without reading, instrumenting and compiling.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Machine, type MachineOptions } from '../runtime/index.ts';
import { timeMs } from './interleave.ts';

/** What both sides of a comparison get: arguments, a sink for stdout, and a folder as /. */
export interface RunOptions {
  readonly args: readonly string[];
  readonly stdout: 'null' | ((chunk: Uint8Array) => void);
  readonly folder: string;
}

/** A program under wvm, uninterrupted but stoppable anywhere. */
export class StoppableProgram {
  readonly #module: Uint8Array;
  readonly #options: MachineOptions;
  // V8 shares compiled code between modules of equal bytes while one of them lives: the first machine stays, so that
  // later ones start as warm as a plain module that is kept.
  #first: Machine | undefined;

  /** `options`: beside those of a run. */
  constructor(module: Uint8Array, options: MachineOptions = {}) {
    this.#module = module;
    this.#options = options;
  }

  async runMs(options: RunOptions): Promise<number> {
    const machine = await Machine.load(this.#module, { ...machineOptions(options), ...this.#options });
    this.#first ??= machine;
    return timeMs(async () => {
      const exit = await machine.run();
      if (exit.kind !== 'exit' || exit.code !== 0)
        throw new Error(`the guest under wvm ended with ${JSON.stringify(exit)}`);
    });
  }
}

function machineOptions({ args, stdout, folder }: RunOptions): MachineOptions {
  const directories = [{ hostPath: folder, guestPath: '/', readOnly: false }];
  // As under `wvm run`: whoever wants something of the guest raises the flag; until then it is not unwound.
  const interrupt = new Int32Array(new SharedArrayBuffer(4));
  return { args, stdout, directories, stdin: 'null', stderr: 'inherit', cacheDirectory: null, interrupt };
}

/** All that a run writes to stdout, as one array. */
export async function outputOf(run: (stdout: (chunk: Uint8Array) => void) => unknown): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  await run((chunk) => void chunks.push(chunk.slice()));
  return new Uint8Array(Buffer.concat(chunks));
}

/** Calls `body` with an empty folder that is gone afterwards. */
export async function withFolder<Result>(body: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'wvm-bench-'));
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
