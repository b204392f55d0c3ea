// The record of the futex queues and its check. A hostile one must not make a thread wait where it has not parked itself, nor
// give locks an order of owners that never ends.

import { FUTEX_BITSET_MATCH_ANY } from '../../../abi/futex.ts';
import type { ProcessState } from '../process.ts';
import type { ThreadState } from '../thread.ts';
import { badRecord, checkArray, checkInteger, checkRecord } from '../validate.ts';

export interface FutexWaiterState {
  readonly tid: number;
  readonly bitset: number;
  /** The lock that it is to be moved to; null for other waits. */
  readonly lockAddress: number | null;
}

export interface FutexQueueState {
  readonly pid: number;
  readonly memory: number;
  readonly address: number;
  /** Tid of the holder of a priority-inheriting lock; null for plain waits. */
  readonly owner: number | null;
  readonly waiters: readonly FutexWaiterState[];
}

const ID_MAX = 2 ** 30;
const MEMORIES_MAX = 1000;
const ADDRESS_MAX = 2 ** 40 - 4;

/** Calls that park a thread in a queue. */
const WAITING_CALLS: ReadonlySet<string> = new Set(['atomic.wait32', 'atomic.wait64', 'futex_wait', 'futex']);

interface KnownThread {
  readonly pid: number;
  readonly state: ThreadState;
}

/** WVM_IMAGE_BAD_RECORD. The processes have been checked. */
export function checkFutexes(
  states: readonly FutexQueueState[],
  processes: readonly ProcessState[],
  where: string,
): void {
  const threads = new Map<number, KnownThread>();
  for (const { pid, threads: states } of processes) for (const state of states) threads.set(state.tid, { pid, state });
  checkArray(states, threads.size, where);
  const places = new Set<string>();
  const waitsFor = new Map<number, number | null>();
  for (const [index, queue] of states.entries()) {
    const at = `${where}[${index}]`;
    checkQueue(queue, threads, at);
    const place = `${queue.pid}:${queue.memory}:${queue.address}:${queue.owner === null}`;
    if (places.has(place)) badRecord(at, 'a second queue of that place');
    places.add(place);
    for (const { tid } of queue.waiters) {
      if (waitsFor.has(tid)) badRecord(`${at}.waiters`, `thread ${tid} waits twice`);
      waitsFor.set(tid, queue.owner);
    }
  }
  checkOrder(waitsFor, where);
}

/** Queues, and the list of threads that can run, are ordered by rank. `ranks`: effectiveRanks(), after checkFutexes(). */
export function checkRankOrder(tids: readonly number[], ranks: ReadonlyMap<number, number>, where: string): void {
  for (let i = 1; i < tids.length; i++) {
    if (ranks.get(tids[i]!)! > ranks.get(tids[i - 1]!)!)
      badRecord(where, `${tids[i]} has to stand before ${tids[i - 1]}`);
  }
}

function checkQueue(queue: FutexQueueState, threads: ReadonlyMap<number, KnownThread>, at: string): void {
  checkRecord(queue, at);
  checkInteger(queue.pid, 1, ID_MAX, `${at}.pid`);
  checkInteger(queue.memory, 0, MEMORIES_MAX, `${at}.memory`);
  checkAddress(queue.address, `${at}.address`);
  if (queue.owner !== null) {
    checkInteger(queue.owner, 1, ID_MAX, `${at}.owner`);
    if (threads.get(queue.owner)?.pid !== queue.pid) badRecord(`${at}.owner`, `${queue.owner} is no thread of it`);
  }
  if (checkArray(queue.waiters, threads.size, `${at}.waiters`).length === 0) badRecord(`${at}.waiters`, 'nobody waits');
  for (const waiter of queue.waiters) {
    checkRecord(waiter, `${at}.waiters`);
    const { tid, bitset, lockAddress } = waiter;
    checkInteger(tid, 1, ID_MAX, `${at}.waiters`);
    checkInteger(bitset, 1, FUTEX_BITSET_MATCH_ANY, `${at}.waiters`);
    if (lockAddress !== null) checkAddress(lockAddress, `${at}.waiters`);
    const thread = threads.get(tid);
    if (thread?.pid !== queue.pid) badRecord(`${at}.waiters`, `${tid} is no thread of process ${queue.pid}`);
    const { call, restart } = thread.state;
    if (call === null || !WAITING_CALLS.has(call.name) || restart === null || restart.result !== undefined) {
      badRecord(`${at}.waiters`, `thread ${tid} is in no call that waits`);
    }
  }
}

function checkAddress(address: number, where: string): void {
  checkInteger(address, 0, ADDRESS_MAX, where);
  if (address % 4 !== 0) badRecord(where, `${address} is not aligned`);
}

/** No thread waits, over however many locks, for itself. */
function checkOrder(waitsFor: ReadonlyMap<number, number | null>, where: string): void {
  const seenFrom = new Map<number, number>();
  for (const start of waitsFor.keys()) {
    for (let tid: number | null | undefined = start; typeof tid === 'number'; tid = waitsFor.get(tid)) {
      const from = seenFrom.get(tid);
      if (from === start) badRecord(where, `thread ${tid} waits for a lock of its own`);
      if (from !== undefined) break;
      seenFrom.set(tid, start);
    }
  }
}
