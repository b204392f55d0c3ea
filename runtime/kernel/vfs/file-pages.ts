// The contents of the files of one file system in memory: numbered pages of 4 KiB, as a disk has blocks. Which file has which
// pages is said by extents. An image holds pages as it holds those of memories, under their numbers, so a page that has not
// changed is neither copied nor stored again.
//
// - The lowest free number is given first, and the count of pages never shrinks: equal histories have equal numbers.
// - A page that was never written holds zeros and takes no memory.
// - Epochs: freeze() ends one. A page that was written in an earlier epoch is copied before it is written again, so whoever
//   has taken its bytes keeps them as they were; and the epoch says what has changed since a snapshot.

import { assert } from '../../base/assert.ts';
import type { FateTable } from '../fate.ts';

export const FILE_PAGE_BYTES = 4096;
/** Of all file systems of a machine together: bounds what a small image can make of itself, as the limit of memory does. */
export const MAX_FILE_BYTES: number = 2 ** 34;

/** Free pages that follow each other. */
interface Run {
  first: number;
  count: number;
}

interface Page {
  bytes: Uint8Array;
  /** In which it was written last. */
  epoch: number;
}

export interface ChangedPages {
  /** Ascending, none of zeros. The bytes do not change after freeze(). */
  readonly changed: readonly { readonly page: number; readonly bytes: Uint8Array }[];
  /** Pages of zeros that may have held something, ascending. */
  readonly zeroed: readonly number[];
}

export class FilePages {
  static readonly fates: FateTable = {
    capacity: 'saved',
    pageCount: 'saved',
    usedCount: 'derived',
    epoch: 'derived',
    pages: 'saved',
    freed: 'derived',
    free: 'derived',
  };

  /** How many pages may be in use at once. */
  readonly capacity: number;
  /** Numbers below have been given at some time. */
  pageCount: number;
  /** Derived: how many are in use. */
  usedCount = 0;
  /** Derived: counts the snapshots. */
  epoch = 0;
  /** Those that were written. */
  readonly pages: Map<number, Page> = new Map();
  /** Derived: the epoch in which a page that is free now was given back. */
  readonly freed: Map<number, number> = new Map();
  /** Derived: ascending; two that touch are one. */
  readonly free: Run[] = [];

  constructor(capacity: number, pageCount = 0) {
    this.capacity = capacity;
    this.pageCount = pageCount;
    if (pageCount > 0) this.free.push({ first: 0, count: pageCount });
  }

  get freeCount(): number {
    return this.capacity - this.usedCount;
  }

  /** A page of zeros; undefined if all are in use. */
  allocate(): number | undefined {
    if (this.usedCount >= this.capacity) return undefined;
    this.usedCount++;
    const run = this.free[0];
    if (run === undefined) return this.pageCount++;
    const page = run.first++;
    if (--run.count === 0) this.free.shift();
    return page;
  }

  /** Takes pages that a restored file has. Each call names pages above those of the calls before. */
  claim(first: number, count: number): void {
    const run = this.free[this.free.length - 1];
    assert(run !== undefined && first >= run.first && first + count <= run.first + run.count, 'FilePages.claim()');
    this.usedCount += count;
    const end = run.first + run.count;
    run.count = first - run.first;
    if (run.count === 0) this.free.pop();
    if (first + count < end) this.free.push({ first: first + count, count: end - first - count });
  }

  release(page: number): void {
    this.usedCount--;
    if (this.pages.delete(page)) this.freed.set(page, this.epoch);
    const { free } = this;
    const low = this.#search(page);
    const before = free[low - 1];
    const after = free[low];
    const touchesBefore = before !== undefined && before.first + before.count === page;
    const touchesAfter = after !== undefined && after.first === page + 1;
    if (touchesBefore && touchesAfter) {
      before.count += 1 + after.count;
      free.splice(low, 1);
    } else if (touchesBefore) before.count++;
    else if (touchesAfter) {
      after.first--;
      after.count++;
    } else free.splice(low, 0, { first: page, count: 1 });
  }

  isUsed(page: number): boolean {
    const at = this.#search(page + 1);
    const before = this.free[at - 1];
    return page < this.pageCount && (before === undefined || before.first + before.count <= page);
  }

  /** Position of the first free run that begins at `page` or later. */
  #search(page: number): number {
    let low = 0;
    for (let high = this.free.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (this.free[middle]!.first < page) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  read(page: number, target: Uint8Array, offset: number): void {
    const bytes = this.pages.get(page)?.bytes;
    if (bytes === undefined) target.fill(0);
    else target.set(bytes.subarray(offset, offset + target.length));
  }

  write(page: number, source: Uint8Array, offset: number): void {
    this.#writable(page).set(source, offset);
  }

  clear(page: number, from: number): void {
    if (this.pages.has(page)) this.#writable(page).fill(0, from);
  }

  #writable(page: number): Uint8Array {
    const old = this.pages.get(page);
    if (old === undefined) {
      const bytes = new Uint8Array(FILE_PAGE_BYTES);
      this.pages.set(page, { bytes, epoch: this.epoch });
      this.freed.delete(page);
      return bytes;
    }
    if (old.epoch !== this.epoch) {
      old.bytes = old.bytes.slice();
      old.epoch = this.epoch;
    }
    return old.bytes;
  }

  /** Ends an epoch, whose number it returns: bytes that changedSince() gave before stay as they are. */
  freeze(): number {
    return this.epoch++;
  }

  /** What was written after the epoch of this number; -1: everything. */
  changedSince(epoch: number): ChangedPages {
    const changed: { page: number; bytes: Uint8Array }[] = [];
    const zeroed: number[] = [];
    for (const [page, written] of this.pages) {
      if (written.epoch <= epoch) continue;
      if (isZero(written.bytes)) zeroed.push(page);
      else changed.push({ page, bytes: written.bytes });
    }
    for (const [page, freedAt] of this.freed) if (freedAt > epoch) zeroed.push(page);
    changed.sort((a, b) => a.page - b.page);
    zeroed.sort((a, b) => a - b);
    return { changed, zeroed };
  }
}

export function isZero(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}
