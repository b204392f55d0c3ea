// The parts of a module -> bytes, in the shortest form, on a ByteWriter. Passes that change a module build its sections
// out of these and copy by range what they leave alone.

import { assert } from '../base/assert.ts';
import { ByteWriter } from '../base/bytes.ts';
import { DEFAULT_PAGE_SIZE_LOG2, LIMITS_HAS_MAX, LIMITS_IS_64, LIMITS_PAGE_SIZE, LIMITS_SHARED } from './limits.ts';
import {
  type ConstExpr,
  type DataSegment,
  type ElementSegment,
  type Export,
  type FuncType,
  type Global,
  type GlobalType,
  type ImportDesc,
  type Limits,
  OTHER_REF,
  type Table,
  type TableType,
  ValType,
  type WasmModule,
} from './module.ts';
import { SECTION_ORDER, TABLE_WITH_INIT } from './sections.ts';

const FUNC_TYPE = 0x60;
/** Bytes of the kinds of imports and exports. */
const KINDS = { func: 0, table: 1, memory: 2, global: 3, tag: 4 } as const;
/** The only attribute of a tag: an exception. */
const TAG_ATTRIBUTE = 0;

/** "\0asm", version 1. */
export function writePreamble(writer: ByteWriter): void {
  writer.fixed32(0x6d736100);
  writer.fixed32(1);
}

/** A value type; OTHER_REF has lost which type it was and cannot be written. */
export function writeValType(writer: ByteWriter, type: ValType): void {
  assert(type !== OTHER_REF, 'a typed or GC reference can only be copied from its bytes');
  writer.u8(type);
}

export function writeFuncType(writer: ByteWriter, type: FuncType): void {
  writer.u8(FUNC_TYPE);
  writeValTypes(writer, type.params);
  writeValTypes(writer, type.results);
}

function writeValTypes(writer: ByteWriter, types: readonly ValType[]): void {
  writer.u32(types.length);
  for (const type of types) writeValType(writer, type);
}

function writeLimits(writer: ByteWriter, limits: Limits): void {
  const { min, max, shared, is64, pageSizeLog2 } = limits;
  const hasPageSize = pageSizeLog2 !== DEFAULT_PAGE_SIZE_LOG2;
  writer.u8(
    (max === undefined ? 0 : LIMITS_HAS_MAX) |
      (shared ? LIMITS_SHARED : 0) |
      (is64 ? LIMITS_IS_64 : 0) |
      (hasPageSize ? LIMITS_PAGE_SIZE : 0),
  );
  // A 32-bit limit is the same LEB written as a 64-bit one.
  writer.u64(min);
  if (max !== undefined) writer.u64(max);
  if (hasPageSize) writer.u32(pageSizeLog2);
}

function writeTableType(writer: ByteWriter, type: TableType): void {
  writeValType(writer, type.element);
  writeLimits(writer, type.limits);
}

function writeGlobalType(writer: ByteWriter, type: GlobalType): void {
  writeValType(writer, type.type);
  writer.u8(type.mutable ? 1 : 0);
}

export function writeImport(writer: ByteWriter, module: string, name: string, desc: ImportDesc): void {
  writer.name(module);
  writer.name(name);
  writer.u8(KINDS[desc.kind]);
  switch (desc.kind) {
    case 'func':
      writer.u32(desc.typeIndex);
      break;
    case 'table':
      writeTableType(writer, desc.table);
      break;
    case 'memory':
      writeLimits(writer, desc.limits);
      break;
    case 'global':
      writeGlobalType(writer, desc.global);
      break;
    case 'tag':
      writeTag(writer, desc.typeIndex);
      break;
  }
}

function writeTag(writer: ByteWriter, typeIndex: number): void {
  writer.u8(TAG_ATTRIBUTE);
  writer.u32(typeIndex);
}

export function writeExport(writer: ByteWriter, entry: Export): void {
  writer.name(entry.name);
  writer.u8(KINDS[entry.kind]);
  writer.u32(entry.index);
}

/** The declarations in front of a body: runs of equal types. */
export function writeLocals(writer: ByteWriter, types: readonly ValType[]): void {
  let runCount = 0;
  for (let i = 0; i < types.length; i++) if (types[i] !== types[i - 1]) runCount++;
  writer.u32(runCount);
  for (let start = 0; start < types.length; ) {
    let end = start + 1;
    while (end < types.length && types[end] === types[start]) end++;
    writer.u32(end - start);
    writeValType(writer, types[start]!);
    start = end;
  }
}

/**
 * Encodes a module. Sections are copied byte for byte, custom ones included, except those with an id in `rewritten`:
 * they are written from the module's entries. Expressions, bodies and contents of segments are always copied by range.
 */
