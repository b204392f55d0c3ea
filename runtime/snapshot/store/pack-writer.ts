// Chunks -> the bytes of packs. Chunks are gathered to blocks; a block is compressed while the next one is gathered, and
// stored as it is if that saves less than a sixteenth; of a large one a sample tells first whether it is worth trying. A few blocks are in memory at a time, however fast the chunks come and
// however slowly the disk takes them.
//
// Pages and everything else (nodes, records) lie in blocks of their own: who walks the trees or lists snapshots
// need not read pages.

import { assert } from '../../base/assert.ts';
import { type ChunkId, type HexId, hexOf } from './chunk-id.ts';
import {
  type BlockEntry,
  Codec,
  decodePackIndex,
  encodePackFooter,
  encodePackHeader,
  encodePackIndex,
  type IndexedBlock,
  MAX_BLOCK_BYTES,
  MAX_BLOCK_CHUNKS,
  MAX_PACK_BYTES,
  PACK_FOOTER_BYTES,
  PACK_HEADER_BYTES,
} from './pack-layout.ts';
import type { PreparedFile, StorePorts } from './ports.ts';

/** Of a block so many pieces of this length, evenly spread, are compressed together to see whether it gets smaller at all. */
const SAMPLES = 16;
const SAMPLE_BYTES = 1024;
/** Short pieces compress worse than the whole: if one part in so many is saved, the whole is tried. */
const WORTH_TRYING = 64;

/** A chunk on its way into a pack. The bytes are read before the next list of them is asked for. */
export interface NewChunk {
  readonly id: ChunkId;
  readonly bytes: Uint8Array;
  readonly isPage: boolean;
}

export interface WrittenPack {
  readonly name: HexId;
  readonly blocks: readonly IndexedBlock[];
  readonly fileBytes: number;
}

/** A pack whose bytes are with the disk. publish() gives it its place in the store. */
export interface PreparedPack extends PreparedFile {
  readonly pack: WrittenPack;
}

/** Writes everything that `chunks` gives to one pack or several, none of which is in the store yet. */
export async function preparePacks(
  ports: StorePorts,
  chunks: AsyncIterable<readonly NewChunk[]>,
): Promise<PreparedPack[]> {
  const source = new Upcoming(chunks);
  const prepared: PreparedPack[] = [];
  try {
    while ((await source.peek()) !== undefined) {
      const pack = new PackBytes(ports, source);
      const file = await ports.files.prepare('packs', pack.bytes());
      prepared.push({ pack: pack.result(), publish: file.publish, discard: file.discard });
    }
    return prepared;
  } catch (error) {
    for (const { discard } of prepared) await discard();
    throw error;
  } finally {
    await source.close();
  }
}

/** The same, and they are in the store, durably, when this resolves. */
export async function writePacks(
  ports: StorePorts,
  chunks: AsyncIterable<readonly NewChunk[]>,
): Promise<WrittenPack[]> {
  const prepared = await preparePacks(ports, chunks);
  await publishPacks(prepared);
  return prepared.map(({ pack }) => pack);
}

/** All or, if one fails, as many as it takes to fail: packs without a snapshot are garbage. */
export async function publishPacks(prepared: readonly PreparedPack[]): Promise<void> {
  for (const [k, { pack, publish }] of prepared.entries()) {
    try {
      await publish(pack.name);
    } catch (error) {
      for (const { discard } of prepared.slice(k + 1)) await discard();
      throw error;
    }
  }
}

/** Lists of chunks as one sequence whose next element can be looked at. */
class Upcoming {
  readonly #source: AsyncIterator<readonly NewChunk[]>;
  #list: readonly NewChunk[] = [];
  #at = 0;
  #ended = false;

