// What an instruction does to the stack of operands, if its opcode alone says it; and which instructions are not always
// copied. Tables by dense index (opcodeIndex): the forward pass looks into them for every instruction of a program.

import { allOpcodes, Op, opcodeIndex, SIMPLE_POPS, SIMPLE_PUSH } from '../wasm/opcodes.ts';
import { Flag } from './workspace.ts';

/** Operands taken | FROM_CONSTANT | type pushed << 8; -1: see ForwardPass. */
export const EFFECT: Int16Array = new Int16Array(SIMPLE_POPS.length).fill(-1);
export const POPS_MASK = 7;
export const FROM_CONSTANT = 8;
/** Flag.special of opcodes that are not always copied. */
export const SPECIAL: Uint8Array = new Uint8Array(SIMPLE_POPS.length);

for (const { opcode } of allOpcodes()) {
  const index = opcodeIndex(opcode);
  const pops = SIMPLE_POPS[index]!;
  const isConstant = (opcode >= Op.i32_const && opcode <= Op.f64_const) || opcode === Op.v128_const;
  if (pops >= 0) EFFECT[index] = pops | (isConstant ? FROM_CONSTANT : 0) | (SIMPLE_PUSH[index]! << 8);
}
const atomicCalls = [Op.memory_atomic_notify, Op.memory_atomic_wait32, Op.memory_atomic_wait64];
for (const opcode of atomicCalls) EFFECT[opcodeIndex(opcode)] = -1;
const blocks = [Op.block, Op.loop, Op.if, Op.else, Op.end, Op.try, Op.try_table, Op.catch, Op.catch_all, Op.delegate];
const branches = [Op.br, Op.br_if, Op.br_table, Op.br_on_null, Op.br_on_non_null, Op.return, Op.throw, Op.rethrow];
const calls = [Op.call, Op.call_indirect, Op.call_ref, Op.return_call, Op.return_call_indirect, Op.return_call_ref];
const segments = [Op.memory_init, Op.data_drop, Op.table_init, Op.elem_drop, Op.ref_func];
for (const opcode of [...atomicCalls, ...blocks, ...branches, ...calls, ...segments]) {
  SPECIAL[opcodeIndex(opcode)] = Flag.special;
}
