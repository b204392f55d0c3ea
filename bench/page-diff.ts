// Finding what changed in 64 MiB of memory, every page of it in use, against native memcmp (Buffer.compare) of two buffers
// of that size. Nothing or 1 MiB (256 pages apart) has changed; both strategies.

import { randomBytes } from 'node:crypto';
import {
  CopyPageTracker,
  HashPageTracker,
  PAGE_HASH_KEY_BYTES,
  type PageTracker,
} from '../runtime/engine/page-diff.ts';
import type { Area } from './area.ts';
import { lower } from './figure.ts';
import { interleave, timeMs } from './interleave.ts';
import { median, spreadOf } from './statistics.ts';

const MEMORY_BYTES = 64 * 1024 * 1024;
const PAGE_BYTES = 4096;
const CHANGED_PAGES = 256;

export const pageDiff: Area = {
  name: 'page-diff',
  figures: [
    lower('page-diff.64mib', 'page diff of 64 MiB (by hashes) / memcmp of two such buffers', 'ratio', 1.3, 1),
    lower('page-diff.64mib-copy', 'the same against a copy of the memory', 'ratio', 1.3, null),
  ],
  async measure(bench) {
    const guest = filledMemory();
    const copied = new CopyPageTracker(guest);
    const hashed = new HashPageTracker(guest, randomBytes(PAGE_HASH_KEY_BYTES));
    const one = Buffer.alloc(MEMORY_BYTES, new Uint8Array(guest.buffer));
    const two = Buffer.from(one);
    for (const tracker of [copied, hashed]) {
      tracker.capture();
      tracker.confirm();
    }
    const samples = await interleave(
      {
        memcmp: () => timeMs(() => one.compare(two)),
        copied: () => timeMs(() => copied.capture()),
        hashed: () => timeMs(() => hashed.capture()),
        copiedChanges: () => changeAndCapture(guest, copied),
        hashedChanges: () => changeAndCapture(guest, hashed),
      },
      { warmups: 5, rounds: bench.rounds(25) },
    );
    const ratios = (times: readonly number[]): number[] => times.map((ms, i) => ms / samples.memcmp[i]!);
    const report = (id: string, times: readonly number[]): void => {
      const all = ratios(times);
      bench.report(id, median(all), {
        spread: spreadOf(all),
        note: 'nothing changed; both ends of each pair in one round',
      });
    };
    report('page-diff.64mib', samples.hashed);
    report('page-diff.64mib-copy', samples.copied);
    bench.inform('page-diff.memcmp-ms', 'memcmp of 64 MiB', 'ms', median(samples.memcmp));
    bench.inform(
      'page-diff.1mib-copy-ms',
      'diff against a copy and copy, 256 pages of 64 MiB changed',
      'ms',
      median(samples.copiedChanges),
      {
        spread: spreadOf(samples.copiedChanges),
      },
    );
    bench.inform(
      'page-diff.1mib-ms',
      'diff and packing, 256 pages of 64 MiB changed',
      'ms',
      median(samples.hashedChanges),
      {
        spread: spreadOf(samples.hashedChanges),
      },
    );
  },
};

function filledMemory(): WebAssembly.Memory {
  const memory = new WebAssembly.Memory({ initial: MEMORY_BYTES / 65536 });
  const bytes = new Uint8Array(memory.buffer);
  for (let at = 0; at < bytes.length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return memory;
}

function changeAndCapture(guest: WebAssembly.Memory, tracker: PageTracker): Promise<number> {
  const bytes = new Uint8Array(guest.buffer);
  const step = MEMORY_BYTES / CHANGED_PAGES;
  for (let at = PAGE_BYTES / 2; at < bytes.length; at += step) bytes[at]!++;
  return timeMs(() => tracker.capture()).finally(() => tracker.confirm());
}
