// How an exception that an exnref refers to lies in a frame record: one area, large enough for any tag of the module.
//
//   offset  size  what
//   0       4     tag index + 1; 0: null
//   4       …     the payload's numbers and vectors, in their order
//
// Its references lie among the record's references; an area always has as many of them as the tag with the most.
// Only code can take an exnref apart, so SavePool makes functions that throw it and catch it by its tag.

import { type FuncType, ValType, type WasmModule } from '../wasm/module.ts';

/** One value of a payload. */
interface PayloadSlot {
  readonly type: ValType;
  /** Offset in the area; of a reference: position among the area's references of its type. */
  readonly offset: number;
}

export interface ExceptionArea {
  readonly sizeBytes: number;
  readonly funcrefCount: number;
  readonly externrefCount: number;
  /** By tag index. */
  readonly payloads: readonly (readonly PayloadSlot[])[];
}

const EXCEPTION_TAG_BYTES = 4;

const VALUE_BYTES: Readonly<Record<number, number>> = {
  [ValType.i32]: 4,
  [ValType.i64]: 8,
  [ValType.f32]: 4,
  [ValType.f64]: 8,
  [ValType.v128]: 16,
};

const areas = new WeakMap<WasmModule, ExceptionArea>();

/** The area of a module's exceptions. */
export function exceptionArea(module: WasmModule): ExceptionArea {
  let area = areas.get(module);
  if (area === undefined)
    areas.set(module, (area = layOut(module.allTags.map((typeIndex) => module.types[typeIndex]!))));
  return area;
}

function layOut(tags: readonly FuncType[]): ExceptionArea {
  let sizeBytes = EXCEPTION_TAG_BYTES;
  let funcrefCount = 0;
  let externrefCount = 0;
  const payloads = tags.map(({ params }) => {
    let offset = EXCEPTION_TAG_BYTES;
    let funcrefs = 0;
    let externrefs = 0;
    const slots = params.map((type): PayloadSlot => {
      if (type === ValType.funcref) return { type, offset: funcrefs++ };
      if (type === ValType.externref) return { type, offset: externrefs++ };
      const slot = { type, offset };
      offset += VALUE_BYTES[type]!;
      return slot;
    });
    sizeBytes = Math.max(sizeBytes, offset);
    funcrefCount = Math.max(funcrefCount, funcrefs);
    externrefCount = Math.max(externrefCount, externrefs);
    return slots;
  });
  return { sizeBytes, funcrefCount, externrefCount, payloads };
}
