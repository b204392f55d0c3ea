// Little-endian fields of fixed width into a buffer that grows: the payload of one record. Not assert(): it would have
// its message made for every byte.

import { BugError } from '../base/assert.ts';
import { encodeUtf8 } from '../base/utf8.ts';

export class RecordWriter {
  #bytes: Uint8Array = new Uint8Array(256);
  #view: DataView = new DataView(this.#bytes.buffer);
  #size = 0;

  /** Everything written so far; a view, valid until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  u8(value: number): void {
    if (!(Number.isInteger(value) && value >= 0 && value <= 0xff)) throw new BugError(`u8 field of an image: ${value}`);
    const at = this.#take(1);
    this.#view.setUint8(at, value);
  }

  u32(value: number): void {
    if (!(Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff))
      throw new BugError(`u32 field of an image: ${value}`);
    const at = this.#take(4);
    this.#view.setUint32(at, value, true);
  }

  /** 32 bits given as a signed or an unsigned number. */
  bits32(value: number): void {
    const fits = Number.isInteger(value) && value >= -0x8000_0000 && value <= 0xffff_ffff;
    if (!fits) throw new BugError(`32-bit value of an image: ${value}`);
    const at = this.#take(4);
    this.#view.setInt32(at, value, true);
  }

  u64(value: bigint): void {
    if (!(value >= 0n && value < 1n << 64n)) throw new BugError(`u64 field of an image: ${value}`);
    const at = this.#take(8);
    this.#view.setBigUint64(at, value, true);
  }

  /** 64 bits given as a signed or an unsigned bigint. */
  bits64(value: bigint): void {
    if (!(value >= -(1n << 63n) && value < 1n << 64n)) throw new BugError(`64-bit value of an image: ${value}`);
    const at = this.#take(8);
    this.#view.setBigInt64(at, value, true);
  }

  /** As bits64(), the other way round. */
  bigEndian64(value: bigint): void {
    if (!(value >= -(1n << 63n) && value < 1n << 64n)) throw new BugError(`64-bit value of an image: ${value}`);
    const at = this.#take(8);
    this.#view.setBigInt64(at, value);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#take(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** u32 length, then the bytes. */
  sized(bytes: Uint8Array): void {
    this.u32(bytes.length);
    this.raw(bytes);
  }

  /** u32 length in bytes, then UTF-8. */
  text(text: string): void {
    this.sized(encodeUtf8(text));
  }

  /** Makes room first: `#view` may be another one afterwards. */
  #take(sizeBytes: number): number {
    const at = this.#size;
    this.#size += sizeBytes;
    if (this.#size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#size, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}
