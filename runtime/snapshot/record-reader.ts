// The fields of one record's payload, read back. Nothing is trusted: every read stays inside the payload, every
// count is held against the bytes that are left before anything is allocated for it, and end() refuses left-overs.

import { MalformedBytes } from '../base/leb128.ts';
import { decodeUtf8 } from '../base/utf8.ts';
import type { WvmError } from '../base/wvm-error.ts';
import { badImage } from './bad-image.ts';

export class RecordReader {
  readonly #place: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(place: string, bytes: Uint8Array) {
    this.#place = place;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get leftBytes(): number {
    return this.#bytes.length - this.#at;
  }

  bad(what: string): WvmError {
    return badImage('WVM_IMAGE_BAD_RECORD', `${this.#place} at byte ${this.#at}`, what);
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8), true);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8), true);
  }

  /** A u64 that is used as a number: refused above 2^53 - 1. */
  size(what: string): number {
    const value = this.u64();
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.bad(`${what} is ${value}`);
    return Number(value);
  }

  /** A count of entries of at least `entryBytes` each. */
  count(what: string, entryBytes: number): number {
    const count = this.u32();
    this.fit(what, count, entryBytes);
    return count;
  }

  fit(what: string, count: number, entryBytes: number): void {
    if (count * entryBytes > this.leftBytes) {
      throw this.bad(`${count} ${what} cannot lie in the ${this.leftBytes} bytes that are left`);
    }
  }

  /** A view, not a copy. */
  raw(sizeBytes: number): Uint8Array {
    const at = this.#take(sizeBytes);
    return this.#bytes.subarray(at, at + sizeBytes);
  }

  sized(what: string): Uint8Array {
    return this.raw(this.count(`bytes of ${what}`, 1));
  }

  text(what: string): string {
    return this.utf8(this.sized(what), what);
  }

  /** The text of bytes that came from this record. */
  utf8(bytes: Uint8Array, what: string): string {
    try {
      return decodeUtf8(bytes);
    } catch (error) {
      if (error instanceof MalformedBytes) throw this.bad(`${what} is not valid UTF-8`);
      throw error;
    }
  }

  /** A u32 that must be zero. */
  reserved(): void {
    const value = this.u32();
    if (value !== 0) throw this.bad(`reserved field is ${value}, not 0`);
  }

  end(): void {
    if (this.leftBytes !== 0) throw this.bad(`${this.leftBytes} bytes too many`);
  }

  #take(sizeBytes: number): number {
    if (sizeBytes > this.leftBytes) throw this.bad(`${sizeBytes} bytes needed, ${this.leftBytes} left`);
    const at = this.#at;
    this.#at += sizeBytes;
    return at;
  }
}
