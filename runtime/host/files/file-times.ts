// Timestamps to the nanosecond through an API that takes seconds as a double. Node's utimes calls round to
// about 240 ns (the grain of a double at today's epoch), and reports the exact value when reading. POSIX
// programs set a time and expect to read the same one, so what was asked for and what the host made of it are
// remembered together: as long as the host still reports its rounded value, the asked one is given to
// the guest. The file on disk differs by less than a microsecond; whoever compares times across
// processes must allow for that.

import type { BigIntStats } from 'node:fs';

interface Asked {
  readonly roundedNs: bigint;
  readonly askedNs: bigint;
}

/** Entries kept; the oldest is forgotten first (the guest then sees the rounded time). */
const capacity = 4096;
// One table for the process: a machine resumed in it sees what its original set.
const asked: Map<string, Asked> = new Map();

function keyOf(stat: BigIntStats, which: 'a' | 'm'): string {
  return `${which}${stat.dev}:${stat.ino}`;
}

/** What to hand to utimes: seconds, or an invalid Date, which libuv takes as UTIME_OMIT. */
export function timeArgument(ns: bigint | undefined): number | Date {
  return ns === undefined ? new Date(Number.NaN) : Number(ns / 1_000_000_000n) + Number(ns % 1_000_000_000n) / 1e9;
}

/** Notes what was asked for, given the state right after setting it. */
export function rememberTimes(stat: BigIntStats, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): void {
  remember(keyOf(stat, 'a'), stat.atimeNs, atimeNs);
  remember(keyOf(stat, 'm'), stat.mtimeNs, mtimeNs);
}

function remember(key: string, roundedNs: bigint, askedNs: bigint | undefined): void {
  if (askedNs === undefined) return;
  asked.delete(key);
  if (roundedNs === askedNs) return;
  asked.set(key, { roundedNs, askedNs });
  if (asked.size > capacity) asked.delete(asked.keys().next().value!);
}

/** The access time as the guest set it, or as the host says. */
export function atimeOf(stat: BigIntStats): bigint {
  return asked.size === 0 ? stat.atimeNs : exact(keyOf(stat, 'a'), stat.atimeNs);
}

/** The modification time as the guest set it, or as the host says. */
export function mtimeOf(stat: BigIntStats): bigint {
  return asked.size === 0 ? stat.mtimeNs : exact(keyOf(stat, 'm'), stat.mtimeNs);
}

function exact(key: string, hostNs: bigint): bigint {
  const entry = asked.get(key);
  return entry !== undefined && entry.roundedNs === hostNs ? entry.askedNs : hostNs;
}
