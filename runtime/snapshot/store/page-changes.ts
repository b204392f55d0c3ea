// What a page tracker found, as the blocks of a commit.

import type { PageChanges } from '../../engine/page-diff.ts';
import type { PageBlock } from '../page-block.ts';
import { PAGE_BYTES } from '../page-scanner.ts';

/** Pages are hashed block by block; between two of them the event loop has its turn. */
const BLOCK_PAGES = 256;

/** Valid as long as the changes are: until the next capture of their tracker. */
export function* changedBlocks(
  { processIndex, memoryIndex }: { readonly processIndex: number; readonly memoryIndex: number },
  { changed, contents }: PageChanges,
): Generator<PageBlock, void, undefined> {
  let runs: number[] = [];
  let pieces: Uint8Array[] = [];
  let pageCount = 0;
  const take = (): PageBlock => {
    const block = { list: { processIndex, memoryIndex, runs: Uint32Array.from(runs), pageCount }, contents: pieces };
    [runs, pieces, pageCount] = [[], [], 0];
    return block;
  };
  for (const [k, piece] of contents.entries()) {
    const first = changed[k * 2]!;
    const end = changed[k * 2 + 1]!;
    for (let at = 0; at < end; ) {
      const count = Math.min(end - at, BLOCK_PAGES - pageCount);
      runs.push(first + at, count);
      pieces.push(piece.subarray(at * PAGE_BYTES, (at + count) * PAGE_BYTES));
      at += count;
      pageCount += count;
      if (pageCount === BLOCK_PAGES) yield take();
    }
  }
  if (pageCount > 0) yield take();
}
