// Ports for tests: a clock that stands still until told, entropy that counts, streams that hold what they are given.

import type { ClockPort, EntropyPort, StreamKind, StreamPort } from '../ports.ts';

export class FakeClock implements ClockPort {
  nowNs = 5_000_000_000n;
  epochNs = 1_700_000_000_000_000_000n;

  advance(ns: bigint): void {
    this.nowNs += ns;
  }

  realtimeNs(): bigint {
    return this.epochNs + this.nowNs;
  }

  monotonicNs(): bigint {
    return this.nowNs;
  }
}

export class CountingEntropy implements EntropyPort {
  private next = 1;

  fill(target: Uint8Array): void {
    for (let i = 0; i < target.length; i++) target[i] = this.next++ & 0xff;
  }
}

/** A stream whose input the test feeds and whose output it may let fill up. */
export class FakeStream implements StreamPort {
  readonly kind: StreamKind;
  /** Bytes to be read. */
  input: number[] = [];
  isEnded = false;
  output: number[] = [];
  /** Bytes that writes still take. */
  space: number = Number.POSITIVE_INFINITY;
  /** Error of the next calls, -errno. */
  error = 0;
  shutdowns: string[] = [];

  constructor(kind: StreamKind) {
    this.kind = kind;
  }

  feed(text: string): void {
    for (const character of text) this.input.push(character.charCodeAt(0));
  }

  get text(): string {
    return String.fromCharCode(...this.output);
  }

  read(target: Uint8Array): number {
    if (this.error !== 0) return this.error;
    if (this.input.length === 0) return this.isEnded ? 0 : -11;
    const part = this.input.splice(0, target.length);
    target.set(part);
    return part.length;
  }

  write(source: Uint8Array): number {
    if (this.error !== 0) return this.error;
    if (this.space === 0) return -11;
    const size = Math.min(source.length, this.space);
    this.output.push(...source.subarray(0, size));
    this.space -= size;
    return size;
  }

  readableBytes(): number {
    if (this.input.length > 0) return this.input.length;
    return this.isEnded ? -1 : 0;
  }

  isWritable(): boolean {
    return this.space > 0;
  }

  shutdown(read: boolean, write: boolean): number {
    this.shutdowns.push(`${read ? 'r' : ''}${write ? 'w' : ''}`);
    return 0;
  }

  onceReadable(wake: () => void): void {
    wake();
  }

  onceWritable(wake: () => void): void {
    wake();
  }
}
