// Reads a module's bytes in order: the cursor that every section parser is handed.
// All of its errors are MalformedBytes; parseModule() and decodeBody() turn them into a WvmError that names the section.

import { type Cursor, MalformedBytes, readS33, readU32, readU64 } from '../base/leb128.ts';
import { decodeUtf8 } from '../base/utf8.ts';
import type { Range } from './module.ts';

/** Longest name in bytes: V8's limit (kV8MaxWasmStringSize). */
const MAX_NAME_BYTES = 100_000;

export class Reader implements Cursor {
  readonly bytes: Uint8Array;
  position: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  get done(): boolean {
    return this.position >= this.end;
  }

  /** Ends the parse with an error at the cursor, or at `offset`. */
  fail(message: string, offset: number = this.position): never {
    throw new MalformedBytes(offset, message);
  }

  u8(): number {
    if (this.position >= this.end) this.fail('unexpected end');
    return this.bytes[this.position++]!;
  }

  /** The next byte without moving, or -1 at the end. */
  peek(): number {
    return this.position < this.end ? this.bytes[this.position]! : -1;
  }

  u32(): number {
    const byte = this.position < this.end ? this.bytes[this.position]! : 0x80;
    if (byte < 0x80) {
      this.position++;
      return byte;
    }
    return readU32(this);
  }

  s33(): number {
    return readS33(this);
  }

  u64(): bigint {
    return readU64(this);
  }

  /**
   * The length of a vector. Entries take at least a byte each, so a count that the rest of the section cannot hold is
   * refused before anything is allocated for it.
   */
  count(what: string, limit: number): number {
    const at = this.position;
    const count = this.u32();
    if (count > limit) this.fail(`${count} ${what}, more than the limit of ${limit}`, at);
    if (count > this.end - this.position) this.fail(`${count} ${what} in ${this.end - this.position} bytes`, at);
    return count;
  }

  /** An index below `bound`. */
  index(what: string, bound: number): number {
    const at = this.position;
    const index = this.u32();
    if (index >= bound) this.fail(`${what} index ${index}, but there are ${bound}`, at);
    return index;
  }

  skip(byteCount: number): Range {
    const start = this.position;
    if (byteCount > this.end - start) this.fail(`${byteCount} bytes wanted, ${this.end - start} left`);
    this.position = start + byteCount;
    return { start, end: this.position };
  }

  name(): string {
    const at = this.position;
    const byteCount = this.u32();
    if (byteCount > MAX_NAME_BYTES)
      this.fail(`name of ${byteCount} bytes, more than the limit of ${MAX_NAME_BYTES}`, at);
    const { start, end } = this.skip(byteCount);
    return decodeUtf8(this.bytes, start, end);
  }
}
