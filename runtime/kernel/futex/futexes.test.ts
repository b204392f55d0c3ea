import { describe, expect, it, test } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import { FUTEX_CLOCK_REALTIME, FUTEX_PRIVATE_FLAG, FutexCompare, FutexOp, FutexWakeOp } from '../../../abi/futex.ts';
import { PARKED, ThreadFixture } from '../testing/thread-fixture.ts';
import type { Thread } from '../thread.ts';

const { FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET } = FutexOp;
const { FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP } = FutexOp;
const SECOND = 1_000_000_000n;
const A = 2048;
const B = 2052;

function waiting(fixture: ThreadFixture, count: number, addr = A): Thread[] {
  return Array.from({ length: count }, () => {
    const thread = fixture.spawn();
    expect(fixture.futex(thread, addr, FUTEX_WAIT, 0)).toBe(PARKED);
    return thread;
  });
}

const tids = (threads: readonly Thread[]): number[] => threads.map(({ tid }) => tid);
const woken = (fixture: ThreadFixture): number[] => fixture.woken().map(([tid]) => tid);

describe('futex(2) waits and wakes', () => {
  test('EAGAIN for another value, EINVAL misaligned, EFAULT out of memory, ENOSYS for what there is not', () => {
    const fixture = new ThreadFixture();
    const { main } = fixture;
    fixture.setWord(A, 7);
    expect(fixture.futex(main, A, FUTEX_WAIT, 0)).toBe(Errno.EAGAIN);
    expect(fixture.futex(main, A + 2, FUTEX_WAIT, 7)).toBe(Errno.EINVAL);
    expect(fixture.futex(main, A + 1, FUTEX_WAKE, 1)).toBe(Errno.EINVAL);
    expect(fixture.futex(main, 131_072, FUTEX_WAIT, 0)).toBe(Errno.EFAULT);
    expect(fixture.futex(main, -4, FUTEX_WAKE, 1)).toBe(Errno.EFAULT);
    expect(fixture.futex(main, A, FUTEX_WAIT, 7, { timeout: -2n })).toBe(Errno.EINVAL);
    expect(fixture.futex(main, A, FUTEX_WAIT_BITSET, 7, { value3: 0 })).toBe(Errno.EINVAL);
    expect(fixture.futex(main, A, FUTEX_WAKE_BITSET, 1, { value3: 0 })).toBe(Errno.EINVAL);
    expect(fixture.futex(main, A, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1)).toBe(Errno.ENOSYS);
    expect(fixture.kernel.futexes.tables.size).toBe(0);
  });

  it('F16 an operation that wvm lacks answers ENOSYS before and after a resume', () => {
    const fixture = new ThreadFixture();
    for (const op of [2, 14, 127]) expect(fixture.futex(fixture.main, A, op, 0)).toBe(Errno.ENOSYS);
    fixture.resume();
    for (const op of [2, 14, 127]) expect(fixture.futex(fixture.main, A, op, 0)).toBe(Errno.ENOSYS);
  });

  test('wakes are first come first served, and one is woken even if none was wanted', () => {
    const fixture = new ThreadFixture();
    const threads = waiting(fixture, 4);
    expect(fixture.futex(fixture.main, A, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 2)).toBe(0);
    expect(fixture.count).toBe(2);
    expect(fixture.woken()).toEqual(tids(threads.slice(0, 2)).map((tid) => [tid, 0]));
    fixture.futex(fixture.main, A, FUTEX_WAKE, 0);
    expect(fixture.count).toBe(1);
    expect(woken(fixture)).toEqual(tids(threads.slice(2, 3)));
    fixture.futex(fixture.main, A, FUTEX_WAKE, 0x7fff_ffff);
    expect(fixture.count).toBe(1);
    fixture.futex(fixture.main, A, FUTEX_WAKE, 1);
    expect(fixture.count).toBe(0);
  });

  test('a relative timeout counts from the first try; ETIMEDOUT leaves no trace', () => {
    const fixture = new ThreadFixture();
    const thread = fixture.spawn();
    expect(fixture.futex(thread, A, FUTEX_WAIT, 0, { timeout: 2n * SECOND })).toBe(PARKED);
    fixture.clock.advance(SECOND);
    fixture.resume();
    expect(fixture.pass(SECOND)).toEqual([[thread.tid, Errno.ETIMEDOUT]]);
    expect(fixture.kernel.futexes.waiting.size).toBe(0);
    expect(fixture.futex(fixture.main, A, FUTEX_WAIT, 0, { timeout: 0n })).toBe(Errno.ETIMEDOUT);
    expect(fixture.futex(fixture.main, A, FUTEX_WAIT, 1, { timeout: 0n })).toBe(Errno.EAGAIN);
  });

  test('absolute timeouts are of the monotonic clock, or by flag of the real-time one', () => {
    const fixture = new ThreadFixture();
    const [one, two] = [fixture.spawn(), fixture.spawn()];
    const { clock } = fixture.kernel;
    const options = { value3: -1 };
    fixture.futex(one, A, FUTEX_WAIT_BITSET, 0, { ...options, timeout: clock.nowNs() + SECOND });
    const op = FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME;
    fixture.futex(two, A, op, 0, { ...options, timeout: clock.realtimeNs() + 3n * SECOND });
    expect(fixture.pass(SECOND)).toEqual([[one.tid, Errno.ETIMEDOUT]]);
    expect(fixture.pass(SECOND)).toEqual([]);
    expect(fixture.pass(SECOND)).toEqual([[two.tid, Errno.ETIMEDOUT]]);
  });

  test('a bitset wakes whose bits it shares, and passes the others by', () => {
    const fixture = new ThreadFixture();
    const threads = [1, 2, 3].map((value3) => {
      const thread = fixture.spawn();
      fixture.futex(thread, A, FUTEX_WAIT_BITSET, 0, { value3 });
      return thread;
    });
    fixture.futex(fixture.main, A, FUTEX_WAKE_BITSET, 9, { value3: 2 });
    expect(fixture.count).toBe(2);
    expect(woken(fixture)).toEqual(tids(threads.slice(1)));
    fixture.futex(fixture.main, A, FUTEX_WAKE, 9);
    expect(fixture.count).toBe(1);
  });

  test('a wait that a signal interrupts is in no queue while the handler runs, and begins anew', () => {
    const fixture = new ThreadFixture();
    const [thread] = waiting(fixture, 1) as [Thread];
    thread.isInterrupted = true;
    expect(fixture.again(thread)).toBe(PARKED);
    thread.isInterrupted = false;
    fixture.futex(fixture.main, A, FUTEX_WAKE, 1);
    expect(fixture.count).toBe(0);
    // SA_RESTART: made again. The word has not changed: it waits again; or it has.
    expect(fixture.again(thread)).toBe(PARKED);
    fixture.futex(fixture.main, A, FUTEX_WAKE, 1);
    expect(fixture.count).toBe(1);
    expect(woken(fixture)).toEqual([thread.tid]);
    fixture.futex(thread, A, FUTEX_WAIT, 0);
    thread.isInterrupted = true;
    fixture.again(thread);
    thread.isInterrupted = false;
    fixture.setWord(A, 1);
    expect(fixture.again(thread)).toBe(Errno.EAGAIN);
  });

  test('a wake that comes before the signal is not lost', () => {
    const fixture = new ThreadFixture();
    const [thread] = waiting(fixture, 1) as [Thread];
    fixture.futex(fixture.main, A, FUTEX_WAKE, 1);
    thread.isInterrupted = true;
    expect(fixture.again(thread)).toBe(0);
  });
});

