// What stands around a call that may suspend: the handler that saves the frame when the stack unwinds, and passes it on.
//
//   legacy                             standard
//   try (type of the call)             block (type of the call)  block (params) (exnref)  try_table (catch_ref $unwind)
//     …call…                             …call…
//   catch $unwind                      end  br 1  end
//     …save…  rethrow 0                …save…  throw_ref
//   end                                end
//
// Where a function is too large for a handler at every site, one of them surrounds its body, and a local holds the number of
// the site in progress.

import type { ByteWriter } from '../base/bytes.ts';
import { ValType } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import type { FunctionPlan } from './plan.ts';
import { PART_VALUES, type SavePool } from './save.ts';
import type { TypePool } from './type-pool.ts';

/** The module that is written, as far as guards need it. */
export interface GuardTarget {
  readonly saves: SavePool;
  readonly types: TypePool;
  readonly unwindTag: number;
  /** True: use try_table and throw_ref. */
  readonly standardExceptions: boolean;
}

export class Guard {
  readonly w: ByteWriter;
  readonly plan: FunctionPlan;
  readonly target: GuardTarget;
  /** Records hold no references and fit into one call of a save function. */
  readonly isPlain: boolean;
  /** Of a function with one handler: holds the number of the site. */
  siteLocal = -1;

  constructor(w: ByteWriter, plan: FunctionPlan, target: GuardTarget) {
    this.w = w;
    this.plan = plan;
    this.target = target;
    const { analysis } = plan;
    const values = analysis.locals.length + analysis.shadowTypes.length;
    this.isPlain = !plan.wholeFunction && values <= PART_VALUES && target.saves.values.begin(analysis);
  }

  /** In a function with one handler: says which site is in progress. */
  setSite(siteIndex: number): void {
    const { w } = this;
    w.u8(Op.i32_const);
    w.s32(this.plan.firstSite + siteIndex);
    w.u8(Op.local_set);
    w.u32(this.siteLocal);
  }

  /** Before a call that may unwind, which consumes `params` and leaves `results`. */
  begin(siteIndex: number, params: readonly ValType[], results: readonly ValType[]): void {
    const { w, target, plan } = this;
    if (plan.wholeFunction) {
      this.setSite(siteIndex);
      return;
    }
    if (target.standardExceptions) {
      w.u8(Op.block);
      this.#writeBlockType(params, results);
      w.u8(Op.block);
      this.#writeBlockType(params, [ValType.exnref]);
      w.u8(Op.try_table);
      this.#writeBlockType(params, results);
      w.u32(1);
      w.u8(1);
      w.u32(target.unwindTag);
      w.u32(0);
      return;
    }
    w.u8(Op.try);
    this.#writeBlockType(params, results);
  }

  /** Behind the call. */
  end(siteIndex: number): void {
    const { w, target, plan } = this;
    if (plan.wholeFunction) return;
    if (target.standardExceptions) {
      w.u8(Op.end);
      w.u8(Op.br);
      w.u32(1);
      w.u8(Op.end);
      this.save(siteIndex);
      w.u8(Op.throw_ref);
      w.u8(Op.end);
      return;
    }
    w.u8(Op.catch);
    w.u32(target.unwindTag);
    this.save(siteIndex);
    w.u8(Op.rethrow);
    w.u32(0);
    w.u8(Op.end);
  }

  /** Writes the frame record of a site; -1: of the site that the site local names. */
  save(siteIndex: number): void {
    const { w, target, plan } = this;
    const a = plan.analysis;
    if (siteIndex >= 0 && this.isPlain) {
      w.u8(Op.i32_const);
      w.s32(plan.firstSite + siteIndex);
      const { values } = target.saves;
      values.write(w, a, plan.liveness, a.sites[siteIndex]!, siteIndex);
      w.u8(Op.call);
      w.u32(target.saves.getByCounts(values.counts));
      return;
    }
    const slots = plan.layout(Math.max(0, siteIndex)).slots;
    let done = 0;
    while (slots.length - done > PART_VALUES) {
      const part = slots.slice(done, done + PART_VALUES);
      for (const slot of part) {
        w.u8(Op.local_get);
        w.u32(slot.local);
      }
      w.u8(Op.call);
      w.u32(
        target.saves.get(
          part.map((slot) => slot.type),
          true,
        ),
      );
      done += PART_VALUES;
    }
    if (siteIndex < 0) {
      w.u8(Op.local_get);
      w.u32(this.siteLocal);
    } else {
      w.u8(Op.i32_const);
      w.s32(plan.firstSite + siteIndex);
    }
    const rest = slots.slice(done);
    for (const slot of rest) {
      w.u8(Op.local_get);
      w.u32(slot.local);
    }
    w.u8(Op.call);
    w.u32(
      target.saves.get(
        rest.map((slot) => slot.type),
        false,
      ),
    );
  }

  #writeBlockType(params: readonly ValType[], results: readonly ValType[]): void {
    this.w.s32(this.target.types.blockType(params, results));
  }
}
