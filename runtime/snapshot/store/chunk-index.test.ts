import { expect, test } from 'vitest';
import { CHUNK_ID_BYTES, type ChunkId, writeChunkId } from './chunk-id.ts';
import { ChunkIndex } from './chunk-index.ts';

test('ChunkIndex finds what was added, keeps the first value, and tells ids apart whose hashes are the same', () => {
  const index = new ChunkIndex();
  const expected = new Map<ChunkId, number>();
  let seed = 1;
  const random = (): number => (seed = (seed * 48271) % 2147483647) & 0xff;
  const stride = CHUNK_ID_BYTES + 4;
  for (let k = 0; k < 5000; ) {
    const count = 1 + (random() % 50);
    const bytes = new Uint8Array(7 + count * stride);
    for (let i = 0; i < count; i++) {
      const start = i % 3 === 0 ? 'same' : String.fromCharCode(random(), random(), random(), random());
      const id = (start + String.fromCharCode(random(), random()) + '\xff'.repeat(26)) as ChunkId;
      writeChunkId(id, bytes, 7 + i * stride);
      if (!expected.has(id)) expected.set(id, k + i);
    }
    index.add(bytes, 7, stride, count, k);
    k += count;
  }
  expect(index.size).toBe(expected.size);
  for (const [id, value] of expected) expect(index.get(id)).toBe(value);
  expect(index.get('\0'.repeat(32) as ChunkId)).toBeUndefined();
});
