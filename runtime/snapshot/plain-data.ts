// Trees of plain data <-> MessagePack, canonically: every tree has exactly one encoding, and nothing else is decoded.
//
//   null c0      false c2      true c3      bytes c4-c6      array 90-9f dc dd
//   number       integers only: 00-7f cc cd ce e0-ff d0 d1 d2, the shortest that fits; 2^32 to 2^53 as float64 cb
//   bigint       d3 if it fits a signed 64-bit integer, else cf: so 5 and 5n stay apart
//   string       a0-bf d9 da db, UTF-8
//   record       80-8f de df, keys are strings in ascending order of their UTF-8 bytes, none twice
// Extensions, float32, fractions and NaN do not occur. A property whose value is undefined is left out.
//
// Our own and not msgpackr, which yields dates, typed arrays and "C1" objects for bytes that we never write, renames
// `__proto__`, recurses without a bound, repairs bad UTF-8 silently, and takes longer to import than a machine to resume.

import { BugError } from '../base/assert.ts';
import { encodeUtf8 } from '../base/utf8.ts';
import type { RecordReader } from './record-reader.ts';
import type { RecordWriter } from './record-writer.ts';

/** Nesting of arrays and records; a kernel's state needs about ten. */
const MAX_DEPTH = 64;
const MAX_INT32_NUMBER = 0xffff_ffff;
const MIN_INT32_NUMBER = -0x8000_0000;

export function encodePlainData(out: RecordWriter, data: unknown): void {
  encode(out, data, 'value', 0);
}

function encode(out: RecordWriter, data: unknown, path: string, depth: number): void {
  if (depth > MAX_DEPTH) throw new BugError(`${path}: nested deeper than ${MAX_DEPTH}`);
  switch (typeof data) {
    case 'boolean':
      out.u8(data ? 0xc3 : 0xc2);
      break;
    case 'number':
      encodeNumber(out, data, path);
      break;
    case 'bigint':
      encodeBigInt(out, data, path);
      break;
    case 'string':
      encodeString(out, data);
      break;
    case 'object':
      if (data === null) out.u8(0xc0);
      else if (data instanceof Uint8Array) encodeBytes(out, data);
      else if (Array.isArray(data)) encodeArray(out, data, path, depth);
      else encodeRecord(out, data, path, depth);
      break;
    default:
      throw new BugError(`${path}: a ${typeof data} is not plain data`);
  }
}

function encodeBytes(out: RecordWriter, bytes: Uint8Array): void {
  encodeLength(out, bytes.length, -1, 0, 0xc4, 0xc5, 0xc6);
  out.raw(bytes);
}

function encodeArray(out: RecordWriter, array: readonly unknown[], path: string, depth: number): void {
  encodeLength(out, array.length, 0x90, 15, -1, 0xdc, 0xdd);
  for (let i = 0; i < array.length; i++) encode(out, array[i], `${path}[${i}]`, depth + 1);
}

function encodeRecord(out: RecordWriter, record: object, path: string, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(record);
  if (prototype !== Object.prototype && prototype !== null) throw new BugError(`${path}: an object of a class`);
  const values = record as Readonly<Record<string, unknown>>;
  const present = Object.keys(record).filter((key) => values[key] !== undefined);
  const keys = inOrder(present);
  encodeLength(out, keys.length, 0x80, 15, -1, 0xde, 0xdf);
  for (const { key, bytes } of keys) {
    if (key === '__proto__') throw new BugError(`${path}: a key is "__proto__"`);
    encodeText(out, bytes);
    encode(out, values[key], `${path}.${key}`, depth + 1);
  }
}

interface Key {
  readonly key: string;
  readonly bytes: Uint8Array;
}

/** Records of one kind have the same keys: encoded and put in order once. By their number and their first and last one. */
const orders: Map<string, { readonly keys: readonly string[]; readonly ordered: readonly Key[] }> = new Map();
const ORDERS_MAX = 256;

function inOrder(keys: readonly string[]): readonly Key[] {
  const kind = `${keys.length} ${keys[0]} ${keys[keys.length - 1]}`;
  const known = orders.get(kind);
  if (known?.keys.every((key, index) => key === keys[index]) === true) return known.ordered;
  const ordered = keys.map((key) => ({ key, bytes: encodeUtf8(key) })).sort((a, b) => compareBytes(a.bytes, b.bytes));
  if (orders.size >= ORDERS_MAX) orders.clear();
  orders.set(kind, { keys, ordered });
  return ordered;
}

