// Which pages of its file system a file has, and where: runs of file pages that lie in pages of ascending number. What no extent
// covers is a hole. A file that is written from its beginning to its end has one extent, however long it is.

import type { FateTable } from '../fate.ts';
import { badRecord, checkArray, checkInteger } from '../validate.ts';

export interface Extent {
  /** Index of the first page in the file. */
  readonly first: number;
  /** Number of that page in the file system; the others follow. */
  readonly page: number;
  readonly count: number;
}

/** A record holds three numbers for each extent. */
const FIELDS = 3;
const EXTENTS_MAX = 10_000_000;

export class Extents {
  static readonly fates: FateTable = { list: 'saved' };

  /** Ascending; neighbours in file and file system are one. */
  list: Extent[] = [];

  /** Position in the list of the extent that holds page `index` of the file, or of the one after it. */
  #search(index: number): number {
    let low = 0;
    for (let high = this.list.length; low < high; ) {
      const middle = (low + high) >>> 1;
      const { first, count } = this.list[middle]!;
      if (first + count <= index) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The page of the file system behind page `index` of the file; undefined in a hole. */
  find(index: number): number | undefined {
    const extent = this.list[this.#search(index)];
    return extent === undefined || extent.first > index ? undefined : extent.page + index - extent.first;
  }

  /** Page `index` of the file, which was in a hole, is `page` now. */
  add(index: number, page: number): void {
    const at = this.#search(index);
    const before = this.list[at - 1];
    const after = this.list[at];
    let joined: Extent = { first: index, page, count: 1 };
    let from = at;
    let removed = 0;
    if (before !== undefined && before.first + before.count === index && before.page + before.count === page) {
      joined = { first: before.first, page: before.page, count: before.count + 1 };
      from--;
      removed++;
    }
    if (after !== undefined && after.first === index + 1 && after.page === page + 1) {
      joined = { ...joined, count: joined.count + after.count };
      removed++;
    }
    if (removed === 1 && from === at - 1) this.list[from] = joined;
    else this.list.splice(from, removed, joined);
  }

  /** The file ends before page `index`: takes away what lies from there on. */
  cut(index: number, release: (page: number) => void): void {
    const at = this.#search(index);
    const gone = this.list.splice(at);
    for (const { first, page, count } of gone) {
      const kept = Math.max(0, index - first);
      if (kept > 0) this.list.push({ first, page, count: kept });
      for (let offset = kept; offset < count; offset++) release(page + offset);
    }
  }

  save(): number[] {
    return this.list.flatMap(({ first, page, count }) => [first, page, count]);
  }

  /** `filePages`: the length of the file; `pageCount`: of the file system. */
  static check(record: readonly number[], filePages: number, pageCount: number, where: string): void {
    checkArray(record, EXTENTS_MAX * FIELDS, where);
    if (record.length % FIELDS !== 0) badRecord(where, 'not three numbers for each extent');
    let end = 0;
    let last: Extent | undefined;
    for (let at = 0; at < record.length; at += FIELDS) {
      const [first, page, count] = [record[at]!, record[at + 1]!, record[at + 2]!];
      checkInteger(first, end, filePages - 1, where);
      checkInteger(count, 1, filePages - first, where);
      checkInteger(page, 0, pageCount - count, where);
      if (last !== undefined && last.first + last.count === first && last.page + last.count === page) {
        badRecord(where, 'two extents that are one');
      }
      end = first + count;
      last = { first, page, count };
    }
  }

  static restore(record: readonly number[]): Extents {
    const extents = new Extents();
    for (let at = 0; at < record.length; at += FIELDS) {
      extents.list.push({ first: record[at]!, page: record[at + 1]!, count: record[at + 2]! });
    }
    return extents;
  }
}
