// How many turns of a loop stand one behind the other, for one poll to pay for.

import { Op } from '../wasm/opcodes.ts';
import type { FunctionAnalysis } from './analysis.ts';
import { LoopKind } from './workspace.ts';

/** An unrolled loop has at most this many instructions and copies of its body; one that computes with floats: the second. */
const UNROLLED_INSTRUCTIONS = 40;
const UNROLLED_NUMERIC = 160;
const SIMD_PREFIX = 0xfd;
const MAX_TURNS = 4;

/** More than one for small innermost loops without calls. */
export function turnsOf(a: FunctionAnalysis, loop: number): number {
  if ((a.loopKind[loop]! & (LoopKind.busy | LoopKind.nest | LoopKind.headed)) !== 0) return 1;
  const end = a.partner[loop]!;
  const size = end - loop;
  if (size * 2 > UNROLLED_NUMERIC) return 1;
  let isNumeric = false;
  for (let i = loop + 1; i < end; i++) {
    const op = a.code.opcode[i]!;
    if (op === Op.try || op === Op.try_table) return 1;
    if ((op >= Op.f32_add && op <= Op.f64_copysign) || op >>> 12 === SIMD_PREFIX) isNumeric = true;
  }
  const most = isNumeric ? UNROLLED_NUMERIC : UNROLLED_INSTRUCTIONS;
  return Math.max(1, Math.min(MAX_TURNS, Math.floor(most / size)));
}
