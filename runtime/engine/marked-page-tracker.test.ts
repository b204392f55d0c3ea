// The tracker that looks at marked pages finds what the one finds that looks at all of them.

import { webcrypto } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { randomFrom } from '../../test/guest/random.ts';
import { MarkedPageTracker } from './marked-page-tracker.ts';
import { HashPageTracker, PAGE_HASH_KEY_BYTES } from './page-diff.ts';
import { MemoryMarks } from './page-marks.ts';

const PAGE_BYTES = 4096;
const keys = (): Uint8Array => webcrypto.getRandomValues(new Uint8Array(PAGE_HASH_KEY_BYTES));

class Guest {
  readonly memory: WebAssembly.Memory;
  readonly marks: MemoryMarks = new MemoryMarks(new ArrayBuffer(1 << 20), 0, 1 << 20);

  constructor(shared: boolean) {
    const limits = { initial: 2, maximum: 8 };
    this.memory = new WebAssembly.Memory(shared ? { ...limits, shared } : limits);
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer);
  }

  write(addr: number, bytes: readonly number[]): void {
    this.bytes.set(bytes, addr);
    this.marks.add(addr, bytes.length);
  }
}

describe.each([false, true])('MarkedPageTracker, shared memory: %s', (shared) => {
  test('finds what is found without marks', () => {
    const guest = new Guest(shared);
    const marked = new MarkedPageTracker(guest.memory, keys(), guest.marks);
    const all = new HashPageTracker(guest.memory, keys());
    const random = randomFrom(7);
    const below = (count: number): number => Math.floor(random() * count);
    let found = 0;
    for (let round = 0; round < 200; round++) {
      if (round % 60 === 59) guest.memory.grow(1);
      for (let k = below(6); k > 0; k--) {
        const size = 1 + below(random() < 0.1 ? 3 * PAGE_BYTES : 16);
        // Zeros, now and then where there was something; sometimes what was there already.
        const value = below(3);
        const addr = below(guest.bytes.length - size);
        guest.write(addr, new Array<number>(size).fill(value));
      }
      const changes = marked.find();
      expect(changes).toEqual(all.find());
      found += changes.changed.length + changes.zeroed.length;
      if (random() < 0.6) {
        marked.confirm();
        all.confirm();
      }
    }
    expect(found).toBeGreaterThan(300);
  });

  test('the first capture tells all that is there, whoever wrote it', () => {
    const guest = new Guest(shared);
    guest.bytes[3 * PAGE_BYTES] = 1;
    const tracker = new MarkedPageTracker(guest.memory, keys(), guest.marks);
    expect([...tracker.find().changed]).toEqual([3, 1]);
  });

  test('what is not confirmed is told again, though its marks are gone', () => {
    const guest = new Guest(shared);
    const tracker = new MarkedPageTracker(guest.memory, keys(), guest.marks, true);
    tracker.find();
    guest.write(5 * PAGE_BYTES, [1]);
    expect([...tracker.find().changed]).toEqual([5, 1]);
    guest.write(9 * PAGE_BYTES, [1]);
    expect([...tracker.find().changed]).toEqual([5, 1, 9, 1]);
    tracker.confirm();
    expect([...tracker.find().changed]).toEqual([]);
  });

  test('a write without a mark is noticed by who checks, and else not', () => {
    const guest = new Guest(shared);
    const strict = new MarkedPageTracker(guest.memory, keys(), guest.marks, true);
    strict.find();
    guest.bytes[PAGE_BYTES] = 1;
    expect(() => strict.find()).toThrow('written without a mark: changed 1,1');
    const trusting = new MarkedPageTracker(guest.memory, keys(), guest.marks);
    trusting.find();
    trusting.confirm();
    guest.bytes[2 * PAGE_BYTES] = 1;
    expect([...trusting.find().changed]).toEqual([]);
  });
});
