// Exceptions that a catch clause of a legacy try keeps in locals, because it is named by a rethrow and holds a site: emit.ts
// moves its code behind the try, where it can be entered again.
//
// before                     after
// catch_all                  catch $a  local.set $x  i32.const 0  local.set $tag  br $handler
//                            catch $b  i32.const 1  local.set $tag  br $handler                  ;; one for each tag
// rethrow 0                  local.get $tag  i32.eqz  if  local.get $x  throw $a  end  throw $b

import type { ByteWriter } from '../base/bytes.ts';
import { Op } from '../wasm/opcodes.ts';
import type { CatchClause, FunctionAnalysis } from './analysis.ts';

const VOID = 0x40;

/** In place of a moved clause: puts the exception into its locals and leaves for the clause. */
export function writeCatchKept(w: ByteWriter, a: FunctionAnalysis, clause: CatchClause): void {
  const { tagLocal, payload } = clause.kept!;
  for (const [tag, locals] of payload) {
    w.u8(Op.catch);
    w.u32(tag);
    for (const local of locals.toReversed()) {
      w.u8(Op.local_set);
      w.u32(local);
    }
    if (tagLocal >= 0) {
      w.u8(Op.i32_const);
      w.s32(tag);
      w.u8(Op.local_set);
      w.u32(tagLocal);
    }
    w.u8(Op.br);
    w.u32(1 + a.keptClauses(clause.block).indexOf(clause));
  }
}

/** Throws an exception that is kept in locals. */
export function writeThrowKept(w: ByteWriter, clause: CatchClause): void {
  const { tagLocal, payload } = clause.kept!;
  for (const [tag, locals] of payload) {
    if (tagLocal >= 0) {
      w.u8(Op.local_get);
      w.u32(tagLocal);
      w.u8(Op.i32_const);
      w.s32(tag);
      w.u8(Op.i32_eq);
      w.u8(Op.if);
      w.u8(VOID);
    }
    for (const local of locals) {
      w.u8(Op.local_get);
      w.u32(local);
    }
    w.u8(Op.throw);
    w.u32(tag);
    if (tagLocal >= 0) w.u8(Op.end);
  }
  w.u8(Op.unreachable);
}
