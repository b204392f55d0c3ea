import { expect, test } from 'vitest';
import { IdIndex } from './id-index.ts';

const ID_BYTES = 32;

/** Ids that differ in one of their four words only, so that each of them must count. */
function ids(count: number, seed: number): Uint8Array[] {
  let state = seed;
  const random = (): number => (state = (state * 48271) % 2147483647) & 0xff;
  return Array.from({ length: count }, () => {
    const id = new Uint8Array(ID_BYTES).fill(0xff);
    const word = (random() & 3) * 8;
    for (let i = 0; i < 2; i++) id[word + (random() & 7)] = random();
    return id;
  });
}

function textOf(id: Uint8Array): string {
  return String.fromCharCode(...id);
}

test.each([32, 36, 57])('IdIndex finds what was added, %i bytes apart, under its least number', (stride) => {
  const index = new IdIndex();
  const expected = new Map<string, number>();
  const all = ids(30_000, stride);
  for (let first = 0, size = 1; first < all.length; first += size, size = (size * 7 + 1) % 12_000) {
    const part = all.slice(first, first + size);
    const bytes = new Uint8Array(7 + part.length * stride);
    for (const [i, id] of part.entries()) {
      bytes.set(id, 7 + i * stride);
      const text = textOf(id);
      if (!expected.has(text)) expected.set(text, first + i);
    }
    index.add(bytes, 7, stride, part.length);
  }
  expect(index.count).toBe(all.length);
  expect(index.distinctCount).toBe(expected.size);
  expect(expected.size).toBeLessThan(all.length);
  for (const [text, number] of expected) {
    expect(index.findText(text)).toBe(number);
    const { bytes, offset } = index.at(number);
    expect(textOf(bytes.subarray(offset, offset + ID_BYTES))).toBe(text);
    expect(index.find(bytes, offset)).toBe(number);
  }
  expect(index.findText('\0'.repeat(ID_BYTES))).toBe(-1);
});

test('IdIndex.addText() gives an id that is there its number, and others the next', () => {
  const index = new IdIndex();
  const [a, b] = ['a'.repeat(ID_BYTES), `${'a'.repeat(ID_BYTES - 1)}\xff`];
  expect([a, b, a, b].map((id) => index.addText(id))).toEqual([0, 1, 0, 1]);
  expect(index.count).toBe(2);
});

test('IdIndex.clear() forgets all of it', () => {
  const index = new IdIndex();
  const bytes = new Uint8Array(5000 * ID_BYTES);
  for (let i = 0; i < 5000; i++) new DataView(bytes.buffer).setUint32(i * ID_BYTES, i);
  index.add(bytes, 0, ID_BYTES, 5000);
  index.clear();
  expect([index.count, index.distinctCount, index.find(bytes, 0)]).toEqual([0, 0, -1]);
  index.add(bytes, 100 * ID_BYTES, ID_BYTES, 10);
  expect([index.find(bytes, 105 * ID_BYTES), index.find(bytes, 99 * ID_BYTES)]).toEqual([5, -1]);
});

test('IdIndex.matching() counts ids that follow each other, and ends with the last one', () => {
  const index = new IdIndex();
  const bytes = new Uint8Array(20 * ID_BYTES);
  for (let i = 0; i < 20; i++) bytes[i * ID_BYTES + i] = 1;
  index.add(bytes, 0, ID_BYTES, 20);
  const other = bytes.slice();
  other[12 * ID_BYTES + 31] = 9;
  expect(index.matching(other, 0, 20, 0)).toBe(12);
  expect(index.matching(other, 0, 5, 0)).toBe(5);
  expect(index.matching(other, ID_BYTES, 5, 0)).toBe(0);
  expect(index.matching(other, 13 * ID_BYTES, 7, 13)).toBe(7);
  expect(index.matching(bytes, 15 * ID_BYTES, 5, 18)).toBe(0);
  expect(index.matching(bytes, 18 * ID_BYTES, 2, 18)).toBe(2);
  expect(index.matching(bytes, 0, 20, 20)).toBe(0);
});

test('ids that somebody made up to meet in one slot take no longer than others', () => {
  const index = new IdIndex();
  const count = 100_000;
  const bytes = new Uint8Array(count * ID_BYTES);
  // All but the last word are the same: with a hash of the first bytes each would be compared with all before it.
  for (let i = 0; i < count; i++) new DataView(bytes.buffer).setUint32(i * ID_BYTES + 28, i, true);
  index.add(bytes, 0, ID_BYTES, count);
  expect(index.distinctCount).toBe(count);
});
