// Chunks out of packs. What is read from a file is held against the SHA-256 of its block before anything else is done with
// it; a pack that a collection has meanwhile put elsewhere is looked up again.
//
// readBlocks() reads a block once for all the chunks wanted of it.

import { PAGE_BYTES } from '../page-scanner.ts';
import { corrupt } from './bad-store.ts';
import type { Catalog, ChunkPlace, Pack } from './catalog.ts';
import { type ChunkId, chunkIdAt, hexOf } from './chunk-id.ts';
import type { BlockEntry, IndexedBlock } from './pack-layout.ts';
import { Codec, MAX_BLOCK_BYTES } from './pack-layout.ts';
import type { AsideReader, StoreFiles, StorePorts } from './ports.ts';

/** Blocks that are kept because more of them may be wanted soon: 16 MiB. */
const CACHED_BLOCKS = 64;
/** Blocks that are read ahead while one is taken apart. */
const AHEAD_BLOCKS = 4;

export type ReadPorts = Pick<StorePorts, 'files' | 'codec' | 'digest' | 'nextTurn'>;

export interface PlacedBlock {
  readonly pack: Pack;
  readonly block: IndexedBlock;
}

export function inFileOrder(a: PlacedBlock, b: PlacedBlock): number {
  return a.pack === b.pack ? a.block.offset - b.block.offset : a.pack.name < b.pack.name ? -1 : 1;
}

export class ChunkReader {
  readonly #ports: ReadPorts;
  readonly #catalog: Catalog;
  /** The oldest first. Promises while they are being read. */
  readonly #cache: Map<IndexedBlock, Uint8Array | Promise<Uint8Array>> = new Map();

  constructor(ports: ReadPorts, catalog: Catalog) {
    this.#ports = ports;
    this.#catalog = catalog;
  }

  /** Valid for as long as the caller likes; not to be written to. No promise if its block is here already. */
  read(id: ChunkId): Uint8Array | Promise<Uint8Array> {
    const place = this.#catalog.find(id);
    const block = place && this.#cache.get(place.block);
    return block instanceof Uint8Array ? chunkOf(block, place!) : this.#read(id);
  }

  async #read(id: ChunkId): Promise<Uint8Array> {
    const place = await this.#placeOf(id);
    return chunkOf(await this.#cached(place.pack, place.block), place);
  }

  /** Of a catalog that is up to date. */
  find(id: ChunkId): ChunkPlace {
    const place = this.#catalog.find(id);
    if (place === undefined) throw corrupt(`chunk ${hexOf(id)}`, 'is missing');
    return place;
  }

  /** The same of an id at `offset` of `bytes`. */
  findAt(bytes: Uint8Array, offset: number): ChunkPlace {
    return this.#catalog.findAt(bytes, offset) ?? this.find(chunkIdAt(bytes, offset));
  }

  /** The blocks that chunks lie in, each once, in the order of the files. */
  async blocksOf(ids: Iterable<ChunkId>): Promise<PlacedBlock[]> {
    const blocks = new Map<IndexedBlock, PlacedBlock>();
    for (const id of ids) {
      const { pack, block } = this.#catalog.find(id) ?? (await this.#placeOf(id));
      if (!blocks.has(block)) blocks.set(block, { pack, block });
    }
    return [...blocks.values()].sort(inFileOrder);
  }

  /** Blocks one after the other, some read ahead. Their bytes are valid until the next is asked for; not to be written to. */
  async *readBlocks<Wanted extends PlacedBlock>(
    wanted: readonly Wanted[],
  ): AsyncGenerator<readonly [wanted: Wanted, bytes: Uint8Array], void, undefined> {
    const ahead: (Uint8Array | Promise<Uint8Array>)[] = [];
    const rooms = Array.from({ length: AHEAD_BLOCKS + 1 }, () => new Uint8Array(0));
    const start = (k: number): void => {
      if (k >= wanted.length) return;
      const { pack, block } = wanted[k]!;
      const room = rooms[k % rooms.length]!;
      const roomy = room.length < block.storedBytes ? new Uint8Array(MAX_BLOCK_BYTES) : room;
      rooms[k % rooms.length] = roomy;
      const read = this.#cache.get(block) ?? readBlock(this.#ports, pack.name, block, roomy);
      // It may fail before its turn comes.
      if (read instanceof Promise) read.catch(() => {});
      ahead.push(read);
    };
    for (let k = 0; k < AHEAD_BLOCKS; k++) start(k);
    for (const [k, block] of wanted.entries()) {
      const bytes = await ahead.shift()!;
      start(k + AHEAD_BLOCKS);
      yield [block, bytes];
    }
  }

  async #placeOf(id: ChunkId): Promise<ChunkPlace> {
    if (!this.#catalog.has(id)) await this.#catalog.refresh();
    return this.find(id);
  }

