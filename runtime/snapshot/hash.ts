// A SHA-256 as 64 lower-case hex digits (in states) and as 32 bytes (in images).

import { assert } from '../base/assert.ts';
import type { RecordReader } from './record-reader.ts';
import { hexText } from './value-text.ts';

const HASH_BYTES = 32;

export function encodeHash(hash: string): Uint8Array {
  assert(/^[0-9a-f]{64}$/.test(hash), `SHA-256 "${hash}"`);
  const bytes = new Uint8Array(HASH_BYTES);
  for (let i = 0; i < HASH_BYTES; i++) bytes[i] = Number.parseInt(hash.slice(i * 2, i * 2 + 2), 16);
  return bytes;
}

export function decodeHash(from: RecordReader): string {
  return hexText(from.raw(HASH_BYTES));
}
