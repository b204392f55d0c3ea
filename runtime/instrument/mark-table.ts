// Where a program marks the pages that it writes: one byte for each page of 4 KiB, in a memory of the engine's beside the
// guest's own. The host finds there what may have changed, without a look at the rest of the guest's memory.
//
//   offset        size    what
//   0             1 MiB   of memory 0, if its addresses have 32 bits; 4 MiB if they have 64 (no engine gives it more than 16 GiB)
//   …             …       of memory 1, and so on
//
// A byte that is not 0: something was written that began in this page. It may have ended in the next one, so a mark stands
// for two pages: stores need not look where they end, and several within a page's length of one another need one mark.

import type { WasmModule } from '../wasm/module.ts';

export const MARKED_PAGE_BITS = 12;
/** From the beginning of a marked page: what is surely covered by its mark, wherever in the page a write began. */
export const MARK_REACH_BYTES = 4096;
/** No access is longer: a vector. */
export const LONGEST_ACCESS_BYTES = 16;

const WASM_PAGE_BYTES = 65536;
const MARKS_32: number = 2 ** (32 - MARKED_PAGE_BITS);
const MARKS_64: number = 2 ** (34 - MARKED_PAGE_BITS);

export interface MarkTable {
  /** By memory: where its marks begin, and how many there are. */
  readonly areas: readonly { readonly start: number; readonly count: number }[];
  /** Of the whole table, in pages of WebAssembly. */
  readonly pageCount: number;
}

export function markTableOf({ allMemories }: WasmModule): MarkTable {
  let end = 0;
  const areas = allMemories.map(({ is64 }) => {
    const start = end;
    const count = is64 ? MARKS_64 : MARKS_32;
    end += count;
    return { start, count };
  });
  return { areas, pageCount: end / WASM_PAGE_BYTES };
}
