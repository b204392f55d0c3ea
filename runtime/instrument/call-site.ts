// Calls that may suspend: each stands in its guard, and the fuel is in the global meanwhile.
//
// before                     after
// local.get $n               local.get $n
// call $f                    …give the fuel back…
//                            try (type of $f)  call $f  catch $unwind  …save…  rethrow 0  end         ;; see guard.ts
//                            …take the fuel…
//
// Atomic waits and notifies call the functions that stand for them (atomic-bodies.ts).

import { assert } from '../base/assert.ts';
import { ValType } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import { atomicCallFunction } from './atomic-bodies.ts';
import { atomicCallType, isAtomicCall } from './atomic-calls.ts';
import type { BodyWriter } from './body-writer.ts';

/** Writes instruction `i`, which is a site. A tail call becomes a call: a return is to follow. */
export function writeCallSite(out: BodyWriter, siteIndex: number, i: number): void {
  const { a, w, target, guard, fuel } = out;
  const { opcode, immediate, immediate2 } = a.code;
  const op = opcode[i]!;
  if (isAtomicCall(a.module, op, immediate[i]!)) {
    writeAtomicCall(out, siteIndex, i);
    return;
  }
  const isDirect = op === Op.call || op === Op.return_call;
  const typeIndex = isDirect ? a.module.functionTypes[immediate[i]!]! : immediate[i]!;
  const operand = isDirect ? -1 : calleeOperand(out, i);
  fuel.store();
  if (out.plan.wholeFunction) guard.setSite(siteIndex);
  else if (target.standardExceptions) {
    const { params, results } = a.module.types[typeIndex]!;
    guard.begin(siteIndex, operand === -1 ? params : [...params, operand], results);
  } else {
    // As guard.begin(), with a block type that is known by the type of the callee.
    w.u8(Op.try);
    w.s32(target.types.callType(typeIndex, operand));
  }
  out.standsFor(i);
  if (isDirect) {
    w.u8(Op.call);
    w.u32(target.functionIndex(immediate[i]!));
  } else if (op === Op.call_indirect) {
    w.u8(Op.call_indirect);
    w.u32(immediate[i]!);
    w.u32(immediate2[i]!);
  } else {
    w.u8(Op.call_ref);
    w.u32(immediate[i]!);
  }
  guard.end(siteIndex);
  fuel.load();
}

function writeAtomicCall(out: BodyWriter, siteIndex: number, i: number): void {
  const { a, w, target, guard, fuel } = out;
  const { params, results } = atomicCallType(a.module, a.code.opcode[i]!, a.code.immediate[i]!);
  fuel.store();
  guard.begin(siteIndex, params, results);
  out.standsFor(i);
  w.u8(Op.call);
  w.u32(atomicCallFunction(target, a.code, i));
  guard.end(siteIndex);
  fuel.load();
}

/** Type of the operand that says whom an indirect call calls. */
function calleeOperand({ a }: BodyWriter, i: number): ValType {
  assert(a.code.opcode[i] === Op.call_indirect, 'call_ref is not captured');
  return a.module.allTables[a.code.immediate2[i]!]!.limits.is64 ? ValType.i64 : ValType.i32;
}
