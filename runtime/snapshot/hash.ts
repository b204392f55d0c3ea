// A SHA-256 as 64 lower-case hex digits (in states) and as 32 bytes (in images).

import { assert } from '../base/assert.ts';
import { decodeHex } from '../base/hex.ts';
import type { RecordReader } from './record-reader.ts';
import { hexText } from './value-text.ts';

const HASH_BYTES = 32;

export function encodeHash(hash: string): Uint8Array {
  assert(/^[0-9a-f]{64}$/.test(hash), `SHA-256 "${hash}"`);
  return decodeHex(hash);
}

export function decodeHash(from: RecordReader): string {
  return hexText(from.raw(HASH_BYTES));
}
