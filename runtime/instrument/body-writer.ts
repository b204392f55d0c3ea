// What all parts of the emitter write a body through. It knows
// - which original bytes are still to be copied: neighbours that stay as they are go over in one piece. Whoever writes
//   anything else calls flush() first;
// - which blocks of the original are open, and at which nesting level of the emitted code their labels lie: as soon as
//   the emitter opens a block of its own, the two differ (`isRemapped`);
// - the locals behind the original ones: shadows, fuel, number of the site, address of the record, temps of marks.
// The parts call walk() for what lies within the block that they have opened.

import type { ByteWriter } from '../base/bytes.ts';
import { writeLocals } from '../wasm/encode.ts';
import { ValType } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import type { FunctionAnalysis } from './analysis.ts';
import type { EmitTarget } from './emit-target.ts';
import { Fuel } from './fuel.ts';
import { Guard } from './guard.ts';
import type { FunctionPlan } from './plan.ts';
import type { StoreMarks } from './store-marks.ts';
import { Flag } from './workspace.ts';

/** Where the bytes of an original code range went; offsets count from the start of each code entry. */
export interface OffsetRun {
  readonly emitted: number;
  readonly original: number;
  readonly length: number;
}

/** A block of the original that is being written. */
export interface OpenBlock {
  /** Its instruction, -1 for the function. */
  readonly block: number;
  /** Nesting level of the emitted label that branches to this block take. */
  readonly level: number;
  /** Re-opened by a continuation: its first part lies before the site. */
  isReopened: boolean;
  /** A re-opened loop that goes on in another continuation when its turn is over. */
  isCut: boolean;
  /** Level of the block that a re-opened loop leaves by. */
  outLevel: number;
  /** A try_table that lets the unwinding pass: two blocks around it are to be closed. */
  passesUnwind: boolean;
  /** Level of the emitted `try` itself, which a rethrow in place names. */
  tryLevel: number;
  /** A catch clause that is being written behind its try. */
  isMoved: boolean;
  /** The body of a loop whose end belongs to whoever opened it. */
  isCopy: boolean;
  /** Level of the loop that branches to this one begin again when they have counted the turn; 0: they need not. */
  turnLevel: number;
}

const NO_TYPES: readonly ValType[] = [];

export abstract class BodyWriter {
  readonly plan: FunctionPlan;
  readonly a: FunctionAnalysis;
  readonly target: EmitTarget;
  readonly w: ByteWriter;
  readonly guard: Guard;
  readonly fuel: Fuel;
  /** How stores mark; undefined: they do not. */
  readonly marks: StoreMarks | undefined;
  readonly offsets: OffsetRun[] | undefined;
  /** Offsets in the code entry of the `if`s of polls; they are hardly ever taken. */
  readonly unlikely: number[] = [];

  /** Open blocks of the original, outermost first: the function itself. */
  readonly blocks: OpenBlock[] = [];
  /** Blocks of the emitted code that are open. */
  level = 0;
  /** Branch depths differ from the original's. */
  isRemapped = false;
  /** Of a continuation: holds the address of its record. */
  baseLocal = -1;
  /** First of the locals through which operands of stores go. */
  firstTemp = -1;

  readonly #source: Uint8Array;
  /** Where the code entry begins in `w`. */
  readonly #start: number;
  /** Original bytes that are to be copied; from -1: none. */
  #copyFrom = -1;
  #copyEnd = -1;

  constructor(plan: FunctionPlan, target: EmitTarget, w: ByteWriter, offsets?: OffsetRun[]) {
    this.plan = plan;
    this.target = target;
    this.w = w;
    this.offsets = offsets;
    this.a = plan.analysis;
    this.marks = target.marks === undefined ? undefined : plan.marks;
    this.#source = plan.analysis.module.bytes;
    this.#start = w.position;
    this.guard = new Guard(w, plan, target);
    this.fuel = new Fuel(w, this.a.fuel, target.fuelGlobal);
  }

  /**
   * Writes the instructions from `from` until fewer than `depth` blocks of the original are open. Returns the index of the
   * instruction that comes next. `skipFirstPoll`: the poll at `from` is written, or not due.
   */
  abstract walk(from: number, depth: number, skipFirstPoll?: boolean): number;

