// An image in a file or from a pipe, sealed or not.

import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { WvmError } from '../../base/wvm-error.ts';
import { isSealed, SEAL_HEADER_BYTES } from './sealed-layout.ts';
import { type UnsealKeys, unseal } from './unseal.ts';

const PIECE_BYTES: number = 1 << 20;

/**
 * What the image of this path is read from: the path itself if it is not sealed and need not be, which is the fastest; else
 * its bytes, each checked before it comes out.
 */
export function openImageFile(path: string, keys: UnsealKeys): string | AsyncIterable<Uint8Array> {
  const isPlain = keys.secret === undefined && keys.verify === undefined && !isSealed(startOf(path));
  return isPlain ? path : unseal(createReadStream(path, { highWaterMark: PIECE_BYTES }), keys);
}

function startOf(path: string): Uint8Array {
  try {
    const fd = openSync(path, 'r');
    try {
      const start = new Uint8Array(SEAL_HEADER_BYTES);
      return start.subarray(0, readSync(fd, start));
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    throw new WvmError('WVM_FILE', `${path}: cannot be read: ${(cause as Error).message}`, { cause });
  }
}
