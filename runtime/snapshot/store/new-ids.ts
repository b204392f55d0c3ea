// The ids of the chunks that a commit meets, as bytes: a first snapshot of a gigabyte has 262,144 of them, and a string and an
// object for each would take three times the memory, which the collector has to walk through again and again.

import { CHUNK_ID_BYTES, type ChunkId, chunkIdAt, writeChunkId } from './chunk-id.ts';
import { ChunkIndex } from './chunk-index.ts';
import type { PageIds } from './page-tree.ts';

const SEGMENT_IDS = 4096;

/** Which ids have been met already. */
export class NewIds {
  readonly #segments: Uint8Array[] = [];
  readonly #index: ChunkIndex = new ChunkIndex();
  #count = 0;

  /** The number of an id, which is a new one if it was not here. */
  add(id: ChunkId): { readonly number: number; readonly isNew: boolean } {
    if (this.#count === this.#segments.length * SEGMENT_IDS) {
      this.#segments.push(new Uint8Array(SEGMENT_IDS * CHUNK_ID_BYTES));
    }
    const number = this.#count;
    const { segment, offset } = this.#placeOf(number);
    writeChunkId(id, segment, offset);
    const known = this.#index.find(segment, offset);
    if (known !== undefined) return { number: known, isNew: false };
    this.#index.add(segment, offset, CHUNK_ID_BYTES, 1, number);
    this.#count++;
    return { number, isNew: true };
  }

  at(number: number): ChunkId {
    const { segment, offset } = this.#placeOf(number);
    return chunkIdAt(segment, offset);
  }

  #placeOf(number: number): { readonly segment: Uint8Array; readonly offset: number } {
    const segment = this.#segments[Math.floor(number / SEGMENT_IDS)]!;
    return { segment, offset: (number % SEGMENT_IDS) * CHUNK_ID_BYTES };
  }
}

const ZEROS = -1;

/** The pages of one memory that have changed, in ascending order. */
export class ChangedPages implements PageIds {
  readonly #ids: NewIds;
  #pages: number[] = [];
  /** Of each the number of its id, or ZEROS. */
  #numbers: number[] = [];

  constructor(ids: NewIds) {
    this.#ids = ids;
  }

  get length(): number {
    return this.#pages.length;
  }

  push(page: number, number: number): void {
    this.#pages.push(page);
    this.#numbers.push(number);
  }

  pageAt(k: number): number {
    return this.#pages[k]!;
  }

  idAt(k: number): ChunkId | null {
    const number = this.#numbers[k]!;
    return number === ZEROS ? null : this.#ids.at(number);
  }

  /** `zeroed`: runs of other pages that are zeros now: first page, page count, … ascending. */
  addZeros(zeroed: Uint32Array): void {
    if (zeroed.length === 0) return;
    const [pages, numbers] = [this.#pages, this.#numbers];
    this.#pages = [];
    this.#numbers = [];
    let at = 0;
    const copyBelow = (end: number): void => {
      for (; at < pages.length && pages[at]! < end; at++) this.push(pages[at]!, numbers[at]!);
    };
    for (let i = 0; i < zeroed.length; i += 2) {
      copyBelow(zeroed[i]!);
      for (let k = 0; k < zeroed[i + 1]!; k++) this.push(zeroed[i]! + k, ZEROS);
    }
    copyBelow(Number.POSITIVE_INFINITY);
  }
}