function encodeNumber(out: RecordWriter, value: number, path: string): void {
  if (!Number.isSafeInteger(value)) throw new BugError(`${path}: ${value} is not an integer below 2^53`);
  if (value > MAX_INT32_NUMBER || value < MIN_INT32_NUMBER) {
    out.u8(0xcb);
    const bits = new DataView(new ArrayBuffer(8));
    bits.setFloat64(0, value);
    out.raw(new Uint8Array(bits.buffer));
  } else if (value >= 0) {
    if (value < 0x80) out.u8(value);
    else bigEndian(out, value <= 0xff ? 0xcc : value <= 0xffff ? 0xcd : 0xce, value);
  } else if (value >= -32) {
    out.u8(value + 0x100);
  } else if (value >= -0x80) {
    bigEndian(out, 0xd0, value + 0x100);
  } else if (value >= -0x8000) {
    bigEndian(out, 0xd1, value + 0x1_0000);
  } else {
    bigEndian(out, 0xd2, value + 0x1_0000_0000);
  }
}

/** A tag and an unsigned number in as many bytes as the tag says (its two lowest bits: 1, 2, 4). */
function bigEndian(out: RecordWriter, tag: number, value: number): void {
  out.u8(tag);
  for (let shift = 8 * (1 << (tag & 3)) - 8; shift >= 0; shift -= 8) out.u8((value >>> shift) & 0xff);
}

function encodeBigInt(out: RecordWriter, value: bigint, path: string): void {
  const signed = BigInt.asIntN(64, value) === value;
  if (!signed && BigInt.asUintN(64, value) !== value) throw new BugError(`${path}: ${value} does not fit 64 bits`);
  out.u8(signed ? 0xd3 : 0xcf);
  out.bigEndian64(value);
}

function encodeString(out: RecordWriter, text: string): void {
  if (text.length <= SHORT_TEXT && isAscii(text)) {
    out.u8(0xa0 + text.length);
    for (let i = 0; i < text.length; i++) out.u8(text.charCodeAt(i));
  } else encodeText(out, encodeUtf8(text));
}

/** A length of these fits into the tag; and a native call costs more than a loop. */
const SHORT_TEXT = 31;

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

function encodeText(out: RecordWriter, bytes: Uint8Array): void {
  encodeLength(out, bytes.length, 0xa0, 31, 0xd9, 0xda, 0xdb);
  out.raw(bytes);
}

/** `fix`: the tag that holds lengths up to `fixMax` itself; -1 for a form that does not exist. */
function encodeLength(
  out: RecordWriter,
  length: number,
  fix: number,
  fixMax: number,
  tag8: number,
  tag16: number,
  tag32: number,
): void {
  if (fix >= 0 && length <= fixMax) {
    out.u8(fix + length);
    return;
  }
  const width = tag8 >= 0 && length <= 0xff ? 1 : length <= 0xffff ? 2 : 4;
  out.u8(width === 1 ? tag8 : width === 2 ? tag16 : tag32);
  for (let shift = 8 * (width - 1); shift >= 0; shift -= 8) out.u8((length >>> shift) & 0xff);
}

export function decodePlainData(from: RecordReader): unknown {
  return decode(from, 0);
}

function decode(from: RecordReader, depth: number): unknown {
  if (depth > MAX_DEPTH) throw from.bad(`nested deeper than ${MAX_DEPTH}`);
  const tag = from.u8();
  if (tag < 0x80) return tag;
  if (tag < 0x90) return decodeRecord(from, tag & 15, depth);
  if (tag < 0xa0) return decodeArray(from, tag & 15, depth);
  if (tag < 0xc0) return decodeString(from, tag & 31);
  if (tag >= 0xe0) return tag - 0x100;
  switch (tag) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return from.raw(decodeLength(from, tag - 0xc4, -1)).slice();
    case 0xcb:
      return decodeLargeNumber(from);
    case 0xcc:
    case 0xcd:
    case 0xce:
      return decodeUnsigned(from, tag - 0xcc);
    case 0xcf:
      return decodeBigInt(from, false);
    case 0xd0:
    case 0xd1:
    case 0xd2:
      return decodeNegative(from, tag - 0xd0);
    case 0xd3:
      return decodeBigInt(from, true);
    case 0xd9:
    case 0xda:
    case 0xdb:
      return decodeString(from, decodeLength(from, tag - 0xd9, 31));
    case 0xdc:
    case 0xdd:
      return decodeArray(from, decodeLength(from, tag - 0xdc + 1, 15), depth);
    case 0xde:
    case 0xdf:
      return decodeRecord(from, decodeLength(from, tag - 0xde + 1, 15), depth);
    default:
      throw from.bad(`data of kind 0x${tag.toString(16)}`);
  }
}

