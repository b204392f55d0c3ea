// Chunks out of packs. What is read from a file is held against the SHA-256 of its block before anything else is done with
// it; a pack that a collection has meanwhile put elsewhere is looked up again.
//
// One block is read once for all the chunks wanted of it: readEach() goes through the packs in the order of the files.

import { corrupt } from './bad-store.ts';
import type { Catalog, ChunkPlace, Pack } from './catalog.ts';
import type { ChunkId } from './chunk-id.ts';
import type { BlockEntry } from './pack-layout.ts';
import { Codec } from './pack-layout.ts';
import type { StorePorts } from './ports.ts';

/** Blocks that are kept because more of them may be wanted soon: 16 MiB. */
const CACHED_BLOCKS = 64;
/** Blocks that are read ahead while one is taken apart. */
const AHEAD_BLOCKS = 4;

export interface ChunkBytes {
  readonly id: ChunkId;
  readonly bytes: Uint8Array;
}

export class ChunkReader {
  readonly #ports: Pick<StorePorts, 'files' | 'codec' | 'digest'>;
  readonly #catalog: Catalog;
  /** The least recently used first. */
  readonly #cache: Map<BlockEntry, Promise<Uint8Array>> = new Map();

  constructor(ports: Pick<StorePorts, 'files' | 'codec' | 'digest'>, catalog: Catalog) {
    this.#ports = ports;
    this.#catalog = catalog;
  }

  /** Valid for as long as the caller likes; not to be written to. */
  async read(id: ChunkId): Promise<Uint8Array> {
    const place = await this.#placeOf(id);
    const block = await this.#cached(place.pack, place.block);
    return block.subarray(place.offset, place.offset + place.sizeBytes);
  }

  /** Every chunk of `ids` once, block by block, in whatever order costs least. The bytes are not to be written to. */
  async *readEach(ids: Iterable<ChunkId>): AsyncGenerator<readonly ChunkBytes[], void, undefined> {
    const wanted = await this.#byBlock(ids);
    const ahead: Promise<Uint8Array>[] = [];
    const start = (k: number): void => {
      if (k >= wanted.length) return;
      const read = this.#cached(wanted[k]!.pack, wanted[k]!.block);
      // It may fail before its turn comes.
      read.catch(() => {});
      ahead.push(read);
    };
    for (let k = 0; k < AHEAD_BLOCKS; k++) start(k);
    for (const [k, { block, ids: inBlock }] of wanted.entries()) {
      const bytes = await ahead.shift()!;
      start(k + AHEAD_BLOCKS);
      const found: ChunkBytes[] = [];
      let offset = 0;
      for (const { id, sizeBytes } of block.chunks) {
        if (inBlock.delete(id)) found.push({ id, bytes: bytes.subarray(offset, offset + sizeBytes) });
        offset += sizeBytes;
      }
      yield found;
    }
  }

  async #byBlock(ids: Iterable<ChunkId>): Promise<{ pack: Pack; block: BlockEntry; ids: Set<ChunkId> }[]> {
    const blocks = new Map<BlockEntry, { pack: Pack; block: BlockEntry; ids: Set<ChunkId> }>();
    for (const id of ids) {
      const { pack, block } = this.#catalog.find(id) ?? (await this.#placeOf(id));
      const entry = blocks.get(block);
      if (entry === undefined) blocks.set(block, { pack, block, ids: new Set([id]) });
      else entry.ids.add(id);
    }
    return [...blocks.values()].sort((a, b) =>
      a.pack === b.pack ? a.block.offset - b.block.offset : a.pack.name < b.pack.name ? -1 : 1,
    );
  }

  async #placeOf(id: ChunkId): Promise<ChunkPlace> {
    let place = this.#catalog.find(id);
    if (place === undefined) {
      await this.#catalog.refresh();
      place = this.#catalog.find(id);
    }
    if (place === undefined) throw corrupt(`chunk ${id}`, 'is missing');
    return place;
  }

  #cached(pack: Pack, block: BlockEntry): Promise<Uint8Array> {
    let bytes = this.#cache.get(block);
    if (bytes === undefined) {
      bytes = readBlock(this.#ports, pack.name, block);
      bytes.catch(() => this.#cache.delete(block));
    } else {
      this.#cache.delete(block);
    }
    this.#cache.set(block, bytes);
    if (this.#cache.size > CACHED_BLOCKS) this.#cache.delete(this.#cache.keys().next().value!);
    return bytes;
  }
}

/** The chunks of a block, one after the other; checked. */
export async function readBlock(
  ports: Pick<StorePorts, 'files' | 'codec' | 'digest'>,
  packName: string,
  block: BlockEntry,
): Promise<Uint8Array> {
  const place = `pack ${packName.slice(0, 16)} at ${block.offset}`;
  const stored = await ports.files.readPart('packs', packName, block.offset, block.storedBytes);
  if (stored === undefined) throw corrupt(place, 'the pack is gone');
  if (stored.length !== block.storedBytes) throw corrupt(place, 'the pack ends here');
  if (ports.digest(stored) !== block.digest) throw corrupt(place, 'the block has another SHA-256 than the index says');
  if (block.codec === Codec.RAW) return stored;
  let bytes: Uint8Array;
  try {
    bytes = await ports.codec.decompress(stored, block.sizeBytes);
  } catch (cause) {
    throw corrupt(place, 'the block cannot be decompressed', cause);
  }
  if (bytes.length !== block.sizeBytes) throw corrupt(place, `${bytes.length} bytes, not ${block.sizeBytes}`);
  return bytes;
}
