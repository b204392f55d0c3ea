import { describe, expect, it, test } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import { FUTEX_CLOCK_REALTIME, FUTEX_OWNER_DIED, FUTEX_WAITERS, FutexOp } from '../../../abi/futex.ts';
import { PARKED, ThreadFixture } from '../testing/thread-fixture.ts';
import type { Thread } from '../thread.ts';

const { FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_TRYLOCK_PI, FUTEX_UNLOCK_PI, FUTEX_WAIT, FUTEX_WAKE } = FutexOp;
const { FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI, FUTEX_REQUEUE } = FutexOp;
const SECOND = 1_000_000_000n;
const A = 2048;
const B = 2052;
const CONDITION = 2056;

/** WAITERS and the tid, as it stands in the word. */
function held(thread: Thread, flags: number = FUTEX_WAITERS): number {
  return (flags | thread.tid) >>> 0;
}

/** A lock that the first thread has and the others wait for. */
function contended(count: number): { fixture: ThreadFixture; owner: Thread; waiters: Thread[] } {
  const fixture = new ThreadFixture();
  const owner = fixture.spawn();
  expect(fixture.futex(owner, A, FUTEX_LOCK_PI, 0)).toBe(0);
  const waiters = Array.from({ length: count }, () => {
    const thread = fixture.spawn();
    expect(fixture.futex(thread, A, FUTEX_LOCK_PI, 0)).toBe(PARKED);
    return thread;
  });
  return { fixture, owner, waiters };
}

