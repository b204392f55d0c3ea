// Which stores of a function mark the page that they write (mark-table.ts), and how each gets at its address.
//
// before                            after
// local.get $p  i32.const 7         local.get $p  i32.const 7
// i32.store offset=8                i32.store offset=8
//                                   local.get $p  i32.const 12  i32.shr_u  i32.const 1  i32.store8 $marks
// local.get $p  i32.const 0         local.get $p  i32.const 0
// i32.store offset=12               i32.store offset=12                       ;; the same mark stands for it
//
// The address of a store is followed back on the stack, as far as a straight run of code goes:
// - `local`, `constant`: a local and a constant, a constant alone. The mark gets it again; `p += 4` and `q = p + 8` are followed.
// - `temp`: the instruction that pushed it also keeps it in a local of ours; or, where nothing is known of it, all operands
//   of the store go through such locals.
//
// Invariants
// - A mark is made behind its store, which has checked the address: a mark cannot trap, and what has trapped marks nothing.
// - Between a store and a mark that stands for it lies no site: a capture, which clears marks, never comes between them.
// - A mark holds for later stores on every way from it. At the end of a block those hold that held at its beginning, but for what
//   was written in it; if a site lies in it, none.

import { ValType } from '../wasm/module.ts';
import { Op, opcodeIndex, opcodeInfo, SIMPLE_POPS, SIMPLE_PUSH } from '../wasm/opcodes.ts';
import type { FunctionAnalysis } from './analysis.ts';
import { memoryOffset } from './atomic-bodies.ts';
import { LONGEST_ACCESS_BYTES, MARK_REACH_BYTES, MARKED_PAGE_BITS } from './mark-table.ts';
import { Flag } from './workspace.ts';

/** How a store marks. */
export interface Mark {
  /** Memory that is written. */
  readonly memory: number;
  readonly source: 'local' | 'constant' | 'temp';
  /** The local or the temp that holds the address; the number of the page. */
  readonly value: number;
  /** Added to the address before the page is taken. */
  readonly add: number;
  /** Temps of all operands, the address first, if they must go through them; `value` is then the first. */
  readonly operands: readonly number[];
  /** Of an instruction that writes a range: the type of its length, the last operand. */
  readonly length: ValType | undefined;
}

/** A mark that was made, and holds. */
interface Standing {
  readonly memory: number;
  /** As in #bases. */
  base: number;
  /** Distance from the base to what it reaches from, modulo 2^32. */
  from: number;
}

/** What a local is: another one, and a constant. */
interface Sum {
  readonly base: number;
  /** Modulo 2^32. */
  readonly add: number;
}

/** A block that is open. */
interface Open {
  /** Its marks are what holds at its end; of a try nothing is known. */
  readonly isPlain: boolean;
  readonly isLoop: boolean;
  /** What stood at its beginning, and the sums then. */
  readonly standing: readonly Standing[];
  readonly sums: ReadonlyMap<number, Sum>;
  /** Locals that were written in it. */
  readonly written: Set<number>;
  hasSite: boolean;
}

/** Base of a stacked value that is no sum of a local and a constant. */
const UNKNOWN = -2;
const CONSTANT = -1;
const NO_ORIGIN = -1;
/** The last byte of the longest access may lie so far behind where a mark reaches from. */
const REACH: number = MARK_REACH_BYTES - LONGEST_ACCESS_BYTES + 1;
/** No engine has so much memory: a store with such an offset always traps. */
const NO_MEMORY_BYTES: number = 2 ** 35;
/** Half of what a mark reaches: the other half is for what lies above. */
const ORIGIN_STEP: number = MARK_REACH_BYTES / 2;
const PAGE_BYTES: number = 2 ** MARKED_PAGE_BITS;

export class StoreMarks {
  /** Types of the locals that the marks need. */
  readonly temps: ValType[] = [];
  /** By instruction. */
  readonly marks: Map<number, Mark> = new Map();
  /** Instructions whose result is kept in a temp. */
  readonly kept: Map<number, number> = new Map();
  readonly #a: FunctionAnalysis;
  readonly #tempOf = new Map<string, number>();
  #standing: Standing[] = [];
  /** Of locals that are sums of others. Those are none themselves: everything is told of them. */
  #sums: Map<number, Sum> = new Map();
  readonly #open: Open[] = [];
  /** Last instruction that wrote the temp of an address. */
  #lastTemp = -1;
  // The stack as far as it is known: what lies below is unknown.
  #height = 0;
  // A base is a local, UNKNOWN or CONSTANT; what is added to it is modulo 2^32.
  readonly #bases: number[] = [];
  readonly #adds: number[] = [];
  readonly #origins: number[] = [];

