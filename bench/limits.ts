// What this machine itself can do, for information: no figure of a snapshot can be better than these. And what CRIU 4.2 takes
// for the same, measured as root on a quiet machine of this kind; it neither checks what it reads nor waits for the disk.

import { closeSync, fsyncSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Area, Bench } from './area.ts';
import { median, spreadOf } from './statistics.ts';

const MIB = 1024 * 1024;
const MEMORY_BYTES: number = 64 * MIB;
const INCREMENT_BYTES: number = MIB;
const PIECE_BYTES: number = MIB / 4;
/** As pages lie in a pack. With source and target at the same place of their pages this processor takes three times as long. */
const ASIDE_BYTES = 16;

/** Medians, not quoted as ours: a process whose pages are all touched. */
const CRIU_MS: Readonly<Record<string, number>> = {
  'CRIU 4.2, 64 MiB: frozen': 36.3,
  'CRIU 4.2, 64 MiB: dump': 41.6,
  'CRIU 4.2, 64 MiB: restore': 45,
  'CRIU 4.2, 33 processes: dump': 205.8,
  'CRIU 4.2, 33 processes: restore': 91.9,
};

export const limits: Area = {
  name: 'limits',
  figures: [],
  async measure(bench) {
    const folder = mkdtempSync(join(tmpdir(), 'wvm-bench-limits-'));
    try {
      memory(bench);
      disk(bench, join(folder, 'file'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
    for (const [index, [what, ms]] of Object.entries(CRIU_MS).entries())
      bench.inform(`limits.criu-${index}`, what, 'ms', ms);
  },
};

function memory(bench: Bench): void {
  const from = Buffer.alloc(MEMORY_BYTES, 1);
  const to = Buffer.alloc(MEMORY_BYTES, 2);
  inform(bench, 'copy', 'copying 64 MiB within touched memory', () => to.set(from));
  inform(bench, 'copy-increment', 'copying 1 MiB within touched memory', () =>
    to.set(from.subarray(0, INCREMENT_BYTES)),
  );
  inform(bench, 'copy-fresh', 'copying 64 MiB into fresh memory', () => new Uint8Array(MEMORY_BYTES).set(from));
  to.set(from);
  inform(bench, 'compare', 'comparing 64 MiB with 64 MiB', () => from.equals(to));
}

function disk(bench: Bench, path: string): void {
  const contents = Buffer.alloc(MEMORY_BYTES, 1);
  const write = (sizeBytes: number): void => {
    const fd = openSync(path, 'w');
    try {
      for (let at = 0; at < sizeBytes; ) at += writeSync(fd, contents, at, sizeBytes - at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  };
  inform(bench, 'durable-increment', 'a durable new file of 1 MiB', () => write(INCREMENT_BYTES));
  inform(bench, 'durable', 'a durable new file of 64 MiB', () => write(MEMORY_BYTES));
  inform(bench, 'read', 'reading 64 MiB from the page cache into touched memory', () => {
    const fd = openSync(path, 'r');
    try {
      const end = MEMORY_BYTES - ASIDE_BYTES;
      for (let at = 0; at < end; ) {
        at += readSync(fd, contents, at, Math.min(PIECE_BYTES, end - at), at + ASIDE_BYTES);
      }
    } finally {
      closeSync(fd);
    }
  });
}

function inform(bench: Bench, name: string, what: string, action: () => unknown): void {
  const samples: number[] = [];
  for (let round = -2; round < bench.rounds(11); round++) {
    const startMs = performance.now();
    action();
    if (round >= 0) samples.push(performance.now() - startMs);
  }
  bench.inform(`limits.${name}`, what, 'ms', median(samples), { spread: spreadOf(samples) });
}
