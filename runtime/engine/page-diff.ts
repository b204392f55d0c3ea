// What a guest has changed in its memory since the last capture, in 4 KiB pages, found in WebAssembly (page-diff.wat).
//
// Strategies behind one interface; RATIONALE.md ("How are changed pages found?") has the figures:
// - CopyPageTracker keeps a copy of the memory. The changed pages are copied into it, and `contents` shows that copy.
// - HashPageTracker keeps 16 bytes for each page. The changed pages are copied into a room that the caller brings.
// - MarkedPageTracker (marked-page-tracker.ts) does the same, and looks only at pages that whoever wrote them has marked.
//
// 1. The guest stands still: capture() finds and copies what changed. 2. The guest goes on; `contents` stays as it is: of a
// copy until the next capture(), else as long as the room does. 3. confirm() says that all of it is safe. Without confirm() the
// next capture() reports these pages again, so a commit that failed loses nothing.
//
// Invariants: the guest's memory is only read. A page of zeros takes no room in the copy, in `contents` or in the packed
// pages, and is never written to. A memory that grew is taken at its new size.

import { decodeHex } from '../base/hex.ts';
import { pageDiff32, pageDiff32Shared, pageDiff64, pageDiff64Shared } from './page-diff-modules.ts';

const PAGE_BYTES = 4096;
const WASM_PAGE_BYTES = 65536;
/** A key for each byte of a page, and 32 more for the second pass of the hash. */
export const PAGE_HASH_KEY_BYTES: number = PAGE_BYTES + 32;
const HASH_BYTES = 16;
/** Where the state bytes begin: after the keys, at the next full page. */
const STATES_ADDRESS = 8192;
/** Bits of a state. */
const HELD = 1;
const CHANGED = 2;

/** What changed since the last confirmed capture. */
export interface ChangedPages {
  /** Size of the memory, in 4 KiB pages. */
  readonly pageCount: number;
  /** Pages that changed and hold something: first page, page count, … ascending, no two runs touch. */
  readonly changed: Uint32Array;
  /** Pages that changed and hold zeros only, in the same form. */
  readonly zeroed: Uint32Array;
}

export interface PageChanges extends ChangedPages {
  /** The pages of each run of `changed`. */
  readonly contents: readonly Uint8Array[];
}

export interface PageTracker {
  /** The guest must stand still. */
  capture(): PageChanges;
  /** Everything that capture() gave last is safe. */
  confirm(): void;
  /** Memory that the tracker takes for itself, resident or not. */
  readonly sizeBytes: number;
}

type Compare = (first: number, end: number, states: number) => void;
type CompareHashes = (first: number, end: number, states: number, hashes: number, keys: number) => void;

const modules: Map<string, WebAssembly.Module> = new Map();

/** The exports for this memory, and the copy they work on. */
function instantiate(guest: WebAssembly.Memory, state: WebAssembly.Memory): Linked {
  const shared = guest.buffer instanceof SharedArrayBuffer;
  try {
    const copy = new WebAssembly.Memory({ initial: 0, maximum: 65536 });
    return link(shared ? pageDiff32Shared : pageDiff32, guest, copy, state, (pages) => copy.grow(pages));
  } catch (error) {
    // Nothing in a Memory tells its address type; linking does.
    if (!(error instanceof WebAssembly.LinkError)) throw error;
    const copy = new WebAssembly.Memory({ address: 'i64', initial: 0n, maximum: 262144n });
    return link(shared ? pageDiff64Shared : pageDiff64, guest, copy, state, (pages) => copy.grow(BigInt(pages)));
  }
}

interface Linked {
  readonly exports: WebAssembly.Exports;
  readonly copy: WebAssembly.Memory;
  growCopy(wasmPages: number): void;
}

function link(
  hex: string,
  guest: WebAssembly.Memory,
  copy: WebAssembly.Memory,
  state: WebAssembly.Memory,
  growCopy: (wasmPages: number) => void,
): Linked {
  let module = modules.get(hex);
  if (module === undefined) modules.set(hex, (module = new WebAssembly.Module(decodeHex(hex))));
  const { exports } = new WebAssembly.Instance(module, { guest: { memory: guest }, own: { copy, state } });
  return { exports, copy, growCopy };
}

