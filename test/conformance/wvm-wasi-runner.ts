// Runs a WASI test on wvm through its public API: undisturbed, or stopped before every host call, where the machine is
// saved and thrown away and another one resumed from the image goes on.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Machine, type MachineExit, type MachineOptions, type ResumeOptions } from '../../runtime/index.ts';
import { WASI_TEST_TIMEOUT_MS, type WasiOutcome, type WasiRunner } from './wasi-runner.ts';
import type { WasiTest } from './wasi-suite.ts';

/** Calls of one test that are all stopped at; of the later ones those whose number is a power of two. */
const CONSECUTIVE_STOPS = 200;

export class WvmWasiRunner implements WasiRunner {
  readonly name: string;
  readonly counters: Record<string, number> = {};
  readonly #stopsEverywhere: boolean;

  readonly #marksWrites: boolean;

  constructor(stopsEverywhere: boolean, marksWrites: boolean) {
    this.#stopsEverywhere = stopsEverywhere;
    this.#marksWrites = marksWrites;
    this.name = stopsEverywhere ? 'wvm, saved and resumed at every host call' : marksWrites ? 'wvm, marking' : 'wvm';
    if (stopsEverywhere) this.counters = { resumes: 0, 'image bytes': 0 };
  }

  async run(test: WasiTest, rootPath: string | undefined): Promise<WasiOutcome> {
    // A cache of its own, so that a module is instrumented once and not at every resume.
    const cacheDirectory = mkdtempSync(join(tmpdir(), 'wvm-cache-'));
    try {
      return await this.#run(test, rootPath, cacheDirectory);
    } finally {
      rmSync(cacheDirectory, { recursive: true, force: true });
    }
  }

  async #run(test: WasiTest, rootPath: string | undefined, cacheDirectory: string): Promise<WasiOutcome> {
    const output = { stdout: '', stderr: '' };
    const collect = (stream: keyof typeof output): ((chunk: Uint8Array) => void) => {
      const decoder = new TextDecoder();
      return (chunk) => {
        output[stream] += decoder.decode(chunk, { stream: true });
      };
    };
    const options: MachineOptions = {
      programName: basename(test.modulePath),
      args: test.args,
      env: test.env,
      directories: rootPath === undefined ? [] : [{ hostPath: rootPath, guestPath: '/', readOnly: false }],
      timeoutMs: WASI_TEST_TIMEOUT_MS,
      stdin: 'null',
      stdout: collect('stdout'),
      stderr: collect('stderr'),
      cacheDirectory,
      marksWrites: this.#marksWrites,
    };
    const module = new Uint8Array(readFileSync(test.modulePath));
    const exit = this.#stopsEverywhere ? await this.#runStopped(module, options) : await run(module, options);
    return { exitCode: exit.kind === 'exit' ? exit.code : undefined, ...output, note: describe(exit) };
  }

  async #runStopped(module: Uint8Array, options: MachineOptions): Promise<MachineExit> {
    let calls = 0;
    let image: Uint8Array | undefined;
    const onStop = (machine: Machine): boolean => {
      const call = calls++;
      const isPowerOfTwo = (call & (call - 1)) === 0;
      if (call >= CONSECUTIVE_STOPS && !isPowerOfTwo) return false;
      image = Buffer.concat(machine.snapshotNow().chunks);
      return true;
    };
    const stops = { polls: false, calls: true, onStop };
    let machine = await Machine.load(module, { ...options, stops });
    for (;;) {
      const exit = await machine.run();
      if (exit.kind !== 'stopped' || exit.reason !== 'snapshot' || image === undefined) return exit;
      machine.kill();
      const { args: _args, ...resumeOptions } = options;
      machine = await Machine.resume(image, { ...resumeOptions, stops } satisfies ResumeOptions);
      this.counters['resumes'] = (this.counters['resumes'] ?? 0) + 1;
      this.counters['image bytes'] = (this.counters['image bytes'] ?? 0) + image.length;
    }
  }
}

async function run(module: Uint8Array, options: MachineOptions): Promise<MachineExit> {
  return (await Machine.load(module, options)).run();
}

function describe(exit: MachineExit): string {
  if (exit.kind === 'trap') return `trap: ${exit.message}`;
  return exit.kind === 'stopped' ? `stopped: ${exit.reason}` : '';
}
