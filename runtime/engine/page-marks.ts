// The marks of an instance whose stores mark the pages that they write (mark-table.ts), as the host sees them. What the host
// itself writes into the guest's memory it marks through here, too.
//
// A page may have changed since take() if it is marked, or if the one before it is; before the first one comes the last one of
// 4 GiB, for sums of addresses wrap around. Which of these have changed, the page tracker finds out.

import { MARKED_PAGE_BITS, markTableOf } from '../instrument/mark-table.ts';
import type { WriteMarks } from '../kernel/guest-memory.ts';
import type { WasmModule } from '../wasm/module.ts';

/** What the program writes. */
const MARKED = 1;

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

  constructor(buffer: ArrayBufferLike, start: number, count: number) {
    this.#bytes = new Uint8Array(buffer, start, count);
  }

  add(addr: number, sizeBytes: number): void {
    if (sizeBytes <= 0) return;
    const first = pageOf(addr);
    const last = pageOf(addr + sizeBytes - 1);
    this.#bytes[first] = MARKED;
    if (last > first + 1) this.#bytes.fill(MARKED, first + 1, last);
  }

  /** Runs of pages that may have changed since the last call: first page, end, … ascending, among the first `pageCount`. */
  take(pageCount: number): number[] {
    // Behind them nothing is marked, nor even resident.
    const bytes = this.#bytes.subarray(0, pageCount);
    const runs: number[] = [];
    if (pageCount === this.#bytes.length && bytes[pageCount - 1] !== 0) runs.push(0, 1);
    // The engine looks for the next one, many bytes at a time.
    for (let page = bytes.indexOf(MARKED); page >= 0; page = bytes.indexOf(MARKED, page + 1)) {
      bytes[page] = 0;
      // The write may have ended in the page behind.
      const end = Math.min(page + 2, pageCount);
      const last = runs.length - 1;
      if (last > 0 && runs[last]! >= page) runs[last] = end;
      else runs.push(page, end);
    }
    return runs;
  }
}

function pageOf(addr: number): number {
  return addr < 2 ** 32 ? addr >>> MARKED_PAGE_BITS : Math.floor(addr / 2 ** MARKED_PAGE_BITS);
}
