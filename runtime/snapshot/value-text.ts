// Values and plain data for people and for JSON: 64-bit integers become decimal strings, bytes hexadecimal ones.

import type { ExceptionState, ValueState } from '../engine/state.ts';

export interface ValueDescription {
  readonly type: ValueState['type'];
  /** As WebAssembly text writes it: "-1", "0.5", "nan:0x400000", "func 3", "null". */
  readonly value: string;
}

export type JsonData = null | boolean | number | string | readonly JsonData[] | { readonly [key: string]: JsonData };

const scratch = new DataView(new ArrayBuffer(8));

export function describeValue(value: ValueState): ValueDescription {
  return { type: value.type, value: valueText(value) };
}

function valueText(value: ValueState): string {
  switch (value.type) {
    case 'i32':
      return String(value.bits | 0);
    case 'i64':
      return String(BigInt.asIntN(64, value.bits));
    case 'f32':
      scratch.setInt32(0, value.bits);
      return floatText(scratch.getFloat32(0), BigInt(value.bits & 0x7f_ffff), value.bits < 0);
    case 'f64':
      scratch.setBigInt64(0, value.bits);
      return floatText(scratch.getFloat64(0), value.bits & 0xf_ffff_ffff_ffffn, scratch.getInt32(0) < 0);
    case 'v128':
      return `0x${hexText(value.bytes)}`;
    case 'funcref':
      return value.index === null ? 'null' : `func ${value.index}`;
    case 'externref':
      return 'null';
    case 'exnref':
      return value.exception === null ? 'null' : exceptionText(value.exception);
  }
}

/** "tag 2 (i32 5, i64 7)". */
export function exceptionText({ tag, payload }: ExceptionState): string {
  return `tag ${tag} (${payload.map((value) => `${value.type} ${valueText(value)}`).join(', ')})`;
}

function floatText(float: number, payload: bigint, negative: boolean): string {
  if (Number.isNaN(float)) return `${negative ? '-' : ''}nan:0x${payload.toString(16)}`;
  return Object.is(float, -0) ? '-0' : String(float);
}

export function hexText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** Plain data (as in plain-data.ts) without bigints and bytes. */
export function jsonData(data: unknown): JsonData {
  if (typeof data === 'bigint') return String(data);
  if (data instanceof Uint8Array) return hexText(data);
  if (Array.isArray(data)) return data.map(jsonData);
  if (typeof data === 'object' && data !== null) {
    return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, jsonData(value)]));
  }
  return data as null | boolean | number | string;
}