describe('futex(2) requeues', () => {
  test('some are woken, some moved behind those of the other futex, the rest stays', () => {
    const fixture = new ThreadFixture();
    const first = waiting(fixture, 1, B);
    const threads = waiting(fixture, 5);
    expect(fixture.futex(fixture.main, A, FUTEX_REQUEUE, 1, { timeout: 2n, addr2: B })).toBe(0);
    expect(fixture.count).toBe(3);
    expect(woken(fixture)).toEqual([threads[0]!.tid]);
    fixture.futex(fixture.main, B, FUTEX_WAKE, 9);
    expect(woken(fixture)).toEqual(tids([...first, ...threads.slice(1, 3)]));
    fixture.futex(fixture.main, A, FUTEX_WAKE, 9);
    expect(woken(fixture)).toEqual(tids(threads.slice(3)));
  });

  test('CMP_REQUEUE looks at the word first; counts below 0 are refused', () => {
    const fixture = new ThreadFixture();
    waiting(fixture, 1);
    const options = { timeout: 1n, addr2: B };
    expect(fixture.futex(fixture.main, A, FUTEX_CMP_REQUEUE, 0, { ...options, value3: 1 })).toBe(Errno.EAGAIN);
    expect(fixture.futex(fixture.main, A, FUTEX_REQUEUE, -1, options)).toBe(Errno.EINVAL);
    expect(fixture.futex(fixture.main, A, FUTEX_REQUEUE, 0, { ...options, timeout: -1n })).toBe(Errno.EINVAL);
    expect(fixture.futex(fixture.main, A, FUTEX_CMP_REQUEUE, 0, { ...options, value3: 0 })).toBe(0);
    expect(fixture.count).toBe(1);
    fixture.futex(fixture.main, B, FUTEX_WAKE, 1);
    expect(fixture.count).toBe(1);
  });

  test('onto the same futex nobody moves', () => {
    const fixture = new ThreadFixture();
    const threads = waiting(fixture, 3);
    fixture.futex(fixture.main, A, FUTEX_REQUEUE, 0, { timeout: 1n, addr2: A });
    expect(fixture.count).toBe(1);
    fixture.futex(fixture.main, A, FUTEX_WAKE, 9);
    expect(woken(fixture)).toEqual(tids(threads));
  });

  test('a moved waiter still times out, out of its new queue', () => {
    const fixture = new ThreadFixture();
    const thread = fixture.spawn();
    fixture.futex(thread, A, FUTEX_WAIT, 0, { timeout: SECOND });
    fixture.futex(fixture.main, A, FUTEX_REQUEUE, 0, { timeout: 1n, addr2: B });
    fixture.resume();
    expect(fixture.pass(SECOND)).toEqual([[thread.tid, Errno.ETIMEDOUT]]);
    expect(fixture.kernel.futexes.tables.size).toBe(0);
  });
});

