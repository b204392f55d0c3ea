// Which locals are live at each site: a backward pass over the structured code. An outermost loop is gone over again until
// the sets at the headers within it stop changing (once more than loops are nested in it, at most).
//
// A call inside a guest `try` may end in one of its handlers, so whatever a handler reads is live at the call.
// A loop whose nesting needs more than MAX_PASSES passes gets "everything is live" at the headers that
// still change: sound, and the same for the same module.
//
// Opcodes are numbers where every instruction passes: V8 makes jump tables of literals alone.
// All sets of a function lie in one array, at multiples of its words per set: first those of the open blocks (SETS each),
// then those of the loop headers.

import { Op } from '../wasm/opcodes.ts';
import { type FunctionAnalysis, SiteKind } from './analysis.ts';
import { Flag } from './workspace.ts';

const MAX_PASSES = 10;
/** Every local of a word is live. */
const ALL = -1;
/** Bits kept for all sites of one function, at most; beyond that every local counts as live everywhere. */
const MAX_BITS = 1 << 28;

export class Liveness {
  /** 32-bit words per site. */
  readonly words: number;
  /** Bit x of a site's words: local x is live. Undefined: everything is. */
  readonly bits: Int32Array | undefined;

  constructor(words: number, bits: Int32Array | undefined) {
    this.words = words;
    this.bits = bits;
  }

  /** True if local `index` may be read after site number `site` before it is written. */
  isLive(site: number, index: number): boolean {
    if (this.bits === undefined) return true;
    return ((this.bits[site * this.words + (index >>> 5)]! >>> (index & 31)) & 1) === 1;
  }
}

/** Computes the live locals of every site of a function; good until the pass is used again. */
export function computeLiveness(a: FunctionAnalysis, pass: BackwardPass): Liveness {
  const words = (a.locals.length + 31) >>> 5;
  if (a.sites.length * words * 32 > MAX_BITS) return new Liveness(words, undefined);
  return new Liveness(words, pass.run(a, words));
}

/** Sets of an open block. */
const SETS = 4;
/** What is live behind the block's end. */
const AFTER = 0;
/** Live at the start of the `else` arm, once it has been passed. */
const ELSE = 1;
/** Union of what the handlers of a try read, as far as they have been passed. */
const HANDLERS = 2;
/** What is live where a branch to a loop arrives, its header; a branch to another block arrives behind its end. */
const HEADER = 3;

interface Frame {
  block: number;
  opcode: number;
  /** Which of the sets is live where a branch to this block arrives. */
  label: number;
  hasElse: boolean;
  hasHandlers: boolean;
  catchesAll: boolean;
}

export class BackwardPass {
  a!: FunctionAnalysis;
  words = 0;
  live: Int32Array = new Int32Array(8);
  bits: Int32Array = new Int32Array(0);
  sets: Int32Array = new Int32Array(256);
  readonly frames: Frame[] = [];
  depth = 0;
  /** Sets of headers, in the order in which they were met. */
  headers: Int32Array = new Int32Array(64);
  headerCount = 0;
  /** Open loops. */
  loopDepth = 0;
  passes = 0;
  /** A header within the outermost loop has changed in this pass over it. */
  changed = false;
  /** The outermost loop is gone over for the first time. */
  firstPass = false;
  hasDelegate = false;

  /** The bits of all sites; the array is good until the next run. */
  run(a: FunctionAnalysis, words: number): Int32Array {
    const { opcode, immediate, count } = a.code;
    const { flags, sites, siteAt, hasTry } = a;
    if (words > this.live.length) this.live = new Int32Array(words);
    const { live } = this;
    this.a = a;
    this.words = words;
    this.depth = 0;
    this.headerCount = 0;
    this.loopDepth = 0;
    this.hasDelegate = hasTry && opcode.subarray(0, count).includes(Op.delegate);
    this.clear();
    if (sites.length * words > this.bits.length) this.bits = new Int32Array(sites.length * words * 2);
    const { bits } = this;
    let i = count - 1;
    while (i >= 0) {
      const flag = flags[i]!;
      if ((flag & (Flag.dead | Flag.site)) !== 0) {
        if ((flag & Flag.dead) !== 0) {
          i--;
          continue;
        }
        // A poll lies before a call at the same instruction.
        let site = siteAt[i]!;
        if (sites[site]!.kind === SiteKind.poll) site++;
        if (site < sites.length && sites[site]!.instruction === i) {
          if (hasTry) this.uniteHandlers(i);
          for (let w = 0; w < words; w++) bits[site * words + w] = live[w]!;
        }
      }
      const op = opcode[i]!;
      if (op > 0x22 /* local.tee */) {
        if (op === Op.br_on_null || op === Op.br_on_non_null) this.uniteLabel(immediate[i]!);
      } else if (op >= 0x20 /* local.get */) {
        const x = immediate[i]!;
        if (op === 0x20) live[x >>> 5]! |= 1 << (x & 31);
        else live[x >>> 5]! &= ~(1 << (x & 31));
      } else if (op < 0x1a /* drop */ || op === 0x1f /* try_table */) {
        const next = this.step(i, op);
        if (next >= 0) {
          i = next;
          continue;
        }
      }
      if ((flag & Flag.site) !== 0) {
        // A poll inside a try can end in a handler too: the signal or the unwinding passes, a guest exception cannot.
        const site = siteAt[i]!;
        if (sites[site]!.kind === SiteKind.poll) for (let w = 0; w < words; w++) bits[site * words + w] = live[w]!;
      }
      i--;
    }
    return bits;
  }

