// The pages of a snapshot -> the memories of a machine.
//
// 1. The trees say which page lies in which block: neighbours in memory are neighbours there, mostly.
// 2. Blocks are read, checked and put into their places, in any order. One that is not compressed is read right into place if
//    it can be, and is checked there: whoever gets an error uses none of it.
// 3. This thread takes one such block after the other from the front, and lets other threads check some from the back: neither
//    waits for the other, whichever is faster. Compressed ones are decompressed by other threads in any case.

import type { MemorySink } from '../decode-image.ts';
import { PAGE_BYTES } from '../page-scanner.ts';
import { corrupt } from './bad-store.ts';
import type { Pack } from './catalog.ts';
import { type ChunkId, chunkIdAt, shortHex } from './chunk-id.ts';
import { sameId } from './chunk-index.ts';
import { inFileOrder, type PlacedBlock, readBlock } from './chunk-reader.ts';
import type { Manifest, ManifestMemory } from './manifest.ts';
import { Codec, type IndexedBlock, MAX_BLOCK_BYTES } from './pack-layout.ts';
import { walkTree } from './page-tree.ts';
import type { AsideDigest, StorePorts } from './ports.ts';
import type { SnapshotReader } from './stored-machine.ts';

/** Blocks that other threads work on at a time: so many are done while this one hashes one and reads the next. */
const ASIDE_BLOCKS = 6;
/** For less it is not worth starting threads. */
const MANY_BLOCKS = 64;

/** Every page that is not all zeros. */
export async function readPages(from: SnapshotReader, manifest: Manifest, sink: MemorySink): Promise<void> {
  const { ports } = from;
  const wanted = await blocksOf(from, manifest);
  const hasAside = wanted.length >= MANY_BLOCKS;
  const work = new PageWork(ports, sink, hasAside ? ports.aside() : undefined);
  const aside = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const attempt = async (action: Promise<void>): Promise<void> => {
    try {
      await action;
    } catch (error) {
      failure ??= { error };
    }
  };
  const start = (action: Promise<void>): void => {
    const done = attempt(action);
    aside.add(done);
    void done.then(() => aside.delete(done));
  };
  let front = 0;
  let back = wanted.length;
  while (front < back && failure === undefined) {
    while (aside.size < ASIDE_BLOCKS && back - front > 1 && work.canBeAside(wanted[back - 1]!)) {
      start(work.takeAside(wanted[--back]!));
    }
    if (wanted[front]!.block.codec === Codec.RAW) await attempt(work.take(wanted[front++]!));
    else if (aside.size < ASIDE_BLOCKS) start(work.take(wanted[front++]!));
    else await Promise.race(aside);
    await ports.nextTurn();
  }
  // Also after a failure: nothing is written to these memories once this has ended.
  await Promise.all(aside);
  if (failure !== undefined) throw failure.error;
}

async function blocksOf(from: SnapshotReader, manifest: Manifest): Promise<PageRuns[]> {
  const blocks = new Map<IndexedBlock, PageRuns>();
  for (const memory of manifest.memories) {
    let runs: PageRuns | undefined;
    await walkTree(memory, from.readNode, {
      pageAt(page, bytes, offset) {
        // Most pages lie in their block as in their memory: no need to look where.
        if (runs?.extend(page, bytes, offset)) return;
        const { pack, block, index } = from.reader.findAt(bytes, offset);
        runs = blocks.get(block);
        if (runs === undefined) blocks.set(block, (runs = new PageRuns(pack, block)));
        runs.begin(memory, page, index);
      },
    });
    runs?.seal();
  }
  return [...blocks.values()].sort(inFileOrder);
}

class PageWork {
  readonly #ports: StorePorts;
  readonly #sink: MemorySink;
  readonly #aside: AsideDigest | undefined;
  /** Of blocks that are done with: memory that was touched before. */
  readonly #rooms: Uint8Array[] = [];
  readonly #asideRooms: Uint8Array[] = [];

  constructor(ports: StorePorts, sink: MemorySink, aside: AsideDigest | undefined) {
    this.#ports = ports;
    this.#sink = sink;
    this.#aside = aside;
  }

  /** Reads, checks and writes a block; compressed ones leave this thread free meanwhile. */
  async take(wanted: PageRuns): Promise<void> {
    const { pack, block } = wanted;
    const place = this.#placeOf(wanted);
    if (place !== undefined) {
      const bytes = await readBlock(this.#ports, pack.name, block, { room: place });
      // Sealed files are decrypted elsewhere.
      if (bytes.buffer !== place.buffer) place.set(bytes);
      return;
    }
    const room = this.#rooms.pop() ?? new Uint8Array(MAX_BLOCK_BYTES);
    this.#write(wanted, await readBlock(this.#ports, pack.name, block, { room }));
    this.#rooms.push(room);
  }

  canBeAside({ block }: PageRuns): boolean {
    return block.codec === Codec.RAW && this.#aside !== undefined;
  }

  /** The same, checked by another thread. */
  async takeAside(wanted: PageRuns): Promise<void> {
    const aside = this.#aside!;
    const { pack, block } = wanted;
    const room = this.#asideRooms.pop() ?? aside.makeRoom(MAX_BLOCK_BYTES);
    const digest = (bytes: Uint8Array): ChunkId | Promise<ChunkId> =>
      bytes.buffer === room.buffer ? aside.digest(bytes) : this.#ports.digest(bytes);
    this.#write(wanted, await readBlock(this.#ports, pack.name, block, { room, digest }));
    this.#asideRooms.push(room);
  }

  #write({ runs, block }: PageRuns, bytes: Uint8Array): void {
    for (const { memory, firstPage, index, pageCount } of runs) {
      const contents = bytes.subarray(block.starts[index], block.starts[index + pageCount]);
      this.#sink.write(memory.processIndex, memory.memoryIndex, firstPage, contents);
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
