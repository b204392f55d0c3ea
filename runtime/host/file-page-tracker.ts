// Which pages of the files of one file system have changed since its last snapshot in a store. Unlike a memory's they need not be
// looked for: whoever writes a file says so (FilePages' epochs).

import type { FilePages } from '../kernel/vfs/file-pages.ts';
import { type PageBlock, splitPages } from '../snapshot/page-block.ts';
import type { CommitMemory } from '../snapshot/store/commit.ts';

/** Where it is in a snapshot. */
type Place = NonNullable<CommitMemory['base']>;

export class FilePageTracker {
  readonly #pages: FilePages;
  /** In the snapshot that was confirmed last; null: in none. */
  #base: Place | null = null;
  #confirmedEpoch = -1;
  #captured: { readonly place: Place; readonly epoch: number } | undefined;

  constructor(pages: FilePages) {
    this.#pages = pages;
  }

  /** The changes; their blocks show the files themselves, and stay as they are. */
  capture(place: Place): { readonly memory: CommitMemory; readonly blocks: readonly PageBlock[] } {
    const { changed, zeroed } = this.#pages.changedSince(this.#confirmedEpoch);
    const { pageCount } = this.#pages;
    this.#captured = { place, epoch: this.#pages.freeze() };
    const runs = Uint32Array.from(this.#base === null ? [] : zeroed.flatMap((page) => [page, 1]));
    const memory = { ...place, pageCount, base: this.#base, zeroed: runs };
    return { memory, blocks: [...splitPages(place, changed)] };
  }

  /** What capture() gave last is stored. */
  confirm(): void {
    if (this.#captured === undefined) return;
    this.#base = this.#captured.place;
    this.#confirmedEpoch = this.#captured.epoch;
    this.#captured = undefined;
  }
}