describe('FUTEX_WAKE_OP', () => {
  const encode = (op: number, operand: number, compare: number, limit: number): number =>
    (op << 28) | (compare << 24) | ((operand & 0xfff) << 12) | (limit & 0xfff);
  const { SET, ADD, OR, ANDN, XOR } = FutexWakeOp;
  const { EQ, NE, LT, LE, GT, GE } = FutexCompare;

  test.each([
    ['SET', SET, 12, 5, 12],
    ['ADD', ADD, -1, 5, 4],
    ['OR', OR, 10, 5, 15],
    ['ANDN', ANDN, 4, 5, 1],
    ['XOR', XOR, 1, 5, 4],
    ['OR of a shifted 1', OR | 8, 31, 5, 0x8000_0005],
  ])('%s', (_, op, operand, old, expected) => {
    const fixture = new ThreadFixture();
    fixture.setWord(B, old);
    const value3 = encode(op, operand, EQ, 5);
    expect(fixture.futex(fixture.main, A, FUTEX_WAKE_OP, 1, { addr2: B, timeout: 1n, value3 })).toBe(0);
    expect(fixture.word(B)).toBe(expected);
  });

  test.each([
    ['EQ', EQ, [0, 1, 0]],
    ['NE', NE, [1, 0, 1]],
    ['LT', LT, [1, 0, 0]],
    ['LE', LE, [1, 1, 0]],
    ['GT', GT, [0, 0, 1]],
    ['GE', GE, [0, 1, 1]],
  ])('%s compares the old value, signed', (_, compare, expected) => {
    const counts = [-2, -1, 0].map((old) => {
      const fixture = new ThreadFixture();
      waiting(fixture, 1, B);
      fixture.setWord(B, old);
      const value3 = encode(SET, 0, compare, -1);
      fixture.futex(fixture.main, A, FUTEX_WAKE_OP, 1, { addr2: B, timeout: 1n, value3 });
      return fixture.count;
    });
    expect(counts).toEqual(expected);
  });

  test('wakes at the first futex always, and counts both', () => {
    const fixture = new ThreadFixture();
    waiting(fixture, 2);
    waiting(fixture, 3, B);
    const value3 = encode(ADD, 1, EQ, 0);
    fixture.futex(fixture.main, A, FUTEX_WAKE_OP, 1, { addr2: B, timeout: 2n, value3 });
    expect(fixture.count).toBe(3);
    const unknown = encode(7, 0, EQ, 0);
    const options = { addr2: B, timeout: 1n, value3: unknown };
    expect(fixture.futex(fixture.main, A, FUTEX_WAKE_OP, 1, options)).toBe(Errno.ENOSYS);
    expect(fixture.word(B)).toBe(1);
  });
});

