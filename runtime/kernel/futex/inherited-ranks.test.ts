// What a thread inherits by the locks that it holds: examples, and a random history against the ranks computed from nothing.

import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import { FUTEX_OWNER_DIED, FUTEX_TID_MASK, FutexOp } from '../../../abi/futex.ts';
import { SchedPolicy } from '../../../abi/scheduling.ts';
import { PARKED, ThreadFixture } from '../testing/thread-fixture.ts';
import type { Thread } from '../thread.ts';
import { effectiveRanks } from './effective-ranks.ts';

const { FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_UNLOCK_PI, FUTEX_WAIT, FUTEX_WAKE } = FutexOp;
const { FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI } = FutexOp;
const A = 2048;
const B = 2052;
const CONDITION = 2056;

class RankFixture extends ThreadFixture {
  /** A thread of SCHED_FIFO with that priority; 0: an ordinary one. */
  withPriority(priority: number): Thread {
    const thread = this.spawn();
    this.set(thread, priority);
    return thread;
  }

  set(thread: Thread, priority: number): void {
    const policy = priority === 0 ? SchedPolicy.SCHED_OTHER : SchedPolicy.SCHED_FIFO;
    expect(this.as(this.main, 'sched_setscheduler', thread.tid, policy, priority)).toBe(0);
  }

  lock(thread: Thread, address: number) {
    return this.futex(thread, address, FUTEX_LOCK_PI, 0);
  }

  unlock(thread: Thread, address: number) {
    return this.futex(thread, address, FUTEX_UNLOCK_PI, 0);
  }

  /** Threads of the queue at a place, in order. */
  waitersAt(address: number): number[] {
    return this.kernel.futexes.save().flatMap((queue) => {
      return queue.address === address ? queue.waiters.map(({ tid }) => tid) : [];
    });
  }
}

/** `low` has A, `middle` has B and waits for A, `high` waits for B. */
function chain(): { fixture: RankFixture; low: Thread; middle: Thread; high: Thread } {
  const fixture = new RankFixture();
  const [low, middle, high] = [fixture.withPriority(0), fixture.withPriority(10), fixture.withPriority(30)];
  expect(fixture.lock(low, A)).toBe(0);
  expect(fixture.lock(middle, B)).toBe(0);
  expect(fixture.lock(middle, A)).toBe(PARKED);
  expect(fixture.lock(high, B)).toBe(PARKED);
  return { fixture, low, middle, high };
}

