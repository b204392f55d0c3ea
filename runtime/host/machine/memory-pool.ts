// The memories that machines of this process hand on to each other.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { MemoryPool } from '../../engine/memory-pool.ts';
import { imagePorts } from '../images/image-ports.ts';

const LIMIT_BYTES: number = 256 << 20;
/** What nobody has used for so long goes back to the system, unless it was asked for in advance. */
const IDLE_MS = 30_000;
/** Work on a memory between two turns of the event loop. */
const PREWARM_SLICE_MS = 4;

let shared: MemoryPool | undefined;
let idleTimer: NodeJS.Timeout | undefined;

export function memoryPool(): MemoryPool {
  shared ??= new MemoryPool(imagePorts().scanner, LIMIT_BYTES);
  return shared;
}

/** Hands on the memories of a machine that has ended, or of a process whose memory nobody has seen (`hasViews` false). */
export function recycle(memories: readonly object[], hasViews = true): void {
  for (const memory of memories) memoryPool().give(memory, hasViews);
  clearTimeout(idleTimer);
  idleTimer = setTimeout(() => memoryPool().dropIdle(), IDLE_MS).unref();
}

/** Makes a memory of this size ready, between turns of the event loop. */
export async function prewarm(sizeBytes: number, maximumPages: number): Promise<void> {
  // What the pool would not keep is not worth making.
  if (sizeBytes <= 0 || sizeBytes > LIMIT_BYTES) return;
  const work = memoryPool().prewarm(sizeBytes, maximumPages);
  for (;;) {
    const endMs = performance.now() + PREWARM_SLICE_MS;
    while (performance.now() < endMs) if (work.next().done) return;
    await nextTurn();
  }
}
