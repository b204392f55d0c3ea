// Chunks -> the bytes of packs. Chunks are gathered to blocks; a block is compressed while the next one is gathered, and
// stored as it is if that saves less than a sixteenth. At most three blocks are in memory at a time, however fast
// the chunks come and however slowly the disk takes them.
//
// Pages and everything else (nodes, records) lie in blocks of their own: who walks the trees or lists snapshots
// need not read pages.

import { assert } from '../../base/assert.ts';
import type { ChunkId } from './chunk-id.ts';
import {
  type BlockEntry,
  type ChunkEntry,
  Codec,
  encodePackFooter,
  encodePackHeader,
  encodePackIndex,
  MAX_BLOCK_BYTES,
  MAX_BLOCK_CHUNKS,
  MAX_PACK_BYTES,
  PACK_FOOTER_BYTES,
  PACK_HEADER_BYTES,
} from './pack-layout.ts';
import type { StorePorts } from './ports.ts';

/** A chunk on its way into a pack. The bytes are read before the next one is asked for. */
export interface NewChunk {
  readonly id: ChunkId;
  readonly bytes: Uint8Array;
  readonly isPage: boolean;
}

export interface WrittenPack {
  readonly name: ChunkId;
  readonly blocks: readonly BlockEntry[];
  readonly fileBytes: number;
}

/** Writes everything that `chunks` gives, in one pack or several, and calls `written` for each when it is durable. */
export async function writePacks(
  ports: StorePorts,
  chunks: AsyncIterable<NewChunk>,
  written: (pack: WrittenPack) => void,
): Promise<void> {
  const source = new Upcoming(chunks);
  try {
    while ((await source.peek()) !== undefined) {
      const pack = new PackBytes(ports, source);
      await ports.files.write('packs', pack.bytes(), () => pack.result().name);
      written(pack.result());
    }
  } finally {
    await source.close();
  }
}

/** A sequence whose next element can be looked at. */
class Upcoming {
  readonly #source: AsyncIterator<NewChunk>;
  #next: NewChunk | undefined;
  #ended = false;

  constructor(source: AsyncIterable<NewChunk>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async peek(): Promise<NewChunk | undefined> {
    if (this.#next === undefined && !this.#ended) {
      const { done, value } = await this.#source.next();
      if (done) this.#ended = true;
      else this.#next = value;
    }
    return this.#next;
  }

  /** The one that peek() has shown is done with. */
  drop(): void {
    this.#next = undefined;
  }

  async close(): Promise<void> {
    if (!this.#ended) await this.#source.return?.();
  }
}

interface SealedBlock {
  readonly stored: Uint8Array;
  readonly codec: Codec;
  readonly sizeBytes: number;
  readonly chunks: readonly ChunkEntry[];
}

class PackBytes {
  readonly #ports: StorePorts;
  readonly #source: Upcoming;
  readonly #blocks: BlockEntry[] = [];
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
    for await (const block of this.#sealed()) {
      yield block.stored;
      const { stored, ...rest } = block;
      const digest = this.#ports.digest(stored);
      this.#blocks.push({ ...rest, offset: this.#offset, storedBytes: stored.length, digest });
      this.#offset += stored.length;
    }
    const index = encodePackIndex(this.#blocks);
    yield index;
    const name = this.#ports.digest(index);
    yield encodePackFooter(index.length, name);
    const fileBytes = this.#offset + index.length + PACK_FOOTER_BYTES;
    this.#result = { name, blocks: this.#blocks, fileBytes };
  }

  /** One block is always being compressed while the next is gathered. */
  async *#sealed(): AsyncGenerator<SealedBlock, void, undefined> {
    let pending: Promise<SealedBlock> | undefined;
    for await (const { bytes, chunks } of this.#gathered()) {
      const next = this.#seal(bytes, chunks);
      // It may fail while the one before it is still being written.
      next.catch(() => {});
      if (pending !== undefined) yield await pending;
      pending = next;
    }
    if (pending !== undefined) yield await pending;
  }

  async #seal(bytes: Uint8Array, chunks: readonly ChunkEntry[]): Promise<SealedBlock> {
    const compressed = await this.#ports.codec.compress(bytes);
    const saves = compressed.length < bytes.length - bytes.length / 16;
    const [stored, codec] = saves ? [compressed, Codec.ZSTD] : [bytes, Codec.RAW];
    return { stored, codec, sizeBytes: bytes.length, chunks };
  }

  /** Blocks of pages as they fill; the chunks of the other kind fill a block meanwhile, and come when it is full. */
  async *#gathered(): AsyncGenerator<OpenBlock, void, undefined> {
    const open: [OpenBlock, OpenBlock] = [new OpenBlock(), new OpenBlock()];
    let chunk = await this.#source.peek();
    let packBytes = 0;
    while (chunk !== undefined && packBytes < MAX_PACK_BYTES) {
      const which = chunk.isPage ? 0 : 1;
      if (!open[which].fits(chunk.bytes.length)) {
        yield open[which];
        open[which] = new OpenBlock();
      } else {
        open[which].add(chunk.id, chunk.bytes);
        packBytes += chunk.bytes.length;
        this.#source.drop();
        chunk = await this.#source.peek();
      }
    }
    for (const block of open) if (block.chunks.length > 0) yield block;
  }
}

class OpenBlock {
  readonly chunks: ChunkEntry[] = [];
  #room = new Uint8Array(16 * 1024);
  #sizeBytes = 0;

  get bytes(): Uint8Array {
    return this.#room.subarray(0, this.#sizeBytes);
  }

  fits(sizeBytes: number): boolean {
    return this.#sizeBytes + sizeBytes <= MAX_BLOCK_BYTES && this.chunks.length < MAX_BLOCK_CHUNKS;
  }

  add(id: ChunkId, bytes: Uint8Array): void {
    const end = this.#sizeBytes + bytes.length;
    if (end > this.#room.length) {
      const grown = new Uint8Array(Math.min(MAX_BLOCK_BYTES, Math.max(end, this.#room.length * 4)));
      grown.set(this.bytes);
      this.#room = grown;
    }
    this.#room.set(bytes, this.#sizeBytes);
    this.#sizeBytes = end;
    this.chunks.push({ id, sizeBytes: bytes.length });
  }
}
