// A map from chunk ids to numbers. The ids stay where they are, in the indexes of packs: a store has hundreds of thousands of
// them, and a string for each would take ten times as long to make as to find. They are random bits already, so their first 31
// are the hash.

import { CHUNK_ID_BYTES, type ChunkId, writeChunkId } from './chunk-id.ts';

const FIRST_CAPACITY = 1024;

export class ChunkIndex {
  /** Where entries have their ids, and which of these each entry means. */
  readonly #sources: Uint8Array[] = [];
  readonly #sourceOf: number[] = [];
  readonly #offsets: number[] = [];
  readonly #values: number[] = [];
  /** Open addressing: number of the entry plus 1, or 0. At most half full. */
  #slots: Int32Array = new Int32Array(FIRST_CAPACITY * 2);
  readonly #wanted: Uint8Array = new Uint8Array(CHUNK_ID_BYTES);

  get size(): number {
    return this.#values.length;
  }

  get(id: ChunkId): number | undefined {
    writeChunkId(id, this.#wanted, 0);
    return this.find(this.#wanted, 0);
  }

  /** The same of an id at `offset` of `bytes`. */
  find(bytes: Uint8Array, offset: number): number | undefined {
    const entry = this.#slots[this.#slotOf(bytes, offset)]!;
    return entry === 0 ? undefined : this.#values[entry - 1];
  }

  /** Adds `count` ids, `stride` bytes apart, with the values `value`, `value` + 1, … One that is there keeps what it has. */
  add(bytes: Uint8Array, offset: number, stride: number, count: number, value: number): void {
    if (this.#sources[this.#sources.length - 1] !== bytes) this.#sources.push(bytes);
    if ((this.#values.length + count) * 2 > this.#slots.length) this.#grow(this.#values.length + count);
    for (let i = 0; i < count; i++) this.#addOne(bytes, offset + i * stride, value + i);
  }

  #addOne(bytes: Uint8Array, offset: number, value: number): void {
    const slot = this.#slotOf(bytes, offset);
    if (this.#slots[slot] !== 0) return;
    this.#sourceOf.push(this.#sources.length - 1);
    this.#offsets.push(offset);
    this.#values.push(value);
    this.#slots[slot] = this.#values.length;
  }

  /** Of the id, or the free one where it would be put. */
  #slotOf(bytes: Uint8Array, offset: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hashAt(bytes, offset) & mask;
    for (;;) {
      const entry = slots[slot]!;
      if (entry === 0) return slot;
      const source = this.#sources[this.#sourceOf[entry - 1]!]!;
      if (sameId(source, this.#offsets[entry - 1]!, bytes, offset)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  /** Room for `count` entries, and as many more. */
  #grow(count: number): void {
    const slots = new Int32Array(2 ** Math.ceil(Math.log2(count * 4)));
    const mask = slots.length - 1;
    for (let entry = 0; entry < this.#values.length; entry++) {
      let slot = hashAt(this.#sources[this.#sourceOf[entry]!]!, this.#offsets[entry]!) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = entry + 1;
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