  /** Flags the instructions of the function that are not copied as they are. */
  constructor(a: FunctionAnalysis) {
    this.#a = a;
    const { opcode, count } = a.code;
    for (let i = 0; i < count; i++) {
      const flag = a.flags[i]!;
      if ((flag & Flag.dead) !== 0) continue;
      if ((flag & Flag.site) !== 0) this.#stop();
      this.#step(i, opcode[i]!, (flag & Flag.site) !== 0);
    }
    for (const i of [...this.marks.keys(), ...this.kept.keys()]) a.flags[i]! |= Flag.special;
  }

  /** The function writes nothing. */
  get isEmpty(): boolean {
    return this.marks.size === 0;
  }

  #step(i: number, op: number, isSite: boolean): void {
    const { immediate } = this.#a.code;
    const index = opcodeIndex(op);
    switch (op) {
      case Op.local_get:
        this.#pushLocal(immediate[i]!, i);
        return;
      case Op.local_set:
      case Op.local_tee: {
        const x = immediate[i]!;
        this.#write(x);
        if (op === Op.local_tee) this.#pushLocal(x, i);
        return;
      }
      case Op.i32_const:
        this.#push(CONSTANT, immediate[i]!, i);
        return;
      case Op.i32_add:
        this.#addUp(i);
        return;
      case Op.global_get:
        this.#push(UNKNOWN, 0, i);
        return;
      case Op.drop:
      case Op.global_set:
      case Op.br_if:
        this.#pop(1);
        return;
      case Op.select:
      case Op.select_t:
        this.#pop(3);
        this.#push(UNKNOWN, 0, i);
        return;
      case Op.memory_size:
        this.#push(UNKNOWN, 0, i);
        return;
      case Op.memory_grow:
        this.#pop(1);
        this.#push(UNKNOWN, 0, i);
        return;
      case Op.call:
      case Op.call_indirect:
      case Op.call_ref:
        if (!isSite) this.#call(i, op);
        return;
      case Op.block:
      case Op.if:
      case Op.loop:
      case Op.try:
      case Op.try_table:
        this.#begin(op);
        return;
      case Op.else:
        // One comes here from the beginning, past the other arm.
        this.#height = 0;
        this.#recall(this.#open[this.#open.length - 1]!);
        return;
      case Op.end:
      case Op.delegate:
        this.#end();
        return;
      case Op.memory_fill:
      case Op.memory_copy:
      case Op.memory_init:
        this.#range(i, op);
        return;
      default:
        if (isStore(op)) this.#store(i, op, index);
        else if (SIMPLE_POPS[index]! >= 0) {
          this.#pop(SIMPLE_POPS[index]!);
          if (SIMPLE_PUSH[index] !== 0) this.#push(UNKNOWN, 0, i);
        } else if (op < Op.drop) this.#forget();
        else this.#height = 0;
    }
  }

  /** Of a function that never suspends: what stood before it stands behind it. */
  #call(i: number, op: number): void {
    const { module, code } = this.#a;
    const typeIndex = op === Op.call ? module.functionTypes[code.immediate[i]!]! : code.immediate[i]!;
    const { params, results } = module.types[typeIndex]!;
    this.#pop(params.length + (op === Op.call ? 0 : 1));
    for (let k = 0; k < results.length; k++) this.#push(UNKNOWN, 0, NO_ORIGIN);
  }

  #store(i: number, op: number, index: number): void {
    const { module, code } = this.#a;
    const { params } = opcodeInfo(op)!;
    const memory = code.immediate[i]!;
    const { is64 } = module.allMemories[memory]!;
    this.#pop(params!.length - 1);
    const at = this.#height - 1;
    const base = at < 0 ? UNKNOWN : this.#bases[at]!;
    const add = at < 0 ? 0 : this.#adds[at]!;
    const origin = at < 0 ? NO_ORIGIN : this.#origins[at]!;
    this.#pop(1);
    const offset = Number(memoryOffset(module, code, i));
    if (offset < NO_MEMORY_BYTES) this.#mark(i, memory, is64, { base, add, origin }, offset, params!);
    if (SIMPLE_PUSH[index] !== 0) this.#push(UNKNOWN, 0, i);
  }

  #mark(
    i: number,
    memory: number,
    is64: boolean,
    { base, add, origin }: { base: number; add: number; origin: number },
    offset: number,
    params: readonly ValType[],
  ): void {
    const mark = { memory, operands: [], length: undefined };
    if (base === CONSTANT) {
      const address = (add >>> 0) + offset;
      const page = Math.floor(address / PAGE_BYTES);
      if (address >= 2 ** 32 || this.#stands(memory, CONSTANT, address)) return;
      this.#standing.push({ memory, base, from: page * PAGE_BYTES });
      this.marks.set(i, { ...mark, source: 'constant', value: page, add: 0 });
      return;
    }
    if (base !== UNKNOWN) {
      // The store has not trapped, so the sum is its address, whatever wrapped around before.
      const distance = is64 ? offset : (add + offset) | 0;
      if (this.#stands(memory, base, distance)) return;
      const from = originOf(distance);
      this.#standing.push({ memory, base, from });
      this.marks.set(i, { ...mark, source: 'local', value: base, add: from });
      return;
    }
    const from = originOf(offset);
    const addressType = is64 ? ValType.i64 : ValType.i32;
    const temp = this.#temp(0, addressType);
    if (origin !== NO_ORIGIN && this.#a.flags[origin] === 0 && this.#lastTemp < origin) {
      this.kept.set(origin, temp);
      this.#lastTemp = origin;
      this.marks.set(i, { ...mark, source: 'temp', value: temp, add: from });
      return;
    }
    const operands = [temp, ...params.slice(1).map((type, k) => this.#temp(k + 1, type))];
    this.#lastTemp = i;
    this.marks.set(i, { ...mark, source: 'temp', value: temp, add: from, operands });
  }

  /** memory.fill, memory.copy and memory.init: their operands are kept, and a helper marks all pages. */
  #range(i: number, op: number): void {
    const { module, code } = this.#a;
    const memory = op === Op.memory_init ? code.immediate2[i]! : code.immediate[i]!;
    this.#pop(3);
    this.#lastTemp = i;
    const types = rangeTypes(
      op,
      module.allMemories[memory]!.is64,
      op === Op.memory_copy && module.allMemories[code.immediate2[i]!]!.is64,
    );
    const operands = types.map((type, k) => this.#temp(k, type));
    this.marks.set(i, { memory, source: 'temp', value: operands[0]!, add: 0, operands, length: types[2] });
  }

  #addUp(i: number): void {
    const at = this.#height - 2;
    const known = at >= 0 && this.#bases[at] !== UNKNOWN && this.#bases[at + 1] !== UNKNOWN;
    const [left, right] = [this.#bases[at] ?? UNKNOWN, this.#bases[at + 1] ?? UNKNOWN];
    const sum = known ? (this.#adds[at]! + this.#adds[at + 1]!) | 0 : 0;
    this.#pop(2);
    if (known && right === CONSTANT) this.#push(left, sum, i);
    else if (known && left === CONSTANT) this.#push(right, sum, i);
    else this.#push(UNKNOWN, 0, i);
  }

  /** A standing mark covers an access at this distance from the base. */
  #stands(memory: number, base: number, distance: number): boolean {
    // A constant's page is known: its mark covers all of the next one, too.
    const reach = base === CONSTANT ? REACH - 1 + PAGE_BYTES : REACH;
    const { is64 } = this.#a.module.allMemories[memory]!;
    return this.#standing.some((mark) => {
      if (mark.memory !== memory || mark.base !== base) return false;
      const gap = distance - mark.from;
      return is64 ? gap >= 0 && gap <= reach : gap >>> 0 <= reach;
    });
  }

  #begin(op: number): void {
    this.#height = 0;
    const isLoop = op === Op.loop;
    // Into a loop one comes from its end, too, past its poll.
    if (isLoop) this.#forget();
    const isPlain = op === Op.block || op === Op.if || isLoop;
    this.#open.push({
      isPlain,
      isLoop,
      standing: this.#standing.map((mark) => ({ ...mark })),
      sums: new Map(this.#sums),
      written: new Set(),
      hasSite: !isPlain,
    });
  }

  /** What was known at the beginning of a block, but for locals of `written`. */
  #recall({ standing, sums }: Open, written?: ReadonlySet<number>): void {
    const isKept = (local: number): boolean => written?.has(local) !== true;
    this.#standing = standing.filter(({ base }) => isKept(base)).map((mark) => ({ ...mark }));
    this.#sums = new Map([...sums].filter(([local, { base }]) => isKept(local) && isKept(base)));
  }

  #end(): void {
    this.#height = 0;
    const ended = this.#open.pop();
    // The function's own.
    if (ended === undefined) return;
    const { isPlain, isLoop, written, hasSite } = ended;
    // Out of a loop leads its last instruction alone: what stands there stands behind it.
    if (!isLoop && hasSite) this.#forget();
    else if (!isLoop) this.#recall(ended, written);
    const around = this.#open[this.#open.length - 1];
    if (around === undefined) return;
    around.hasSite ||= hasSite || !isPlain;
    for (const x of written) around.written.add(x);
  }

  /** A site: a capture may come here. */
  #stop(): void {
    this.#forget();
    const around = this.#open[this.#open.length - 1];
    if (around !== undefined) around.hasSite = true;
  }

  /** Local `x` gets the topmost value. */
  #write(x: number): void {
    this.#open[this.#open.length - 1]?.written.add(x);
    const top = this.#height - 1;
    const base = top < 0 ? UNKNOWN : this.#bases[top]!;
    const add = top < 0 ? 0 : this.#adds[top]!;
    this.#pop(1);
    if (base === x) {
      // It is moved: what is told of it is the same, from elsewhere.
      this.#tellOf(x, x, add);
      return;
    }
    if (!this.#sums.delete(x)) this.#leave(x);
    if (base >= 0) this.#sums.set(x, { base, add });
  }

  /** Of what local `x` was: told of a local that is a sum of it from now on, if there is any, else forgotten. */
  #leave(x: number): void {
    for (const [local, { base, add }] of this.#sums) {
      if (base !== x) continue;
      this.#sums.delete(local);
      this.#tellOf(x, local, add);
      return;
    }
    for (let k = 0; k < this.#height; k++) if (this.#bases[k] === x) this.#bases[k] = UNKNOWN;
    this.#standing = this.#standing.filter(({ base }) => base !== x);
  }

  /** What was told of `from` is told of `to`, which is `add` more than that was. */
  #tellOf(from: number, to: number, add: number): void {
    for (let k = 0; k < this.#height; k++) {
      if (this.#bases[k] !== from) continue;
      this.#bases[k] = to;
      this.#adds[k] = (this.#adds[k]! - add) | 0;
    }
    for (const mark of this.#standing) {
      if (mark.base !== from) continue;
      mark.base = to;
      mark.from = (mark.from - add) | 0;
    }
    for (const [local, sum] of this.#sums) {
      if (sum.base === from) this.#sums.set(local, { base: to, add: (sum.add - add) | 0 });
    }
  }

  #pushLocal(x: number, i: number): void {
    const sum = this.#sums.get(x);
    this.#push(sum?.base ?? x, sum?.add ?? 0, i);
  }

  #forget(): void {
    this.#height = 0;
    this.#standing = [];
    // Nor are the sums: what a local was made of may be dead, and zero after a resume.
    this.#sums.clear();
  }

  #push(base: number, add: number, origin: number): void {
    const at = this.#height++;
    this.#bases[at] = base;
    this.#adds[at] = add;
    this.#origins[at] = origin;
  }

  #pop(count: number): void {
    this.#height = Math.max(0, this.#height - count);
  }

  /** For the operand at a position; those of two stores are never kept at once, but for an address that `kept` says. */
  #temp(position: number, type: ValType): number {
    const key = `${position} ${type}`;
    let temp = this.#tempOf.get(key);
    if (temp === undefined) this.#tempOf.set(key, (temp = this.temps.push(type) - 1));
    return temp;
  }
}

