// What is worked out about one function, by instruction. The arrays are used again from function to function: a program
// of a megabyte has over a thousand, and arrays of their own cost more than the work on them. So an analysis is good until
// its workspace is given to the next one.
//
// Only `flags` says something of every instruction; the others are written where they have a meaning, and hold what an
// earlier function left everywhere else.

import { createInstructions } from '../wasm/decode-body.ts';
import type { Instructions } from '../wasm/instructions.ts';

/** Bits of Workspace.flags; 0: the instruction is copied as it is. */
export const Flag = {
  /** Its opcode may have to be written in another way. */
  special: 1,
  /** At least one site. */
  site: 2,
  /** A value that it pushes needs a shadow. */
  shadowed: 4,
  /** Control cannot come here. */
  dead: 8,
} as const;

/** Bits of Workspace.loopKind; 0: an innermost loop that calls nothing that suspends. */
export const LoopKind = {
  /** It holds a call that may suspend. */
  busy: 1,
  /** It holds a loop. */
  nest: 2,
  /** It polls at the start of every turn, not before it begins another. */
  headed: 4,
  /** Several branches (br, br_if) lead back to it. */
  branchy: 8,
  /** Something else leads back to it: a br_table, a catch. */
  indirect: 16,
} as const;

const INITIAL_CAPACITY = 1024;

export class Workspace {
  readonly code: Instructions;
  flags: Uint8Array = new Uint8Array(0);
  /** Enclosing block instruction of each block instruction, -1 for the function. */
  parent: Int32Array = new Int32Array(0);
  /** Of a block instruction: its `end` (or `delegate`). Of an `end`, `else`, `catch`: its block instruction. */
  partner: Int32Array = new Int32Array(0);
  /** Of an `if`: its `else`; of a legacy `try`: its first catch; -1 if there is none. */
  middle: Int32Array = new Int32Array(0);
  /** Of a block instruction: height of the stack below its parameters. */
  baseHeight: Int32Array = new Int32Array(0);
  /** Of a shadowed instruction: first node that it pushed. */
  firstNode: Int32Array = new Int32Array(0);
  /** Of a loop: bits of LoopKind. */
  loopKind: Uint8Array = new Uint8Array(0);
  /** Of a loop, while liveness is computed: where the set of its header lies. */
  headerSet: Int32Array = new Int32Array(0);
  /** Number of the first site at an instruction that has one. */
  siteAt: Int32Array = new Int32Array(0);

  /** `capacity`: instructions that are expected at most. */
  constructor(capacity: number = INITIAL_CAPACITY) {
    this.code = createInstructions(capacity);
  }

  /** Makes room for `count` instructions. */
  reserve(count: number): void {
    if (this.flags.length >= count) return;
    const capacity = Math.max(count, this.flags.length * 2);
    this.flags = new Uint8Array(capacity);
    this.parent = new Int32Array(capacity);
    this.partner = new Int32Array(capacity);
    this.middle = new Int32Array(capacity);
    this.baseHeight = new Int32Array(capacity);
    this.firstNode = new Int32Array(capacity);
    this.loopKind = new Uint8Array(capacity);
    this.headerSet = new Int32Array(capacity);
    this.siteAt = new Int32Array(capacity);
  }
}
