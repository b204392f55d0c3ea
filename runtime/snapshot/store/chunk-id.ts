// The name of a chunk: the SHA-256 of its bytes. In memory a string of 32 characters, one for each byte, which is the
// fastest key of a Map that there is; in files 32 bytes. Snapshots and packs have it in hexadecimal as their names.

declare const chunkBrand: unique symbol;
export type ChunkId = string & { readonly [chunkBrand]: 'ChunkId' };

declare const hexBrand: unique symbol;
/** 64 lower-case hexadecimal digits. */
export type HexId = string & { readonly [hexBrand]: 'HexId' };

export const CHUNK_ID_BYTES = 32;

const pairs: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Written out: 32 arguments make a flat string at once, three times as fast as any loop. */
export function chunkIdAt(b: Uint8Array, at: number): ChunkId {
  // biome-ignore format: four rows of eight
  return String.fromCharCode(
    b[at]!, b[at + 1]!, b[at + 2]!, b[at + 3]!, b[at + 4]!, b[at + 5]!, b[at + 6]!, b[at + 7]!,
    b[at + 8]!, b[at + 9]!, b[at + 10]!, b[at + 11]!, b[at + 12]!, b[at + 13]!, b[at + 14]!, b[at + 15]!,
    b[at + 16]!, b[at + 17]!, b[at + 18]!, b[at + 19]!, b[at + 20]!, b[at + 21]!, b[at + 22]!, b[at + 23]!,
    b[at + 24]!, b[at + 25]!, b[at + 26]!, b[at + 27]!, b[at + 28]!, b[at + 29]!, b[at + 30]!, b[at + 31]!,
  ) as ChunkId;
}

export function writeChunkId(id: ChunkId, bytes: Uint8Array, offset: number): void {
  for (let i = 0; i < CHUNK_ID_BYTES; i++) bytes[offset + i] = id.charCodeAt(i);
}

export function hexOf(id: ChunkId): HexId {
  let text = '';
  for (let i = 0; i < CHUNK_ID_BYTES; i++) text += pairs[id.charCodeAt(i)]!;
  return text as HexId;
}

export function isHexId(text: string): text is HexId {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Enough for people. */
export function shortHex(id: ChunkId): string {
  return hexOf(id).slice(0, 16);
}