  /** Control instructions. Returns -1, or at the header of a loop that needs another pass the last instruction in it. */
  step(i: number, op: number): number {
    const { a, live } = this;
    switch (op) {
      case 0x0b: // end
      case 0x18: // delegate
        if (a.partner[i]! >= 0) this.open(i, op);
        break;
      case 0x05: // else
        this.copyIn(this.depth - 1, ELSE);
        this.frames[this.depth - 1]!.hasElse = true;
        this.copyOut(this.depth - 1, AFTER);
        break;
      case 0x07: // catch
      case 0x19: {
        // catch_all
        const at = this.place(this.depth - 1, HANDLERS);
        for (let w = 0; w < this.words; w++) this.sets[at + w]! |= live[w]!;
        if (op === Op.catch_all) this.frames[this.depth - 1]!.catchesAll = true;
        this.copyOut(this.depth - 1, AFTER);
        break;
      }
      case 0x04: // if
        this.depth--;
        this.unite(this.depth, this.frames[this.depth]!.hasElse ? ELSE : AFTER);
        break;
      case 0x02: // block
      case 0x06: // try
      case 0x1f: // try_table
        this.depth--;
        break;
      case 0x03: // loop
        return this.loop(i);
      case 0x0c: // br
        this.clear();
        this.uniteLabel(a.code.immediate[i]!);
        break;
      case 0x0d: // br_if
        this.uniteLabel(a.code.immediate[i]!);
        break;
      case 0x0e: {
        // br_table
        this.clear();
        const { lists } = a.code;
        const at = a.code.immediate[i]!;
        // The default label follows the others.
        for (let t = lists[at]! + 1; t > 0; t--) this.uniteLabel(lists[at + t]!);
        break;
      }
      case 0x0f: // return
      case 0x00: // unreachable
      case 0x12: // return_call
      case 0x13: // return_call_indirect
      case 0x15: // return_call_ref
        this.clear();
        break;
      case 0x08: // throw
      case 0x09: // rethrow
      case 0x0a: // throw_ref
        this.clear();
        this.uniteHandlers(i);
        break;
      case 0x10: // call
      case 0x11: // call_indirect
      case 0x14: // call_ref
        if (a.hasTry) this.uniteHandlers(i);
        break;
      default:
        break;
    }
    return -1;
  }

  /** The end of a block. */
  open(i: number, op: number): void {
    const { a, words, depth } = this;
    const block = a.partner[i]!;
    const opcode = a.code.opcode[block]!;
    if (depth === this.frames.length) {
      this.frames.push({ block, opcode, label: AFTER, hasElse: false, hasHandlers: false, catchesAll: false });
    }
    const frame = this.frames[depth]!;
    frame.block = block;
    frame.opcode = opcode;
    frame.label = AFTER;
    frame.hasElse = false;
    frame.hasHandlers = false;
    frame.catchesAll = false;
    this.reserve(depth);
    this.copyIn(depth, AFTER);
    if (opcode === Op.loop) {
      frame.label = HEADER;
      this.openLoop(block);
    } else if ((opcode === Op.try && op === Op.end) || opcode === Op.try_table) {
      frame.hasHandlers = true;
      const at = this.place(depth, HANDLERS);
      this.sets.fill(0, at, at + words);
      if (opcode === Op.try_table) this.addClauses(frame, at);
    }
    this.depth = depth + 1;
  }