/**
 * Where a mark reaches from for an access at `distance` from its base: the base itself if that will do, for then nothing is to
 * be added, and neighbours have the same mark; else something round below.
 */
function originOf(distance: number): number {
  return distance >= 0 && distance <= REACH ? 0 : Math.floor(distance / ORIGIN_STEP) * ORIGIN_STEP;
}

/** Instructions with an address and an offset that write. */
function isStore(op: number): boolean {
  return (
    (op >= Op.i32_store && op <= Op.i64_store32) ||
    op === Op.v128_store ||
    (op >= Op.v128_store8_lane && op <= Op.v128_store64_lane) ||
    (op >= Op.i32_atomic_store && op <= Op.i64_atomic_rmw32_cmpxchg_u)
  );
}

/** Types of the operands of memory.fill, memory.copy and memory.init. */
function rangeTypes(op: number, is64: boolean, isSource64: boolean): readonly ValType[] {
  const address = is64 ? ValType.i64 : ValType.i32;
  if (op === Op.memory_fill) return [address, ValType.i32, address];
  if (op === Op.memory_init) return [address, ValType.i32, ValType.i32];
  const source = isSource64 ? ValType.i64 : ValType.i32;
  return [address, source, is64 && isSource64 ? ValType.i64 : ValType.i32];
}
