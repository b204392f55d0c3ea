// Checks of values that come out of an image: everything is unknown until one of these has looked at it. Each throws
// WVM_IMAGE_BAD_RECORD with the place ("kernel: processes[0].fds[2].rights: ..."), and counts are bounded, so a hostile
// record costs neither memory nor time.

import { WvmError } from '../base/wvm-error.ts';

export const INT64_MAX: bigint = 2n ** 63n - 1n;
export const UINT64_MAX: bigint = 2n ** 64n - 1n;

/** Refuses the record. */
export function badRecord(where: string, what: string): never {
  throw new WvmError('WVM_IMAGE_BAD_RECORD', `kernel: ${where}: ${what}`);
}

/** A plain object, to be read field by field. */
export function checkRecord<T extends object>(value: T, where: string): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) badRecord(where, 'not a record');
  return value;
}

export function checkArray<T>(value: readonly T[], maxCount: number, where: string): readonly T[] {
  if (!Array.isArray(value)) badRecord(where, 'not an array');
  if (value.length > maxCount) badRecord(where, `${value.length} entries, at most ${maxCount}`);
  return value;
}

export function checkInteger(value: number, min: number, max: number, where: string): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    badRecord(where, `${String(value)} is not an integer from ${min} to ${max}`);
  }
  return value;
}

export function checkBigint(value: bigint, min: bigint, max: bigint, where: string): bigint {
  if (typeof value !== 'bigint' || value < min || value > max) {
    badRecord(where, `${String(value)} is not an integer from ${min} to ${max}`);
  }
  return value;
}

export function checkBoolean(value: boolean, where: string): boolean {
  if (typeof value !== 'boolean') badRecord(where, `${String(value)} is not a boolean`);
  return value;
}

export function checkString(value: string, maxLength: number, where: string): string {
  if (typeof value !== 'string') badRecord(where, 'not a string');
  if (value.length > maxLength) badRecord(where, `a string of ${value.length}, at most ${maxLength}`);
  return value;
}
