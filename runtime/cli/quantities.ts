// Sizes, durations and counts as users write them. Each parser throws what commander turns into a usage error.

import { InvalidArgumentError } from 'commander';
import type { SnapshotMoment } from '../index.ts';

const sizeUnits: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };
const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** The longest delay of a Node timer, 2^31 - 1 ms: 24.8 days. */
const maxDurationMs = 2 ** 31 - 1;

/** Reads `65536`, `64K`, `64M`, `1GiB`: bytes, in powers of 1024. */
export function parseSize(text: string): number {
  const match = /^([0-9]+)(?:([KMGT])(?:i?B)?)?$/i.exec(text);
  const sizeBytes = match === null ? 0 : Number(match[1]) * sizeUnits[(match[2] ?? '').toUpperCase()]!;
  if (sizeBytes <= 0 || !Number.isSafeInteger(sizeBytes)) {
    throw new InvalidArgumentError('Write a size like 512K, 64M or 1G.');
  }
  return sizeBytes;
}

/** Reads `500ms`, `10s`, `1.5s`, `1h30m`: milliseconds. A number without a unit is refused, not guessed. */
export function parseDuration(text: string): number {
  const matches = [...text.matchAll(/([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)/g)];
  let durationMs = 0;
  for (const [, number, unit] of matches) durationMs += Number(number) * durationUnits[unit!]!;
  durationMs = Math.round(durationMs);
  if (matches.map(([part]) => part).join('') !== text || durationMs <= 0) {
    throw new InvalidArgumentError('Write a duration like 500ms, 10s or 1h30m.');
  }
  if (durationMs > maxDurationMs) throw new InvalidArgumentError('24 days is the longest possible.');
  return durationMs;
}

/** Reads a positive count of fuel. */
export function parseFuel(text: string): bigint {
  if (!/^[0-9]{1,19}$/.test(text) || BigInt(text) <= 0n || BigInt(text) >= 2n ** 63n) {
    throw new InvalidArgumentError('Write a whole number above 0 and below 2^63.');
  }
  return BigInt(text);
}

/** Reads any 64-bit number, decimal or 0x hexadecimal. */
export function parseSeed(text: string): bigint {
  if (!/^(?:[0-9]{1,20}|0x[0-9a-f]{1,16})$/i.test(text) || BigInt(text) >= 2n ** 64n) {
    throw new InvalidArgumentError('Write a number below 2^64, decimal or 0x hexadecimal.');
  }
  return BigInt(text);
}

/** `1.5 MiB` */
export function formatSize(sizeBytes: number): string {
  let size = sizeBytes;
  let unit = 0;
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

/** `12 ms`, `3.4 s`, `5m06s`, `2h05m`, `3d04h` */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) return `${durationMs < 10 ? durationMs.toFixed(1) : Math.round(durationMs)} ms`;
  const seconds = durationMs / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h${two((seconds % 3600) / 60)}m`;
  return `${Math.floor(seconds / 86_400)}d${two((seconds % 86_400) / 3600)}h`;
}

/** Reads a positive whole number. */
export function parseCount(text: string): number {
  const count = /^[0-9]{1,9}$/.test(text) ? Number(text) : 0;
  if (count === 0) throw new InvalidArgumentError('Write a whole number above 0.');
  return count;
}

/** Reads `12` (number 12), `-2` (two before the newest), a time (2026-11-21T10:00) or `5m` (as it was so long ago). */
export function parseMoment(text: string): SnapshotMoment {
  if (/^[0-9]{1,9}$/.test(text)) return { kind: 'sequence', sequence: Number(text) };
  if (/^-[0-9]{1,9}$/.test(text)) return { kind: 'back', count: -Number(text) };
  const timeMs = /^[0-9]{4}-/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(timeMs)) return { kind: 'before', timeMs };
  try {
    return { kind: 'before', timeMs: Date.now() - parseDuration(text) };
  } catch {
    throw new InvalidArgumentError('Write a number (12, -1), a time (2026-11-21T10:00:00) or a duration (5m) ago.');
  }
}
