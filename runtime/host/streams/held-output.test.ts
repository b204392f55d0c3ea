import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LinuxErrno } from '../../../abi/errno.ts';
import { HeldOutput, type HoldOptions } from './held-output.ts';
import type { HostStream } from './host-stream.ts';
import { isReleasing, ReleaseRecord } from './release-record.ts';

const EAGAIN = -LinuxErrno.EAGAIN;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Takes `room` bytes, then no more until there is room again. */
class Reader implements HostStream {
  readonly kind = 'pipe';
  text = '';
  room = Number.POSITIVE_INFINITY;
  failure = 0;
  #waiting: (() => void)[] = [];

  write(source: Uint8Array): number {
    if (this.failure < 0) return this.failure;
    const count = Math.min(source.length, this.room);
    if (count === 0) return EAGAIN;
    this.room -= count;
    this.text += Buffer.from(source.subarray(0, count)).toString();
    return count;
  }
  take(room: number): void {
    this.room = room;
    for (const wake of this.#waiting.splice(0)) wake();
  }
  onceWritable(wake: () => void): void {
    this.#waiting.push(wake);
  }
  read = (): number => -LinuxErrno.EBADF;
  readableBytes = (): number => -1;
  onceReadable(): void {}
  close(): void {}
}

function held(reader: HostStream, options: Partial<HoldOptions> = {}): HeldOutput {
  return new HeldOutput(reader, { holds: true, record: undefined, onHeld: () => {}, ...options });
}

describe('HeldOutput', () => {
  it('shows what a capture covers when that is durable, and nothing before', () => {
    const reader = new Reader();
    let said = 0;
    const output = held(reader, { onHeld: () => said++ });
    expect(output.write(bytes('one '))).toBe(4);
    output.write(bytes('two '));
    expect([reader.text, said]).toEqual(['', 1]);
    const covered = output.capture();
    output.write(bytes('three '));
    expect(said).toBe(2);
    output.allow(covered);
    expect([reader.text, output.heldBytes]).toEqual(['one two ', 6]);
    output.allow(covered);
    output.allow(output.capture());
    expect([reader.text, output.heldBytes]).toEqual(['one two three ', 0]);
  });

  it('goes on when a slow reader takes more, and says when it is done', async () => {
    const reader = new Reader();
    const output = held(reader);
    output.write(bytes('0123456789'));
    reader.room = 3;
    output.allow(output.capture());
    let isDone = false;
    const drained = output.drained().then(() => {
      isDone = true;
    });
    await Promise.resolve();
    expect([reader.text, output.dueBytes, isDone]).toEqual(['012', 7, false]);
    reader.take(4);
    reader.take(100);
    await drained;
    expect(reader.text).toBe('0123456789');
  });

  it('holds 4 MiB and lets the guest wait for the next snapshot', () => {
    const reader = new Reader();
    const output = held(reader);
    const much = new Uint8Array(3 << 20).fill(0x61);
    expect([output.write(much), output.write(much), output.write(much)]).toEqual([3 << 20, 1 << 20, EAGAIN]);
    expect(output.isWritable()).toBe(false);
    let woken = false;
    output.onceWritable(() => {
      woken = true;
    });
    output.allow(output.capture());
    expect([woken, output.isWritable(), reader.text.length]).toEqual([true, true, 4 << 20]);
  });

  it('an image carries what is held, and the next life goes on with it, exactly once', () => {
    const first = new Reader();
    const output = held(first);
    output.write(bytes('shown '));
    output.allow(output.capture());
    output.write(bytes('held '));
    const carried = output.unreadBytes();
    output.write(bytes('lost'));
    for (const holds of [true, false]) {
      const reader = new Reader();
      const next = held(reader, { holds });
      next.preload(carried);
      expect(reader.text).toBe('');
      next.pump();
      expect(reader.text).toBe('held ');
      next.write(bytes('lost'));
      expect(reader.text).toBe(holds ? 'held ' : 'held lost');
      expect(next.written).toBe('shown held lost'.length);
    }
    const copy = new Reader();
    const dropped = held(copy, { drops: true });
    dropped.preload(carried);
    dropped.pump();
    expect([copy.text, dropped.heldBytes]).toEqual(['', 0]);
    for (const bad of [new Uint8Array(7), new Uint8Array(8).fill(255)]) {
      expect(() => held(copy).preload(bad)).toThrow(expect.objectContaining({ code: 'WVM_IMAGE_BAD_RECORD' }));
    }
  });

  it('a reader that is gone ends it, and the next write hears of it', () => {
    const reader = new Reader();
    reader.failure = -LinuxErrno.EPIPE;
    const output = held(reader);
    output.write(bytes('x'));
    output.allow(output.capture());
    expect(output.heldBytes).toBe(0);
    expect([output.write(bytes('y')), output.write(bytes('z'))]).toEqual([-LinuxErrno.EPIPE, 1]);
  });
});

describe('ReleaseRecord', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'wvm-release-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const record = (): ReleaseRecord => new ReleaseRecord(join(directory, 'record'));

  it('tells the next life how far the last one came', () => {
    expect(record().stream(1, undefined).positionBetween(5, 9)).toBe(5);
    const last = record();
    last.stream(1, undefined).done(7);
    last.stream(2, undefined).done(100);
    last.close();
    const next = record();
    expect(next.stream(1, undefined).positionBetween(5, 9)).toBe(7);
    // Of another history, or of a life that came further than this image.
    expect(next.stream(1, undefined).positionBetween(8, 9)).toBe(8);
    expect(next.stream(1, undefined).positionBetween(2, 6)).toBe(2);
    next.stream(1, undefined).done(8);
    next.close();
    expect(record().stream(2, undefined).positionBetween(90, 110)).toBe(100);
    expect(isReleasing(join(directory, 'record'))).toBe(false);
    writeFileSync(join(directory, 'record'), 'garbage');
    expect(record().stream(1, undefined).positionBetween(5, 9)).toBe(5);
  });

  it('a write that was under way counts as done, and says so: nobody can ask a pipe', () => {
    const last = record();
    last.stream(1, undefined).intend(6, 9);
    last.close();
    const next = record();
    expect(next.stream(1, undefined).positionBetween(5, 9)).toBe(9);
    expect(next.doubtfulBytes).toBe(3);
  });

  it('a file says itself how much of a write has arrived', () => {
    const file = join(directory, 'out');
    for (const arrived of ['', '78', '789']) {
      writeFileSync(file, '0123456');
      const fd = openSync(file, 'a');
      const last = record();
      last.stream(1, fd).intend(6, 9);
      writeSync(fd, arrived);
      last.close();
      closeSync(fd);
      const again = openSync(file, 'a');
      const next = record();
      expect(next.stream(1, again).positionBetween(5, 9)).toBe(6 + arrived.length);
      expect(next.doubtfulBytes).toBe(0);
      closeSync(again);
    }
    // Another file than before tells nothing.
    const other = openSync(join(directory, 'other'), 'a');
    const next = record();
    expect(next.stream(1, other).positionBetween(5, 9)).toBe(9);
    expect(next.doubtfulBytes).toBe(3);
    closeSync(other);
    expect(readFileSync(join(directory, 'record')).length).toBe(512);
  });

  it('HeldOutput that lets out what an image carried is drained when more has passed through', async () => {
    const reader = new Reader();
    const output = new HeldOutput(reader, { holds: false, record: undefined, onHeld: () => {} });
    output.preload(Uint8Array.from([5, 0, 0, 0, 0, 0, 0, 0, 65, 66]));
    output.pump();
    expect(output.write(bytes('and on'))).toBe(6);
    expect(output.dueBytes).toBe(0);
    await output.drained();
    expect(reader.text).toBe('ABand on');
  });
});
