// END, the last record: what all records before it add up to. It ties them together, so that no record of another
// image can stand in for one of this.
//
//   0  record count u32, END not counted · 4  reserved u32 = 0 · 8  number of 4 KiB pages u64
//  16  checksum u64 of the header checksums (u64 each) of all records before, in order

import type { RecordReader } from './record-reader.ts';
import type { RecordWriter } from './record-writer.ts';

export interface EndRecord {
  readonly recordCount: number;
  readonly pageCount: number;
  readonly chain: bigint;
}

export function encodeEndRecord(out: RecordWriter, end: EndRecord): void {
  out.u32(end.recordCount);
  out.u32(0);
  out.u64(BigInt(end.pageCount));
  out.u64(end.chain);
}

export function decodeEndRecord(from: RecordReader): EndRecord {
  const recordCount = from.u32();
  from.reserved();
  const pageCount = from.size('page count');
  const chain = from.u64();
  from.end();
  return { recordCount, pageCount, chain };
}
