// Which locals are live at each site: a backward pass over the structured code, repeated until the sets at the
// loop headers stop changing (two or three passes for real code).
//
// A call inside a guest `try` may end in one of its handlers, so whatever a handler reads is live at the call.
// A function whose nesting needs more than MAX_PASSES passes gets "everything is live" at the headers that
// still change: sound, and the same for the same module.

import { Op } from '../wasm/opcodes.ts';
import { type FunctionAnalysis, SiteKind } from './analysis.ts';

const MAX_PASSES = 10;
/** Bits kept for all sites of one function, at most; beyond that every local counts as live everywhere. */
const MAX_BITS = 1 << 28;

export class Liveness {
  readonly #words: number;
  readonly #bits: Uint32Array | undefined;

  constructor(words: number, bits: Uint32Array | undefined) {
    this.#words = words;
    this.#bits = bits;
  }

  /** True if local `index` may be read after site number `site` before it is written. */
  isLive(site: number, index: number): boolean {
    if (this.#bits === undefined) return true;
    return ((this.#bits[site * this.#words + (index >>> 5)]! >>> (index & 31)) & 1) === 1;
  }
}

/** Computes the live locals of every site of a function. */
export function computeLiveness(a: FunctionAnalysis): Liveness {
  const words = (a.locals.length + 31) >>> 5;
  if (a.sites.length * words * 32 > MAX_BITS) return new Liveness(words, undefined);
  const bits = new Uint32Array(a.sites.length * words);
  const pass = new BackwardPass(a, words, bits);
  for (let n = 0; ; n++) {
    if (!pass.run(n >= MAX_PASSES)) break;
  }
  return new Liveness(words, bits);
}

/** State of one open block while going backwards. */
interface Frame {
  readonly block: number;
  readonly opcode: number;
  /** What is live where a branch to this block arrives; a loop's header set for loops. */
  readonly label: Uint32Array;
  /** What is live behind the block's end. */
  readonly after: Uint32Array;
  /** Live at the start of the `else` arm, once it has been passed. */
  elseStart: Uint32Array | undefined;
  /** Union of what the handlers of a try read, as far as they have been passed. */
  readonly handlers: Uint32Array | undefined;
  catchesAll: boolean;
}

class BackwardPass {
  readonly a: FunctionAnalysis;
  readonly words: number;
  readonly bits: Uint32Array;
  readonly headers = new Map<number, Uint32Array>();
  readonly hasDelegate: boolean;
  readonly zero: Uint32Array;

  constructor(a: FunctionAnalysis, words: number, bits: Uint32Array) {
    this.a = a;
    this.words = words;
    this.bits = bits;
    this.zero = new Uint32Array(words);
    this.hasDelegate = a.hasTry && a.code.opcode.subarray(0, a.code.count).includes(Op.delegate);
  }

  /** One pass; true if a header set has changed, so that another pass is needed. */
  run(giveUp: boolean): boolean {
    const { a, words, bits } = this;
    const { opcode, immediate, lists, count } = a.code;
    const { reachable, partner, sites, hasTry } = a;
    const frames: Frame[] = [];
    const live = new Uint32Array(words);
    let changed = false;
    let site = sites.length - 1;

    const unite = (from: Uint32Array): void => {
      for (let w = 0; w < words; w++) live[w]! |= from[w]!;
    };
    const label = (depth: number): Uint32Array => {
      const frame = frames[frames.length - 1 - depth];
      return frame === undefined ? this.zero : frame.label;
    };
    const uniteHandlers = (i: number): void => {
      for (let k = frames.length - 1; k >= 0; k--) {
        const frame = frames[k]!;
        if (frame.handlers === undefined) continue;
        const middle = a.middle[frame.block]!;
        if (frame.opcode === Op.try && middle >= 0 && i > middle) continue;
        unite(frame.handlers);
        if (frame.catchesAll && !this.hasDelegate) break;
      }
    };
    const record = (s: number): void => {
      bits.set(live, s * words);
    };

    for (let i = count - 1; i >= 0; i--) {
      if (reachable[i] === 0) continue;
      if (site >= 0 && sites[site]!.instruction === i && sites[site]!.kind === SiteKind.call) {
        if (hasTry) uniteHandlers(i);
        record(site--);
      }
      const op = opcode[i]!;
      switch (op) {
        case Op.local_get: {
          const x = immediate[i]!;
          live[x >>> 5]! |= 1 << (x & 31);
          break;
        }
        case Op.local_set:
        case Op.local_tee: {
          const x = immediate[i]!;
          live[x >>> 5]! &= ~(1 << (x & 31));
          break;
        }
        case Op.end:
        case Op.delegate: {
          const block = partner[i]!;
          if (block < 0) break;
          const opened = opcode[block]!;
          const after = live.slice();
          let handlers: Uint32Array | undefined;
          let catchesAll = false;
          if (opened === Op.try && op === Op.end) handlers = new Uint32Array(words);
          if (opened === Op.try_table) {
            handlers = new Uint32Array(words);
            const at = immediate[block]!;
            const clauses = lists[at]!;
            for (let c = 0; c < clauses; c++) {
              const kind = lists[at + 1 + c * 3]!;
              // The labels of the clauses count from outside the try_table.
              const target = label(lists[at + 3 + c * 3]!);
              for (let w = 0; w < words; w++) handlers[w]! |= target[w]!;
              if (kind >= 2) catchesAll = true;
            }
          }
          frames.push({
            block,
            opcode: opened,
            label: opened === Op.loop ? (this.headers.get(block) ?? this.zero) : after,
            after,
            elseStart: undefined,
            handlers,
            catchesAll,
          });
          break;
        }
        case Op.else: {
          const frame = frames[frames.length - 1]!;
          frame.elseStart = live.slice();
          live.set(frame.after);
          break;
        }
        case Op.catch:
        case Op.catch_all: {
          const frame = frames[frames.length - 1]!;
          const handlers = frame.handlers!;
          for (let w = 0; w < words; w++) handlers[w]! |= live[w]!;
          if (op === Op.catch_all) frame.catchesAll = true;
          live.set(frame.after);
          break;
        }
        case Op.if: {
          const frame = frames.pop()!;
          unite(frame.elseStart ?? frame.after);
          break;
        }
        case Op.block:
        case Op.try:
        case Op.try_table:
          frames.pop();
          break;
        case Op.loop: {
          frames.pop();
          const before = this.headers.get(i);
          if (before === undefined || before.some((word, w) => word !== live[w])) {
            if (giveUp) {
              live.fill(0xffffffff);
              if (before?.every((word) => word === 0xffffffff)) break;
            }
            const isFirstAndEmpty = before === undefined && live.every((word) => word === 0);
            if (!isFirstAndEmpty) changed = true;
            this.headers.set(i, live.slice());
          }
          break;
        }
        case Op.br:
          live.set(label(immediate[i]!));
          break;
        case Op.br_if:
        case Op.br_on_null:
        case Op.br_on_non_null:
          unite(label(immediate[i]!));
          break;
        case Op.br_table: {
          live.fill(0);
          const at = immediate[i]!;
          const targets = lists[at]!;
          // The default label follows the others.
          for (let t = 0; t <= targets; t++) unite(label(lists[at + 1 + t]!));
          break;
        }
        case Op.return:
        case Op.unreachable:
        case Op.return_call:
        case Op.return_call_indirect:
        case Op.return_call_ref:
          live.fill(0);
          break;
        case Op.throw:
        case Op.rethrow:
        case Op.throw_ref:
          live.fill(0);
          uniteHandlers(i);
          break;
        case Op.call:
        case Op.call_indirect:
        case Op.call_ref:
          if (hasTry) uniteHandlers(i);
          break;
        default:
          break;
      }
      if (site >= 0 && sites[site]!.instruction === i && sites[site]!.kind === SiteKind.poll) {
        // A poll inside a try can end in a handler too: the signal or the unwinding passes, a guest exception cannot.
        record(site--);
      }
    }
    return changed;
  }
}
