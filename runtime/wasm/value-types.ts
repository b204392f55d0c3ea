// Value types and reference types as the binary format writes them.
//
// What is outside `ValType` (typed function references, GC) becomes OTHER_REF, and the proposal is noted in
// `uncapturable`. `(ref null func)` is funcref in long form, and so for extern and exn.

import { OTHER_REF, ValType } from './module.ts';
import type { Reader } from './reader.ts';

/** Notes a proposal whose state cannot be captured. */
export type Uncapturable = Set<string>;

const REF_NULL = 0x63;
const REF = 0x64;

/** Abstract heap types of the GC proposal by their byte: array, struct, i31, eq, any, none, noextern, nofunc, noexn. */
function isGcHeapType(byte: number): boolean {
  return (byte >= 0x6a && byte <= 0x6e) || (byte >= 0x71 && byte <= 0x74);
}

/** Reads a value type. */
export function readValType(reader: Reader, uncapturable: Uncapturable): ValType {
  const byte = reader.u8();
  switch (byte) {
    case ValType.i32:
    case ValType.i64:
    case ValType.f32:
    case ValType.f64:
    case ValType.v128:
    case ValType.funcref:
    case ValType.externref:
    case ValType.exnref:
      return byte;
    case REF_NULL:
      return readHeapType(reader, uncapturable);
    case REF:
      if (readHeapType(reader, uncapturable) !== OTHER_REF) uncapturable.add('typed function references');
      return OTHER_REF;
    default:
      if (!isGcHeapType(byte)) reader.fail(`0x${byte.toString(16)} is not a value type`, reader.position - 1);
      uncapturable.add('gc');
      return OTHER_REF;
  }
}

/** Reads a value type that must be a reference. */
export function readRefType(reader: Reader, uncapturable: Uncapturable): ValType {
  const at = reader.position;
  const type = readValType(reader, uncapturable);
  if (type >= ValType.v128 && type <= ValType.i32) reader.fail('a reference type is needed here', at);
  return type;
}

/** Reads a heap type; the result is the nullable reference to it. */
export function readHeapType(reader: Reader, uncapturable: Uncapturable): ValType {
  const at = reader.position;
  const heapType = reader.s33();
  if (heapType >= 0) {
    uncapturable.add('typed function references');
    return OTHER_REF;
  }
  const byte = heapType + 0x80;
  if (byte === ValType.funcref || byte === ValType.externref || byte === ValType.exnref) return byte;
  if (!isGcHeapType(byte)) reader.fail(`${heapType} is not a heap type`, at);
  uncapturable.add('gc');
  return OTHER_REF;
}
