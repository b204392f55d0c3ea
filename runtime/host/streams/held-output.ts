// An output that holds what the guest writes until it may go out: until a snapshot that covers it is durable (--output-commit).
// So nothing that the world has seen is ever taken back, and nothing appears twice.
//
//   position:  0 ──── released ──── allowed ──── written
//              │ gone out │ may go out │  held      │
//
// 1. The guest writes: bytes are held, and an image carries those from `released` on, with that position.
// 2. The snapshot is durable: allow() moves `allowed` to what was written when it was taken; what may go out goes, as fast
//    as its reader takes it. ReleaseRecord notes what has gone.
// 3. A machine that is resumed from the image releases the rest, less what the record says has gone out meanwhile.
//
// A stream that does not hold only lets out what an image carries, and then passes everything on; it goes on counting.
//
//   carried:  0  released u64, little-endian · 8  the bytes after it

import { LinuxErrno } from '../../../abi/errno.ts';
import { WvmError } from '../../base/wvm-error.ts';
import type { HostResult, StreamKind } from '../../kernel/ports.ts';
import type { HostStream } from './host-stream.ts';
import type { ReleasedStream } from './release-record.ts';

const HEAD_BYTES = 8;
/** A guest that writes more must wait for the next snapshot. */
const MAX_HELD_BYTES: number = 4 << 20;
/** Goes out at once: so much is noted before it is written, and may be in doubt if the process dies in between. */
const MAX_PIECE_BYTES: number = 64 << 10;
const FIRST_ROOM_BYTES: number = 16 << 10;
const EAGAIN: HostResult = -LinuxErrno.EAGAIN;

export interface HoldOptions {
  readonly holds: boolean;
  /** What an image carries is for somebody else to release. */
  readonly drops?: boolean;
  readonly record: ReleasedStream | undefined;
  /** Something is held that the last capture does not cover. */
  readonly onHeld: () => void;
}

export class HeldOutput implements HostStream {
  readonly kind: StreamKind;
  readonly #output: HostStream;
  readonly #options: HoldOptions;
  #room: Uint8Array = new Uint8Array(0);
  /** Of the first byte in the room that has not gone out, and after the last one. */
  #start = 0;
  #end = 0;
  #released = 0;
  #allowed = 0;
  /** An image said where it stands, or will. */
  #isCounting: boolean;
  /** Written when a capture was taken last. */
  #captured = 0;
  #isSaid = false;
  /** The output says when it takes more. */
  #isAwaited = false;
  /** -errno of a release, for the next write. */
  #failure: HostResult = 0;
  #waiting: (() => void)[] = [];
  #isClosed = false;

  constructor(output: HostStream, options: HoldOptions) {
    this.kind = output.kind;
    this.#output = output;
    this.#options = options;
    this.#isCounting = options.holds;
  }

  /** Position after the last byte that the guest has written. */
  get written(): number {
    return this.#released + this.#end - this.#start;
  }

