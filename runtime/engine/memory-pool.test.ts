import { expect, test } from 'vitest';
import { MemoryPool } from './memory-pool.ts';
import { WasmPageScanner } from './page-scanner.ts';

const PAGE = 65536;

function pool(limitBytes = 64 * PAGE): MemoryPool {
  return new MemoryPool(new WasmPageScanner(), limitBytes);
}

/** A memory that was given back with every byte in use. */
function used(from: MemoryPool, pageCount: number, maximum: number): WebAssembly.Memory {
  const memory = from.make(pageCount, maximum);
  new Uint8Array(memory.buffer).fill(0xa5);
  from.give(memory);
  return memory;
}

test('MemoryPool.make() gives a used memory again: zeros, grown to its size, old views dead', () => {
  const memories = pool();
  const memory = memories.make(2, 100);
  const view = new Uint8Array(memory.buffer).fill(0xa5);
  memories.give(memory);
  expect(view.length).toBe(0);
  expect(memories.sizeBytes).toBe(2 * PAGE);
  const again = memories.make(3, 100);
  expect(again).toBe(memory);
  expect(again.buffer.byteLength).toBe(3 * PAGE);
  expect(new Uint8Array(again.buffer).every((byte) => byte === 0)).toBe(true);
  expect(memories.sizeBytes).toBe(0);
});

test('MemoryPool.make() never gives a memory that differs from a fresh one', () => {
  const memories = pool();
  const memory = used(memories, 4, 100);
  expect(memories.make(4, 99)).not.toBe(memory);
  expect(memories.make(3, 100)).not.toBe(memory);
  expect(memories.make(9, 100)).not.toBe(memory);
  expect(memories.make(8, 100)).toBe(memory);
});

test('MemoryPool.give() refuses what is mostly untouched, not its own, or larger than its limit', () => {
  const memories = pool(32 * PAGE);
  const sparse = memories.make(17, 40);
  new Uint8Array(sparse.buffer)[5] = 1;
  memories.give(sparse);
  const foreign = new WebAssembly.Memory({ initial: 1 });
  new Uint8Array(foreign.buffer).fill(1);
  memories.give(foreign);
  used(memories, 33, 40);
  expect(memories.sizeBytes).toBe(0);
  // To make one takes as long as to clear this much.
  const small = memories.make(16, 40);
  memories.give(small);
  expect(memories.sizeBytes).toBe(16 * PAGE);
});

test('MemoryPool drops the oldest beyond its limit, and what nobody asked for when idle', () => {
  const memories = pool(8 * PAGE);
  used(memories, 4, 10);
  used(memories, 3, 10);
  for (const _ of memories.prewarm(4 * PAGE, 10));
  expect(memories.sizeBytes).toBe(7 * PAGE);
  memories.dropIdle();
  expect(memories.sizeBytes).toBe(4 * PAGE);
});
