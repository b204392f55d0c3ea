// A map from chunk ids to numbers. The ids stay where they are, in the indexes of packs: a store has hundreds of thousands of
// them, and a string for each would take ten times as long to make as to find. They are random bits already, so their first 31
// are the hash.

import { CHUNK_ID_BYTES, type ChunkId, writeChunkId } from './chunk-id.ts';

const FIRST_CAPACITY = 1024;
const SLOT_WORDS = 2;
const ENTRY_WORDS = 2;

export class ChunkIndex {
  /** Where entries have their ids. */
  readonly #sources: Uint8Array[] = [];
  /** Of each entry its source, and where its id is in that. */
  #entries: Uint32Array = new Uint32Array(FIRST_CAPACITY * ENTRY_WORDS);
  #values: Float64Array = new Float64Array(FIRST_CAPACITY);
  #size = 0;
  /**
   * Open addressing, at most half full. Of each slot the number of its entry plus 1, or 0, and the hash of the id: what has
   * another hash need not be looked at where it lies.
   */
  #slots: Int32Array = new Int32Array(FIRST_CAPACITY * 2 * SLOT_WORDS);
  readonly #wanted: Uint8Array = new Uint8Array(CHUNK_ID_BYTES);

  get size(): number {
    return this.#size;
  }

  get(id: ChunkId): number | undefined {
    writeChunkId(id, this.#wanted, 0);
    return this.find(this.#wanted, 0);
  }

  /** The same of an id at `offset` of `bytes`. */
  find(bytes: Uint8Array, offset: number): number | undefined {
    const entry = this.#slots[this.#slotOf(bytes, offset, hashAt(bytes, offset))]!;
    return entry === 0 ? undefined : this.#values[entry - 1];
  }

  /** Room for so many more: growing once is cheaper than growing often. */
  reserve(count: number): void {
    const capacity = this.#size + count;
    if (capacity > this.#values.length) this.#grow(2 ** Math.ceil(Math.log2(capacity)));
  }

  /** Adds `count` ids, `stride` bytes apart, with the values `value`, `value` + 1, … One that is there keeps what it has. */
  add(bytes: Uint8Array, offset: number, stride: number, count: number, value: number): void {
    this.reserve(count);
    if (this.#sources[this.#sources.length - 1] !== bytes) this.#sources.push(bytes);
    for (let i = 0; i < count; i++) this.#addOne(bytes, offset + i * stride, value + i);
  }

  #addOne(bytes: Uint8Array, offset: number, value: number): void {
    const hash = hashAt(bytes, offset);
    const slot = this.#slotOf(bytes, offset, hash);
    if (this.#slots[slot] !== 0) return;
    const entry = this.#size++;
    this.#entries[entry * ENTRY_WORDS] = this.#sources.length - 1;
    this.#entries[entry * ENTRY_WORDS + 1] = offset;
    this.#values[entry] = value;
    this.#slots[slot] = entry + 1;
    this.#slots[slot + 1] = hash;
  }

  /** Of the id, or the free one where it would be put. */
  #slotOf(bytes: Uint8Array, offset: number, hash: number): number {
    const slots = this.#slots;
    const entries = this.#entries;
    const mask = slots.length - 1;
    let slot = (hash * SLOT_WORDS) & mask;
    for (;;) {
      const entry = slots[slot]!;
      if (entry === 0) return slot;
      if (slots[slot + 1] === hash) {
        const at = (entry - 1) * ENTRY_WORDS;
        if (sameId(this.#sources[entries[at]!]!, entries[at + 1]!, bytes, offset)) return slot;
      }
      slot = (slot + SLOT_WORDS) & mask;
    }
  }

  #grow(capacity: number): void {
    const entries = new Uint32Array(capacity * ENTRY_WORDS);
    entries.set(this.#entries);
    this.#entries = entries;
    const values = new Float64Array(capacity);
    values.set(this.#values);
    this.#values = values;
    const slots = new Int32Array(capacity * 2 * SLOT_WORDS);
    const mask = slots.length - 1;
    const old = this.#slots;
    for (let from = 0; from < old.length; from += SLOT_WORDS) {
      if (old[from] === 0) continue;
      let slot = (old[from + 1]! * SLOT_WORDS) & mask;
      while (slots[slot] !== 0) slot = (slot + SLOT_WORDS) & mask;
      slots[slot] = old[from]!;
      slots[slot + 1] = old[from + 1]!;
    }
    this.#slots = slots;
  }
}

/** Are the ids at these places the same? */
export function sameId(a: Uint8Array, offsetA: number, b: Uint8Array, offsetB: number): boolean {
  for (let i = 0; i < CHUNK_ID_BYTES; i++) if (a[offsetA + i] !== b[offsetB + i]) return false;
  return true;
}

function hashAt(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | ((bytes[offset + 3]! & 0x7f) << 24);
}
