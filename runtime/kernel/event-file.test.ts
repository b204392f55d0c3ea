// eventfd: adding, taking, waiting, poll, and its count over a resume.

import { describe, expect, it } from 'vitest';
import { Errno } from '../../abi/errno.ts';
import { FDFLAGS_NONBLOCK } from '../../abi/wasi-preview1.ts';
import { EVENT_MAX } from './event-file.ts';
import { FilesFixture, PARKED } from './testing/files-fixture.ts';
import { RESULT } from './testing/fixture.ts';

const SEMAPHORE = 1;

function bytesOf(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value, true);
  return bytes;
}

/** The value of a read of 8 bytes. */
function countOf(outcome: unknown): unknown {
  if (typeof outcome !== 'string') return outcome;
  return [...outcome].reduceRight((sum, character) => sum * 256n + BigInt(character.charCodeAt(0)), 0n);
}

describe('fd_event()', () => {
  it('a read takes the whole count, with the flag 1 of it', () => {
    const fixture = new FilesFixture();
    const { init } = fixture;
    const plain = fixture.event(3n, FDFLAGS_NONBLOCK);
    const semaphore = fixture.event(2n, SEMAPHORE | FDFLAGS_NONBLOCK);
    expect(fixture.writeAs(init, plain, bytesOf(0x1_0000_0000n))).toBe(8);
    expect(countOf(fixture.readAs(init, plain, 8))).toBe(0x1_0000_0003n);
    expect(fixture.readAs(init, plain, 8)).toBe(Errno.EAGAIN);
    expect([1, 2].map(() => countOf(fixture.readAs(init, semaphore, 8)))).toEqual([1n, 1n]);
    expect(fixture.readAs(init, semaphore, 8)).toBe(Errno.EAGAIN);
  });

  it('moves 8 bytes, however many are given', () => {
    const fixture = new FilesFixture();
    const fd = fixture.event(0n);
    expect(fixture.writeAs(fixture.init, fd, new Uint8Array([...bytesOf(1n), ...bytesOf(2n)]))).toBe(8);
    expect((fixture.readAs(fixture.init, fd, 20) as string).length).toBe(8);
    expect(fixture.readAs(fixture.init, fd, 7)).toBe(Errno.EINVAL);
    expect(fixture.writeAs(fixture.init, fd, new Uint8Array(7))).toBe(Errno.EINVAL);
    expect(fixture.writeAs(fixture.init, fd, bytesOf(2n ** 64n - 1n))).toBe(Errno.EINVAL);
    expect(fixture.errno(fixture.init, 'fd_event', 0n, 2, RESULT)).toBe(Errno.EINVAL);
    expect(fixture.errno(fixture.init, 'fd_event', -1n, 0, RESULT)).toBe(Errno.EINVAL);
  });

  it('readers wait for a count, writers for room; both over a resume', () => {
    const fixture = new FilesFixture();
    const fd = fixture.event(0n);
    const full = fixture.event(EVENT_MAX - 1n);
    const [reading, writing] = [fixture.fork(), fixture.fork()];
    expect(fixture.readAs(reading, fd, 8)).toBe(PARKED);
    expect(fixture.writeAs(writing, full, fixture.string(fixture.put(bytesOf(2n)), 8))).toBe(PARKED);
    fixture.resume();
    const [reader, writer] = [fixture.process(reading.pid), fixture.process(writing.pid)];
    expect(fixture.writeAs(fixture.init, fd, bytesOf(5n))).toBe(8);
    expect(fixture.isWoken(reader)).toBe(true);
    expect(countOf(fixture.readAgain(reader))).toBe(5n);
    expect(fixture.isWoken(writer)).toBe(false);
    expect(countOf(fixture.readAs(fixture.init, full, 8))).toBe(EVENT_MAX - 1n);
    expect(fixture.isWoken(writer)).toBe(true);
    expect(fixture.writeAgain(writer)).toBe(8);
    fixture.resume();
    expect(countOf(fixture.readAs(fixture.init, full, 8))).toBe(2n);
  });
});
