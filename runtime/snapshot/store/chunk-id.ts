// The name of a chunk: the SHA-256 of its bytes, as 64 lower-case hexadecimal digits in memory and as 32 bytes in files.

declare const brand: unique symbol;
export type ChunkId = string & { readonly [brand]: 'ChunkId' };

export const CHUNK_ID_BYTES = 32;

const pairs: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function chunkIdAt(bytes: Uint8Array, offset: number): ChunkId {
  let text = '';
  for (let i = offset; i < offset + CHUNK_ID_BYTES; i++) text += pairs[bytes[i]!]!;
  return text as ChunkId;
}

export function writeChunkId(id: ChunkId, bytes: Uint8Array, offset: number): void {
  for (let i = 0; i < CHUNK_ID_BYTES; i++) {
    bytes[offset + i] = (nibble(id.charCodeAt(i * 2)) << 4) | nibble(id.charCodeAt(i * 2 + 1));
  }
}

/** Of a character 0-9 or a-f. */
function nibble(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}

export function isChunkId(text: string): text is ChunkId {
  return /^[0-9a-f]{64}$/.test(text);
}
