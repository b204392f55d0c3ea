// A guest's own handlers that catch everything let the unwinding of the stack pass.
//
// before                      after
// try                         try
//   …                           …
// catch_all                   catch $unwind  rethrow 0
//   …                         catch_all
// end                           …  end
//
// try_table (type)            block (type)  block (params) (result exnref)
//   (catch_all $l)              try_table (type) (catch_ref $unwind 0) (catch_all $l)
//   …                             …
// end                           end  br 1  end  throw_ref  end

import { ValType } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import { blockType } from './analysis.ts';
import type { BodyWriter } from './body-writer.ts';

/** Clauses of a try_table: `catch` and `catch_ref` have a tag, `catch_all` and `catch_all_ref` none. */
const CATCH_REF = 1;
const FIRST_WITHOUT_TAG = 2;

/** Before the catch_all of a legacy try. */
export function writeCatchUnwind({ w, target }: BodyWriter): void {
  w.u8(Op.catch);
  w.u32(target.unwindTag);
  w.u8(Op.rethrow);
  w.u32(0);
}

/** Opens a try_table, which a continuation enters without parameters. */
export function openTryTable(out: BodyWriter, block: number, params: readonly ValType[]): void {
  const { a, w, target } = out;
  const { results } = blockType(a.module, a.code.immediate2[block]!);
  const { lists } = a.code;
  const at = a.code.immediate[block]!;
  const clauses = lists[at]!;
  let passesUnwind = false;
  for (let c = 0; c < clauses; c++) if (lists[at + 1 + c * 3]! >= FIRST_WITHOUT_TAG) passesUnwind = true;
  if (passesUnwind) {
    out.isRemapped = true;
    out.begin(Op.block, params, results);
    out.begin(Op.block, params, [ValType.exnref]);
  }
  w.u8(Op.try_table);
  out.writeBlockType(params, results);
  w.u32(clauses + (passesUnwind ? 1 : 0));
  if (passesUnwind) {
    w.u8(CATCH_REF);
    w.u32(target.unwindTag);
    w.u32(0);
  }
  for (let c = 0; c < clauses; c++) {
    const kind = lists[at + 1 + c * 3]!;
    w.u8(kind);
    if (kind < FIRST_WITHOUT_TAG) w.u32(lists[at + 2 + c * 3]!);
    w.u32(out.depth(lists[at + 3 + c * 3]!));
  }
  // Labels of the clauses count from outside of it.
  out.open(block, ++out.level).passesUnwind = passesUnwind;
}

/** Behind the `end` of a try_table that lets the unwinding pass. */
export function closePassed(out: BodyWriter): void {
  out.w.u8(Op.br);
  out.w.u32(1);
  out.end();
  out.w.u8(Op.throw_ref);
  out.end();
}