describe('priority-inheriting locks', () => {
  test('a free lock is taken and given back; one that nobody waits for has no state', () => {
    const { fixture, owner } = contended(0);
    expect(fixture.word(A)).toBe(owner.tid);
    expect(fixture.kernel.futexes.save()).toEqual([]);
    expect(fixture.futex(owner, A, FUTEX_LOCK_PI, 0)).toBe(Errno.EDEADLK);
    expect(fixture.futex(fixture.main, A, FUTEX_TRYLOCK_PI, 0)).toBe(Errno.EAGAIN);
    expect(fixture.futex(fixture.main, A, FUTEX_UNLOCK_PI, 0)).toBe(Errno.EPERM);
    expect(fixture.futex(owner, A, FUTEX_UNLOCK_PI, 0)).toBe(0);
    expect(fixture.word(A)).toBe(0);
    expect(fixture.futex(fixture.main, A, FUTEX_TRYLOCK_PI, 0)).toBe(0);
    expect(fixture.word(A)).toBe(1);
  });

  test('an unlock hands the lock to the first waiter before that has run', () => {
    const { fixture, owner, waiters } = contended(2);
    const [first, second] = waiters as [Thread, Thread];
    expect(fixture.word(A)).toBe(held(owner));
    expect(fixture.futex(owner, A, FUTEX_UNLOCK_PI, 0)).toBe(0);
    expect(fixture.word(A)).toBe(held(first));
    expect(fixture.futex(owner, A, FUTEX_TRYLOCK_PI, 0)).toBe(Errno.EAGAIN);
    expect(fixture.woken()).toEqual([[first.tid, 0]]);
    expect(fixture.futex(first, A, FUTEX_UNLOCK_PI, 0)).toBe(0);
    expect(fixture.word(A)).toBe(held(second));
    expect(fixture.woken()).toEqual([[second.tid, 0]]);
    expect(fixture.futex(second, A, FUTEX_UNLOCK_PI, 0)).toBe(0);
    expect(fixture.word(A)).toBe(0);
    expect(fixture.kernel.futexes.owned.size).toBe(0);
  });

  it('F09 owner and order of waiters go on in a resumed machine', () => {
    const { fixture, owner, waiters } = contended(2);
    const state = fixture.kernel.save();
    expect(state.futexes).toEqual([
      {
        pid: 1,
        memory: 0,
        address: A,
        owner: owner.tid,
        waiters: waiters.map(({ tid }) => ({ tid, bitset: 0xffff_ffff, lockAddress: null })),
      },
    ]);
    fixture.resume(state);
    expect(fixture.kernel.save()).toEqual(state);
    const [first, second] = waiters.map(({ tid }) => fixture.thread(tid)) as [Thread, Thread];
    expect(fixture.futex(fixture.thread(owner.tid), A, FUTEX_UNLOCK_PI, 0)).toBe(0);
    expect(fixture.woken()).toEqual([[first.tid, 0]]);
    fixture.resume();
    expect(fixture.futex(fixture.thread(first.tid), A, FUTEX_UNLOCK_PI, 0)).toBe(0);
    expect(fixture.word(A)).toBe(held(second));
  });

  test('EDEADLK for a circle over two locks, also after a resume', () => {
    const { fixture, owner, waiters } = contended(1);
    const [waiter] = waiters as [Thread];
    fixture.setWord(B, waiter.tid);
    expect(fixture.futex(owner, B, FUTEX_LOCK_PI, 0)).toBe(Errno.EDEADLK);
    fixture.resume();
    expect(fixture.futex(fixture.thread(owner.tid), B, FUTEX_LOCK_PI, 0)).toBe(Errno.EDEADLK);
    expect(fixture.word(B)).toBe(waiter.tid);
  });

  test('ESRCH for an owner that there is not; EINVAL when word and kernel contradict each other', () => {
    const { fixture, owner } = contended(1);
    fixture.setWord(B, 4711);
    expect(fixture.futex(fixture.main, B, FUTEX_LOCK_PI, 0)).toBe(Errno.ESRCH);
    fixture.setWord(A, held(fixture.main));
    const third = fixture.spawn();
    expect(fixture.futex(third, A, FUTEX_LOCK_PI, 0)).toBe(Errno.EINVAL);
    expect(fixture.futex(fixture.main, A, FUTEX_UNLOCK_PI, 0)).toBe(Errno.EINVAL);
    fixture.setWord(A, held(owner));
    expect(fixture.futex(owner, A, FUTEX_UNLOCK_PI, 0)).toBe(0);
  });

  test('plain calls at a lock that is waited for answer EINVAL, and locks at a plain wait', () => {
    const { fixture, owner } = contended(1);
    expect(fixture.futex(owner, A, FUTEX_WAKE, 1)).toBe(Errno.EINVAL);
    expect(fixture.futex(owner, A, FUTEX_REQUEUE, 1, { timeout: 1n, addr2: B })).toBe(Errno.EINVAL);
    const plain = fixture.spawn();
    fixture.futex(plain, B, FUTEX_WAIT, 0);
    expect(fixture.futex(owner, B, FUTEX_LOCK_PI, 0)).toBe(Errno.EINVAL);
  });

  test('timeouts are absolute: LOCK_PI by the real-time clock, LOCK_PI2 by the monotonic one unless told', () => {
    const { fixture } = contended(0);
    const { clock } = fixture.kernel;
    const [one, two, three] = [fixture.spawn(), fixture.spawn(), fixture.spawn()];
    fixture.futex(one, A, FUTEX_LOCK_PI, 0, { timeout: clock.realtimeNs() + SECOND });
    fixture.futex(two, A, FUTEX_LOCK_PI2, 0, { timeout: clock.nowNs() + 2n * SECOND });
    const timeout = clock.realtimeNs() + 3n * SECOND;
    fixture.futex(three, A, FUTEX_LOCK_PI2 | FUTEX_CLOCK_REALTIME, 0, { timeout });
    expect(fixture.futex(fixture.main, A, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0)).toBe(Errno.ENOSYS);
    for (const thread of [one, two, three]) expect(fixture.pass(SECOND)).toEqual([[thread.tid, Errno.ETIMEDOUT]]);
    expect(fixture.kernel.futexes.save()).toEqual([]);
  });

  test('an owner that ends hands its locks over, and says so in the word', () => {
    const { fixture, owner, waiters } = contended(2);
    const [first, second] = waiters as [Thread, Thread];
    fixture.kernel.tree.endThread(owner);
    expect(fixture.word(A)).toBe(held(first, FUTEX_WAITERS | FUTEX_OWNER_DIED));
    expect(fixture.woken()).toEqual([[first.tid, 0]]);
    expect(fixture.kernel.futexes.save()[0]).toMatchObject({ owner: first.tid, waiters: [{ tid: second.tid }] });
  });

  test('FUTEX_OWNER_DIED of a lock that nobody waited for stays for the next owner', () => {
    const fixture = new ThreadFixture();
    fixture.setWord(A, FUTEX_OWNER_DIED);
    expect(fixture.futex(fixture.main, A, FUTEX_LOCK_PI, 0)).toBe(0);
    expect(fixture.word(A)).toBe(held(fixture.main, FUTEX_OWNER_DIED));
  });
});

