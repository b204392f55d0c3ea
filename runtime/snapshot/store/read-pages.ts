// The pages of a snapshot -> the memories of a machine.
//
// 1. The trees say which page lies in which block: neighbours in memory are neighbours there, mostly.
// 2. Blocks are read, checked and put into their places, in any order. Of one that later snapshots have overwritten for the
//    most part only the pages that are wanted are read and checked.
// 3. This thread takes one such block after the other from the front, and lets other threads read and check some from the
//    back: neither waits for the other, whichever is faster. They begin before the machine is made that takes the pages.
//    Blocks that are compressed are decompressed by other threads while this one goes on.

import type { MemorySink } from '../decode-image.ts';
import { PAGE_BYTES } from '../page-scanner.ts';
import { corrupt } from './bad-store.ts';
import type { ChunkPlace, Pack } from './catalog.ts';
import { CHUNK_ID_BYTES, chunkIdAt, shortHex } from './chunk-id.ts';
import {
  type BlockPart,
  inFileOrder,
  type PlacedBlock,
  readBlock,
  readBlockAside,
  readBlockPart,
} from './chunk-reader.ts';
import type { Manifest, ManifestMemory } from './manifest.ts';
import { Codec, type IndexedBlock, MAX_BLOCK_BYTES } from './pack-layout.ts';
import { walkTree } from './page-tree.ts';
import type { AsideReader, Progress, StorePorts } from './ports.ts';
import type { SnapshotReader } from './stored-machine.ts';

/** Blocks that other threads work on at a time: so many are done while this one reads one and hashes it. */
const ASIDE_BLOCKS = 6;
/** The same while this thread makes the machine and takes nothing from them. */
const FIRST_ASIDE_BLOCKS = 24;
/** Blocks that are decompressed at a time: as many as there are threads for that. */
const UNPACKED_BLOCKS = 4;
/** For less it is not worth starting threads: 16 MiB. */
const MANY_PAGES = 4096;
/** If fewer of a block's pages are wanted, each is hashed for itself, which takes a tenth longer for each. */
const WORTH_WHOLE = 0.85;

/** Every page that is not all zeros. `open` is called before the first is written. */
export async function readPages(
  from: SnapshotReader,
  manifest: Manifest,
  sink: MemorySink,
  open: () => void,
  onProgress?: Progress,
): Promise<void> {
  const { ports } = from;
  const pageCount = manifest.memories.reduce((sum, { usedPageCount }) => sum + usedPageCount, 0);
  const work = new PageWork(ports, sink, pageCount >= MANY_PAGES ? ports.aside() : undefined);
  const blocks = (await blocksOf(from, manifest)).sort(inFileOrder);
  const packed = blocks.filter(({ block }) => block.codec !== Codec.RAW).reverse();
  const raw = blocks.filter(({ block }) => block.codec === Codec.RAW);
  const aside = new Set<Promise<void>>();
  const unpacking = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const attempt = async (action: () => unknown): Promise<void> => {
    try {
      await action();
    } catch (error) {
      failure ??= { error };
    }
  };
  const start = (those: Set<Promise<void>>, action: () => Promise<void>): void => {
    const done = attempt(action).then(() => void those.delete(done));
    those.add(done);
  };
  let front = 0;
  let back = raw.length;
  const opened = Promise.withResolvers<void>();
  // Perhaps nobody waits for it.
  opened.promise.catch(() => {});
  const letOthersRead = (count: number): void => {
    while (work.hasOthers && aside.size < count && back - front > 1) {
      const taken = raw[--back]!;
      start(aside, () => work.takeAside(taken, opened.promise));
    }
  };
  letOthersRead(FIRST_ASIDE_BLOCKS);
  await attempt(open);
  if (failure === undefined) opened.resolve();
  else opened.reject(failure);
  while ((front < back || packed.length > 0) && failure === undefined) {
    letOthersRead(ASIDE_BLOCKS);
    if (packed.length > 0 && unpacking.size < UNPACKED_BLOCKS) start(unpacking, () => work.take(packed.pop()!));
    else if (front < back) await attempt(() => work.take(raw[front++]!));
    else await Promise.race(unpacking);
    onProgress?.(work.donePages * PAGE_BYTES, pageCount * PAGE_BYTES, 'bytes');
    await ports.nextTurn();
  }
  // Also after a failure: nothing is written to these memories once this has ended.
  await Promise.all([...aside, ...unpacking]);
  if (failure !== undefined) throw failure.error;
}

/** Where the pages of all memories lie. */
async function blocksOf(from: SnapshotReader, manifest: Manifest): Promise<PageRuns[]> {
  const blocks = new Map<IndexedBlock, PageRuns>();
  for (const memory of manifest.memories) {
    let runs: PageRuns | undefined;
    await walkTree(memory, from.readNode, {
      pages(first, count, bytes, offset) {
        for (let done = 0; done < count; ) {
          // Most pages lie in their block as in their memory: no need to look where.
          const more = runs?.extend(first + done, count - done, bytes, offset + done * CHUNK_ID_BYTES) ?? 0;
          done += more;
          if (more > 0) continue;
          const place = from.reader.findAt(bytes, offset + done * CHUNK_ID_BYTES);
          runs = blocks.get(place.block);
          if (runs === undefined) blocks.set(place.block, (runs = new PageRuns(place.pack, place.block)));
          runs.begin(memory, first + done, place);
          done++;
        }
      },
    });
    runs?.seal();
  }
  return [...blocks.values()];
}

