// Exceptions that a catch clause of a legacy try keeps in locals, because it is named by a rethrow and holds a site: its code
// moves behind the try. There it can be entered again, and a rethrow throws the same exception again.
//
// before                     after
// try                        block $try  block $handler
//   …                          try  …
// catch_all                    catch $a  local.set $x  i32.const 0  local.set $tag  br $handler
//   call $destructor           catch $b  i32.const 1  local.set $tag  br $handler        ;; one for each tag
//   rethrow 0                  end
// end                          br $try  end
//                            …call $destructor, saved with $x and $tag…
//                            local.get $tag  i32.eqz  if  local.get $x  throw $a  end  throw $b
//                            end

import type { ByteWriter } from '../base/bytes.ts';
import type { ValType } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import { blockType, type CatchClause, type FunctionAnalysis } from './analysis.ts';
import type { BodyWriter, OpenBlock } from './body-writer.ts';

const VOID = 0x40;

/** Opens a legacy try, in blocks for those of its clauses that move; a continuation enters it without parameters. */
export function openTry(out: BodyWriter, block: number, params: readonly ValType[]): void {
  const { a } = out;
  const { results } = blockType(a.module, a.code.immediate[block]!);
  const moved = a.keptClauses(block).length;
  const level = out.level + 1;
  if (moved > 0) {
    out.isRemapped = true;
    out.begin(Op.block, params, results);
    for (let k = 0; k < moved; k++) out.begin(Op.block, params);
  }
  const tryLevel = out.begin(Op.try, params, results);
  out.open(block, level).tryLevel = tryLevel;
}

/** Behind the `end` of a try that is no longer open: the clauses that have moved. */
export function writeMovedClauses(out: BodyWriter, { block, level }: OpenBlock): void {
  const { a, w } = out;
  out.branchTo(level);
  for (const clause of a.keptClauses(block)) {
    out.end();
    if (clause.tag >= 0) {
      for (const local of clause.kept!.payload.get(clause.tag)!) {
        w.u8(Op.local_get);
        w.u32(local);
      }
    }
    out.shadow(clause.instruction);
    out.open(block, level).isMoved = true;
    out.walk(clause.instruction + 1, out.blocks.length);
    out.branchTo(level);
  }
  out.end();
}

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
