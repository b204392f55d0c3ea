// Guest memories that are zero but whose pages were written before. The first write to a page of fresh memory costs
// 2.6 µs, five times the copy of its contents: filling 64 MiB takes 46 ms in a fresh memory and 7 ms in one from here.
// They come from machines that were disposed of, and from prewarming.
//
// - A memory here holds zeros only, and no view of it from its former life works any more.
// - It is given away only where nobody can tell it from a fresh one: same address type and maximum, not shared.

import type { WasmPageScanner } from './page-scanner.ts';

const WASM_PAGE_BYTES = 65536;
const SCANNED_PAGE_BYTES = 4096;

/** To make a memory takes 0.1 ms, as long as clearing this much. */
const SMALL_BYTES: number = 1 << 20;
/** Each takes 8 GiB of address space. */
const MEMORIES_MAX = 256;

interface PooledMemory {
  readonly memory: WebAssembly.Memory;
  readonly pageCount: number;
  readonly maximum: number;
  /** Asked for in advance: not dropped when idle. */
  readonly isWanted: boolean;
}

export class MemoryPool {
  readonly scanner: WasmPageScanner;
  readonly #limitBytes: number;
  /** Oldest first. */
  #memories: PooledMemory[] = [];
  readonly #maximumOf: WeakMap<WebAssembly.Memory, number> = new WeakMap();

  /** Keeps no more than `limitBytes` in all. */
  constructor(scanner: WasmPageScanner, limitBytes: number) {
    this.scanner = scanner;
    this.#limitBytes = limitBytes;
  }

  get sizeBytes(): number {
    return this.#memories.reduce((sum, { pageCount }) => sum + pageCount * WASM_PAGE_BYTES, 0);
  }

  /** A 32-bit unshared memory of `initial` pages of zeros. May throw what the constructor of Memory does. */
  make(initial: number, maximum: number): WebAssembly.Memory {
    const memory = this.#take(initial, maximum) ?? new WebAssembly.Memory({ initial, maximum });
    this.#maximumOf.set(memory, maximum);
    return memory;
  }

  /** Takes a memory that make() has made and that nobody uses any more. Its views end here; `hasViews`: there may be some. */
  give(memory: object, hasViews = true): void {
    if (!(memory instanceof WebAssembly.Memory)) return;
    const maximum = this.#maximumOf.get(memory);
    const bytes = new Uint8Array(memory.buffer);
    if (maximum === undefined || bytes.length === 0 || bytes.length > this.#limitBytes) return;
    const runs = this.scanner.nonZeroRuns({ bytes, memory });
    let usedPages = 0;
    for (let i = 1; i < runs.length; i += 2) usedPages += runs[i]!;
    // Mostly pages that were never touched: no better than a fresh one, unless making that takes longer than anything else.
    if (bytes.length > SMALL_BYTES && usedPages * 2 * SCANNED_PAGE_BYTES < bytes.length) return;
    for (let i = 0; i < runs.length; i += 2) {
      bytes.fill(0, runs[i]! * SCANNED_PAGE_BYTES, (runs[i]! + runs[i + 1]!) * SCANNED_PAGE_BYTES);
    }
    this.#add(memory, maximum, false, hasViews);
  }

  /**
   * Makes a memory ready for a module that states no maximum (or `maximum`). Yields between pieces of work of some
   * 0.2 ms; yields nothing more once it is in the pool.
   */
  *prewarm(sizeBytes: number, maximum: number): Generator<void, void, undefined> {
    const initial = Math.ceil(sizeBytes / WASM_PAGE_BYTES);
    const memory = new WebAssembly.Memory({ initial, maximum });
    const bytes = new Uint8Array(memory.buffer);
    for (let at = 0; at < bytes.length; at += SCANNED_PAGE_BYTES) {
      bytes[at] = 0;
      if (at % WASM_PAGE_BYTES === 0) yield;
    }
    this.#add(memory, maximum, true, true);
  }

  /** Drops what nobody asked for in advance. */
  dropIdle(): void {
    this.#memories = this.#memories.filter(({ isWanted }) => isWanted);
  }

  /** The largest that is not larger than wanted and makes up at least half of it. */
  #take(initial: number, maximum: number): WebAssembly.Memory | undefined {
    let best: PooledMemory | undefined;
    for (const candidate of this.#memories) {
      const fits =
        candidate.maximum === maximum && candidate.pageCount <= initial && candidate.pageCount * 2 >= initial;
      if (fits && candidate.pageCount > (best?.pageCount ?? 0)) best = candidate;
    }
    if (best === undefined) return undefined;
    this.#memories.splice(this.#memories.indexOf(best), 1);
    if (initial > best.pageCount) best.memory.grow(initial - best.pageCount);
    return best.memory;
  }

  #add(memory: WebAssembly.Memory, maximum: number, isWanted: boolean, hasViews: boolean): void {
    // Detaches the ArrayBuffer that others may hold; it takes 0.1 ms.
    if (hasViews) memory.grow(0);
    const pageCount = memory.buffer.byteLength / WASM_PAGE_BYTES;
    this.#memories.push({ memory, pageCount, maximum, isWanted });
    while (this.sizeBytes > this.#limitBytes || this.#memories.length > MEMORIES_MAX) this.#memories.shift();
  }
}
