// The bytes of a pack file: blocks of chunks, and at the end the index that says what lies where. Integers little-endian.
//
//   header, 16 bytes         block                     index                             footer, 48 bytes
//    0  magic 8               the stored bytes:         0  block count u32                0  index length u64
//    8  version u32 = 1       codec 0: as they are      4  chunk count u32                8  SHA-256 of the index, 32
//   12  reserved u32 = 0      codec 1: a zstd frame     8  for each block, 56 bytes:     40  magic 8
//                                                          0  offset in the file u64
//                                                          8  stored length u32
//                                                         12  length u32
//                                                         16  codec u32
//                                                         20  chunk count u32
//                                                         24  SHA-256 of the stored bytes, 32
//                                                      then for each chunk, in order, 36 bytes:
//                                                          0  SHA-256 of the chunk, 32
//                                                         32  length u32
//
// The name of a pack is the SHA-256 of its index. A block is its chunks one after the other. Blocks follow each other
// without gaps from the header to the index.

import { CHUNK_ID_BYTES, type ChunkId, chunkIdAt, type HexId, hexOf, writeChunkId } from './chunk-id.ts';

export const PACK_HEADER_BYTES = 16;
export const PACK_FOOTER_BYTES = 48;
const PACK_VERSION = 1;
const BLOCK_ENTRY_BYTES = 56;
export const CHUNK_ENTRY_BYTES = 36;
const INDEX_HEAD_BYTES = 8;

// \x89 W V P \r \n ^Z \n and \x89 W V X \r \n ^Z \n
const HEADER_MAGIC = Uint8Array.of(0x89, 0x57, 0x56, 0x50, 0x0d, 0x0a, 0x1a, 0x0a);
const FOOTER_MAGIC = Uint8Array.of(0x89, 0x57, 0x56, 0x58, 0x0d, 0x0a, 0x1a, 0x0a);

export const Codec = { RAW: 0, ZSTD: 1 } as const;
export type Codec = number;

/** Chunks are gathered to blocks up to this size: what is compressed, checked and read as one. */
export const MAX_BLOCK_BYTES: number = 256 * 1024;
export const MAX_BLOCK_CHUNKS = 4096;
/** A longer record is cut into chunks of this size. */
export const MAX_CHUNK_BYTES: number = 128 * 1024;
/** A commit that is larger makes several packs: bounds what a collection rewrites for a few dead chunks. */
export const MAX_PACK_BYTES: number = 64 * 1024 * 1024;

export interface BlockEntry {
  readonly offset: number;
  readonly storedBytes: number;
  readonly sizeBytes: number;
  readonly codec: Codec;
  /** SHA-256 of the stored bytes. */
  readonly digest: ChunkId;
  /** Its chunks, in order. */
  readonly ids: readonly ChunkId[];
  /** Where each begins, and after the last one where the block ends. */
  readonly starts: Uint32Array;
}

/** A block as an index in memory tells of it. Its ids stay there until somebody wants them as strings. */
export class IndexedBlock implements BlockEntry {
  readonly offset: number;
  readonly storedBytes: number;
  readonly sizeBytes: number;
  readonly codec: Codec;
  readonly digest: ChunkId;
  readonly starts: Uint32Array;
  readonly index: Uint8Array;
  /** Of its first chunk in the index. */
  readonly #entriesAt: number;
  #ids: ChunkId[] | undefined;

  /** `at`: of its entry among the blocks; `entriesAt`: of its first chunk. */
  constructor(index: Uint8Array, at: number, entriesAt: number, starts: Uint32Array) {
    const view = viewOf(index);
    this.index = index;
    this.offset = Number(view.getBigUint64(at, true));
    this.storedBytes = view.getUint32(at + 8, true);
    this.sizeBytes = view.getUint32(at + 12, true);
    this.codec = view.getUint32(at + 16, true);
    this.digest = chunkIdAt(index, at + 24);
    this.starts = starts;
    this.#entriesAt = entriesAt;
  }

  get chunkCount(): number {
    return this.starts.length - 1;
  }

  /** Where the id of a chunk is in the index. */
  idAt(chunk: number): number {
    return this.#entriesAt + chunk * CHUNK_ENTRY_BYTES;
  }

  get ids(): readonly ChunkId[] {
    this.#ids ??= Array.from({ length: this.chunkCount }, (_, chunk) => chunkIdAt(this.index, this.idAt(chunk)));
    return this.#ids;
  }
}

export function encodePackHeader(): Uint8Array {
  const bytes = new Uint8Array(PACK_HEADER_BYTES);
  bytes.set(HEADER_MAGIC);
  new DataView(bytes.buffer).setUint32(8, PACK_VERSION, true);
  return bytes;
}

/** Undefined, or what is wrong. */
export function packHeaderProblem(bytes: Uint8Array): string | undefined {
  if (bytes.length < PACK_HEADER_BYTES || !startsWith(bytes, 0, HEADER_MAGIC)) return 'not a pack file';
  const view = viewOf(bytes);
  if (view.getUint32(8, true) !== PACK_VERSION) return `pack version ${view.getUint32(8, true)}`;
  return view.getUint32(12, true) === 0 ? undefined : 'reserved field is not 0';
}