describe('requeue to a priority-inheriting lock', () => {
  function waitForLock(fixture: ThreadFixture): Thread {
    const thread = fixture.spawn();
    expect(fixture.futex(thread, CONDITION, FUTEX_WAIT_REQUEUE_PI, 0, { addr2: A })).toBe(PARKED);
    return thread;
  }

  test('the first waiter gets a free lock, the others wait for it', () => {
    const fixture = new ThreadFixture();
    const [one, two, three] = [waitForLock(fixture), waitForLock(fixture), waitForLock(fixture)];
    const options = { timeout: 1n, addr2: A, value3: 0 };
    expect(fixture.futex(fixture.main, CONDITION, FUTEX_CMP_REQUEUE_PI, 1, options)).toBe(0);
    expect(fixture.count).toBe(2);
    expect(fixture.word(A)).toBe(held(one));
    expect(fixture.woken()).toEqual([[one.tid, 0]]);
    fixture.resume();
    expect(fixture.futex(fixture.thread(one.tid), A, FUTEX_UNLOCK_PI, 0)).toBe(0);
    expect(fixture.woken()).toEqual([[two.tid, 0]]);
    expect(fixture.kernel.futexes.save()).toMatchObject([
      { address: CONDITION, owner: null, waiters: [{ tid: three.tid, lockAddress: A }] },
    ]);
  });

  test('while the lock is held all of them wait for its owner', () => {
    const { fixture, owner } = contended(0);
    const [one, two] = [waitForLock(fixture), waitForLock(fixture)];
    fixture.futex(owner, CONDITION, FUTEX_CMP_REQUEUE_PI, 1, { timeout: 9n, addr2: A, value3: 0 });
    expect(fixture.count).toBe(2);
    expect(fixture.woken()).toEqual([]);
    expect(fixture.word(A)).toBe(held(owner));
    fixture.futex(owner, A, FUTEX_UNLOCK_PI, 0);
    expect(fixture.woken()).toEqual([[one.tid, 0]]);
    fixture.futex(one, A, FUTEX_UNLOCK_PI, 0);
    expect(fixture.woken()).toEqual([[two.tid, 0]]);
  });

  test('EINVAL: another lock than the waiter named, more than one to wake, a plain wake; EAGAIN: another value', () => {
    const fixture = new ThreadFixture();
    waitForLock(fixture);
    const requeue = (value: number, addr2: number, value3 = 0) =>
      fixture.futex(fixture.main, CONDITION, FUTEX_CMP_REQUEUE_PI, value, { timeout: 1n, addr2, value3 });
    expect(requeue(1, B)).toBe(Errno.EINVAL);
    expect(requeue(2, A)).toBe(Errno.EINVAL);
    expect(requeue(1, CONDITION)).toBe(Errno.EINVAL);
    expect(requeue(1, A, 1)).toBe(Errno.EAGAIN);
    expect(fixture.futex(fixture.main, CONDITION, FUTEX_WAKE, 1)).toBe(Errno.EINVAL);
    expect(fixture.as(fixture.main, 'atomic.notify', 0, BigInt(CONDITION), 1)).toBe(0);
    expect(requeue(1, A)).toBe(0);
  });
});