/** An unsigned integer of 1 << log2Width bytes, big-endian. */
function readUnsigned(from: RecordReader, log2Width: number): number {
  let value = 0;
  for (const byte of from.raw(1 << log2Width)) value = value * 0x100 + byte;
  return value;
}

/** `shortMax`: the greatest length that a shorter form can hold. */
function decodeLength(from: RecordReader, log2Width: number, shortMax: number): number {
  const length = readUnsigned(from, log2Width);
  // Arrays and records have no 8-bit form, so their 16-bit form begins right after `shortMax`.
  const least = log2Width === 0 ? shortMax : log2Width === 2 ? 0xffff : shortMax === 15 ? 15 : 0xff;
  if (length <= least) throw from.bad(`length ${length} in a longer form than it needs`);
  return length;
}

function decodeUnsigned(from: RecordReader, log2Width: number): number {
  const value = readUnsigned(from, log2Width);
  if (value <= [0x7f, 0xff, 0xffff][log2Width]!) throw from.bad(`number ${value} in a longer form than it needs`);
  return value;
}

function decodeNegative(from: RecordReader, log2Width: number): number {
  const value = readUnsigned(from, log2Width) - [0x100, 0x1_0000, 0x1_0000_0000][log2Width]!;
  const least = [-0x80, -0x8000, -0x8000_0000][log2Width]!;
  if (value < least || value >= [-32, -0x80, -0x8000][log2Width]!) {
    throw from.bad(`number ${value} in a form that is not its own`);
  }
  return value;
}

function decodeLargeNumber(from: RecordReader): number {
  const bytes = from.raw(8);
  const value = new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0);
  if (!Number.isSafeInteger(value) || (value <= MAX_INT32_NUMBER && value >= MIN_INT32_NUMBER)) {
    throw from.bad(`${value} as a floating-point number`);
  }
  return value;
}

function decodeBigInt(from: RecordReader, signed: boolean): bigint {
  const bytes = from.raw(8);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  if (signed) return view.getBigInt64(0);
  const value = view.getBigUint64(0);
  if (value < 1n << 63n) throw from.bad(`integer ${value} in a form that is not its own`);
  return value;
}

function decodeString(from: RecordReader, length: number): string {
  return from.utf8(from.raw(length), 'a string');
}

function decodeArray(from: RecordReader, count: number, depth: number): unknown[] {
  from.fit('entries', count, 1);
  const array: unknown[] = [];
  for (let i = 0; i < count; i++) array.push(decode(from, depth + 1));
  return array;
}

function decodeRecord(from: RecordReader, count: number, depth: number): Record<string, unknown> {
  from.fit('properties', count, 2);
  const record: Record<string, unknown> = {};
  let previous: Uint8Array | undefined;
  for (let i = 0; i < count; i++) {
    const keyBytes = decodeKeyBytes(from);
    if (previous !== undefined && compareBytes(previous, keyBytes) >= 0)
      throw from.bad('keys out of order, or one twice');
    previous = keyBytes;
    const key = from.utf8(keyBytes, 'a key');
    if (key === '__proto__') throw from.bad('a key is "__proto__"');
    record[key] = decode(from, depth + 1);
  }
  return record;
}

function decodeKeyBytes(from: RecordReader): Uint8Array {
  const tag = from.u8();
  if (tag >= 0xa0 && tag < 0xc0) return from.raw(tag & 31);
  if (tag >= 0xd9 && tag <= 0xdb) return from.raw(decodeLength(from, tag - 0xd9, 31));
  throw from.bad(`a key of kind 0x${tag.toString(16)}`);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}
