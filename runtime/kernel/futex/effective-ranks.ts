// The ranks of all threads of a record: each its own priority, or the highest that waits for a lock of its own, over however many
// locks. A live machine keeps them up to date step by step (futexes.ts); this is the same from nothing.

import type { ProcessState } from '../process.ts';
import type { FutexQueueState } from './futex-state.ts';

/** By tid. No thread waits for itself: checkFutexes() has seen to that. A rank can only rise, so long chains cost little. */
export function effectiveRanks(
  processes: readonly ProcessState[],
  futexes: readonly FutexQueueState[],
): ReadonlyMap<number, number> {
  const ranks = new Map<number, number>();
  for (const { threads } of processes) {
    for (const { tid, scheduling } of threads) ranks.set(tid, scheduling?.priority ?? 0);
  }
  const ownerOf = new Map<number, number>();
  for (const { owner, waiters } of futexes) {
    if (owner !== null) for (const { tid } of waiters) ownerOf.set(tid, owner);
  }
  for (const tid of ownerOf.keys()) {
    const rank = ranks.get(tid)!;
    for (let at = ownerOf.get(tid); at !== undefined && ranks.get(at)! < rank; at = ownerOf.get(at))
      ranks.set(at, rank);
  }
  return ranks;
}
