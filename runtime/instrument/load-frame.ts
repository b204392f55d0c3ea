// The beginning of a continuation: pops its record off the frames memory and puts what it holds into the locals.
//
//   global.get $cursor  i32.const size  i32.sub  local.tee $base  global.set $cursor
//   local.get $base  i32.load $frames offset=0  local.set $n  …            ;; references: table.get, behind their own cursors

import type { ByteWriter } from '../base/bytes.ts';
import { ValType } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import type { FrameLayout, Slot } from './layout.ts';
import { type SaveContext, type SavePool, writeMemoryAccess } from './save.ts';

type LoadTarget = SaveContext & { readonly saves: SavePool };

const VALUE_LOAD: Readonly<Record<number, { readonly opcode: number; readonly align: number }>> = {
  [ValType.i32]: { opcode: Op.i32_load, align: 2 },
  [ValType.i64]: { opcode: Op.i64_load, align: 3 },
  [ValType.f32]: { opcode: Op.f32_load, align: 2 },
  [ValType.f64]: { opcode: Op.f64_load, align: 3 },
  [ValType.v128]: { opcode: Op.v128_load, align: 4 },
};

/** `baseLocal`: gets the address of the record. */
export function writeLoadFrame(w: ByteWriter, target: LoadTarget, layout: FrameLayout, baseLocal: number): void {
  w.u8(Op.global_get);
  w.u32(target.cursorGlobal);
  w.u8(Op.i32_const);
  w.s32(layout.sizeBytes);
  w.u8(Op.i32_sub);
  w.u8(Op.local_tee);
  w.u32(baseLocal);
  w.u8(Op.global_set);
  w.u32(target.cursorGlobal);
  const references: [number, number, number][] = [
    [layout.funcrefCount, target.funcrefCursorGlobal, ValType.funcref],
    [layout.externrefCount, target.externrefCursorGlobal, ValType.externref],
  ];
  for (const [count, cursor, type] of references) {
    if (count === 0) continue;
    w.u8(Op.global_get);
    w.u32(cursor);
    w.u8(Op.i32_const);
    w.s32(count);
    w.u8(Op.i32_sub);
    w.u8(Op.global_set);
    w.u32(cursor);
    for (const slot of layout.slots) {
      if (slot.type !== type) continue;
      w.u8(Op.global_get);
      w.u32(cursor);
      w.u8(Op.i32_const);
      w.s32(slot.offset);
      w.u8(Op.i32_add);
      w.u8(Op.table_get);
      w.u32(type === ValType.funcref ? target.funcrefTable : target.externrefTable);
      w.u8(Op.local_set);
      w.u32(slot.local);
    }
  }
  for (const slot of layout.slots) {
    if (slot.type === ValType.exnref) loadException(w, target, slot, baseLocal);
    const load = VALUE_LOAD[slot.type];
    if (load === undefined) continue;
    w.u8(Op.local_get);
    w.u32(baseLocal);
    writeMemoryAccess(w, load.opcode, load.align, target.framesMemory, slot.offset);
    w.u8(Op.local_set);
    w.u32(slot.local);
  }
}

function loadException(w: ByteWriter, target: LoadTarget, slot: Slot, baseLocal: number): void {
  w.u8(Op.local_get);
  w.u32(baseLocal);
  w.u8(Op.i32_const);
  w.s32(slot.offset);
  w.u8(Op.i32_add);
  for (const [cursor, first] of [
    [target.funcrefCursorGlobal, slot.firstFuncref],
    [target.externrefCursorGlobal, slot.firstExternref],
  ] as const) {
    w.u8(Op.global_get);
    w.u32(cursor);
    w.u8(Op.i32_const);
    w.s32(first);
    w.u8(Op.i32_add);
  }
  w.u8(Op.call);
  w.u32(target.saves.exceptionLoader());
  w.u8(Op.local_set);
  w.u32(slot.local);
}