export function encodeModule(module: WasmModule, rewritten: ReadonlySet<number> = new Set()): Uint8Array<ArrayBuffer> {
  const writer = new ByteWriter(module.bytes.length + 1024);
  writePreamble(writer);
  for (const { id, range } of module.sections) {
    if (rewritten.has(id)) writeSection(writer, module, id);
    else writer.bytes(module.bytes, range.start, range.end);
  }
  return writer.toBytes();
}

/** Writes the section `id` (not custom ones) from the module's entries. */
function writeSection(writer: ByteWriter, module: WasmModule, id: number): void {
  assert(SECTION_ORDER.includes(id), `section ${id} has no entries to write`);
  writer.section(id, () => writeContents(writer, module, id));
}

function writeContents(writer: ByteWriter, module: WasmModule, id: number): void {
  switch (id) {
    case 1:
      writeVector(writer, module.types, (type) => {
        assert(type !== undefined, 'a GC type can only be copied from its bytes');
        writeFuncType(writer, type);
      });
      break;
    case 2:
      writeVector(writer, module.imports, (entry) => writeImport(writer, entry.module, entry.name, entry));
      break;
    case 3:
      writeVector(writer, module.functions, (typeIndex) => writer.u32(typeIndex));
      break;
    case 4:
      writeVector(writer, module.tables, (table) => writeTable(writer, module, table));
      break;
    case 5:
      writeVector(writer, module.memories, (limits) => writeLimits(writer, limits));
      break;
    case 6:
      writeVector(writer, module.globals, (global) => writeGlobal(writer, module, global));
      break;
    case 7:
      writeVector(writer, module.exports, (entry) => writeExport(writer, entry));
      break;
    case 8:
      assert(module.start !== undefined, 'a start section needs a start function');
      writer.u32(module.start);
      break;
    case 9:
      writeVector(writer, module.elements, (segment) => writeElement(writer, module, segment));
      break;
    case 10:
      writeVector(writer, module.code, ({ range }) => {
        writer.u32(range.end - range.start);
        writer.bytes(module.bytes, range.start, range.end);
      });
      break;
    case 11:
      writeVector(writer, module.data, (segment) => writeData(writer, module, segment));
      break;
    case 12:
      writer.u32(module.data.length);
      break;
    case 13:
      writeVector(writer, module.tags, (typeIndex) => writeTag(writer, typeIndex));
      break;
  }
}

function writeVector<T>(writer: ByteWriter, entries: readonly T[], write: (entry: T) => void): void {
  writer.u32(entries.length);
  for (const entry of entries) write(entry);
}

function writeExpr(writer: ByteWriter, module: WasmModule, expr: ConstExpr): void {
  writer.bytes(module.bytes, expr.range.start, expr.range.end);
}

function writeTable(writer: ByteWriter, module: WasmModule, table: Table): void {
  if (table.init !== undefined) {
    writer.u8(TABLE_WITH_INIT);
    writer.u8(0);
  }
  writeTableType(writer, table);
  if (table.init !== undefined) writeExpr(writer, module, table.init);
}

function writeGlobal(writer: ByteWriter, module: WasmModule, global: Global): void {
  writeGlobalType(writer, global);
  writeExpr(writer, module, global.init);
}

/** See segments.ts for the flags. */
function writeElement(writer: ByteWriter, module: WasmModule, segment: ElementSegment): void {
  const { mode, element, tableIndex, offset, functions, expressions } = segment;
  const explicit = mode === 'active' && (tableIndex !== 0 || element !== ValType.funcref);
  const kind = mode === 'active' ? (explicit ? 2 : 0) : mode === 'passive' ? 1 : 3;
  writer.u8(kind | (expressions === undefined ? 0 : 4));
  if (explicit) writer.u32(tableIndex);
  if (offset !== undefined) writeExpr(writer, module, offset);
  if (expressions !== undefined) {
    if (kind !== 0) writeValType(writer, element);
    writeVector(writer, expressions, (expr) => writeExpr(writer, module, expr));
  } else {
    if (kind !== 0) writer.u8(0);
    writeVector(writer, functions ?? [], (index) => writer.u32(index));
  }
}

function writeData(writer: ByteWriter, module: WasmModule, segment: DataSegment): void {
  const { mode, memoryIndex, offset, contents } = segment;
  const explicit = mode === 'active' && memoryIndex !== 0;
  writer.u8(mode === 'passive' ? 1 : explicit ? 2 : 0);
  if (explicit) writer.u32(memoryIndex);
  if (offset !== undefined) writeExpr(writer, module, offset);
  writer.u32(contents.end - contents.start);
  writer.bytes(module.bytes, contents.start, contents.end);
}