  async #cached(pack: Pack, block: IndexedBlock): Promise<Uint8Array> {
    const cached = this.#cache.get(block);
    if (cached !== undefined) return await cached;
    const reading = readBlock(this.#ports, pack.name, block);
    this.#cache.set(block, reading);
    if (this.#cache.size > CACHED_BLOCKS) this.#cache.delete(this.#cache.keys().next().value!);
    try {
      const bytes = await reading;
      // Who walks through thousands of them leaves room for a signal.
      await this.#ports.nextTurn();
      if (this.#cache.get(block) === reading) this.#cache.set(block, bytes);
      return bytes;
    } catch (error) {
      this.#cache.delete(block);
      throw error;
    }
  }
}

function chunkOf(bytes: Uint8Array, { block, index }: ChunkPlace): Uint8Array {
  return bytes.subarray(block.starts[index]!, block.starts[index + 1]!);
}

/** The chunks of a block, one after the other; checked. Perhaps in `room`, in which anything may be if this fails. */
export async function readBlock(
  ports: ReadPorts,
  packName: string,
  block: BlockEntry,
  room?: Uint8Array,
): Promise<Uint8Array> {
  const place = placeName(packName, block);
  const stored = await ports.files.readPart('packs', packName, block.offset, block.storedBytes, room);
  if (stored === undefined) throw corrupt(place, 'the pack is gone');
  checkBlock(place, block, stored.length, stored.length === block.storedBytes ? ports.digest(stored) : undefined);
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

/** Some pages of a block that is not compressed. */
export interface BlockPart {
  /** Of the first byte of any in the block, and after the last one. */
  readonly start: number;
  readonly end: number;
  /** Which chunks of the block: some that follow each other, and others, in any order. */
  readonly runs: readonly { readonly index: number; readonly pageCount: number }[];
}

/** The bytes of a block from `part.start` on; of these the pages of the part are checked, each against its name. */
export async function readBlockPart(
  ports: ReadPorts,
  packName: string,
  block: IndexedBlock,
  part: BlockPart,
  room: Uint8Array,
): Promise<Uint8Array> {
  const place = placeName(packName, block);
  const sizeBytes = part.end - part.start;
  const stored = await ports.files.readPart('packs', packName, block.offset + part.start, sizeBytes, room);
  if (stored === undefined) throw corrupt(place, 'the pack is gone');
  checkPart(place, block, part, stored.length, (at) => ports.digest(stored.subarray(at, at + PAGE_BYTES)));
  return stored;
}

/**
 * readBlock() or readBlockPart() by another thread, of a block that is not compressed and files that have descriptors; the
 * bytes are in `room`.
 */
export async function readBlockAside(
  aside: AsideReader,
  files: StoreFiles,
  packName: string,
  block: IndexedBlock,
  part: BlockPart | undefined,
  room: Uint8Array,
): Promise<Uint8Array> {
  const place = placeName(packName, block);
  const { start, end } = part ?? { start: 0, end: block.storedBytes };
  const into = room.subarray(0, end - start);
  const pages = part && [...pagesOf(block, part)].map(({ at }) => at);
  const read = await files.withDescriptor?.('packs', packName, (descriptor) =>
    aside.read(descriptor, block.offset + start, into, pages),
  );
  if (read === undefined) throw corrupt(place, 'the pack is gone');
  if (part === undefined) checkBlock(place, block, read.sizeBytes, read.digests[0]);
  else checkPart(place, block, part, read.sizeBytes, (_, k) => read.digests[k]!);
  return into;
}

function placeName(packName: string, { offset }: BlockEntry): string {
  return `pack ${packName.slice(0, 16)} at ${offset}`;
}

function checkBlock(place: string, block: BlockEntry, sizeBytes: number, digest: ChunkId | undefined): void {
  if (sizeBytes !== block.storedBytes) throw corrupt(place, 'the pack ends here');
  if (digest !== block.digest) throw corrupt(place, 'the block has another SHA-256 than the index says');
}

/** `digestOf`: of the page at an offset of the part, which is the part's `k`th. */
function checkPart(
  place: string,
  block: IndexedBlock,
  part: BlockPart,
  sizeBytes: number,
  digestOf: (at: number, k: number) => ChunkId,
): void {
  if (sizeBytes !== part.end - part.start) throw corrupt(place, 'the pack ends here');
  let k = 0;
  for (const { chunk, at } of pagesOf(block, part)) {
    const name = chunkIdAt(block.index, block.idAt(chunk));
    if (digestOf(at, k++) === name) continue;
    throw corrupt(place, `page ${hexOf(name)} has another SHA-256 than its name says`);
  }
}

/** Where in the part its pages are. */
function* pagesOf(
  { starts }: IndexedBlock,
  part: BlockPart,
): Generator<{ chunk: number; at: number }, void, undefined> {
  for (const { index, pageCount } of part.runs) {
    for (let chunk = index; chunk < index + pageCount; chunk++) yield { chunk, at: starts[chunk]! - part.start };
  }
}
