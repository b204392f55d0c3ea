// Functions that the instrumenter adds to a module and that only the engine and continuations call: what instantiation did in the
// original (fill tables, write memories), and what uses or drops one segment.

import type { ByteWriter } from '../base/bytes.ts';
import type { ConstExpr, DataSegment, WasmModule } from '../wasm/module.ts';
import { ValType } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import type { EmitTarget } from './emit-target.ts';
import { rangeMarker } from './mark-stores.ts';
import * as names from './names.ts';
import { writePrefixed } from './save.ts';
import type { TypePool } from './type-pool.ts';

export interface OwnFunction {
  readonly typeIndex: number;
  readonly exportName: string | undefined;
  readonly body: (w: ByteWriter) => void;
}

/** Functions of ours that nothing inside the module calls. */
export function ownFunctions(module: WasmModule, types: TypePool, target: EmitTarget): OwnFunction[] {
  const own: OwnFunction[] = [];
  const voidType = types.typeIndex([], []);
  own.push({
    typeIndex: voidType,
    exportName: names.EXPORT_INIT_TABLES,
    body: (w) => writeTablesInit(w, module),
  });
  own.push({
    typeIndex: voidType,
    exportName: names.EXPORT_INIT_MEMORIES,
    body: (w) => writeMemoriesInit(w, module),
  });
  module.data.forEach((_, segment) => {
    own.push({
      typeIndex: voidType,
      exportName: names.dropDataName(segment),
      body: (w) => writeDrop(w, Op.data_drop, segment),
    });
  });
  module.elements.forEach((_, segment) => {
    own.push({
      typeIndex: voidType,
      exportName: names.dropElementName(segment),
      body: (w) => writeDrop(w, Op.elem_drop, segment),
    });
  });
  const addressOf = (is64: boolean): ValType => (is64 ? ValType.i64 : ValType.i32);
  module.data.forEach((_, index) => {
    module.allMemories.forEach((limits, memory) => {
      const params = [addressOf(limits.is64), ValType.i32, ValType.i32];
      const marker = target.marks === undefined ? -1 : rangeMarker(target, memory, ValType.i32);
      own.push({
        typeIndex: types.typeIndex(params, []),
        exportName: names.initDataName(index, memory),
        body: (w) => writeSegmentInit(w, Op.memory_init, index, memory, marker),
      });
    });
  });
  module.elements.forEach((segment, index) => {
    module.allTables.forEach((table, tableIndex) => {
      const params = [addressOf(table.limits.is64), ValType.i32, ValType.i32];
      if (table.element !== segment.element) return;
      own.push({
        typeIndex: types.typeIndex(params, []),
        exportName: names.initElementName(index, tableIndex),
        body: (w) => writeSegmentInit(w, Op.table_init, index, tableIndex),
      });
    });
  });
  return own;
}

function writeDrop(w: ByteWriter, opcode: number, segment: number): void {
  w.u32(0);
  writePrefixed(w, opcode);
  w.u32(segment);
  w.u8(Op.end);
}

/** `marker`: marks what was written; -1: nobody does. */
function writeSegmentInit(w: ByteWriter, opcode: number, segment: number, other: number, marker = -1): void {
  w.u32(0);
  for (let p = 0; p < 3; p++) {
    w.u8(Op.local_get);
    w.u32(p);
  }
  writePrefixed(w, opcode);
  w.u32(segment);
  w.u32(other);
  if (marker >= 0) {
    w.u8(Op.local_get);
    w.u32(0);
    w.u8(Op.local_get);
    w.u32(2);
    w.u8(Op.call);
    w.u32(marker);
  }
  w.u8(Op.end);
}

/** What instantiation does to the tables in the original: their initial values, then the element segments. */
function writeTablesInit(w: ByteWriter, module: WasmModule): void {
  w.u32(0);
  module.tables.forEach((table, k) => {
    if (table.init === undefined) return;
    writeIndexConst(w, table.limits.is64, 0n);
    copyExpr(w, module, table.init);
    writeIndexConst(w, table.limits.is64, table.limits.min);
    writePrefixed(w, Op.table_fill);
    w.u32(module.importedTableCount + k);
  });
  module.elements.forEach((segment, index) => {
    if (segment.mode === 'passive') return;
    if (segment.mode === 'active') {
      copyExpr(w, module, segment.offset!);
      w.u8(Op.i32_const);
      w.s32(0);
      w.u8(Op.i32_const);
      w.s32((segment.functions ?? segment.expressions)!.length);
      writePrefixed(w, Op.table_init);
      w.u32(index);
      w.u32(segment.tableIndex);
    }
    writePrefixed(w, Op.elem_drop);
    w.u32(index);
  });
  w.u8(Op.end);
}

/** What instantiation does to the memories. */
function writeMemoriesInit(w: ByteWriter, module: WasmModule): void {
  w.u32(0);
  module.data.forEach((segment: DataSegment, index) => {
    if (segment.mode !== 'active') return;
    copyExpr(w, module, segment.offset!);
    w.u8(Op.i32_const);
    w.s32(0);
    w.u8(Op.i32_const);
    w.s32(segment.contents.end - segment.contents.start);
    writePrefixed(w, Op.memory_init);
    w.u32(index);
    w.u32(segment.memoryIndex);
    writePrefixed(w, Op.data_drop);
    w.u32(index);
  });
  w.u8(Op.end);
}

function writeIndexConst(w: ByteWriter, is64: boolean, value: bigint): void {
  w.u8(is64 ? Op.i64_const : Op.i32_const);
  w.s64(value);
}

/** The instructions of a constant expression without its `end`. */
function copyExpr(w: ByteWriter, module: WasmModule, expr: ConstExpr): void {
  w.bytes(module.bytes, expr.range.start, expr.range.end - 1);
}