/** The state bytes, which both strategies share. They lie in `state` from STATES_ADDRESS on, `capacity` of them. */
class PageStates {
  readonly memory: WebAssembly.Memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });
  /** How many pages have room. */
  capacity = 0;
  /** Bytes of other things for each page, which lie behind the states: kept when the capacity grows. */
  readonly #extraBytes: number;

  constructor(extraBytes: number) {
    this.#extraBytes = extraBytes;
  }

  get extraAddress(): number {
    return STATES_ADDRESS + this.capacity;
  }

  /** Where nothing lies any more. */
  get endAddress(): number {
    return this.extraAddress + this.capacity * this.#extraBytes;
  }

  /** Room for `pageCount` pages. */
  fit(pageCount: number): void {
    if (pageCount <= this.capacity) return;
    const from = this.extraAddress;
    const extra = this.capacity * this.#extraBytes;
    // Full 64 KiB of states, so that everything behind them is aligned.
    this.capacity = Math.ceil(pageCount / WASM_PAGE_BYTES) * WASM_PAGE_BYTES;
    this.reserve(this.endAddress);
    const bytes = new Uint8Array(this.memory.buffer);
    bytes.copyWithin(this.extraAddress, from, from + extra);
    bytes.fill(0, from, Math.min(from + extra, this.extraAddress));
  }

  reserve(sizeBytes: number): void {
    const missing = Math.ceil((sizeBytes - this.memory.buffer.byteLength) / WASM_PAGE_BYTES);
    if (missing > 0) this.memory.grow(missing);
  }

  /** Runs of changed pages among the first `pageCount`, apart by what they hold now. */
  runs(pageCount: number): { changed: Uint32Array; zeroed: Uint32Array } {
    const states = new Uint8Array(this.memory.buffer, STATES_ADDRESS, pageCount);
    return { zeroed: runsOf(states, CHANGED), changed: runsOf(states, CHANGED | HELD) };
  }

  clearChanged(): void {
    const states = new Uint8Array(this.memory.buffer, STATES_ADDRESS, this.capacity);
    for (const state of [CHANGED, CHANGED | HELD]) {
      for (let page = states.indexOf(state); page >= 0; page = states.indexOf(state, page + 1)) states[page]! &= HELD;
    }
  }
}

export class CopyPageTracker implements PageTracker {
  readonly #guest: WebAssembly.Memory;
  readonly #states = new PageStates(0);
  readonly #copy: WebAssembly.Memory;
  readonly #growCopy: (wasmPages: number) => void;
  readonly #compare: Compare;

