// Which chunks a store has and where: the indexes of all of its packs, in memory.
//
// Packs never change, so an index is read once. refresh() sees what other processes have added or removed. A pack
// that is damaged stays out, and is remembered with what is wrong with it: its chunks count as missing.

import { WvmError } from '../../base/wvm-error.ts';
import { IdIndex } from '../../engine/id-index.ts';
import { type ChunkId, type HexId, hexOf } from './chunk-id.ts';
import {
  CHUNK_ENTRY_BYTES,
  decodePackFooter,
  decodePackIndex,
  type IndexedBlock,
  PACK_FOOTER_BYTES,
} from './pack-layout.ts';
import type { StoreFiles, StorePorts } from './ports.ts';

export interface Pack {
  readonly name: HexId;
  readonly blocks: readonly IndexedBlock[];
  readonly fileBytes: number;
}

/** Where a chunk lies. */
export interface ChunkPlace {
  readonly pack: Pack;
  readonly block: IndexedBlock;
  /** Which chunk of the block. */
  readonly index: number;
  /** What it was found in, and its number there: the chunks that follow it in its pack have the next ones. */
  readonly chunks: IdIndex;
  readonly number: number;
}

/** Enough for the index of an increment; a longer index takes a second read. */
const END_BYTES = 32 * 1024;
const READERS = 8;

export class Catalog {
  readonly #ports: Pick<StorePorts, 'files' | 'digest'>;
  readonly #packs: Map<string, Pack> = new Map();
  readonly #damaged: Map<string, string> = new Map();
  /** The chunks of all packs, one pack after the other. */
  #chunks = new IdIndex();
  /** With the number of their first chunk, ascending. */
  #blocks: { readonly pack: Pack; readonly block: IndexedBlock; readonly first: number }[] = [];

  constructor(ports: Pick<StorePorts, 'files' | 'digest'>) {
    this.#ports = ports;
  }

  get packs(): Iterable<Pack> {
    return this.#packs.values();
  }

  get packCount(): number {
    return this.#packs.size;
  }

  get chunkCount(): number {
    return this.#chunks.distinctCount;
  }

  /** Names of packs that cannot be used, and why. */
  get damaged(): ReadonlyMap<string, string> {
    return this.#damaged;
  }

  has(id: ChunkId): boolean {
    return this.#chunks.findText(id) >= 0;
  }

  find(id: ChunkId): ChunkPlace | undefined {
    return this.#placeOf(this.#chunks.findText(id));
  }

  /** The same of an id at `offset` of `bytes`. */
  findAt(bytes: Uint8Array, offset: number): ChunkPlace | undefined {
    return this.#placeOf(this.#chunks.find(bytes, offset));
  }

  #placeOf(number: number): ChunkPlace | undefined {
    if (number < 0) return undefined;
    const blocks = this.#blocks;
    let low = 0;
    for (let high = blocks.length; high - low > 1; ) {
      const middle = (low + high) >>> 1;
      if (blocks[middle]!.first <= number) low = middle;
      else high = middle;
    }
    const { pack, block, first } = blocks[low]!;
    return { pack, block, index: number - first, chunks: this.#chunks, number };
  }

  add(pack: Pack): void {
    if (this.#packs.has(pack.name)) return;
    const [top] = pack.blocks;
    let first = this.#chunks.count;
    // In an index the chunks of all blocks follow each other.
    if (top !== undefined) this.#chunks.add(top.index, top.idAt(0), CHUNK_ENTRY_BYTES, chunkCountOf(pack));
    this.#packs.set(pack.name, pack);
    for (const block of pack.blocks) {
      this.#blocks.push({ pack, block, first });
      first += block.chunkCount;
    }
  }

  /** Takes up the packs that are there now. */
  async refresh(): Promise<void> {
    const names = new Set(await this.#ports.files.list('packs'));
    for (const name of this.#damaged.keys()) if (!names.has(name)) this.#damaged.delete(name);
    let isGone = false;
    for (const name of this.#packs.keys()) {
      if (names.has(name)) continue;
      this.#packs.delete(name);
      isGone = true;
    }
    if (isGone) this.#rebuild();
    const queue = [...names].filter((name) => !this.#packs.has(name) && !this.#damaged.has(name));
    const loaded: Pack[] = [];
    const reader = async (): Promise<void> => {
      for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
        const pack = await loadPack(this.#ports, name);
        if (typeof pack === 'string') this.#damaged.set(name, pack);
        else if (pack !== undefined) loaded.push(pack);
      }
    };
    await Promise.all(Array.from({ length: Math.min(READERS, queue.length) }, reader));
    this.#addAll(loaded);
  }

  /** A chunk may lie in several packs: without one of them it is found in another. */
  #rebuild(): void {
    const packs = [...this.#packs.values()];
    this.#packs.clear();
    this.#chunks = new IdIndex();
    this.#blocks = [];
    this.#addAll(packs);
  }

  #addAll(packs: readonly Pack[]): void {
    const more = packs.reduce((sum, pack) => sum + chunkCountOf(pack), 0);
    const chunkCount = this.#chunks.count + more;
    if (chunkCount > IdIndex.maxCount) {
      throw new WvmError(
        'WVM_LIMIT',
        `${this.#ports.files.place}: ${chunkCount} chunks, more than ${IdIndex.maxCount}`,
        {
          hint: 'divide it: `wvm push` what you need to another store',
        },
      );
    }
    this.#chunks.reserve(more);
    for (const pack of packs) this.add(pack);
  }
}

function chunkCountOf({ blocks }: Pack): number {
  return blocks.reduce((sum, block) => sum + block.chunkCount, 0);
}

/** The index of a pack; undefined if it is gone, a string if it is damaged. */
async function loadPack(ports: Pick<StorePorts, 'files' | 'digest'>, name: string): Promise<Pack | string | undefined> {
  const end = await ports.files.readEnd('packs', name, END_BYTES);
  if (end === undefined) return undefined;
  const { bytes, fileBytes } = end;
  const footer = decodePackFooter(bytes.subarray(Math.max(0, bytes.length - PACK_FOOTER_BYTES)));
  if (footer === undefined) return `it ends after ${fileBytes} bytes without a footer`;
  if (footer.name !== name) return 'its footer names another pack';
  const index = await readIndex(ports.files, name, bytes, fileBytes, footer.indexBytes);
  if (index === undefined) return `it has ${fileBytes} bytes and an index of ${footer.indexBytes}`;
  if (hexOf(ports.digest(index)) !== name) return 'its index has another SHA-256 than its name says';
  const blocks = decodePackIndex(index, fileBytes);
  return typeof blocks === 'string' ? blocks : { name: footer.name, blocks, fileBytes };
}

async function readIndex(
  files: StoreFiles,
  name: string,
  end: Uint8Array,
  fileBytes: number,
  indexBytes: number,
): Promise<Uint8Array | undefined> {
  const fromEnd = indexBytes + PACK_FOOTER_BYTES;
  if (fromEnd > fileBytes) return undefined;
  if (fromEnd <= end.length) return end.subarray(end.length - fromEnd, end.length - PACK_FOOTER_BYTES);
  const index = await files.readPart('packs', name, fileBytes - fromEnd, indexBytes);
  return index?.length === indexBytes ? index : undefined;
}