  /** Offset in the code entry of what is written next. */
  get position(): number {
    return this.w.position - this.#start;
  }

  /** Declares the locals of the original behind its parameters, then ours. A continuation has no parameters. */
  writeLocals(isContinuation: boolean): void {
    const { a, plan } = this;
    const types: ValType[] = a.locals.slice(isContinuation ? 0 : a.type.params.length);
    types.push(...a.shadowTypes);
    let next = a.locals.length + a.shadowTypes.length;
    if (a.fuel !== 'none') {
      types.push(ValType.i32);
      this.fuel.local = next++;
    }
    if (plan.wholeFunction) {
      types.push(ValType.i32);
      this.guard.siteLocal = next++;
    }
    if (isContinuation) {
      types.push(ValType.i32);
      this.baseLocal = next++;
    }
    if (this.marks !== undefined) {
      this.firstTemp = next;
      types.push(...this.marks.temps);
    }
    writeLocals(this.w, types);
  }

  /** Copies instruction `i` verbatim. */
  copy(i: number): void {
    this.copyRun(i, i + 1);
  }

  /** Copies the instructions from `from` to before `end`, in one piece with those before them. */
  copyRun(from: number, end: number): void {
    const { offset } = this.a.code;
    if (this.#copyFrom < 0) this.#copyFrom = offset[from]!;
    this.#copyEnd = offset[end]!;
  }

  /** Writes what has been copied so far. */
  flush(): void {
    if (this.#copyFrom < 0) return;
    this.offsets?.push({
      emitted: this.position,
      original: this.#copyFrom,
      length: this.#copyEnd - this.#copyFrom,
    });
    this.w.bytes(this.#source, this.#copyFrom, this.#copyEnd);
    this.#copyFrom = -1;
  }

  /** What is written next stands for instruction `i`. */
  standsFor(i: number): void {
    this.offsets?.push({ emitted: this.position, original: this.a.code.offset[i]!, length: 1 });
  }

  /** Keeps values just pushed by instruction `i` in their shadow locals. */
  shadow(i: number): void {
    const { a, w } = this;
    if ((a.flags[i]! & Flag.shadowed) === 0) return;
    this.flush();
    const first = a.firstNode[i]!;
    const pushed = a.pushedCount(i);
    let lowest = first;
    while (!a.needsShadow(lowest)) lowest++;
    const last = first + pushed - 1;
    for (let node = last; node > lowest; node--) {
      w.u8(Op.local_set);
      w.u32(a.shadowLocal(node));
    }
    w.u8(Op.local_tee);
    w.u32(a.shadowLocal(lowest));
    for (let node = lowest + 1; node <= last; node++) {
      w.u8(Op.local_get);
      w.u32(a.shadowLocal(node));
    }
  }

  /** Opens a block of our own, or writes one of the original anew: see open(). Returns its level. */
  begin(opcode: number, params: readonly ValType[] = NO_TYPES, results: readonly ValType[] = NO_TYPES): number {
    this.w.u8(opcode);
    this.writeBlockType(params, results);
    return ++this.level;
  }

  writeBlockType(params: readonly ValType[], results: readonly ValType[]): void {
    this.w.s32(this.target.types.blockType(params, results));
  }

  end(): void {
    this.w.u8(Op.end);
    this.level--;
  }

  /** Branches to the emitted block at `level`. */
  branchTo(level: number): void {
    this.w.u8(Op.br);
    this.w.u32(this.level - level);
  }

  /** A block of the original is open from here on; branches to it go to `level`. */
  open(block: number, level: number): OpenBlock {
    const open = {
      block,
      level,
      isReopened: false,
      isCut: false,
      outLevel: 0,
      passesUnwind: false,
      tryLevel: 0,
      isMoved: false,
      isCopy: false,
      turnLevel: 0,
    };
    this.blocks.push(open);
    return open;
  }

  /** The block that a label of the original names here. */
  blockAt(label: number): OpenBlock {
    return this.blocks[this.blocks.length - 1 - label]!;
  }

  /** What a label of the original is in the emitted code. */
  depth(label: number): number {
    return this.level - this.blockAt(label).level;
  }
}
