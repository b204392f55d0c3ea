// PAGES: which 4 KiB pages the CONTENTS record after it holds, at most 1 MiB of them and of one memory.
//
//    0  process index u32 (in the tree)      8  run count u32
//    4  memory index u32                    12  page count u32, the sum over the runs
//   16  for each run: first page u32 · page count u32
//
// Canonical: memories ascend by (process, memory); runs ascend, do not touch (two that do are one run) and hold no page
// of zeros; a block is full unless it is the last of its memory. A run goes on in the next block if the block is full.

import type { RecordReader } from './record-reader.ts';
import type { RecordWriter } from './record-writer.ts';

export interface PageList {
  readonly processIndex: number;
  readonly memoryIndex: number;
  /** First page, page count, first page, page count, … */
  readonly runs: Uint32Array;
  readonly pageCount: number;
}

export function encodePagesRecord(out: RecordWriter, list: PageList): void {
  out.u32(list.processIndex);
  out.u32(list.memoryIndex);
  out.u32(list.runs.length / 2);
  out.u32(list.pageCount);
  for (const number of list.runs) out.u32(number);
}

export function decodePagesRecord(from: RecordReader): PageList {
  const processIndex = from.u32();
  const memoryIndex = from.u32();
  const runCount = from.count('runs', 8);
  const pageCount = from.u32();
  const runs = new Uint32Array(runCount * 2);
  let sum = 0;
  let end = -1;
  for (let i = 0; i < runs.length; i += 2) {
    const first = (runs[i] = from.u32());
    const count = (runs[i + 1] = from.u32());
    if (count === 0 || first <= end) throw from.bad(`run of ${count} pages from page ${first} after one up to ${end}`);
    end = first + count;
    sum += count;
  }
  if (sum !== pageCount || sum === 0) throw from.bad(`${sum} pages in the runs, page count ${pageCount}`);
  from.end();
  return { processIndex, memoryIndex, runs, pageCount };
}
