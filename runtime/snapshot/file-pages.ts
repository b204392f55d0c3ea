// Contents of files that live in the machine (tmpfs, overlays, unlinked files), as an image and a store hold them: like the pages of
// a memory. They belong to no process: their process index is all ones, and their memory index is 0 for unlinked files of the
// host, then 1, 2, … for the file systems in the order of KERNEL. KERNEL says how many pages each has, and which file has which.

import type { FilePages } from '../kernel/vfs/file-pages.ts';
import { type PageBlock, splitPages } from './page-block.ts';
import { PAGE_BYTES } from './page-scanner.ts';

export const FILE_PROCESS_INDEX = 0xffff_ffff;

/** By memory index. What has not the shape of a KernelState has no pages. */
export function filePageCounts(kernel: unknown): number[] {
  const { detachedPages, fileSystems } = (kernel ?? {}) as { detachedPages?: unknown; fileSystems?: unknown };
  const systems: readonly unknown[] = Array.isArray(fileSystems) ? fileSystems : [];
  return [detachedPages, ...systems.map((system) => (system as { pageCount?: unknown } | null)?.pageCount)].map(
    (count) => (Number.isSafeInteger(count) && (count as number) >= 0 ? (count as number) : 0),
  );
}

export function totalFileBytes(kernel: unknown): number {
  return filePageCounts(kernel).reduce((sum, count) => sum + count, 0) * PAGE_BYTES;
}

/** The blocks of an image. They stay as they are: a file that is written then gets a copy of its page. */
export function* freezeFilePages(filePages: readonly FilePages[]): Generator<PageBlock, void, undefined> {
  for (const [memoryIndex, pages] of filePages.entries()) {
    const { changed } = pages.changedSince(-1);
    pages.freeze();
    yield* splitPages({ processIndex: FILE_PROCESS_INDEX, memoryIndex }, changed);
  }
}