  /** What the labels of a try_table's clauses need; they count from outside of it. */
  addClauses(frame: Frame, at: number): void {
    const { lists, immediate } = this.a.code;
    const list = immediate[frame.block]!;
    for (let c = 0; c < lists[list]!; c++) {
      if (lists[list + 1 + c * 3]! >= 2) frame.catchesAll = true;
      const k = this.depth - 1 - lists[list + 3 + c * 3]!;
      if (k < 0) continue;
      const from = this.place(k, this.frames[k]!.label);
      for (let w = 0; w < this.words; w++) this.sets[at + w]! |= this.sets[from + w]!;
    }
  }

  /** The end of a loop: its label is the set of its header as far as that is known. */
  openLoop(loop: number): void {
    const { a, words } = this;
    const at = this.place(this.depth, HEADER);
    if (this.loopDepth === 0) {
      this.headerCount = 0;
      this.passes = 0;
      this.changed = false;
      // Headers of the loops within, from the inside outwards, are made in the first pass.
      this.firstPass = true;
    }
    this.loopDepth++;
    if (this.firstPass) {
      a.headerSet[loop] = this.headerCount;
      this.headerCount++;
      const end = this.headerCount * words;
      if (end > this.headers.length) {
        const grown = new Int32Array(end * 2);
        grown.set(this.headers);
        this.headers = grown;
      }
      this.headers.fill(0, end - words, end);
    }
    const from = a.headerSet[loop]! * words;
    for (let w = 0; w < words; w++) this.sets[at + w] = this.headers[from + w]!;
  }
  /** The header of a loop. Returns the last instruction in it if it is an outermost one that needs another pass, or -1. */
  loop(i: number): number {
    const { a, words, live, headers } = this;
    const at = a.headerSet[i]! * words;
    let differs = false;
    for (let w = 0; w < words; w++) if (headers[at + w] !== live[w]) differs = true;
    if (differs && this.passes >= MAX_PASSES) {
      live.fill(ALL, 0, words);
      differs = headers.subarray(at, at + words).some((word) => word !== ALL);
    }
    if (differs) {
      this.changed = true;
      for (let w = 0; w < words; w++) headers[at + w] = live[w]!;
    }
    this.depth--;
    this.loopDepth--;
    if (this.loopDepth > 0 || !this.changed) return -1;
    this.passes++;
    this.changed = false;
    this.firstPass = false;
    // Again from its end, which keeps its frame.
    this.copyOut(this.depth, AFTER);
    const header = this.place(this.depth, HEADER);
    for (let w = 0; w < words; w++) this.sets[header + w] = headers[at + w]!;
    this.depth++;
    this.loopDepth++;
    return a.partner[i]! - 1;
  }

  /** Nothing is live. */
  clear(): void {
    const { live, words } = this;
    for (let w = 0; w < words; w++) live[w] = 0;
  }

  uniteHandlers(i: number): void {
    for (let k = this.depth - 1; k >= 0; k--) {
      const frame = this.frames[k]!;
      if (!frame.hasHandlers) continue;
      const middle = this.a.middle[frame.block]!;
      if (frame.opcode === Op.try && middle >= 0 && i > middle) continue;
      this.unite(k, HANDLERS);
      if (frame.catchesAll && !this.hasDelegate) break;
    }
  }

  uniteLabel(depth: number): void {
    const k = this.depth - 1 - depth;
    if (k >= 0) this.unite(k, this.frames[k]!.label);
  }

  place(depth: number, set: number): number {
    return (depth * SETS + set) * this.words;
  }

  unite(depth: number, set: number): void {
    const { live, sets, words } = this;
    const at = (depth * SETS + set) * words;
    for (let w = 0; w < words; w++) live[w]! |= sets[at + w]!;
  }

  copyIn(depth: number, set: number): void {
    const { live, sets, words } = this;
    const at = (depth * SETS + set) * words;
    for (let w = 0; w < words; w++) sets[at + w] = live[w]!;
  }

  copyOut(depth: number, set: number): void {
    const { live, sets, words } = this;
    const at = (depth * SETS + set) * words;
    for (let w = 0; w < words; w++) live[w] = sets[at + w]!;
  }

  /** Makes room for the sets of a block at `depth`. */
  reserve(depth: number): void {
    const size = (depth + 1) * SETS * this.words;
    if (size <= this.sets.length) return;
    const grown = new Int32Array(size * 2);
    grown.set(this.sets);
    this.sets = grown;
  }
}
