// Changed pages of a guest that stays stopped: views of its memory, of which a block at a time is copied when it is asked for. A
// copy of all of them would double the memory of a large guest, and nobody waits for the guest.
//
// keep(), before the guest goes on all the same: what has not been taken is copied.

import { contentsBytes, copyPages, type PageBlock } from '../../snapshot/page-block.ts';

export class ShownBlocks implements Iterable<PageBlock> {
  #blocks: readonly PageBlock[];
  #next = 0;

  constructor(blocks: readonly PageBlock[]) {
    this.#blocks = blocks;
  }

  /** Copies of the next ones, as many as fit into `room`; none at the end. */
  take(room: Uint8Array): PageBlock[] {
    const from = this.#next;
    let sizeBytes = 0;
    while (this.#next < this.#blocks.length) {
      sizeBytes += contentsBytes([this.#blocks[this.#next]!]);
      if (sizeBytes > room.length) break;
      this.#next++;
    }
    return copyPages(this.#blocks.slice(from, this.#next), room);
  }

  /** One after the other, each to be used before the next is taken. */
  *[Symbol.iterator](): Generator<PageBlock, void, undefined> {
    let room = new Uint8Array(0);
    while (this.#next < this.#blocks.length) {
      const sizeBytes = contentsBytes([this.#blocks[this.#next]!]);
      if (room.length < sizeBytes) room = new Uint8Array(sizeBytes);
      yield this.take(room.subarray(0, sizeBytes))[0]!;
    }
  }

  keep(): void {
    const rest = this.#blocks.slice(this.#next);
    this.#blocks = copyPages(rest, new Uint8Array(contentsBytes(rest)));
    this.#next = 0;
  }
}