class PageWork {
  readonly #ports: StorePorts;
  readonly #sink: MemorySink;
  readonly #aside: AsideReader | undefined;
  donePages = 0;
  /** Of blocks that are done with: memory that was touched before. */
  readonly #rooms: Uint8Array[] = [];

  constructor(ports: StorePorts, sink: MemorySink, aside: AsideReader | undefined) {
    this.#ports = ports;
    this.#sink = sink;
    this.#aside = ports.files.withDescriptor === undefined ? undefined : aside;
  }

  /** Reads, checks and writes a block; compressed ones leave this thread free meanwhile. */
  async take(wanted: PageRuns): Promise<void> {
    const { pack, block } = wanted;
    const part = wanted.part();
    const room = this.#rooms.pop() ?? new Uint8Array(MAX_BLOCK_BYTES);
    const bytes =
      part === undefined
        ? await readBlock(this.#ports, pack.name, block, room)
        : await readBlockPart(this.#ports, pack.name, block, part, room);
    this.#write(wanted, bytes, part?.start ?? 0);
    this.#rooms.push(room);
  }

  get hasOthers(): boolean {
    return this.#aside !== undefined;
  }

  /** The same of a block that is not compressed, by another thread; written by this one, and not before `opened`. */
  async takeAside(wanted: PageRuns, opened: Promise<void>): Promise<void> {
    const aside = this.#aside!;
    const room = aside.takeRoom();
    try {
      const part = wanted.part();
      const bytes = await readBlockAside(aside, this.#ports.files, wanted.pack.name, wanted.block, part, room);
      await opened;
      this.#write(wanted, bytes, part?.start ?? 0);
    } finally {
      aside.giveRoom(room);
    }
  }

  /** `bytes`: of the block, from `start` on. */
  #write({ runs, block }: PageRuns, bytes: Uint8Array, start: number): void {
    for (const { memory, firstPage, index, pageCount } of runs) {
      const contents = bytes.subarray(block.starts[index]! - start, block.starts[index + pageCount]! - start);
      this.#sink.write(memory.processIndex, memory.memoryIndex, firstPage, contents);
      this.donePages += pageCount;
    }
  }
}

interface PageRun {
  readonly memory: ManifestMemory;
  readonly firstPage: number;
  /** Of the chunk in the block. */
  readonly index: number;
  pageCount: number;
}

/** The pages that lie in one block. */
class PageRuns implements PlacedBlock {
  readonly pack: Pack;
  readonly block: IndexedBlock;
  readonly runs: PageRun[] = [];
  #open: PageRun | undefined;
  /** Of the first page of the open run. */
  #place: ChunkPlace | undefined;

  constructor(pack: Pack, block: IndexedBlock) {
    this.pack = pack;
    this.block = block;
  }

  begin(memory: ManifestMemory, firstPage: number, place: ChunkPlace): void {
    checkPages(this.block, place.index, 1);
    this.#open = { memory, firstPage, index: place.index, pageCount: 1 };
    this.#place = place;
    this.runs.push(this.#open);
  }

  /**
   * By how many pages the last run goes on with those of the same memory from `first` on, no more than `count`, whose
   * ids begin at `offset` of `bytes`.
   */
  extend(first: number, count: number, bytes: Uint8Array, offset: number): number {
    const run = this.#open;
    if (run === undefined || run.firstPage + run.pageCount !== first) return 0;
    const { chunks, number, index } = this.#place!;
    const most = Math.min(count, this.block.chunkCount - index - run.pageCount);
    const more = chunks.matching(bytes, offset, most, number + run.pageCount);
    checkPages(this.block, index + run.pageCount, more);
    run.pageCount += more;
    return more;
  }

  /** The last run is complete. */
  seal(): void {
    this.#open = undefined;
  }

  /** What to read if that is not the whole block. */
  part(): BlockPart | undefined {
    const { block, runs } = this;
    let wanted = 0;
    for (const { pageCount } of runs) wanted += pageCount;
    const isWhole = block.codec !== Codec.RAW || wanted > block.chunkCount * WORTH_WHOLE;
    return isWhole ? undefined : partOf(block, runs);
  }
}

function partOf({ starts }: IndexedBlock, runs: readonly PageRun[]): BlockPart {
  let start = Number.POSITIVE_INFINITY;
  let end = 0;
  for (const { index, pageCount } of runs) {
    start = Math.min(start, starts[index]!);
    end = Math.max(end, starts[index + pageCount]!);
  }
  return { start, end, runs };
}

function checkPages(block: IndexedBlock, index: number, count: number): void {
  for (let chunk = index; chunk < index + count; chunk++) {
    const sizeBytes = block.starts[chunk + 1]! - block.starts[chunk]!;
    if (sizeBytes === PAGE_BYTES) continue;
    throw corrupt(`page ${shortHex(chunkIdAt(block.index, block.idAt(chunk)))}`, `${sizeBytes} bytes`);
  }
}
