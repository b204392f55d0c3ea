// The pages of a snapshot -> the memories of a machine.
//
// 1. The trees say which page lies in which block: neighbours in memory are neighbours there, mostly. While they are walked
//    other threads read the first blocks that come up.
// 2. Blocks are read, checked and put into their places, in any order. One that is not compressed is read right into place if
//    it can be, and is checked there: whoever gets an error uses none of it.
// 3. This thread takes one such block after the other from the front, and lets other threads read and check some from the
//    back: neither waits for the other, whichever is faster. Compressed ones are decompressed by other threads in any case.

import type { MemorySink } from '../decode-image.ts';
import { PAGE_BYTES } from '../page-scanner.ts';
import { corrupt } from './bad-store.ts';
import type { Pack } from './catalog.ts';
import { chunkIdAt, shortHex } from './chunk-id.ts';
import { sameId } from './chunk-index.ts';
import { inFileOrder, type PlacedBlock, readBlock, readBlockAside } from './chunk-reader.ts';
import type { Manifest, ManifestMemory } from './manifest.ts';
import { Codec, type IndexedBlock, MAX_BLOCK_BYTES } from './pack-layout.ts';
import { walkTree } from './page-tree.ts';
import type { AsideReader, Progress, StorePorts } from './ports.ts';
import type { SnapshotReader } from './stored-machine.ts';

/** Blocks that other threads work on at a time: so many are done while this one reads one and hashes it. */
const ASIDE_BLOCKS = 6;
/** The same while this thread walks the trees and takes nothing from them. */
const EARLY_BLOCKS = 24;
/** For less it is not worth starting threads: 16 MiB. */
const MANY_PAGES = 4096;

/** Every page that is not all zeros. */
export async function readPages(
  from: SnapshotReader,
  manifest: Manifest,
  sink: MemorySink,
  onProgress?: Progress,
): Promise<void> {
  const { ports } = from;
  const pageCount = manifest.memories.reduce((sum, { usedPageCount }) => sum + usedPageCount, 0);
  const hasMany = pageCount >= MANY_PAGES;
  const work = new PageWork(ports, sink, hasMany ? ports.aside() : undefined);
  const aside = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const attempt = async (action: Promise<unknown>): Promise<void> => {
    try {
      await action;
    } catch (error) {
      failure ??= { error };
    }
  };
  const start = (action: Promise<unknown>): void => {
    const done = attempt(action);
    aside.add(done);
    void done.then(() => aside.delete(done));
  };
  const later: PageRuns[] = [];
  const early: (readonly [PageRuns, Promise<AsideBlock>])[] = [];
  const blocks = blocksOf(from, manifest, (found) => {
    if (early.length === EARLY_BLOCKS || !work.canBeAside(found)) return void later.push(found);
    const read = work.readAside(found);
    // It may fail before the walk is over.
    read.catch(() => {});
    early.push([found, read]);
  });
  await attempt(blocks);
  for (const [found, read] of early) start(failure === undefined ? work.put(found, read) : read);
  later.sort(inFileOrder);
  let front = 0;
  let back = later.length;
  while (front < back && failure === undefined) {
    while (aside.size < ASIDE_BLOCKS && back - front > 1 && work.canBeAside(later[back - 1]!)) {
      const taken = later[--back]!;
      start(work.put(taken, work.readAside(taken)));
    }
    if (later[front]!.block.codec === Codec.RAW) await attempt(work.take(later[front++]!));
    else if (aside.size < ASIDE_BLOCKS) start(work.take(later[front++]!));
    else await Promise.race(aside);
    onProgress?.(work.donePages * PAGE_BYTES, pageCount * PAGE_BYTES, 'bytes');
    await ports.nextTurn();
  }
  // Also after a failure: nothing is written to these memories once this has ended.
  await Promise.all(aside);
  if (failure !== undefined) throw failure.error;
}

