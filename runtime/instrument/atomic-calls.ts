// memory.atomic.wait32, wait64 and notify of shared memories become calls of the engine, so that the kernel decides
// who sleeps and who wakes, and a sleeping thread can be saved like one in any other call.
//
// before                                  after
// memory.atomic.wait32 offset=8           call $wait32_8
//                                         (func $wait32_8 (param i32 i32 i64) (result i32)
//                                           local.get 0  i32.atomic.load offset=8  drop      ;; traps as the wait would
//                                           i32.const 0 (memory)  address + 8  local.get 1  local.get 2
//                                           i32.const 1  call_indirect $slots)
// The function holds nothing that must be saved: its frame is left out of the records, and what the engine answers is
// delivered to the caller as the instruction's result. On memories that are not shared the instructions stay.
// The functions are written by atomic-bodies.ts.

import { type FuncType, ValType, type WasmModule } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import * as names from './names.ts';

interface AtomicCall {
  readonly slot: number;
  /** Checks the address as the instruction does. */
  readonly load: number;
  readonly align: number;
  /** Operands behind the address. */
  readonly operands: readonly ValType[];
}

export const ATOMIC_CALLS: Readonly<Record<number, AtomicCall>> = {
  [Op.memory_atomic_wait32]: {
    slot: names.SLOT_WAIT32,
    load: Op.i32_atomic_load,
    align: 2,
    operands: [ValType.i32, ValType.i64],
  },
  [Op.memory_atomic_wait64]: {
    slot: names.SLOT_WAIT64,
    load: Op.i64_atomic_load,
    align: 3,
    operands: [ValType.i64, ValType.i64],
  },
  [Op.memory_atomic_notify]: { slot: names.SLOT_NOTIFY, load: Op.i32_atomic_load, align: 2, operands: [ValType.i32] },
};

const RESULTS = [ValType.i32];

/** True if the instruction is a wait or a notify that the engine answers. */
export function isAtomicCall(module: WasmModule, opcode: number, memory: number): boolean {
  return opcode >= Op.memory_atomic_notify && opcode <= Op.memory_atomic_wait64 && module.allMemories[memory]!.shared;
}

/** What the instruction takes and gives. */
export function atomicCallType(module: WasmModule, opcode: number, memory: number): FuncType {
  const address = module.allMemories[memory]!.is64 ? ValType.i64 : ValType.i32;
  return { params: [address, ...ATOMIC_CALLS[opcode]!.operands], results: RESULTS };
}

/** Type of the engine's function in a slot: memory index, address, operands. */
export function atomicSlotType(opcode: number): FuncType {
  return { params: [ValType.i32, ValType.i64, ...ATOMIC_CALLS[opcode]!.operands], results: RESULTS };
}
