// The ids of the chunks that a commit meets, as bytes: a first snapshot of a gigabyte has 262,144 of them, and a string and an
// object for each would take three times the memory, which the collector has to walk through again and again.

import { IdIndex } from '../../engine/id-index.ts';
import { type ChunkId, chunkIdAt } from './chunk-id.ts';
import type { PageIds } from './page-tree.ts';

/** Of commits that are over. */
const spare: IdIndex[] = [];
const MAX_SPARE = 4;
const MAX_SPARE_BYTES: number = 4 << 20;

/** Which ids have been met already. */
export class NewIds {
  readonly #index: IdIndex = spare.pop() ?? new IdIndex();

  /** The number of an id, which is a new one if it was not here. */
  add(id: ChunkId): { readonly number: number; readonly isNew: boolean } {
    const { count } = this.#index;
    const number = this.#index.addText(id);
    return { number, isNew: number === count };
  }

  at(number: number): ChunkId {
    const { bytes, offset } = this.#index.at(number);
    return chunkIdAt(bytes, offset);
  }

  /** It is not used any more. */
  release(): void {
    if (spare.length === MAX_SPARE || this.#index.sizeBytes > MAX_SPARE_BYTES) return;
    this.#index.clear();
    spare.push(this.#index);
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
