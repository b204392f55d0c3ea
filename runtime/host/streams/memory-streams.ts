// Streams that end in this process: given bytes, nothing, or a function of the embedder.

import { LinuxErrno } from '../../../abi/errno.ts';
import type { HostResult, StreamKind } from '../../kernel/ports.ts';
import type { HostStream, InputStream } from './host-stream.ts';

const empty: Uint8Array = new Uint8Array(0);

/** /dev/null: at its end when read, takes everything when written. */
export class NullStream implements InputStream {
  readonly kind: StreamKind = 'null';
  /** What a snapshot carried from another input is still read. */
  readonly #preloaded: BytesInput = new BytesInput(empty);

  read(target: Uint8Array): HostResult {
    return this.#preloaded.read(target);
  }
  write(source: Uint8Array): HostResult {
    return source.length;
  }
  readableBytes(): number {
    return this.#preloaded.readableBytes();
  }
  onceReadable(wake: () => void): void {
    setImmediate(wake);
  }
  onceWritable(wake: () => void): void {
    setImmediate(wake);
  }
  unreadBytes(): Uint8Array {
    return this.#preloaded.unreadBytes();
  }
  preload(bytes: Uint8Array): void {
    this.#preloaded.preload(bytes);
  }
  close(): void {}
}

/** Exactly the given bytes, then the end. The guest sees a pipe whose writer has gone. */
export class BytesInput implements InputStream {
  readonly kind: StreamKind = 'pipe';
  #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(target: Uint8Array): HostResult {
    const count = Math.min(target.length, this.#bytes.length);
    target.set(this.#bytes.subarray(0, count));
    this.#bytes = this.#bytes.subarray(count);
    return count;
  }
  write(): HostResult {
    return -LinuxErrno.EBADF;
  }
  readableBytes(): number {
    return this.#bytes.length > 0 ? this.#bytes.length : -1;
  }
  onceReadable(wake: () => void): void {
    setImmediate(wake);
  }
  onceWritable(wake: () => void): void {
    setImmediate(wake);
  }
  unreadBytes(): Uint8Array {
    return this.#bytes.slice();
  }
  preload(bytes: Uint8Array): void {
    const joined = new Uint8Array(bytes.length + this.#bytes.length);
    joined.set(bytes);
    joined.set(this.#bytes, bytes.length);
    this.#bytes = joined;
  }
  close(): void {
    this.#bytes = empty;
  }
}

/** Hands every write to a function, as a copy that it may keep. What the function throws ends the machine. */
export class CallbackOutput implements HostStream {
  readonly kind: StreamKind = 'pipe';
  readonly #sink: (chunk: Uint8Array) => void;

  constructor(sink: (chunk: Uint8Array) => void) {
    this.#sink = sink;
  }

  read(): HostResult {
    return -LinuxErrno.EBADF;
  }
  write(source: Uint8Array): HostResult {
    if (source.length > 0) this.#sink(source.slice());
    return source.length;
  }
  readableBytes(): number {
    return -1;
  }
  onceReadable(wake: () => void): void {
    setImmediate(wake);
  }
  onceWritable(wake: () => void): void {
    setImmediate(wake);
  }
  close(): void {}
}
