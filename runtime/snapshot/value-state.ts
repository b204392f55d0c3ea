// One typed value: a tag (the value type's byte in the WebAssembly binary format) and its exact bits.
//
//   i32 7f  bits u32      i64 7e  bits u64      f32 7d  bits u32      f64 7c  bits u64      v128 7b  16 bytes
//   funcref 70  function index u32, ffffffff is null      externref 6f  nothing (always null)      none 00
//   exnref 69  tag index u32, ffffffff is null; if not null: count u32 · value each, no exnref among them
//
// 32- and 64-bit patterns come back as signed numbers and bigints, as WebAssembly hands them to JavaScript.

import { unreachable } from '../base/assert.ts';
import type { ExceptionState, ValueState } from '../engine/state.ts';
import { ValType } from '../wasm/module.ts';
import type { RecordReader } from './record-reader.ts';
import type { RecordWriter } from './record-writer.ts';

/** Stands for null where an index may be null. */
export const NULL_INDEX = 0xffff_ffff;
const NONE = 0x00;

export function encodeValue(out: RecordWriter, value: ValueState | null): void {
  if (value === null) {
    out.u8(NONE);
    return;
  }
  out.u8(ValType[value.type]);
  switch (value.type) {
    case 'i32':
    case 'f32':
      out.bits32(value.bits);
      break;
    case 'i64':
    case 'f64':
      out.bits64(value.bits);
      break;
    case 'v128':
      out.raw(value.bytes);
      break;
    case 'funcref':
      out.u32(value.index ?? NULL_INDEX);
      break;
    case 'externref':
      break;
    case 'exnref':
      if (value.exception === null) out.u32(NULL_INDEX);
      else encodeException(out, value.exception);
      break;
    default:
      unreachable(value, 'encodeValue');
  }
}

export function encodeException(out: RecordWriter, { tag, payload }: ExceptionState): void {
  out.u32(tag);
  out.u32(payload.length);
  for (const value of payload) encodeValue(out, value);
}

/** Null for the tag index that stands for null. */
export function decodeException(from: RecordReader): ExceptionState | null {
  const tag = decodeIndex(from);
  if (tag === null) return null;
  const payload: ValueState[] = [];
  for (let left = from.count('values of an exception', 1); left > 0; left--) {
    payload.push(decodeValue(from, false));
  }
  return { tag, payload };
}

export function decodeValue(from: RecordReader, mayBeException = true): ValueState {
  const value = decodeOptionalValue(from, mayBeException);
  if (value === null) throw from.bad('a value is missing');
  return value;
}

export function decodeOptionalValue(from: RecordReader, mayBeException = true): ValueState | null {
  const tag = from.u8();
  switch (tag) {
    case NONE:
      return null;
    case ValType.i32:
      return { type: 'i32', bits: from.i32() };
    case ValType.i64:
      return { type: 'i64', bits: from.i64() };
    case ValType.f32:
      return { type: 'f32', bits: from.i32() };
    case ValType.f64:
      return { type: 'f64', bits: from.i64() };
    case ValType.v128:
      return { type: 'v128', bytes: from.raw(16).slice() };
    case ValType.funcref:
      return { type: 'funcref', index: decodeIndex(from) };
    case ValType.externref:
      return { type: 'externref', index: null };
    case ValType.exnref:
      // Refused before it is read: a chain of them would be as deep as the image is long.
      if (!mayBeException) throw from.bad('an exception carries an exception');
      return { type: 'exnref', exception: decodeException(from) };
    default:
      throw from.bad(`unknown value type 0x${tag.toString(16)}`);
  }
}

export function decodeIndex(from: RecordReader): number | null {
  const index = from.u32();
  return index === NULL_INDEX ? null : index;
}
