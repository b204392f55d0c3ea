// zstd of node:zlib, on its threads: the guest and the event loop go on meanwhile.

import { promisify } from 'node:util';
import { constants, zstdCompress, zstdDecompress } from 'node:zlib';
import type { StoreCodec } from '../../snapshot/store/ports.ts';

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);
/** The fastest of the standard levels; RATIONALE.md, "What is a chunk?", has the figures. */
const LEVEL = 1;

export const zstdCodec: StoreCodec = {
  compress: (bytes) => compress(bytes, { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } }),
  decompress: (bytes, sizeBytes) => decompress(bytes, { maxOutputLength: sizeBytes }),
};