  /** `memory`: a WebAssembly.Memory of any kind. */
  constructor(memory: object) {
    this.#guest = asMemory(memory);
    const { exports, copy, growCopy } = instantiate(this.#guest, this.#states.memory);
    this.#copy = copy;
    this.#growCopy = growCopy;
    this.#compare = exports['compare'] as Compare;
  }

  get sizeBytes(): number {
    return this.#copy.buffer.byteLength + this.#states.memory.buffer.byteLength;
  }

  capture(): PageChanges {
    const sizeBytes = this.#guest.buffer.byteLength;
    const pageCount = sizeBytes / PAGE_BYTES;
    const missing = (sizeBytes - this.#copy.buffer.byteLength) / WASM_PAGE_BYTES;
    if (missing > 0) this.#growCopy(missing);
    this.#states.fit(pageCount);
    this.#compare(0, pageCount, STATES_ADDRESS);
    const { changed, zeroed } = this.#states.runs(pageCount);
    const copy = new Uint8Array(this.#copy.buffer);
    const contents: Uint8Array[] = [];
    for (let i = 0; i < changed.length; i += 2) {
      const first = changed[i]! * PAGE_BYTES;
      contents.push(copy.subarray(first, first + changed[i + 1]! * PAGE_BYTES));
    }
    return { pageCount, changed, zeroed, contents };
  }

  confirm(): void {
    this.#states.clearChanged();
  }
}

export class HashPageTracker implements PageTracker {
  readonly #guest: WebAssembly.Memory;
  readonly #states = new PageStates(HASH_BYTES);
  readonly #compare: CompareHashes;

  /** `keys`: PAGE_HASH_KEY_BYTES random bytes; nobody who can choose the contents of pages may know them. */
  constructor(memory: object, keys: Uint8Array) {
    if (keys.length !== PAGE_HASH_KEY_BYTES) throw new RangeError(`${keys.length} bytes of keys`);
    this.#guest = asMemory(memory);
    const { exports } = instantiate(this.#guest, this.#states.memory);
    this.#compare = exports['compareHashes'] as CompareHashes;
    new Uint8Array(this.#states.memory.buffer).set(keys);
  }

  get sizeBytes(): number {
    return this.#states.memory.buffer.byteLength;
  }

  /** `room`: memory for the changed pages; fresh memory is taken if it is too small. */
  capture(room?: Uint8Array): PageChanges {
    const changes = this.find();
    const sizeBytes = changedBytes(changes);
    const roomy = room === undefined || room.length < sizeBytes ? new Uint8Array(sizeBytes) : room;
    return { ...changes, contents: this.copy(changes, roomy) };
  }

  protected get pageCount(): number {
    return this.#guest.buffer.byteLength / PAGE_BYTES;
  }

  /**
   * The first half of capture(): what changed, which is told again until confirm(). `runs`: first page, end, … of those that can
   * have changed since the last find(); all if not given.
   */
  find(runs?: readonly number[]): ChangedPages {
    const { pageCount } = this;
    this.#states.fit(pageCount);
    const { extraAddress } = this.#states;
    if (runs === undefined) this.#compare(0, pageCount, STATES_ADDRESS, extraAddress, 0);
    else {
      for (let i = 0; i < runs.length; i += 2) this.#compare(runs[i]!, runs[i + 1]!, STATES_ADDRESS, extraAddress, 0);
    }
    return { pageCount, ...this.#states.runs(pageCount) };
  }

  /** The second half: each run of `changed`, one after the other in `room`. The guest has not gone on since find(). */
  copy({ changed }: ChangedPages, room: Uint8Array): Uint8Array[] {
    const guest = new Uint8Array(this.#guest.buffer);
    const contents: Uint8Array[] = [];
    let to = 0;
    for (let i = 0; i < changed.length; i += 2) {
      const first = changed[i]! * PAGE_BYTES;
      const sizeBytes = changed[i + 1]! * PAGE_BYTES;
      room.set(guest.subarray(first, first + sizeBytes), to);
      contents.push(room.subarray(to, (to += sizeBytes)));
    }
    return contents;
  }

  /** In the place of copy(), for a guest that does not go on: each run as it lies in its memory. */
  views({ changed }: ChangedPages): Uint8Array[] {
    const guest = new Uint8Array(this.#guest.buffer);
    const contents: Uint8Array[] = [];
    for (let i = 0; i < changed.length; i += 2) {
      const first = changed[i]! * PAGE_BYTES;
      contents.push(guest.subarray(first, first + changed[i + 1]! * PAGE_BYTES));
    }
    return contents;
  }

  confirm(): void {
    this.#states.clearChanged();
  }
}

/** Runs of pages in a state: first page, page count, … The engine looks for the next one, many bytes at a time. */
function runsOf(states: Uint8Array, state: number): Uint32Array {
  const runs: number[] = [];
  for (let page = states.indexOf(state); page >= 0; page = states.indexOf(state, page + 1)) {
    const last = runs.length - 2;
    if (last >= 0 && runs[last]! + runs[last + 1]! === page) runs[last + 1]!++;
    else runs.push(page, 1);
  }
  return Uint32Array.from(runs);
}

/** The room that the changed pages need. */
export function changedBytes({ changed }: ChangedPages): number {
  let sizeBytes = 0;
  for (let i = 1; i < changed.length; i += 2) sizeBytes += changed[i]! * PAGE_BYTES;
  return sizeBytes;
}

function asMemory(memory: object): WebAssembly.Memory {
  if (!(memory instanceof WebAssembly.Memory)) throw new TypeError('the memory to track is not a WebAssembly.Memory');
  return memory;
}