describe('state of the queues', () => {
  it('F04 the order of waiters survives a resume exactly, and a record of it is the same again', () => {
    const fixture = new ThreadFixture();
    const threads = waiting(fixture, 5);
    // Out of the order in which the calls were parked: the second and third go behind the others by a detour.
    fixture.futex(fixture.main, A, FUTEX_REQUEUE, 0, { timeout: 3n, addr2: B });
    fixture.futex(fixture.main, B, FUTEX_REQUEUE, 0, { timeout: 3n, addr2: A });
    const order = [3, 4, 0, 1, 2].map((index) => threads[index]!.tid);
    expect(fixture.kernel.futexes.save()[0]!.waiters.map(({ tid }) => tid)).toEqual(order);
    const state = fixture.kernel.save();
    fixture.resume(state);
    expect(fixture.kernel.futexes.save()).toEqual(state.futexes);
    expect(fixture.kernel.save()).toEqual(state);
    fixture.futex(fixture.main, A, FUTEX_WAKE, 9);
    expect(woken(fixture)).toEqual(order);
  });

  test('a waiter that was woken but has not run yet keeps its result', () => {
    const fixture = new ThreadFixture();
    const [thread] = waiting(fixture, 1) as [Thread];
    fixture.futex(fixture.main, A, FUTEX_WAKE, 1);
    fixture.restore(structuredClone(fixture.kernel.save()));
    fixture.setWord(A, 5);
    expect(fixture.woken()).toEqual([[thread.tid, 0]]);
  });

  test('an ended thread is out of its queue, and an ended process leaves nothing', () => {
    const fixture = new ThreadFixture();
    const [one, two] = waiting(fixture, 2) as [Thread, Thread];
    fixture.kernel.tree.endThread(one);
    fixture.futex(fixture.main, A, FUTEX_WAKE, 9);
    expect(fixture.count).toBe(1);
    fixture.futex(two, A, FUTEX_WAIT, 0);
    const { futexes, init } = fixture.kernel;
    fixture.kernel.tree.exit(init, { status: 0 });
    expect([futexes.tables.size, futexes.waiting.size, futexes.owned.size]).toEqual([0, 0, 0]);
  });

  it('F11 refuses records that no guest could have brought about', () => {
    const fixture = new ThreadFixture();
    const [one] = waiting(fixture, 2) as [Thread, Thread];
    const state = fixture.kernel.save();
    const refuses = (change: (queue: Record<string, unknown>, all: unknown[]) => void, what: RegExp): void => {
      const hostile = structuredClone(state);
      change(hostile.futexes[0] as unknown as Record<string, unknown>, hostile.futexes as unknown as unknown[]);
      expect(() => fixture.restore(hostile)).toThrow(what);
    };
    const waiter = { tid: one.tid, bitset: 1, lockAddress: null };
    refuses((queue) => Object.assign(queue, { pid: 9 }), /futexes\[0\].waiters: \d+ is no thread of process 9/);
    refuses((queue) => Object.assign(queue, { address: 3 }), /futexes\[0\].address: 3 is not aligned/);
    refuses((queue) => Object.assign(queue, { address: 2 ** 41 }), /address/);
    refuses((queue) => Object.assign(queue, { memory: -1 }), /memory/);
    refuses((queue) => Object.assign(queue, { owner: 77 }), /owner: 77 is no thread/);
    refuses((queue) => Object.assign(queue, { owner: one.tid }), /waits for a lock of its own/);
    refuses((queue) => Object.assign(queue, { waiters: [] }), /nobody waits/);
    refuses((queue) => Object.assign(queue, { waiters: [waiter, waiter] }), /waits twice/);
    refuses((queue) => Object.assign(queue, { waiters: [{ ...waiter, tid: 1 }] }), /is in no call that waits/);
    refuses((queue) => Object.assign(queue, { waiters: [{ ...waiter, bitset: 0 }] }), /from 1 to/);
    refuses((queue) => Object.assign(queue, { waiters: [{ ...waiter, lockAddress: 6 }] }), /not aligned/);
    refuses((queue, all) => all.push(structuredClone(queue)), /a second queue of that place/);
    refuses((_, all) => all.splice(0, 1, null), /not a record/);
  });

  test('10,000 waiters are woken in their order', () => {
    const fixture = new ThreadFixture();
    const threads = Array.from({ length: 10_000 }, () => fixture.spawn());
    const { futexes } = fixture.kernel;
    const queue = futexes.plainQueue(fixture.kernel.init, 0, A);
    for (const thread of threads) futexes.add(queue, thread, 1, null);
    for (const thread of threads) {
      expect(queue.first!.thread).toBe(thread);
      futexes.wake(fixture.kernel.init, 0, A, 1, 1);
    }
    expect(futexes.tables.size).toBe(0);
  });
});