export function encodePackIndex(blocks: readonly BlockEntry[]): Uint8Array {
  let chunkCount = 0;
  for (const { ids } of blocks) chunkCount += ids.length;
  const bytes = new Uint8Array(INDEX_HEAD_BYTES + blocks.length * BLOCK_ENTRY_BYTES + chunkCount * CHUNK_ENTRY_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, blocks.length, true);
  view.setUint32(4, chunkCount, true);
  let at = INDEX_HEAD_BYTES;
  for (const block of blocks) {
    view.setBigUint64(at, BigInt(block.offset), true);
    view.setUint32(at + 8, block.storedBytes, true);
    view.setUint32(at + 12, block.sizeBytes, true);
    view.setUint32(at + 16, block.codec, true);
    view.setUint32(at + 20, block.ids.length, true);
    writeChunkId(block.digest, bytes, at + 24);
    at += BLOCK_ENTRY_BYTES;
  }
  for (const { ids, starts } of blocks) {
    for (const [i, id] of ids.entries()) {
      writeChunkId(id, bytes, at);
      view.setUint32(at + CHUNK_ID_BYTES, starts[i + 1]! - starts[i]!, true);
      at += CHUNK_ENTRY_BYTES;
    }
  }
  return bytes;
}

export function encodePackFooter(indexBytes: number, digest: ChunkId): Uint8Array {
  const bytes = new Uint8Array(PACK_FOOTER_BYTES);
  viewOf(bytes).setBigUint64(0, BigInt(indexBytes), true);
  writeChunkId(digest, bytes, 8);
  bytes.set(FOOTER_MAGIC, 40);
  return bytes;
}

/** What a footer says: the length of the index, and its digest, the name of the pack. Undefined if it is none. */
export function decodePackFooter(footer: Uint8Array): { indexBytes: number; name: HexId } | undefined {
  if (footer.length !== PACK_FOOTER_BYTES || !startsWith(footer, 40, FOOTER_MAGIC)) return undefined;
  const indexBytes = viewOf(footer).getBigUint64(0, true);
  if (indexBytes > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  return { indexBytes: Number(indexBytes), name: hexOf(chunkIdAt(footer, 8)) };
}

/** The blocks of an index that has the digest its pack is named after. A string says what is wrong all the same. */
export function decodePackIndex(bytes: Uint8Array, fileBytes: number): IndexedBlock[] | string {
  if (bytes.length < INDEX_HEAD_BYTES) return `index of ${bytes.length} bytes`;
  const view = viewOf(bytes);
  const blockCount = view.getUint32(0, true);
  const chunkCount = view.getUint32(4, true);
  const expected = INDEX_HEAD_BYTES + blockCount * BLOCK_ENTRY_BYTES + chunkCount * CHUNK_ENTRY_BYTES;
  if (expected !== bytes.length) return `index of ${bytes.length} bytes, not ${expected}`;
  const blocks: IndexedBlock[] = [];
  let chunkAt = INDEX_HEAD_BYTES + blockCount * BLOCK_ENTRY_BYTES;
  let offset = PACK_HEADER_BYTES;
  for (let k = 0; k < blockCount; k++) {
    const at = INDEX_HEAD_BYTES + k * BLOCK_ENTRY_BYTES;
    const storedBytes = view.getUint32(at + 8, true);
    const sizeBytes = view.getUint32(at + 12, true);
    const codec = view.getUint32(at + 16, true);
    const count = view.getUint32(at + 20, true);
    if (view.getBigUint64(at, true) !== BigInt(offset)) return `block ${k} does not begin at ${offset}`;
    if (codec > Codec.ZSTD || (codec === Codec.RAW && storedBytes !== sizeBytes))
      return `block ${k} has codec ${codec}`;
    if (sizeBytes > MAX_BLOCK_BYTES || count > MAX_BLOCK_CHUNKS)
      return `block ${k}: ${count} chunks, ${sizeBytes} bytes`;
    if (chunkAt + count * CHUNK_ENTRY_BYTES > bytes.length) return `block ${k} has ${count} chunks`;
    const entriesAt = chunkAt;
    const starts = new Uint32Array(count + 1);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      sum += view.getUint32(chunkAt + CHUNK_ID_BYTES, true);
      starts[i + 1] = sum;
      chunkAt += CHUNK_ENTRY_BYTES;
    }
    if (sum !== sizeBytes) return `block ${k}: chunks of ${sum} bytes in ${sizeBytes}`;
    blocks.push(new IndexedBlock(bytes, at, entriesAt, starts));
    offset += storedBytes;
  }
  if (chunkAt !== bytes.length) return 'chunks of no block';
  const end = offset + bytes.length + PACK_FOOTER_BYTES;
  return end === fileBytes ? blocks : `${fileBytes} bytes, not ${end}`;
}

function startsWith(bytes: Uint8Array, offset: number, magic: Uint8Array): boolean {
  return magic.every((byte, i) => bytes[offset + i] === byte);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