/** Tells of each block when the first of its pages comes up; which others it holds is known in the end. */
async function blocksOf(from: SnapshotReader, manifest: Manifest, found: (block: PageRuns) => void): Promise<void> {
  const blocks = new Map<IndexedBlock, PageRuns>();
  for (const memory of manifest.memories) {
    let runs: PageRuns | undefined;
    await walkTree(memory, from.readNode, {
      pageAt(page, bytes, offset) {
        // Most pages lie in their block as in their memory: no need to look where.
        if (runs?.extend(page, bytes, offset)) return;
        const { pack, block, index } = from.reader.findAt(bytes, offset);
        runs = blocks.get(block);
        if (runs === undefined) {
          blocks.set(block, (runs = new PageRuns(pack, block)));
          found(runs);
        }
        runs.begin(memory, page, index);
      },
    });
    runs?.seal();
  }
}

interface AsideBlock {
  readonly bytes: Uint8Array;
  /** Where they are; to be given back. */
  readonly room: Uint8Array;
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
    const place = this.#placeOf(wanted);
    if (place !== undefined) {
      const bytes = await readBlock(this.#ports, pack.name, block, place);
      // Sealed files are decrypted elsewhere.
      if (bytes.buffer !== place.buffer) place.set(bytes);
      this.donePages += block.chunkCount;
      return;
    }
    const room = this.#rooms.pop() ?? new Uint8Array(MAX_BLOCK_BYTES);
    this.#write(wanted, await readBlock(this.#ports, pack.name, block, room));
    this.#rooms.push(room);
  }

  canBeAside({ block }: PageRuns): boolean {
    return block.codec === Codec.RAW && this.#aside !== undefined;
  }

  /** The same in two steps: read and checked by another thread … */
  async readAside({ pack, block }: PageRuns): Promise<AsideBlock> {
    const { files } = this.#ports;
    const room = this.#aside!.takeRoom();
    try {
      const bytes = await readBlockAside(this.#aside!, files, pack.name, block, room);
      return { bytes, room };
    } catch (error) {
      this.#aside!.giveRoom(room);
      throw error;
    }
  }

  /** … and written by this one. */
  async put(wanted: PageRuns, read: Promise<AsideBlock>): Promise<void> {
    const { bytes, room } = await read;
    this.#write(wanted, bytes);
    this.#aside!.giveRoom(room);
  }

  #write({ runs, block }: PageRuns, bytes: Uint8Array): void {
    for (const { memory, firstPage, index, pageCount } of runs) {
      const contents = bytes.subarray(block.starts[index], block.starts[index + pageCount]);
      this.#sink.write(memory.processIndex, memory.memoryIndex, firstPage, contents);
      this.donePages += pageCount;
    }
  }

  /** Where a block goes that is in its memory as it is in its file. */
  #placeOf({ block, runs }: PageRuns): Uint8Array | undefined {
    const [run] = runs;
    if (block.codec !== Codec.RAW || runs.length !== 1 || run!.pageCount !== block.chunkCount) return undefined;
    const { processIndex, memoryIndex } = run!.memory;
    return this.#sink.room?.(processIndex, memoryIndex, run!.firstPage, block.sizeBytes);
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

  constructor(pack: Pack, block: IndexedBlock) {
    this.pack = pack;
    this.block = block;
  }

  begin(memory: ManifestMemory, firstPage: number, index: number): void {
    checkPage(this.block, index);
    this.#open = { memory, firstPage, index, pageCount: 1 };
    this.runs.push(this.#open);
  }

  /** The last run goes on with this page of the same memory, whose id is at `offset` of `bytes`; false if it does not. */
  extend(page: number, bytes: Uint8Array, offset: number): boolean {
    const run = this.#open;
    if (run === undefined || run.firstPage + run.pageCount !== page) return false;
    const { block } = this;
    const index = run.index + run.pageCount;
    if (index >= block.chunkCount || !sameId(block.index, block.idAt(index), bytes, offset)) return false;
    checkPage(block, index);
    run.pageCount++;
    return true;
  }

  /** The last run is complete. */
  seal(): void {
    this.#open = undefined;
  }
}

function checkPage(block: IndexedBlock, index: number): void {
  const sizeBytes = block.starts[index + 1]! - block.starts[index]!;
  if (sizeBytes === PAGE_BYTES) return;
  throw corrupt(`page ${shortHex(chunkIdAt(block.index, block.idAt(index)))}`, `${sizeBytes} bytes`);
}
