// A map from chunk ids to numbers. Ids are random bits already: their first 31 are the hash, which a Map of strings would have
// to compute. Ten times as fast to fill; a store has hundreds of thousands of them.

import type { ChunkId } from './chunk-id.ts';

const FIRST_CAPACITY = 1024;

export class ChunkIndex {
  readonly #ids: ChunkId[] = [];
  readonly #values: number[] = [];
  /** Open addressing: number of the entry plus 1, or 0. At most half full. */
  #slots: Int32Array = new Int32Array(FIRST_CAPACITY * 2);

  get size(): number {
    return this.#ids.length;
  }

  get(id: ChunkId): number | undefined {
    const entry = this.#slots[this.#slotOf(id)]!;
    return entry === 0 ? undefined : this.#values[entry - 1];
  }

  /** Does nothing if the id is there. */
  add(id: ChunkId, value: number): void {
    const slot = this.#slotOf(id);
    if (this.#slots[slot] !== 0) return;
    this.#ids.push(id);
    this.#values.push(value);
    this.#slots[slot] = this.#ids.length;
    if (this.#ids.length * 2 > this.#slots.length) this.#grow();
  }

  /** Of the id, or the free one where it would be put. */
  #slotOf(id: ChunkId): number {
    const mask = this.#slots.length - 1;
    let slot = hashOf(id) & mask;
    for (;;) {
      const entry = this.#slots[slot]!;
      if (entry === 0 || this.#ids[entry - 1] === id) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #grow(): void {
    this.#slots = new Int32Array(this.#slots.length * 4);
    for (const [entry, id] of this.#ids.entries()) this.#slots[this.#slotOf(id)] = entry + 1;
  }
}

function hashOf(id: ChunkId): number {
  return id.charCodeAt(0) | (id.charCodeAt(1) << 8) | (id.charCodeAt(2) << 16) | ((id.charCodeAt(3) & 0x7f) << 24);
}
