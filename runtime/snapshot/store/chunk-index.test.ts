import { expect, test } from 'vitest';
import type { ChunkId } from './chunk-id.ts';
import { ChunkIndex } from './chunk-index.ts';

test('ChunkIndex finds what was added, keeps the first value, and tells ids apart whose hashes are the same', () => {
  const index = new ChunkIndex();
  const expected = new Map<ChunkId, number>();
  let seed = 1;
  const random = (): number => (seed = (seed * 48271) % 2147483647) & 0xff;
  for (let k = 0; k < 5000; k++) {
    const start = k % 3 === 0 ? 'same' : String.fromCharCode(random(), random(), random(), random());
    const id = (start + String.fromCharCode(random(), random()) + '\xff'.repeat(26)) as ChunkId;
    index.add(id, k);
    if (!expected.has(id)) expected.set(id, k);
  }
  expect(index.size).toBe(expected.size);
  for (const [id, value] of expected) expect(index.get(id)).toBe(value);
  expect(index.get('\0'.repeat(32) as ChunkId)).toBeUndefined();
});
