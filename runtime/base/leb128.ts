// LEB128, the variable-length integers of WebAssembly and DWARF, read strictly: no more bytes than the type can
// need, no bits outside it, nothing past `end`. Readers work on a cursor and move its `position`.
// Writing them is ByteWriter's business (bytes.ts).

/** A place in some bytes; readers advance `position` and never look at or past `end`. */
export interface Cursor {
  readonly bytes: Uint8Array;
  position: number;
  readonly end: number;
}

/** Bytes that break their format, at `offset` of the bytes read. Decoders turn it into a WvmError that names the place. */
export class MalformedBytes extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.name = 'MalformedBytes';
    this.offset = offset;
  }
}

/** Reads an unsigned 32-bit integer: 1 to 5 bytes. */
export function readU32(cursor: Cursor): number {
  const { bytes, end, position: start } = cursor;
  let position = start;
  let result = 0;
  for (let shift = 0; shift <= 28; shift += 7) {
    if (position >= end) throw new MalformedBytes(start, 'integer runs past the end');
    const byte = bytes[position++]!;
    if (shift === 28 && byte > 0x0f) break;
    result |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      cursor.position = position;
      return result >>> 0;
    }
  }
  throw new MalformedBytes(start, 'unsigned integer is longer than 32 bits');
}

/** Reads a signed 32-bit integer: 1 to 5 bytes. */
export function readS32(cursor: Cursor): number {
  const { bytes, end, position: start } = cursor;
  let position = start;
  let result = 0;
  for (let shift = 0; shift <= 28; shift += 7) {
    if (position >= end) throw new MalformedBytes(start, 'integer runs past the end');
    const byte = bytes[position++]!;
    // The fifth byte holds bits 28 to 31; its bits 4 to 6 must repeat the sign, bit 31.
    if (shift === 28 && byte > 0x07 && (byte < 0x78 || byte > 0x7f)) break;
    result |= (byte & 0x7f) << shift;
    if (byte < 0x80) {
      cursor.position = position;
      return shift < 28 && byte >= 0x40 ? result | (-1 << (shift + 7)) : result;
    }
  }
  throw new MalformedBytes(start, 'signed integer is longer than 32 bits');
}

/** Reads a signed 33-bit integer (block and heap types), exact as a number: 1 to 5 bytes. */
export function readS33(cursor: Cursor): number {
  const { bytes, end, position: start } = cursor;
  let position = start;
  let result = 0;
  for (let shift = 0; shift <= 28; shift += 7) {
    if (position >= end) throw new MalformedBytes(start, 'integer runs past the end');
    const byte = bytes[position++]!;
    // The fifth byte holds bits 28 to 32; its bits 5 and 6 must repeat the sign, bit 32.
    if (shift === 28 && byte > 0x0f && (byte < 0x70 || byte > 0x7f)) break;
    result += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) {
      cursor.position = position;
      return byte >= 0x40 ? result - 2 ** (shift + 7) : result;
    }
  }
  throw new MalformedBytes(start, 'signed integer is longer than 33 bits');
}

/** Reads an unsigned 64-bit integer: 1 to 10 bytes. */
export function readU64(cursor: Cursor): bigint {
  const length = length64(cursor, false);
  return assemble64(cursor, length);
}

/** Reads a signed 64-bit integer: 1 to 10 bytes. */
export function readS64(cursor: Cursor): bigint {
  const length = length64(cursor, true);
  return BigInt.asIntN(Math.min(64, 7 * length), assemble64(cursor, length));
}

/** Steps over an unsigned 64-bit integer, checked like readU64() but without making a bigint. */
export function skipU64(cursor: Cursor): void {
  cursor.position += length64(cursor, false);
}

/** Steps over a signed 64-bit integer, checked like readS64() but without making a bigint. */
export function skipS64(cursor: Cursor): void {
  cursor.position += length64(cursor, true);
}

/** Byte length of the 64-bit integer at the cursor, which stays where it is. */
function length64({ bytes, end, position: start }: Cursor, signed: boolean): number {
  for (let length = 1; length <= 10; length++) {
    if (start + length > end) throw new MalformedBytes(start, 'integer runs past the end');
    const byte = bytes[start + length - 1]!;
    // The tenth byte holds bit 63 alone; a signed one repeats it.
    if (length === 10 && byte !== 0 && byte !== (signed ? 0x7f : 0x01)) break;
    if (byte < 0x80) return length;
  }
  throw new MalformedBytes(start, `${signed ? 'signed' : 'unsigned'} integer is longer than 64 bits`);
}

function assemble64(cursor: Cursor, length: number): bigint {
  const { bytes, position: start } = cursor;
  let result = 0n;
  // Four groups of seven bits at a time stay within small integers.
  for (let index = length; index > 0; ) {
    const group = Math.min(4, index);
    let part = 0;
    for (let i = 0; i < group; i++) part = (part << 7) | (bytes[start + --index]! & 0x7f);
    result = (result << BigInt(7 * group)) | BigInt(part);
  }
  cursor.position = start + length;
  return result;
}
