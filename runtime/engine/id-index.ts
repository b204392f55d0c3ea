// A map from ids of 32 random bytes to the numbers in which they were added, in WebAssembly (id-index.wat): a store has
// hundreds of thousands of them, and whoever opens one has not run its code often enough for V8 to have made it fast.
//
// Ids take 32 bytes each and 16 to 32 for the table, at most half of which is used. Their hash has a random key: ids that
// somebody made up are no slower than others.

import { decodeHex } from '../base/hex.ts';
import { idIndex } from './memory-modules.ts';

const ID_BYTES = 32;
const SLOT_BYTES = 8;
const WASM_PAGE_BYTES = 65536;
/** Where the ids begin; what lies before is the room of the caller. */
const IDS_ADDRESS = 327680;
const MAX_PAGES = 65536;
const FIRST_SLOTS = 2048;

interface Kernel {
  readonly ids: WebAssembly.Memory;
  readonly slots: WebAssembly.Memory;
  take(first: number, stride: number, count: number): void;
  put(first: number, end: number, mask: number): number;
  find(at: number, mask: number): number;
  matching(at: number, number: number, count: number): number;
}

let module: WebAssembly.Module | undefined;

export class IdIndex {
  /** As many ids as it takes; more make add() fail with a RangeError. */
  static readonly maxCount: number = (MAX_PAGES * WASM_PAGE_BYTES - IDS_ADDRESS) / ID_BYTES;
  readonly #kernel: Kernel;
  #bytes: Uint8Array;
  #count = 0;
  #distinct = 0;
  #capacity = 0;
  /** Length of all slots in bytes, a power of two, less one. */
  #mask = 0;

  constructor() {
    module ??= new WebAssembly.Module(decodeHex(idIndex));
    const { exports } = new WebAssembly.Instance(module);
    this.#kernel = exports as unknown as Kernel;
    for (let word = 0; word < 4; word++) {
      const key = random32() | (random32() << 32n);
      (exports[`key${word}`] as WebAssembly.Global).value = BigInt.asIntN(64, key);
    }
    this.#bytes = new Uint8Array(this.#kernel.ids.buffer);
    this.#makeSlots(FIRST_SLOTS);
  }

  /** Ids that were added, each once. */
  get distinctCount(): number {
    return this.#distinct;
  }

  /** All that were added: the next one gets this number. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of memory that it holds. */
  get sizeBytes(): number {
    return this.#bytes.length + this.#kernel.slots.buffer.byteLength;
  }

  /** As it was when it was new, but for its room: a new one takes half a millisecond and 16 GiB of addresses. */
  clear(): void {
    this.#count = 0;
    this.#distinct = 0;
    new Uint8Array(this.#kernel.slots.buffer).fill(0);
  }

  /** Room for so many more: growing once is cheaper than growing often. */
  reserve(more: number): void {
    const count = this.#count + more;
    if (count <= this.#capacity) return;
    if (count > IdIndex.maxCount) throw new RangeError(`${count} ids, more than ${IdIndex.maxCount}`);
    const { ids } = this.#kernel;
    const wanted = Math.ceil((IDS_ADDRESS + count * ID_BYTES) / WASM_PAGE_BYTES);
    const pages = ids.buffer.byteLength / WASM_PAGE_BYTES;
    // By halves, that growing costs little each.
    if (wanted > pages) ids.grow(Math.min(MAX_PAGES, Math.max(wanted, Math.ceil(pages * 1.5))) - pages);
    this.#bytes = new Uint8Array(ids.buffer);
    this.#capacity = Math.floor((this.#bytes.length - IDS_ADDRESS) / ID_BYTES);
    const slots = 2 ** Math.ceil(Math.log2(this.#capacity * 2));
    if (slots * SLOT_BYTES > this.#mask + 1) this.#makeSlots(slots);
  }

  /** Adds `count` ids, the first at `offset` of `bytes`, `stride` bytes apart. They get the next numbers, in order. */
  add(bytes: Uint8Array, offset: number, stride: number, count: number): void {
    this.reserve(count);
    const perTurn = Math.floor((IDS_ADDRESS - ID_BYTES) / stride);
    for (let done = 0; done < count; done += perTurn) {
      const turn = Math.min(perTurn, count - done);
      const from = offset + done * stride;
      this.#bytes.set(bytes.subarray(from, from + (turn - 1) * stride + ID_BYTES));
      this.#kernel.take(this.#count + done, stride, turn);
    }
    this.#distinct += this.#kernel.put(this.#count, this.#count + count, this.#mask);
    this.#count += count;
  }

  /** The least number of the id at `offset` of `bytes`, or -1. */
  find(bytes: Uint8Array, offset: number): number {
    for (let i = 0; i < ID_BYTES; i++) this.#bytes[i] = bytes[offset + i]!;
    return this.#kernel.find(0, this.#mask);
  }

  /** The same of an id of one character for each byte. */
  findText(id: string): number {
    for (let i = 0; i < ID_BYTES; i++) this.#bytes[i] = id.charCodeAt(i);
    return this.#kernel.find(0, this.#mask);
  }

  /** Adds an id as findText() takes it, if it is new. Its least number. */
  addText(id: string): number {
    const known = this.findText(id);
    if (known >= 0) return known;
    this.reserve(1);
    this.#kernel.take(this.#count, ID_BYTES, 1);
    this.#distinct += this.#kernel.put(this.#count, this.#count + 1, this.#mask);
    return this.#count++;
  }

  /** How many ids from `offset` of `bytes` on, one after the other, no more than `count`, are those of `number`, `number` + 1, … */
  matching(bytes: Uint8Array, offset: number, count: number, number: number): number {
    const wanted = Math.min(count, this.#count - number);
    this.#bytes.set(bytes.subarray(offset, offset + wanted * ID_BYTES));
    return this.#kernel.matching(0, number, wanted);
  }

  /** The memory that holds the id of a number, and where; valid until the next is added. */
  at(number: number): { readonly bytes: Uint8Array; readonly offset: number } {
    return { bytes: this.#bytes, offset: IDS_ADDRESS + number * ID_BYTES };
  }

  #makeSlots(count: number): void {
    const { slots } = this.#kernel;
    const old = slots.buffer.byteLength;
    new Uint8Array(slots.buffer).fill(0);
    slots.grow(Math.ceil((count * SLOT_BYTES - old) / WASM_PAGE_BYTES));
    this.#mask = count * SLOT_BYTES - 1;
    this.#kernel.put(0, this.#count, this.#mask);
  }
}

/** 32 random bits. Not secret: nobody sees what they do. */
function random32(): bigint {
  return BigInt(Math.floor(Math.random() * 2 ** 32));
}
