// Limits, table types and global types, which imports and definitions share.
//
//   limits   flags, min, max if flag 1, log2 of the page size if flag 8
//   flags    1 has a maximum, 2 shared, 4 addresses are i64, 8 custom page size (memories only)

import type { GlobalType, Limits, TableType } from './module.ts';
import type { Reader } from './reader.ts';
import { readRefType, readValType, type Uncapturable } from './value-types.ts';

export const LIMITS_HAS_MAX = 1;
export const LIMITS_SHARED = 2;
export const LIMITS_IS_64 = 4;
export const LIMITS_PAGE_SIZE = 8;
/** 64 KiB. */
export const DEFAULT_PAGE_SIZE_LOG2 = 16;

export function readLimits(reader: Reader, of: 'memory' | 'table'): Limits {
  const at = reader.position;
  const flags = reader.u8();
  if (flags > (of === 'memory' ? 0xf : 0x7)) reader.fail(`0x${flags.toString(16)} are not limits of a ${of}`, at);
  const is64 = (flags & LIMITS_IS_64) !== 0;
  const min = is64 ? reader.u64() : BigInt(reader.u32());
  const max = (flags & LIMITS_HAS_MAX) === 0 ? undefined : is64 ? reader.u64() : BigInt(reader.u32());
  if (max !== undefined && max < min) reader.fail(`${of} of at least ${min} and at most ${max}`, at);
  const shared = (flags & LIMITS_SHARED) !== 0;
  if (shared && max === undefined) reader.fail(`shared ${of} without a maximum`, at);
  let pageSizeLog2 = DEFAULT_PAGE_SIZE_LOG2;
  if ((flags & LIMITS_PAGE_SIZE) !== 0) {
    pageSizeLog2 = reader.u32();
    if (pageSizeLog2 > 64) reader.fail(`page size of 2^${pageSizeLog2} bytes`, at);
  }
  return { min, max, shared, is64, pageSizeLog2 };
}

export function readTableType(reader: Reader, uncapturable: Uncapturable): TableType {
  const element = readRefType(reader, uncapturable);
  return { element, limits: readLimits(reader, 'table') };
}

export function readGlobalType(reader: Reader, uncapturable: Uncapturable): GlobalType {
  const type = readValType(reader, uncapturable);
  const mutability = reader.u8();
  if (mutability > 1) reader.fail(`0x${mutability.toString(16)} is not a mutability`, reader.position - 1);
  return { type, mutable: mutability === 1 };
}
