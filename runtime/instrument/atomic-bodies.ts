// Writes the functions that stand for atomic waits and notifies; see atomic-calls.ts.

import type { ByteWriter } from '../base/bytes.ts';
import { writeLocals } from '../wasm/encode.ts';
import type { Instructions } from '../wasm/instructions.ts';
import { ValType, type WasmModule } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import { Reader } from '../wasm/reader.ts';
import { ATOMIC_CALLS, atomicCallType, atomicSlotType } from './atomic-calls.ts';
import { type SaveContext, type SavePool, writeMemoryAccess } from './save.ts';

/** Function index of the function that stands for instruction `i`. */
export function atomicCallFunction(
  target: SaveContext & { readonly saves: SavePool; readonly slotsTable: number },
  code: Instructions,
  i: number,
): number {
  const { module } = target;
  const opcode = code.opcode[i]!;
  const memory = code.immediate[i]!;
  const offset = memoryOffset(module, code, i);
  const { slot, load, align, operands } = ATOMIC_CALLS[opcode]!;
  const type = atomicCallType(module, opcode, memory);
  const slotType = atomicSlotType(opcode);
  // Before the type section is written.
  const slotTypeIndex = target.typeIndex(slotType.params, slotType.results);
  return target.saves.function(`atomic ${opcode} ${memory} ${offset}`, type.params, type.results, (w) => {
    writeLocals(w, []);
    writeLocalGet(w, 0);
    writeMemoryAccess(w, load, align, memory, offset);
    w.u8(Op.drop);
    w.u8(Op.i32_const);
    w.s32(memory);
    writeLocalGet(w, 0);
    if (type.params[0] === ValType.i32) w.u8(Op.i64_extend_i32_u);
    w.u8(Op.i64_const);
    w.s64(BigInt.asIntN(64, offset));
    w.u8(Op.i64_add);
    for (let k = 1; k <= operands.length; k++) writeLocalGet(w, k);
    w.u8(Op.i32_const);
    w.s32(slot);
    w.u8(Op.call_indirect);
    w.u32(slotTypeIndex);
    w.u32(target.slotsTable);
    w.u8(Op.end);
  });
}

/** The constant offset of a memory access. */
export function memoryOffset(module: WasmModule, code: Instructions, i: number): bigint {
  const reader = new Reader(module.bytes, code.offset[i]!, code.offset[i + 1]!);
  reader.u8();
  if (code.opcode[i]! > 0xff) reader.u32();
  const HAS_MEMORY = 0x40;
  if ((reader.u32() & HAS_MEMORY) !== 0) reader.u32();
  return reader.u64();
}

function writeLocalGet(w: ByteWriter, local: number): void {
  w.u8(Op.local_get);
  w.u32(local);
}
