// The module that bodies are written for: an instrumented module (instrument.ts) or one of continuations (continuation.ts).
// They differ in how they number the functions of the original.

import type { GuardTarget } from './guard.ts';
import type { MarkTarget } from './mark-stores.ts';
import type { SaveContext, SavePool } from './save.ts';

export interface EmitTarget extends SaveContext, MarkTarget, GuardTarget {
  readonly saves: SavePool;
  readonly fuelGlobal: number;
  readonly slotsTable: number;
  /** Function that asks the engine for fuel: [site number] -> []. */
  readonly pollFunction: number;
  /** Index in the target module of a function of the original one. */
  functionIndex(original: number): number;
  /** Function that stands for memory.init / data.drop / table.init / elem.drop, or -1 to keep the instruction. */
  segmentHelper(opcode: number, segment: number, other: number): number;
}
