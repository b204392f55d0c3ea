// What a page tracker found, as the blocks of a commit.

import type { PageChanges } from '../../engine/page-diff.ts';
import type { PageBlock } from '../page-block.ts';

/** Valid as long as the changes are: until the next capture of their tracker. */
export function changedBlocks(
  { processIndex, memoryIndex }: { readonly processIndex: number; readonly memoryIndex: number },
  { changed, contents }: PageChanges,
): PageBlock[] {
  return contents.map((piece, k) => {
    const runs = changed.subarray(k * 2, k * 2 + 2);
    return { list: { processIndex, memoryIndex, runs, pageCount: runs[1]! }, contents: [piece] };
  });
}