  /** Bytes that may go out and have not yet. What passes through was never held, and is not among what was allowed. */
  get dueBytes(): number {
    return Math.max(0, Math.min(this.#allowed, this.written) - this.#released);
  }

  get heldBytes(): number {
    return this.#end - this.#start;
  }

  /** A snapshot is being taken, and covers everything up to the result. */
  capture(): number {
    this.#captured = this.written;
    this.#isSaid = false;
    return this.#captured;
  }

  /** What was written before `position` may go out. */
  allow(position: number): void {
    this.#allowed = Math.max(this.#allowed, position);
    this.pump();
  }

  write(source: Uint8Array): HostResult {
    if (this.#failure < 0) return this.#takeFailure();
    if (this.#options.holds) return this.#hold(source);
    this.pump();
    if (this.#end > this.#start) return EAGAIN;
    const count = this.#output.write(source);
    if (count > 0) this.#released += count;
    return count;
  }

  isWritable(): boolean {
    if (this.#failure < 0) return true;
    if (this.#options.holds) return this.heldBytes < MAX_HELD_BYTES;
    return this.#end === this.#start && (this.#output.isWritable?.() ?? true);
  }

  onceWritable(wake: () => void): void {
    if (this.#failure < 0 || (this.#options.holds && this.isWritable())) setImmediate(wake);
    else if (this.#end > this.#start) this.#waiting.push(wake);
    else this.#output.onceWritable(wake);
  }

  /** Lets go out what may, as far as the output takes it. */
  pump(): void {
    const { record } = this.#options;
    while (this.dueBytes > 0 && !this.#isClosed) {
      const count = Math.min(this.dueBytes, MAX_PIECE_BYTES);
      record?.intend(this.#released, this.#released + count);
      const result = this.#output.write(this.#room.subarray(this.#start, this.#start + count));
      if (result > 0) {
        this.#start += result;
        this.#released += result;
      }
      record?.done(this.#released);
      if (result === EAGAIN || result === 0) {
        this.#awaitOutput();
        return;
      }
      if (result < 0) this.#fail(result);
    }
    if (this.isWritable()) for (const wake of this.#waiting.splice(0)) wake();
  }

  unreadBytes(): Uint8Array {
    if (!this.#isCounting) return new Uint8Array(0);
    const carried = new Uint8Array(HEAD_BYTES + this.heldBytes);
    new DataView(carried.buffer).setBigUint64(0, BigInt(this.#released), true);
    carried.set(this.#room.subarray(this.#start, this.#end), HEAD_BYTES);
    return carried;
  }

  /** What unreadBytes() gave may go out, less what the record knows to be out. */
  preload(carried: Uint8Array): void {
    const view = new DataView(carried.buffer, carried.byteOffset, carried.byteLength);
    const released = carried.length < HEAD_BYTES ? undefined : Number(view.getBigUint64(0, true));
    if (released === undefined || !Number.isSafeInteger(released)) {
      throw new WvmError('WVM_IMAGE_BAD_RECORD', `image: kernel: held output of ${carried.length} bytes`);
    }
    this.#isCounting = true;
    this.#room = carried.slice(HEAD_BYTES);
    this.#end = this.#room.length;
    this.#released = released;
    const { written } = this;
    const { drops = false, record } = this.#options;
    const gone = drops ? written : (record?.positionBetween(released, written) ?? released);
    this.#start = gone - released;
    this.#released = gone;
    this.#captured = written;
    this.#allowed = written;
  }

  /** Resolves when all that may go out has, or cannot. */
  drained(): Promise<void> {
    if (this.dueBytes === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.dueBytes === 0) resolve();
        else this.#output.onceWritable(look);
      };
      this.#output.onceWritable(look);
    });
  }

  read(target: Uint8Array): HostResult {
    return this.#output.read(target);
  }

  readableBytes(): number {
    return this.#output.readableBytes();
  }

  onceReadable(wake: () => void): void {
    this.#output.onceReadable(wake);
  }

  terminalSize(): ReturnType<NonNullable<HostStream['terminalSize']>> {
    return this.#output.terminalSize?.();
  }

  /** What is due and has not gone goes out in the next life. */
  close(): void {
    this.#isClosed = true;
    this.#output.close();
  }

  #awaitOutput(): void {
    if (this.#isAwaited) return;
    this.#isAwaited = true;
    this.#output.onceWritable(() => {
      this.#isAwaited = false;
      this.pump();
    });
  }

  #hold(source: Uint8Array): HostResult {
    if (source.length === 0) return 0;
    const count = Math.min(source.length, MAX_HELD_BYTES - this.heldBytes);
    if (count <= 0) return EAGAIN;
    this.#makeRoom(count);
    this.#room.set(source.subarray(0, count), this.#end);
    this.#end += count;
    if (!this.#isSaid) {
      this.#isSaid = true;
      this.#options.onHeld();
    }
    return count;
  }

  #makeRoom(count: number): void {
    if (this.#end + count <= this.#room.length) return;
    const held = this.#room.subarray(this.#start, this.#end);
    const isLarge = (held.length + count) * 2 <= this.#room.length;
    const room = isLarge ? this.#room : new Uint8Array(Math.max(FIRST_ROOM_BYTES, (held.length + count) * 2));
    room.set(held);
    this.#room = room;
    this.#start = 0;
    this.#end = held.length;
  }

  /** Nobody takes any more: what is due is lost, as it is to a program that writes by itself; the next write hears of it. */
  #fail(result: HostResult): void {
    this.#failure = result;
    const { dueBytes } = this;
    this.#start += dueBytes;
    this.#released += dueBytes;
    this.#options.record?.done(this.#released);
  }

  #takeFailure(): HostResult {
    const failure = this.#failure;
    this.#failure = 0;
    return failure;
  }
}
