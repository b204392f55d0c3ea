// Writes `local.get …` for the values of a site in the order of its record (layout.ts), and says which save function
// takes them. The records themselves are laid out when a frame is read: while a program is instrumented this is
// all that is needed of them, once for each of tens of thousands of sites, so it makes no object per site.

import type { ByteWriter } from '../base/bytes.ts';
import { ValType } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import { type FunctionAnalysis, NodeKind, type Site } from './analysis.ts';
import type { Liveness } from './liveness.ts';

/** Types of values that lie in memory, in the order of a record. */
export const NUMERIC_TYPES: readonly ValType[] = [ValType.i32, ValType.i64, ValType.f32, ValType.f64, ValType.v128];

export class RecordValues {
  /** Number of values of each of NUMERIC_TYPES that the last write() wrote. */
  readonly counts: Int32Array = new Int32Array(NUMERIC_TYPES.length);
  #locals = 0;
  /** All locals of the function, ours included, by type and index; and where each type ends. */
  #order = new Int32Array(64);
  readonly #ends = new Int32Array(NUMERIC_TYPES.length);
  #wanted = new Int32Array(8);
  #words = 0;

  /** Prepares for a function; false if it has locals that do not lie in memory. */
  begin(a: FunctionAnalysis): boolean {
    const { locals, shadowTypes } = a;
    const count = locals.length + shadowTypes.length;
    if (count > this.#order.length) {
      this.#order = new Int32Array(count * 2);
      this.#wanted = new Int32Array(count);
    }
    this.#locals = locals.length;
    this.#words = (count + 31) >>> 5;
    let next = 0;
    for (let t = 0; t < NUMERIC_TYPES.length; t++) {
      const type = NUMERIC_TYPES[t]!;
      if (next < count) {
        for (let x = 0; x < locals.length; x++) if (locals[x] === type) this.#order[next++] = x;
        for (let x = 0; x < shadowTypes.length; x++) {
          if (shadowTypes[x] === type) this.#order[next++] = locals.length + x;
        }
      }
      this.#ends[t] = next;
    }
    return next === count;
  }

  write(w: ByteWriter, a: FunctionAnalysis, liveness: Liveness, site: Site, siteIndex: number): void {
    this.#collect(a, liveness, site, siteIndex);
    const wanted = this.#wanted;
    const order = this.#order;
    let k = 0;
    for (let t = 0; t < NUMERIC_TYPES.length; t++) {
      const end = this.#ends[t]!;
      let count = 0;
      for (; k < end; k++) {
        const x = order[k]!;
        if (((wanted[x >>> 5]! >>> (x & 31)) & 1) === 0) continue;
        w.u8(Op.local_get);
        w.u32(x);
        count++;
      }
      this.counts[t] = count;
    }
  }

  /** Sets the bits of the locals that the record of a site holds. */
  #collect(a: FunctionAnalysis, liveness: Liveness, site: Site, siteIndex: number): void {
    const wanted = this.#wanted;
    const { words, bits } = liveness;
    for (let w = 0; w < this.#words; w++)
      wanted[w] = w >= words ? 0 : bits === undefined ? -1 : bits[siteIndex * words + w]!;
    // The bits behind the last local say nothing.
    if ((this.#locals & 31) !== 0) wanted[words - 1]! &= (1 << (this.#locals & 31)) - 1;
    for (let node = site.top; node >= 0; node = a.nodeBelow[node]!) {
      const kind = a.nodeKind[node]!;
      if (kind === NodeKind.constant) continue;
      const local = kind === NodeKind.local ? a.nodeArg[node]! : a.shadowLocal(node);
      wanted[local >>> 5]! |= 1 << (local & 31);
    }
    for (let c = site.clause; c >= 0; c = a.clauses[c]!.outer) {
      const { kept } = a.clauses[c]!;
      if (kept === undefined) continue;
      if (kept.tagLocal >= 0) wanted[kept.tagLocal >>> 5]! |= 1 << (kept.tagLocal & 31);
      for (const locals of kept.payload.values()) {
        for (const local of locals) wanted[local >>> 5]! |= 1 << (local & 31);
      }
    }
  }
}
