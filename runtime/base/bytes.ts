// A growable byte buffer that knows the encodings of the WebAssembly binary format: LEB128 in its shortest form, names,
// vectors with their size in front. Sizes that are known only afterwards are spliced in (`sized`, `section`), or
// reserved as a padded five-byte LEB and patched (`reserveU32`, `patchU32`).

import { encodeUtf8 } from './utf8.ts';

const INITIAL_CAPACITY = 1024;
/** Length of a padded 32-bit LEB. */
const PADDED_U32_BYTES = 5;

export class ByteWriter {
  private buffer: Uint8Array<ArrayBuffer>;
  private length = 0;

  constructor(capacity: number = INITIAL_CAPACITY) {
    this.buffer = new Uint8Array(Math.max(16, capacity));
  }

  /** Bytes written so far: the offset of the next one. */
  get position(): number {
    return this.length;
  }

  /** A copy of what was written. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.buffer.slice(0, this.length);
  }

  /** Forgets what was written and keeps the capacity. */
  reset(): void {
    this.length = 0;
  }

  u8(byte: number): void {
    if (this.length === this.buffer.length) this.grow(1);
    this.buffer[this.length++] = byte;
  }

  /** Unsigned LEB128 of a number in 0 .. 2^32 - 1. */
  u32(value: number): void {
    if (this.length + PADDED_U32_BYTES > this.buffer.length) this.grow(PADDED_U32_BYTES);
    const buffer = this.buffer;
    value >>>= 0;
    while (value >= 0x80) {
      buffer[this.length++] = (value & 0x7f) | 0x80;
      value >>>= 7;
    }
    buffer[this.length++] = value;
  }

  /** Signed LEB128 of a number in -2^31 .. 2^31 - 1. */
  s32(value: number): void {
    if (this.length + PADDED_U32_BYTES > this.buffer.length) this.grow(PADDED_U32_BYTES);
    const buffer = this.buffer;
    value |= 0;
    while (value < -0x40 || value >= 0x40) {
      buffer[this.length++] = (value & 0x7f) | 0x80;
      value >>= 7;
    }
    buffer[this.length++] = value & 0x7f;
  }

  /** Signed LEB128 of a type index: 33 bits, so an index from 2^31 on does not turn negative. */
  s33(value: number): void {
    if (value >= -0x80000000 && value < 0x80000000) this.s32(value);
    else this.s64(BigInt(value));
  }

  /** Unsigned LEB128, taken modulo 2^64. */
  u64(value: bigint): void {
    let rest = BigInt.asUintN(64, value);
    while (rest >= 0x80n) {
      this.u8(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.u8(Number(rest));
  }

  /** Signed LEB128, taken modulo 2^64. */
  s64(value: bigint): void {
    let rest = BigInt.asIntN(64, value);
    while (rest < -0x40n || rest >= 0x40n) {
      this.u8(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.u8(Number(rest & 0x7fn));
  }

  /** Four bytes, little-endian. */
  fixed32(value: number): void {
    if (this.length + 4 > this.buffer.length) this.grow(4);
    const { buffer, length } = this;
    buffer[length] = value;
    buffer[length + 1] = value >>> 8;
    buffer[length + 2] = value >>> 16;
    buffer[length + 3] = value >>> 24;
    this.length = length + 4;
  }

  /** Eight bytes, little-endian. */
  fixed64(value: bigint): void {
    this.fixed32(Number(BigInt.asIntN(32, value)));
    this.fixed32(Number(BigInt.asIntN(32, value >> 32n)));
  }

  /** Copies `source[start, end)`. */
  bytes(source: Uint8Array, start = 0, end: number = source.length): void {
    const count = end - start;
    if (count <= 0) return;
    if (this.length + count > this.buffer.length) this.grow(count);
    // Below about 24 bytes a loop beats making a view for the native copy.
    if (count < 24) {
      const { buffer, length } = this;
      for (let i = 0; i < count; i++) buffer[length + i] = source[start + i]!;
    } else {
      this.buffer.set(source.subarray(start, end), this.length);
    }
    this.length += count;
  }

  /** A string as UTF-8 with its byte length in front; throws RangeError on a lone surrogate. */
  name(text: string): void {
    const encoded = encodeUtf8(text);
    this.u32(encoded.length);
    this.bytes(encoded);
  }

  /** Leaves room for a 32-bit LEB and returns its place for patchU32(). */
  reserveU32(): number {
    const place = this.length;
    if (place + PADDED_U32_BYTES > this.buffer.length) this.grow(PADDED_U32_BYTES);
    this.length = place + PADDED_U32_BYTES;
    this.patchU32(place, 0);
    return place;
  }

  /** Fills the room that reserveU32() left at `place`, padded to five bytes. */
  patchU32(place: number, value: number): void {
    for (let i = 0; i < 4; i++) this.buffer[place + i] = ((value >>> (7 * i)) & 0x7f) | 0x80;
    this.buffer[place + 4] = (value >>> 28) & 0x0f;
  }

  /** Opens a run of bytes whose size goes in front; endSized() closes it. They nest. */
  beginSized(): number {
    this.u8(0);
    return this.length;
  }

  /** Writes, in the shortest form, the size of everything since beginSized() returned `start`, in front of it. */
  endSized(start: number): void {
    const size = this.length - start;
    let extra = 0;
    for (let rest = size >>> 7; rest > 0; rest >>>= 7) extra++;
    if (extra > 0) {
      if (this.length + extra > this.buffer.length) this.grow(extra);
      this.buffer.copyWithin(start + extra, start, this.length);
    }
    const end = this.length + extra;
    this.length = start - 1;
    this.u32(size);
    this.length = end;
  }

  /** Writes `body` with its size in front. */
  sized(body: (writer: this) => void): void {
    const start = this.beginSized();
    body(this);
    this.endSized(start);
  }

  /** Writes a section: id, size, contents. */
  section(id: number, body: (writer: this) => void): void {
    this.u8(id);
    this.sized(body);
  }

  private grow(atLeast: number): void {
    const grown = new Uint8Array(Math.max(this.buffer.length * 2, this.length + atLeast));
    grown.set(this.buffer.subarray(0, this.length));
    this.buffer = grown;
  }
}
