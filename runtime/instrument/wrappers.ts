// The blocks around a whole body: one that everything leaves through which returns, to give the fuel in the local back; and
// in a function too large for a handler at every site, the one that catches for all of them (see guard.ts).
//
// before                     after
// (func (result i32)         (func (result i32)
//   …                          block (result i32)
//   return                       try (result i32)
//   …                              …  br 1  …
// )                              catch $unwind  …save…  rethrow 0  end
//                              end
//                              local.get $fuel  global.set $fuel )

import { ValType } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import type { BodyWriter } from './body-writer.ts';

export function openWrappers(out: BodyWriter): void {
  const { a, w, plan, target } = out;
  const { results } = a.type;
  if (a.fuel === 'local') out.begin(Op.block, [], results);
  if (plan.wholeFunction) {
    if (target.standardExceptions) {
      out.begin(Op.block, [], [ValType.exnref]);
      out.begin(Op.try_table, [], results);
      w.u32(1);
      w.u8(1);
      w.u32(target.unwindTag);
      w.u32(0);
    } else out.begin(Op.try, [], results);
  }
  out.open(-1, out.level);
}

/** The end of the body; nothing is open behind it. */
export function closeWrappers(out: BodyWriter): void {
  const { a, w, plan, target, guard } = out;
  if (plan.wholeFunction) {
    if (target.standardExceptions) {
      w.u8(Op.end);
      w.u8(Op.br);
      w.u32(1);
      w.u8(Op.end);
      guard.save(-1);
      w.u8(Op.throw_ref);
    } else {
      w.u8(Op.catch);
      w.u32(target.unwindTag);
      guard.save(-1);
      w.u8(Op.rethrow);
      w.u32(0);
      w.u8(Op.end);
    }
  }
  if (a.fuel === 'local') {
    w.u8(Op.end);
    out.fuel.store();
  }
  w.u8(Op.end);
}

/** Returns from the function. */
export function leaveFunction(out: BodyWriter): void {
  if (out.a.fuel === 'local') out.branchTo(out.blocks[0]!.level);
  else out.w.u8(Op.return);
}
