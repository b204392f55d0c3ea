// Writes what marks the pages of stores: see store-marks.ts for which, and mark-table.ts for where.

import type { ByteWriter } from '../base/bytes.ts';
import { writeLocals } from '../wasm/encode.ts';
import { ValType, type WasmModule } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import { MARKED_PAGE_BITS, type MarkTable } from './mark-table.ts';
import { type SavePool, writeMemoryAccess, writePrefixed } from './save.ts';
import type { Mark } from './store-marks.ts';

/** The module that is written, as far as marks need it. */
export interface MarkTarget {
  readonly module: WasmModule;
  readonly saves: SavePool;
  /** Index of the memory that holds the marks, and what lies where in it; undefined: stores do not mark. */
  readonly marksMemory: number;
  readonly marks: MarkTable | undefined;
}

const VOID = 0x40;

/** Before a store whose operands go through temps; `firstTemp`: local of the first one. */
export function writeKeepOperands(w: ByteWriter, { operands }: Mark, firstTemp: number): void {
  for (let k = operands.length - 1; k > 0; k--) {
    w.u8(Op.local_set);
    w.u32(firstTemp + operands[k]!);
  }
  operands.forEach((temp, k) => {
    w.u8(k === 0 ? Op.local_tee : Op.local_get);
    w.u32(firstTemp + temp);
  });
}

/** Behind the store; leaves the stack as it is. */
export function writeMark(w: ByteWriter, target: MarkTarget, mark: Mark, firstTemp: number): void {
  const { memory, source, value, add, operands, length } = mark;
  const { is64 } = target.module.allMemories[memory]!;
  if (length !== undefined) {
    for (const temp of [operands[0]!, operands[2]!]) {
      w.u8(Op.local_get);
      w.u32(firstTemp + temp);
    }
    w.u8(Op.call);
    w.u32(rangeMarker(target, memory, length));
    return;
  }
  if (source === 'constant') {
    w.u8(Op.i32_const);
    w.s32(value);
  } else {
    w.u8(Op.local_get);
    w.u32(source === 'local' ? value : firstTemp + value);
    if (add !== 0) writeSum(w, is64, add);
    writePageOf(w, is64);
  }
  w.u8(Op.i32_const);
  w.s32(1);
  writeMemoryAccess(w, Op.i32_store8, 0, target.marksMemory, target.marks!.areas[memory]!.start);
}

/**
 * Function index of [address, length] -> [] that marks a range which was written. To be asked for before the types of the
 * module are written.
 */
export function rangeMarker(target: MarkTarget, memory: number, length: ValType): number {
  const { is64 } = target.module.allMemories[memory]!;
  const params = [is64 ? ValType.i64 : ValType.i32, length];
  return target.saves.function(`mark ${memory} ${length}`, params, [], (w) =>
    writeRangeMarker(w, target, memory, length === ValType.i64),
  );
}

/**
 *   if (length == 0) return
 *   first = address >> 12, count = (address + length - 1 >> 12) - first       ;; pages behind the first
 *   marks[first] = 1, which stands for the second, too
 *   if (count > 1) memory.fill marks[first + 1 ...] 1 (count - 1)
 */
function writeRangeMarker(w: ByteWriter, target: MarkTarget, memory: number, isLength64: boolean): void {
  const { is64 } = target.module.allMemories[memory]!;
  const { start } = target.marks!.areas[memory]!;
  const [address, length, first, count] = [0, 1, 2, 3];
  const get = (local: number): void => {
    w.u8(Op.local_get);
    w.u32(local);
  };
  writeLocals(w, [ValType.i32, ValType.i32]);
  get(length);
  w.u8(isLength64 ? Op.i64_eqz : Op.i32_eqz);
  w.u8(Op.if);
  w.u8(VOID);
  w.u8(Op.return);
  w.u8(Op.end);
  get(address);
  get(length);
  if (is64 && !isLength64) w.u8(Op.i64_extend_i32_u);
  w.u8(is64 ? Op.i64_add : Op.i32_add);
  writeSum(w, is64, -1);
  writePageOf(w, is64);
  get(address);
  writePageOf(w, is64);
  w.u8(Op.local_tee);
  w.u32(first);
  w.u8(Op.i32_sub);
  w.u8(Op.local_set);
  w.u32(count);
  get(first);
  w.u8(Op.i32_const);
  w.s32(1);
  writeMemoryAccess(w, Op.i32_store8, 0, target.marksMemory, start);
  get(count);
  w.u8(Op.i32_const);
  w.s32(1);
  w.u8(Op.i32_gt_u);
  w.u8(Op.if);
  w.u8(VOID);
  get(first);
  writeSum(w, false, start + 1);
  w.u8(Op.i32_const);
  w.s32(1);
  get(count);
  writeSum(w, false, -1);
  writePrefixed(w, Op.memory_fill);
  w.u32(target.marksMemory);
  w.u8(Op.end);
  w.u8(Op.end);
}

function writeSum(w: ByteWriter, is64: boolean, add: number): void {
  w.u8(is64 ? Op.i64_const : Op.i32_const);
  if (is64) w.s64(BigInt(add));
  else w.s32(add | 0);
  w.u8(is64 ? Op.i64_add : Op.i32_add);
}

/** [address] -> [number of its page]. */
function writePageOf(w: ByteWriter, is64: boolean): void {
  w.u8(is64 ? Op.i64_const : Op.i32_const);
  w.s32(MARKED_PAGE_BITS);
  w.u8(is64 ? Op.i64_shr_u : Op.i32_shr_u);
  if (is64) w.u8(Op.i32_wrap_i64);
}
