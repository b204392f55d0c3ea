// The contents of memories as blocks of at most 1 MiB, without the pages that hold zeros only.
//
// Stopping and saving are two things: collectPages() reads the memories once while the guest stands still; its blocks are
// views of them. copyPages() moves the contents out of the way, so that the guest can go on while they are encoded.

import { assert } from '../base/assert.ts';
import { WvmError } from '../base/wvm-error.ts';
import { MAX_CONTENTS_BYTES } from './image-layout.ts';
import type { MemorySource, PageScanner } from './image-ports.ts';
import { PAGE_BYTES } from './page-scanner.ts';
import type { PageList } from './pages-record.ts';

const MAX_BLOCK_PAGES: number = MAX_CONTENTS_BYTES / PAGE_BYTES;

export interface PageBlock {
  readonly list: PageList;
  /** The pages of `list`, in order, in one or more pieces. */
  readonly contents: readonly Uint8Array[];
}

/** `sources` ascend by (processIndex, memoryIndex). */
export function collectPages(sources: readonly MemorySource[], scanner: PageScanner): PageBlock[] {
  const blocks: PageBlock[] = [];
  for (const source of sources) {
    if (source.bytes.length % PAGE_BYTES !== 0) {
      const where = `memory ${source.memoryIndex} of process ${source.processIndex}`;
      throw new WvmError('WVM_SNAPSHOT_UNSUPPORTED', `${where}: ${source.bytes.length} bytes are not full 4 KiB pages`);
    }
    splitRuns(source, scanner.nonZeroRuns(source), blocks);
  }
  return blocks;
}

function splitRuns(source: MemorySource, runs: Uint32Array, blocks: PageBlock[]): void {
  let blockRuns: number[] = [];
  let contents: Uint8Array[] = [];
  let pageCount = 0;
  const flush = (): void => {
    if (pageCount === 0) return;
    const { processIndex, memoryIndex } = source;
    blocks.push({ list: { processIndex, memoryIndex, runs: Uint32Array.from(blockRuns), pageCount }, contents });
    blockRuns = [];
    contents = [];
    pageCount = 0;
  };
  for (let i = 0; i < runs.length; i += 2) {
    let first = runs[i]!;
    const end = first + runs[i + 1]!;
    while (first < end) {
      const count = Math.min(end - first, MAX_BLOCK_PAGES - pageCount);
      blockRuns.push(first, count);
      contents.push(source.bytes.subarray(first * PAGE_BYTES, (first + count) * PAGE_BYTES));
      pageCount += count;
      first += count;
      if (pageCount === MAX_BLOCK_PAGES) flush();
    }
  }
  flush();
}

/** Blocks of single pages, which ascend and hold something. */
export function* splitPages(
  { processIndex, memoryIndex }: { readonly processIndex: number; readonly memoryIndex: number },
  pages: readonly { readonly page: number; readonly bytes: Uint8Array }[],
): Generator<PageBlock, void, undefined> {
  for (let at = 0; at < pages.length; at += MAX_BLOCK_PAGES) {
    const part = pages.slice(at, at + MAX_BLOCK_PAGES);
    const runs: number[] = [];
    for (const { page } of part) {
      if (runs.length > 0 && runs[runs.length - 2]! + runs[runs.length - 1]! === page) runs[runs.length - 1]!++;
      else runs.push(page, 1);
    }
    const list = { processIndex, memoryIndex, runs: Uint32Array.from(runs), pageCount: part.length };
    yield { list, contents: part.map(({ bytes }) => bytes) };
  }
}

/** How much room copyPages() needs. */
export function contentsBytes(blocks: readonly PageBlock[]): number {
  let pages = 0;
  for (const { list } of blocks) pages += list.pageCount;
  return pages * PAGE_BYTES;
}

/** The same blocks with their contents in `room`. Memory that was in use before takes the copy six times faster. */
export function copyPages(blocks: readonly PageBlock[], room: Uint8Array): PageBlock[] {
  assert(room.length >= contentsBytes(blocks), `room for ${contentsBytes(blocks)} bytes of pages, not ${room.length}`);
  let at = 0;
  return blocks.map(({ list, contents }) => {
    const start = at;
    for (const piece of contents) {
      room.set(piece, at);
      at += piece.length;
    }
    return { list, contents: [room.subarray(start, at)] };
  });
}