describe('F09 the owner of a lock has the rank of the highest that waits for it', () => {
  test('over two locks, until it unlocks', () => {
    const { fixture, low, middle, high } = chain();
    expect([low.rank, middle.rank, high.rank]).toEqual([30, 30, 30]);
    expect(low.scheduling.priority).toBe(0);
    expect(fixture.unlock(low, A)).toBe(0);
    expect([low.rank, middle.rank]).toEqual([0, 30]);
    expect(fixture.kernel.scheduler.inOrder()).toEqual([middle, low, fixture.main]);
    expect(fixture.woken()).toEqual([[middle.tid, 0]]);
    expect(fixture.unlock(middle, B)).toBe(0);
    expect([middle.rank, high.rank]).toEqual([10, 30]);
    expect(fixture.woken()).toEqual([[high.tid, 0]]);
  });

  it('F09 and so it is in a resumed machine', () => {
    const { fixture, low, middle, high } = chain();
    const state = fixture.kernel.save();
    fixture.resume();
    expect(fixture.kernel.save()).toEqual(state);
    const [a, b, c] = [low, middle, high].map(({ tid }) => fixture.thread(tid)) as [Thread, Thread, Thread];
    expect([a.rank, b.rank, c.rank]).toEqual([30, 30, 30]);
    expect(fixture.unlock(a, A)).toBe(0);
    expect([a.rank, b.rank]).toEqual([0, 30]);
  });

  test('another priority of a waiter changes its place, and all owners before it', () => {
    const { fixture, low, middle, high } = chain();
    fixture.set(high, 50);
    expect([low.rank, middle.rank]).toEqual([50, 50]);
    fixture.set(high, 5);
    expect([low.rank, middle.rank]).toEqual([10, 10]);
    fixture.set(low, 40);
    expect(low.rank).toBe(40);
    const other = fixture.withPriority(20);
    fixture.lock(other, A);
    expect(fixture.waitersAt(A)).toEqual([other.tid, middle.tid]);
    fixture.set(high, 20);
    expect(fixture.waitersAt(A)).toEqual([other.tid, middle.tid]);
    fixture.set(high, 21);
    expect(fixture.waitersAt(A)).toEqual([middle.tid, other.tid]);
  });

  test('a timeout takes back what was lent, and runs before the one that it was lent to', () => {
    const { fixture, low, middle, high } = chain();
    fixture.set(high, 10);
    const timeout = fixture.kernel.clock.nowNs() + 1n;
    const brief = fixture.withPriority(60);
    fixture.futex(brief, A, FUTEX_LOCK_PI2, 0, { timeout });
    expect([low.rank, fixture.kernel.scheduler.next()]).toEqual([60, low]);
    fixture.clock.advance(1n);
    fixture.kernel.scheduler.expire(fixture.kernel.clock.nowNs());
    expect(fixture.kernel.scheduler.next()).toBe(brief);
    expect(fixture.woken()).toEqual([[brief.tid, Errno.ETIMEDOUT]]);
    expect([low.rank, middle.rank]).toEqual([10, 10]);
  });

  test('a waiter that ends takes it back; an owner that ends leaves the lock to the highest', () => {
    const { fixture, low, middle, high } = chain();
    fixture.kernel.tree.endThread(high);
    expect([low.rank, middle.rank]).toEqual([10, 10]);
    const highest = fixture.withPriority(40);
    fixture.lock(highest, A);
    fixture.kernel.tree.endThread(low);
    expect(fixture.word(A) & FUTEX_TID_MASK).toBe(highest.tid);
    expect(fixture.word(A) & FUTEX_OWNER_DIED).not.toBe(0);
    expect([highest.rank, middle.rank]).toEqual([40, 10]);
  });

  test('who is moved to a lock lends its priority to the owner', () => {
    const fixture = new RankFixture();
    const owner = fixture.withPriority(0);
    fixture.lock(owner, A);
    const [low, high] = [fixture.withPriority(10), fixture.withPriority(20)];
    for (const thread of [low, high]) {
      expect(fixture.futex(thread, CONDITION, FUTEX_WAIT_REQUEUE_PI, 0, { addr2: A })).toBe(PARKED);
    }
    expect(owner.rank).toBe(0);
    fixture.futex(fixture.main, CONDITION, FUTEX_CMP_REQUEUE_PI, 1, { timeout: 0n, addr2: A, value3: 0 });
    expect([owner.rank, fixture.waitersAt(A), fixture.waitersAt(CONDITION)]).toEqual([20, [high.tid], [low.tid]]);
  });

  test('EDEADLK lends nothing; a plain futex lends nothing either, and wakes the highest first', () => {
    const { fixture, low, high } = chain();
    expect(fixture.lock(low, B)).toBe(Errno.EDEADLK);
    expect(low.rank).toBe(30);
    const [one, two, three] = [fixture.withPriority(1), fixture.withPriority(2), fixture.withPriority(2)];
    for (const thread of [one, two, three]) fixture.futex(thread, CONDITION, FUTEX_WAIT, 0);
    fixture.futex(fixture.main, CONDITION, FUTEX_WAKE, 2);
    expect(fixture.woken()).toEqual([
      [two.tid, 0],
      [three.tid, 0],
    ]);
    expect(high.rank).toBe(30);
  });

  test('a record whose waiters are not ordered by rank is refused', () => {
    const fixture = new RankFixture();
    fixture.lock(fixture.withPriority(0), A);
    for (const priority of [10, 20]) fixture.lock(fixture.withPriority(priority), A);
    const state = fixture.kernel.save();
    const [queue] = state.futexes;
    const reversed = [{ ...queue!, waiters: queue!.waiters.toReversed() }];
    expect(() => fixture.restore({ ...state, futexes: reversed })).toThrow('futexes[0].waiters');
  });

  test('2,000 waiters of one priority, and one above', () => {
    const fixture = new RankFixture();
    const owner = fixture.withPriority(0);
    fixture.lock(owner, A);
    fixture.kernel.futexes.setScheduling(fixture.main, { policy: SchedPolicy.SCHED_FIFO, priority: 5, nice: 0 });
    const waiters = Array.from({ length: 2000 }, () => fixture.spawn());
    for (const thread of waiters) fixture.lock(thread, A);
    const highest = fixture.spawn();
    fixture.set(highest, 6);
    fixture.lock(highest, A);
    expect(owner.rank).toBe(6);
    expect(fixture.waitersAt(A)).toEqual([highest, ...waiters].map(({ tid }) => tid));
  });
});

const THREADS = 6;
const ADDRESSES = [A, B];
const operation = fc.record({
  what: fc.oneof(
    { weight: 20, arbitrary: fc.constant('lock') },
    { weight: 12, arbitrary: fc.constantFrom('unlock', 'set', 'time') },
    { weight: 1, arbitrary: fc.constantFrom('end', 'resume') },
  ),
  which: fc.nat(THREADS - 1),
  address: fc.constantFrom(...ADDRESSES),
  priority: fc.nat(5),
});

test('after any history the ranks and the orders are those that the record has from nothing', () => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 40, maxLength: 100 }), (operations) => {
      const fixture = new RankFixture();
      const tids = Array.from({ length: THREADS }, (_, k) => fixture.withPriority(k).tid);
      for (const { what, which, address, priority } of operations) {
        const { kernel } = fixture;
        const thread = fixture.thread(tids[which]!);
        if (thread === undefined) continue;
        if (what === 'resume') fixture.resume();
        else if (what === 'set') fixture.set(thread, priority);
        else if (what === 'end') kernel.tree.endThread(thread);
        else if (what === 'time') fixture.clock.advance(1n);
        else if (!thread.isBlocked && what === 'unlock') fixture.unlock(thread, address);
        else if (!thread.isBlocked && what === 'lock') {
          const timeout = priority === 0 ? -1n : kernel.clock.nowNs() + BigInt(priority);
          fixture.futex(thread, address, FUTEX_LOCK_PI2, 0, { timeout });
        }
        fixture.kernel.scheduler.expire(fixture.kernel.clock.nowNs());
        fixture.woken();
        expectConsistent(fixture);
      }
    }),
    { numRuns: 60 },
  );
});

function expectConsistent({ kernel }: RankFixture): void {
  const state = kernel.save();
  const ranks = effectiveRanks(state.processes, state.futexes);
  for (const [tid, thread] of kernel.init.threads) expect(thread.rank).toBe(ranks.get(tid));
  const descending = (list: readonly number[]): void => {
    expect(list).toEqual(list.toSorted((a, b) => ranks.get(b)! - ranks.get(a)!));
  };
  descending(state.ready);
  for (const { waiters } of state.futexes) descending(waiters.map(({ tid }) => tid));
}