  constructor(source: AsyncIterable<readonly NewChunk[]>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next one, if it is here already. */
  get current(): NewChunk | undefined {
    return this.#list[this.#at];
  }

  async peek(): Promise<NewChunk | undefined> {
    while (this.#at === this.#list.length && !this.#ended) {
      const { done, value } = await this.#source.next();
      this.#ended = done === true;
      this.#list = done ? [] : value;
      this.#at = 0;
    }
    return this.#list[this.#at];
  }

  /** The current one is done with. */
  drop(): void {
    this.#at++;
  }

  async close(): Promise<void> {
    if (!this.#ended) await this.#source.return?.();
  }
}

interface SealedBlock extends Omit<BlockEntry, 'offset' | 'storedBytes'> {
  readonly stored: Uint8Array;
  /** Free when the block is written. */
  readonly room: Uint8Array;
}

class PackBytes {
  readonly #ports: StorePorts;
  readonly #source: Upcoming;
  readonly #blocks: BlockEntry[] = [];
  /** Room of blocks that have been written. */
  readonly #free: Uint8Array[] = [];
  /** Room for samples. */
  readonly #samples: Uint8Array[] = [];
  #offset = PACK_HEADER_BYTES;
  #result: WrittenPack | undefined;

  constructor(ports: StorePorts, source: Upcoming) {
    this.#ports = ports;
    this.#source = source;
  }

  result(): WrittenPack {
    assert(this.#result !== undefined, 'the pack is complete');
    return this.#result;
  }

  async *bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    yield encodePackHeader();
    for await (const { stored, room, ...rest } of this.#sealed()) {
      yield stored;
      this.#blocks.push({ ...rest, offset: this.#offset, storedBytes: stored.length });
      this.#offset += stored.length;
      if (room.length === MAX_BLOCK_BYTES) this.#free.push(room);
    }
    const index = encodePackIndex(this.#blocks);
    yield index;
    const digest = this.#ports.digest(index);
    yield encodePackFooter(index.length, digest);
    const fileBytes = this.#offset + index.length + PACK_FOOTER_BYTES;
    const blocks = decodePackIndex(index, fileBytes);
    assert(typeof blocks !== 'string', `the index of the pack: ${blocks}`);
    this.#result = { name: hexOf(digest), blocks, fileBytes };
  }

  /** One block is always being compressed while the next is gathered. */
  async *#sealed(): AsyncGenerator<SealedBlock, void, undefined> {
    let pending: Promise<SealedBlock> | undefined;
    for await (const block of this.#gathered()) {
      const next = this.#seal(block);
      // It may fail while the one before it is still being written.
      next.catch(() => {});
      if (pending !== undefined) yield await pending;
      pending = next;
    }
    if (pending !== undefined) yield await pending;
  }

  async #seal({ ids, room, bytes, starts }: OpenBlock): Promise<SealedBlock> {
    const compressed = await this.#compressed(bytes);
    const [stored, codec] = compressed === undefined ? [bytes, Codec.RAW] : [compressed, Codec.ZSTD];
    const digest = this.#ports.digest(stored);
    return { stored, digest, room, codec, sizeBytes: bytes.length, ids, starts: Uint32Array.from(starts) };
  }

  /** Undefined if it is not worth it. */
  async #compressed(bytes: Uint8Array): Promise<Uint8Array | undefined> {
    const { codec } = this.#ports;
    if (bytes.length >= 4 * SAMPLES * SAMPLE_BYTES) {
      const sample = this.#samples.pop() ?? new Uint8Array(SAMPLES * SAMPLE_BYTES);
      takeSample(bytes, sample);
      const { length } = await codec.compress(sample);
      this.#samples.push(sample);
      if (length > sample.length - sample.length / WORTH_TRYING) return undefined;
    }
    const compressed = await codec.compress(bytes);
    return compressed.length < bytes.length - bytes.length / 16 ? compressed : undefined;
  }

  /** Blocks of one kind as they fill; what is open at the end comes last, pages first. */
  async *#gathered(): AsyncGenerator<OpenBlock, void, undefined> {
    const open: [OpenBlock, OpenBlock] = [new OpenBlock(undefined), new OpenBlock(undefined)];
    let packBytes = 0;
    while (packBytes < MAX_PACK_BYTES) {
      const chunk = this.#source.current ?? (await this.#source.peek());
      if (chunk === undefined) break;
      const which = chunk.isPage ? 0 : 1;
      if (!open[which].fits(chunk.bytes.length)) {
        yield open[which];
        open[which] = new OpenBlock(this.#free.pop());
      } else {
        open[which].add(chunk.id, chunk.bytes);
        packBytes += chunk.bytes.length;
        this.#source.drop();
      }
    }
    for (const block of open) if (block.ids.length > 0) yield block;
  }
}

function takeSample(bytes: Uint8Array, sample: Uint8Array): void {
  const step = Math.floor(bytes.length / SAMPLES);
  for (let k = 0; k < SAMPLES; k++) {
    sample.set(bytes.subarray(k * step, k * step + SAMPLE_BYTES), k * SAMPLE_BYTES);
  }
}

class OpenBlock {
  readonly ids: ChunkId[] = [];
  readonly starts: number[] = [0];
  room: Uint8Array;
  #sizeBytes = 0;

  constructor(room: Uint8Array = new Uint8Array(16 * 1024)) {
    this.room = room;
  }

  get bytes(): Uint8Array {
    return this.room.subarray(0, this.#sizeBytes);
  }

  fits(sizeBytes: number): boolean {
    return this.#sizeBytes + sizeBytes <= MAX_BLOCK_BYTES && this.ids.length < MAX_BLOCK_CHUNKS;
  }

  add(id: ChunkId, bytes: Uint8Array): void {
    const end = this.#sizeBytes + bytes.length;
    if (end > this.room.length) {
      const grown = new Uint8Array(Math.min(MAX_BLOCK_BYTES, Math.max(end, this.room.length * 4)));
      grown.set(this.bytes);
      this.room = grown;
    }
    this.room.set(bytes, this.#sizeBytes);
    this.#sizeBytes = end;
    this.ids.push(id);
    this.starts.push(end);
  }
}
