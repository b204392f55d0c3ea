// INSTANCE: what is captured of one process's module instance, without the contents of its memories. One record for
// each process, in the order of the tree.
//
//   module hash 32
//   memory count u32 · for each: page count u64 · greatest page count u64, all ones: none · flags u32 (1 shared, 2 memory64)
//   global count u32 · for each: value, or tag 00 if it is immutable
//   table count u32 · for each: present u8 · if 1: entry count u32 · function index u32 each, ffffffff is null
//   dropped element segments: count u32, index u32 each, ascending · dropped data segments: the same

import type { InstanceState, MemoryState, TableState, ValueState } from '../engine/state.ts';
import { decodeHash, encodeHash } from './hash.ts';
import type { RecordReader } from './record-reader.ts';
import type { RecordWriter } from './record-writer.ts';
import { decodeIndex, decodeOptionalValue, encodeValue, NULL_INDEX } from './value-state.ts';

const SHARED = 1;
const MEMORY64 = 2;
const NO_MAXIMUM = 0xffff_ffff_ffff_ffffn;

export function encodeInstanceRecord(out: RecordWriter, instance: InstanceState): void {
  out.raw(encodeHash(instance.moduleHash));
  out.u32(instance.memories.length);
  for (const memory of instance.memories) {
    out.u64(BigInt(memory.pageCount));
    out.u64(memory.maxPageCount === null ? NO_MAXIMUM : BigInt(memory.maxPageCount));
    out.u32((memory.shared ? SHARED : 0) | (memory.is64 ? MEMORY64 : 0));
  }
  out.u32(instance.globals.length);
  for (const value of instance.globals) encodeValue(out, value);
  out.u32(instance.tables.length);
  for (const table of instance.tables) {
    out.u8(table === null ? 0 : 1);
    if (table === null) continue;
    out.u32(table.entries.length);
    for (const entry of table.entries) out.u32(entry ?? NULL_INDEX);
  }
  for (const dropped of [instance.droppedElements, instance.droppedData]) {
    out.u32(dropped.length);
    for (const index of dropped) out.u32(index);
  }
}

export function decodeInstanceRecord(from: RecordReader): InstanceState {
  const moduleHash = decodeHash(from);
  const memories: MemoryState[] = [];
  for (let left = from.count('memories', 20); left > 0; left--) memories.push(decodeMemory(from));
  const globals: (ValueState | null)[] = [];
  for (let left = from.count('globals', 1); left > 0; left--) globals.push(decodeOptionalValue(from));
  const tables: (TableState | null)[] = [];
  for (let left = from.count('tables', 1); left > 0; left--) tables.push(decodeTable(from));
  const droppedElements = decodeDropped(from);
  const droppedData = decodeDropped(from);
  from.end();
  return { moduleHash, memories, globals, tables, droppedElements, droppedData };
}

function decodeMemory(from: RecordReader): MemoryState {
  const pageCount = from.size('page count');
  const max = from.u64();
  if (max !== NO_MAXIMUM && max > BigInt(Number.MAX_SAFE_INTEGER)) throw from.bad(`greatest page count is ${max}`);
  const flags = from.u32();
  if (flags > (SHARED | MEMORY64)) throw from.bad(`memory flags 0x${flags.toString(16)}`);
  return {
    pageCount,
    maxPageCount: max === NO_MAXIMUM ? null : Number(max),
    shared: (flags & SHARED) !== 0,
    is64: (flags & MEMORY64) !== 0,
  };
}

function decodeTable(from: RecordReader): TableState | null {
  const present = from.u8();
  if (present > 1) throw from.bad(`table mark ${present}`);
  if (present === 0) return null;
  const entries: (number | null)[] = [];
  for (let left = from.count('table entries', 4); left > 0; left--) entries.push(decodeIndex(from));
  return { entries };
}

function decodeDropped(from: RecordReader): number[] {
  const dropped: number[] = [];
  let previous = -1;
  for (let left = from.count('dropped segments', 4); left > 0; left--) {
    const index = from.u32();
    if (index <= previous) throw from.bad(`dropped segment ${index} after ${previous}`);
    dropped.push((previous = index));
  }
  return dropped;
}
