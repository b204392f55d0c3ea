// zstd of node:zlib, on its threads: the guest and the event loop go on meanwhile.

import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import type { StoreCodec } from '../../snapshot/store/ports.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);
/** The fastest of the standard levels; RATIONALE.md, "What is a chunk?", has the figures. */
const params = { [constants.ZSTD_c_compressionLevel]: 1 };
/** What node:zlib asks for at least. */
const MIN_CHUNK_BYTES = 64;

/** The result comes in one piece if it fits into one: it is not copied together. */
function outputBytes(sizeBytes: number): number {
  return sizeBytes + (sizeBytes >>> 6) + 512;
}

export const zstdCodec: StoreCodec = {
  compress: (bytes) => compress(bytes, { params, chunkSize: outputBytes(bytes.length) }),
  decompress: (bytes, sizeBytes) =>
    decompress(bytes, { maxOutputLength: sizeBytes, chunkSize: Math.max(MIN_CHUNK_BYTES, sizeBytes) }),
};
