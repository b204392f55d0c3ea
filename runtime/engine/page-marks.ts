// The marks of an instance whose stores mark the pages that they write (mark-table.ts), as the host sees them. What the host
// itself writes into the guest's memory it marks through here, too.
//
// A page may have changed since take() if it is marked, or if the one before it is; before the first one comes the last one of
// 4 GiB, for sums of addresses wrap around. Which of these have changed, the page
// tracker finds out.

import { MARKED_PAGE_BITS, markTableOf } from '../instrument/mark-table.ts';
import type { WriteMarks } from '../kernel/guest-memory.ts';
import type { WasmModule } from '../wasm/module.ts';

const WORD_BYTES = 4;

export class PageMarks {
  /** What the instrumented module imports. */
  readonly memory: WebAssembly.Memory;
  /** By memory of the instance. */
  readonly memories: readonly MemoryMarks[];

  constructor(module: WasmModule) {
    const { areas, pageCount } = markTableOf(module);
    this.memory = new WebAssembly.Memory({ initial: pageCount, maximum: pageCount });
    const { buffer } = this.memory;
    this.memories = areas.map(({ start, count }) => new MemoryMarks(buffer, start, count));
  }
}

export class MemoryMarks implements WriteMarks {
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;

  constructor(buffer: ArrayBufferLike, start: number, count: number) {
    this.#bytes = new Uint8Array(buffer, start, count);
    this.#words = new Uint32Array(buffer, start, count / WORD_BYTES);
  }

  add(addr: number, sizeBytes: number): void {
    if (sizeBytes <= 0) return;
    const first = pageOf(addr);
    const last = pageOf(addr + sizeBytes - 1);
    this.#bytes[first] = 1;
    if (last > first + 1) this.#bytes.fill(1, first + 1, last);
  }

  /** Runs of pages that may have changed since the last call: first page, end, … ascending, among the first `pageCount`. */
  take(pageCount: number): number[] {
    const words = this.#words;
    const bytes = this.#bytes;
    const runs: number[] = [];
    if (pageCount === bytes.length && bytes[pageCount - 1] !== 0) runs.push(0, 1);
    const wordCount = Math.ceil(pageCount / WORD_BYTES);
    for (let k = 0; k < wordCount; k++) {
      if (words[k] === 0) continue;
      for (let page = k * WORD_BYTES; page < (k + 1) * WORD_BYTES; page++) {
        if (bytes[page] === 0) continue;
        // The write may have ended in the page behind.
        const end = Math.min(page + 2, pageCount);
        const last = runs.length - 1;
        if (last > 0 && runs[last]! >= page) runs[last] = end;
        else if (page < pageCount) runs.push(page, end);
      }
      words[k] = 0;
    }
    return runs;
  }
}

function pageOf(addr: number): number {
  return addr < 2 ** 32 ? addr >>> MARKED_PAGE_BITS : Math.floor(addr / 2 ** MARKED_PAGE_BITS);
}
