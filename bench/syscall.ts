// `fd_write` of one byte to a file, again and again: wvm's system-call path against node:wasi's. Both write to a file in
// a directory granted to the guest, in one process.

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Machine } from '../runtime/index.ts';
import type { Area } from './area.ts';
import { lower } from './figure.ts';
import { assemble, oneByteWrites } from './guests.ts';
import { interleave, timeMs } from './interleave.ts';
import { median, ratio } from './statistics.ts';
import { withFolder } from './timed-run.ts';

const WRITE_COUNT = 50_000;

export const syscall: Area = {
  name: 'syscall',
  figures: [lower('syscall.fd_write', 'fd_write of 1 byte to a file, wvm / node:wasi', 'ratio', 1.0, 0.5)],
  async measure(bench) {
    const module = await assemble('one-byte-writes', oneByteWrites(WRITE_COUNT));
    const compiled = await WebAssembly.compile(module as Uint8Array<ArrayBuffer>);
    const samples = await withFolder((folder) =>
      interleave(
        {
          wvm: async () => checked(folder, await writeUnderWvm(module, folder)),
          nodeWasi: async () => checked(folder, await writeUnderNodeWasi(compiled, folder)),
        },
        { warmups: 2, rounds: bench.rounds(11) },
      ),
    );
    const { value, spread } = ratio(samples.wvm, samples.nodeWasi);
    const [ours, theirs] = [samples.wvm, samples.nodeWasi].map((each) => (median(each) * 1e6) / WRITE_COUNT);
    const note = `${WRITE_COUNT} writes a sample: ${ours!.toFixed(0)} ns each under wvm, ${theirs!.toFixed(0)} ns under node:wasi`;
    bench.report('syscall.fd_write', value, { spread, note });
  },
};

async function writeUnderWvm(module: Uint8Array, folder: string): Promise<number> {
  const directories = [{ hostPath: folder, guestPath: '/', readOnly: false }];
  const machine = await Machine.load(module, { stdin: 'null', directories, cacheDirectory: null });
  return timeMs(async () => {
    const exit = await machine.run();
    if (exit.kind !== 'exit' || exit.code !== 0) throw new Error(`the guest ended with ${JSON.stringify(exit)}`);
  });
}

async function writeUnderNodeWasi(compiled: WebAssembly.Module, folder: string): Promise<number> {
  // Here and not above: its warning that it is experimental would greet every run of every area.
  const { WASI } = await import('node:wasi');
  const wasi = new WASI({ version: 'preview1', preopens: { '/': folder }, returnOnExit: true });
  const instance = await WebAssembly.instantiate(compiled, wasi.getImportObject() as WebAssembly.Imports);
  return timeMs(() => {
    const code = wasi.start(instance);
    if (code !== 0) throw new Error(`the guest under node:wasi exited with ${code}`);
  });
}

/** `elapsedMs`, if the file is what the guest should have written. */
function checked(folder: string, elapsedMs: number): number {
  const path = join(folder, 'out');
  if (readFileSync(path).length !== WRITE_COUNT) throw new Error('the guest has not written every byte');
  rmSync(path);
  return elapsedMs;
}
