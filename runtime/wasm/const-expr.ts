// Constant expressions: the initialisers of globals and tables, the offsets and items of segments.
// Nothing is evaluated here. `readConstExpr` finds where one ends; `decodeConst` tells what a plain one says.

import { readS32, readS64, readU32, skipS64 } from '../base/leb128.ts';
import type { ConstExpr, ValType, WasmModule } from './module.ts';
import { Op } from './opcodes.ts';
import { Reader } from './reader.ts';
import { readHeapType, type Uncapturable } from './value-types.ts';

/** GC instructions allowed in constant expressions, by the sub-opcode after 0xfb: how many indexes follow. */
const GC_PREFIX = 0xfb;
const GC_INDEX_COUNTS: ReadonlyMap<number, number> = new Map([
  [0, 1], // struct.new
  [1, 1], // struct.new_default
  [6, 1], // array.new
  [7, 1], // array.new_default
  [8, 2], // array.new_fixed: type, length
  [26, 0], // any.convert_extern
  [27, 0], // extern.convert_any
  [28, 0], // ref.i31
]);
const VECTOR_PREFIX = 0xfd;

/** Reads a constant expression up to and with its `end`. */
export function readConstExpr(reader: Reader, uncapturable: Uncapturable): ConstExpr {
  const start = reader.position;
  for (;;) {
    const at = reader.position;
    const opcode = reader.u8();
    switch (opcode) {
      case Op.end:
        return { range: { start, end: reader.position } };
      case Op.i32_const:
        readS32(reader);
        break;
      case Op.i64_const:
        skipS64(reader);
        break;
      case Op.f32_const:
        reader.skip(4);
        break;
      case Op.f64_const:
        reader.skip(8);
        break;
      case Op.global_get:
      case Op.ref_func:
        reader.u32();
        break;
      case Op.ref_null:
        readHeapType(reader, uncapturable);
        break;
      case Op.i32_add:
      case Op.i32_sub:
      case Op.i32_mul:
      case Op.i64_add:
      case Op.i64_sub:
      case Op.i64_mul:
        break;
      case VECTOR_PREFIX:
        if (reader.u32() !== (Op.v128_const & 0xfff)) reader.fail('not a constant instruction', at);
        reader.skip(16);
        break;
      case GC_PREFIX: {
        uncapturable.add('gc');
        const indexCount = GC_INDEX_COUNTS.get(reader.u32());
        if (indexCount === undefined) reader.fail('not a constant instruction', at);
        for (let i = 0; i < indexCount; i++) reader.u32();
        break;
      }
      default:
        reader.fail(`0x${opcode.toString(16)} is not a constant instruction`, at);
    }
  }
}

/**
 * What a constant expression says. Floats and vectors come as their bit patterns, because a JavaScript number may change
 * the bits of a NaN. 'other' is arithmetic (extended constant expressions) or a GC instruction.
 */
export type Const =
  | { readonly kind: 'i32'; readonly value: number }
  | { readonly kind: 'i64'; readonly value: bigint }
  | { readonly kind: 'f32'; readonly bits: number }
  | { readonly kind: 'f64'; readonly bits: bigint }
  | { readonly kind: 'v128'; readonly bytes: Uint8Array }
  | { readonly kind: 'global'; readonly index: number }
  | { readonly kind: 'ref.func'; readonly index: number }
  | { readonly kind: 'ref.null'; readonly type: ValType }
  | { readonly kind: 'other' };

/** Decodes a constant expression of `module` as parsed. */
export function decodeConst(module: WasmModule, expr: ConstExpr): Const {
  const { start, end } = expr.range;
  const reader = new Reader(module.bytes, start, end);
  const value = decodeOne(reader);
  // Anything but `end` right after the first instruction is arithmetic.
  return reader.position === end - 1 ? value : { kind: 'other' };
}

function decodeOne(reader: Reader): Const {
  const view = new DataView(reader.bytes.buffer, reader.bytes.byteOffset, reader.bytes.byteLength);
  switch (reader.u8()) {
    case Op.i32_const:
      return { kind: 'i32', value: readS32(reader) };
    case Op.i64_const:
      return { kind: 'i64', value: readS64(reader) };
    case Op.f32_const:
      return { kind: 'f32', bits: view.getUint32(reader.skip(4).start, true) };
    case Op.f64_const:
      return { kind: 'f64', bits: view.getBigUint64(reader.skip(8).start, true) };
    case Op.global_get:
      return { kind: 'global', index: readU32(reader) };
    case Op.ref_func:
      return { kind: 'ref.func', index: readU32(reader) };
    case Op.ref_null:
      return { kind: 'ref.null', type: readHeapType(reader, new Set()) };
    case VECTOR_PREFIX: {
      reader.u32();
      const { start, end } = reader.skip(16);
      return { kind: 'v128', bytes: reader.bytes.slice(start, end) };
    }
    default:
      return { kind: 'other' };
  }
}
