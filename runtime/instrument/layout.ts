// The frame record of a site: where each saved value lies while a stack is unwound or resumed.
//
//   offset  size  what
//   0       4·a   i32 values, in the order of their local indexes
//   …       8·b   i64, then 4·c f32, then 8·d f64, then 16·e v128
//   n       4     site number, counted over the whole module
//   n + 4   4     slot of the function that delivers the results of the call in progress
//
// Exceptions (exnref) follow the vectors, one area each (exception-area.ts).
// References do not lie in memory: they are pushed on the tables `funcrefs` and `externrefs`, in the same order, those of
// exceptions last.
// Records follow one another upwards, innermost frame first; resuming pops them, outermost first.

import { ValType, type WasmModule } from '../wasm/module.ts';
import { type FunctionAnalysis, NodeKind, type Site } from './analysis.ts';
import { exceptionArea } from './exception-area.ts';
import type { Liveness } from './liveness.ts';

/** One saved value. */
export interface Slot {
  /** Local index in the instrumented function: an original local, or a shadow behind them. */
  readonly local: number;
  readonly type: ValType;
  /** Offset in the record; for references: position among the references of its type. */
  readonly offset: number;
  /** Of an exnref: position of its area's references among those of the record. */
  readonly firstFuncref: number;
  readonly firstExternref: number;
}

export interface FrameLayout {
  readonly slots: readonly Slot[];
  /** Size of the record with its two trailing words. */
  readonly sizeBytes: number;
  readonly funcrefCount: number;
  readonly externrefCount: number;
}

/** Order of the types in a record, and their sizes. References have size 0, exceptions that of their area. */
const RECORD_TYPES: readonly { readonly type: ValType; readonly size: number }[] = [
  { type: ValType.i32, size: 4 },
  { type: ValType.i64, size: 8 },
  { type: ValType.f32, size: 4 },
  { type: ValType.f64, size: 8 },
  { type: ValType.v128, size: 16 },
  { type: ValType.funcref, size: 0 },
  { type: ValType.externref, size: 0 },
  { type: ValType.exnref, size: 0 },
];

/** Bytes behind the values: site number and slot. */
export const RECORD_TRAILER = 8;

/** Layout of the record of site number `siteIndex` of a function. */
export function siteLayout(a: FunctionAnalysis, liveness: Liveness, site: Site, siteIndex: number): FrameLayout {
  const wanted = new Map<number, ValType>();
  for (let x = 0; x < a.locals.length; x++) {
    if (liveness.isLive(siteIndex, x)) wanted.set(x, a.locals[x]!);
  }
  for (let node = site.top; node >= 0; node = a.nodeBelow[node]!) {
    const kind = a.nodeKind[node];
    if (kind === NodeKind.constant) continue;
    const local = kind === NodeKind.local ? a.nodeArg[node]! : a.shadowLocal(node);
    wanted.set(local, a.nodeType[node]!);
  }
  for (let c = site.clause; c >= 0; c = a.clauses[c]!.outer) {
    const { kept } = a.clauses[c]!;
    if (kept === undefined) continue;
    if (kept.tagLocal >= 0) wanted.set(kept.tagLocal, ValType.i32);
    for (const [tag, locals] of kept.payload) {
      const { params } = a.module.types[a.module.allTags[tag]!]!;
      locals.forEach((local, k) => {
        wanted.set(local, params[k]!);
      });
    }
  }
  return arrange(
    a.module,
    [...wanted].map(([local, type]) => ({ local, type })),
  );
}

/** Layout that holds every local and every shadow: one handler serves all sites of a function. */
export function wholeLayout(a: FunctionAnalysis): FrameLayout {
  return arrange(
    a.module,
    [...a.locals, ...a.shadowTypes].map((type, local) => ({ local, type })),
  );
}

function arrange(module: WasmModule, values: readonly { local: number; type: ValType }[]): FrameLayout {
  const slots: Slot[] = [];
  let offset = 0;
  let funcrefCount = 0;
  let externrefCount = 0;
  for (const { type, size } of RECORD_TYPES) {
    const ofType = values.filter((value) => value.type === type).sort((x, y) => x.local - y.local);
    for (const { local } of ofType) {
      const slot = { local, type, firstFuncref: 0, firstExternref: 0 };
      if (type === ValType.funcref) slots.push({ ...slot, offset: funcrefCount++ });
      else if (type === ValType.externref) slots.push({ ...slot, offset: externrefCount++ });
      else if (type === ValType.exnref) {
        const area = exceptionArea(module);
        slots.push({ ...slot, offset, firstFuncref: funcrefCount, firstExternref: externrefCount });
        offset += area.sizeBytes;
        funcrefCount += area.funcrefCount;
        externrefCount += area.externrefCount;
      } else {
        slots.push({ ...slot, offset });
        offset += size;
      }
    }
  }
  return { slots, sizeBytes: offset + RECORD_TRAILER, funcrefCount, externrefCount };
}

/** Size of a value in a record or in memory. */
export function sizeOf(module: WasmModule, type: ValType): number {
  if (type === ValType.exnref) return exceptionArea(module).sizeBytes;
  return RECORD_TYPES.find((entry) => entry.type === type)?.size ?? 0;
}
