import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CopyPageTracker, HashPageTracker, PAGE_HASH_KEY_BYTES, type PageTracker } from './page-diff.ts';
import { generatePageDiffModules } from './page-diff-generate.mjs';

const PAGE = 4096;
const keys = crypto.getRandomValues(new Uint8Array(PAGE_HASH_KEY_BYTES));

const strategies: Record<string, (memory: object) => PageTracker> = {
  copy: (memory) => new CopyPageTracker(memory),
  hash: (memory) => new HashPageTracker(memory, keys),
};
const memories: Record<string, () => WebAssembly.Memory> = {
  plain: () => new WebAssembly.Memory({ initial: 4, maximum: 64 }),
  shared: () => new WebAssembly.Memory({ initial: 4, maximum: 64, shared: true }),
  'with 64-bit addresses': () => new WebAssembly.Memory({ address: 'i64', initial: 4n, maximum: 64n } as never),
  'shared with 64-bit addresses': () =>
    new WebAssembly.Memory({ address: 'i64', initial: 4n, maximum: 64n, shared: true } as never),
};

const generated = (): string => readFileSync(new URL('page-diff-modules.ts', import.meta.url), 'utf8');

test('page-diff-modules.ts is what its source gives', async () => {
  expect(await generatePageDiffModules()).toBe(generated());
});

for (const [strategy, track] of Object.entries(strategies)) {
  for (const [kind, make] of Object.entries(memories)) {
    test(`a ${strategy} tracker of a memory that is ${kind} agrees with a comparison byte by byte`, () => {
      const memory = make();
      const tracker = track(memory);
      let before = new Uint8Array(memory.buffer).slice();
      let seed = 1;
      const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;
      for (let round = 0; round < 40; round++) {
        if (round % 8 === 7) memory.grow((kind.includes('64') ? 2n : 2) as never);
        const bytes = new Uint8Array(memory.buffer);
        for (let i = random(6); i > 0; i--) bytes[random(bytes.length)] = random(4);
        if (round % 3 === 0) {
          const page = random(bytes.length / PAGE);
          bytes.fill(random(2), page * PAGE, (page + 1) * PAGE);
        }
        const changes = tracker.capture();
        expect(changes.pageCount).toBe(bytes.length / PAGE);
        expect(describe(changes.changed, changes.zeroed)).toEqual(difference(before, bytes));
        changes.contents.forEach((piece, k) => {
          const first = changes.changed[k * 2]! * PAGE;
          const now = bytes.slice(first, first + changes.changed[k * 2 + 1]! * PAGE);
          expect(Buffer.compare(piece, now)).toBe(0);
        });
        // Not confirmed: what changed is reported again.
        if (round % 5 === 4) continue;
        tracker.confirm();
        before = bytes.slice();
      }
    });
  }

  test(`a ${strategy} tracker sees a change of any single bit, and none where there is none`, () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const bytes = new Uint8Array(memory.buffer);
    bytes.fill(0xa5);
    const tracker = track(memory);
    tracker.capture();
    tracker.confirm();
    for (let bit = 0; bit < PAGE * 8; bit += 37) {
      bytes[PAGE + (bit >>> 3)]! ^= 1 << (bit & 7);
      expect([...tracker.capture().changed]).toEqual([1, 1]);
      tracker.confirm();
    }
    expect(tracker.capture().changed.length).toBe(0);
  });

  test(`a ${strategy} tracker keeps what it captured while the guest goes on`, () => {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const bytes = new Uint8Array(memory.buffer);
    bytes.fill(1, PAGE, 2 * PAGE);
    const { contents } = track(memory).capture();
    bytes.fill(2, PAGE, 2 * PAGE);
    expect(Buffer.compare(contents[0]!, Buffer.alloc(PAGE, 1))).toBe(0);
  });

  test(`a ${strategy} tracker takes no room for pages of zeros`, () => {
    const residentBytes = (): number =>
      Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024;
    const memory = new WebAssembly.Memory({ initial: 4096 });
    const bytes = new Uint8Array(memory.buffer);
    for (let i = 0; i < 10; i++) bytes[i * 20_000_000] = 1;
    const tracker = track(memory);
    const before = residentBytes();
    const changes = tracker.capture();
    expect(changes.changed.length).toBe(20);
    // 256 MiB, of which 40 KiB are used; the hashes of 65,536 pages would be 1 MiB if all were written.
    expect(residentBytes() - before).toBeLessThan(32 << 20);
  });
}

test('HashPageTracker refuses keys of another length', () => {
  expect(() => new HashPageTracker(new WebAssembly.Memory({ initial: 1 }), new Uint8Array(16))).toThrow(RangeError);
});

function difference(before: Uint8Array, after: Uint8Array): Record<number, 'changed' | 'zeroed'> {
  const pages: Record<number, 'changed' | 'zeroed'> = {};
  for (let page = 0; page < after.length / PAGE; page++) {
    const now = Buffer.from(after.slice(page * PAGE, (page + 1) * PAGE));
    const then = Buffer.alloc(PAGE);
    then.set(before.subarray(page * PAGE, (page + 1) * PAGE));
    if (!now.equals(then)) pages[page] = now.equals(Buffer.alloc(PAGE)) ? 'zeroed' : 'changed';
  }
  return pages;
}

function describe(changed: Uint32Array, zeroed: Uint32Array): Record<number, 'changed' | 'zeroed'> {
  const pages: Record<number, 'changed' | 'zeroed'> = {};
  for (const [runs, what] of [
    [changed, 'changed'],
    [zeroed, 'zeroed'],
  ] as const) {
    for (let i = 0; i < runs.length; i += 2) for (let k = 0; k < runs[i + 1]!; k++) pages[runs[i]! + k] = what;
  }
  return pages;
}
