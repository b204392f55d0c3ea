import { describe, expect, it, test } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import { FUTEX_OWNER_DIED, FUTEX_WAITERS, FutexOp, ROBUST_LIST_LIMIT } from '../../../abi/futex.ts';
import { RESULT } from '../testing/fixture.ts';
import { PARKED, ThreadFixture } from '../testing/thread-fixture.ts';
import type { Thread } from '../thread.ts';

const HEAD = 4096;
const LOCKS = 8192;
const LAYOUTS = [
  ['12 bytes, 32-bit', 4],
  ['24 bytes, 64-bit', 8],
] as const;

/** Locks as a C library has them: the word first, the list entry behind it. */
class Locks {
  readonly fixture: ThreadFixture;
  readonly wordSize: number;
  readonly thread: Thread;
  readonly #entryOffset = 16;

  constructor(wordSize: number) {
    this.fixture = new ThreadFixture();
    this.wordSize = wordSize;
    this.thread = this.fixture.spawn();
    this.link([]);
    this.#store(HEAD + wordSize, -this.#entryOffset);
    expect(this.fixture.as(this.thread, 'set_robust_list', HEAD, 3 * wordSize)).toBe(0);
  }

  lock(index: number): number {
    return LOCKS + 32 * index;
  }

  entry(index: number): number {
    return this.lock(index) + this.#entryOffset;
  }

  /** The list of these entries, in their order; then `end` in place of the head. */
  link(entries: readonly number[], end: number = HEAD): void {
    let at = HEAD;
    for (const entry of entries) {
      this.#store(at, entry);
      at = entry & ~1;
    }
    this.#store(at, end);
  }

  setPending(entry: number): void {
    this.#store(HEAD + 2 * this.wordSize, entry);
  }

  /** The thread has the lock, and one waits for it. */
  contend(index: number, flags: number = FUTEX_WAITERS): Thread {
    const waiter = this.fixture.spawn();
    this.fixture.setWord(this.lock(index), flags | this.thread.tid);
    const word = this.fixture.word(this.lock(index));
    expect(this.fixture.futex(waiter, this.lock(index), FutexOp.FUTEX_WAIT, word)).toBe(PARKED);
    return waiter;
  }

  /** Ends the thread; who was woken by that. */
  end(): number[] {
    this.fixture.kernel.tree.endThread(this.fixture.thread(this.thread.tid));
    return this.fixture.woken().map(([tid]) => tid);
  }

  word(index: number): number {
    return this.fixture.word(this.lock(index));
  }

  #store(addr: number, value: number): void {
    const { view } = this.fixture.memory;
    if (this.wordSize === 4) view.setInt32(addr, value, true);
    else view.setBigInt64(addr, BigInt(value), true);
  }
}

const DIED = (FUTEX_WAITERS | FUTEX_OWNER_DIED) >>> 0;

describe.each(LAYOUTS)('robust list of %s', (_, wordSize) => {
  it('F01, F06 head and length read back as they were registered, by thread, before and after a resume', () => {
    const { fixture, thread } = new Locks(wordSize);
    const read = (tid: number): [number, number] => {
      expect(fixture.as(fixture.main, 'get_robust_list', tid, RESULT, RESULT + 4)).toBe(0);
      return [fixture.u32(RESULT), fixture.u32(RESULT + 4)];
    };
    expect(read(thread.tid)).toEqual([HEAD, 3 * wordSize]);
    expect(read(0)).toEqual([0, 0]);
    fixture.as(fixture.main, 'set_robust_list', -8, 12);
    fixture.resume();
    expect(read(thread.tid)).toEqual([HEAD, 3 * wordSize]);
    expect(read(0)).toEqual([0xffff_fff8, 12]);
    expect(fixture.as(fixture.main, 'get_robust_list', 999, RESULT, RESULT)).toBe(Errno.ESRCH);
    expect(fixture.as(fixture.main, 'get_robust_list', 0, -1, 0)).toBe(Errno.EFAULT);
  });

  it('F02, F08 locks of a thread that ends are marked, and one waiter of each is woken, also after a resume', () => {
    const locks = new Locks(wordSize);
    const waiters = [locks.contend(0), locks.contend(1)];
    const second = locks.fixture.spawn();
    const value = locks.word(0);
    locks.fixture.futex(second, locks.lock(0), FutexOp.FUTEX_WAIT, value);
    locks.fixture.setWord(locks.lock(2), locks.thread.tid);
    locks.link([locks.entry(0), locks.entry(1), locks.entry(2)]);
    locks.fixture.resume();
    expect(locks.end()).toEqual(waiters.map(({ tid }) => tid));
    expect([0, 1, 2].map((index) => locks.word(index))).toEqual([DIED, DIED, FUTEX_OWNER_DIED]);
  });

  test('a lock of another thread is left alone', () => {
    const locks = new Locks(wordSize);
    locks.contend(0);
    locks.fixture.setWord(locks.lock(0), (FUTEX_WAITERS | 1) >>> 0);
    locks.link([locks.entry(0)]);
    expect(locks.end()).toEqual([]);
    expect(locks.word(0)).toBe((FUTEX_WAITERS | 1) >>> 0);
  });

  test('a pending lock that was taken is marked; one that was given back has a waiter woken', () => {
    const taken = new Locks(wordSize);
    const waiter = taken.contend(0);
    taken.setPending(taken.entry(0));
    expect(taken.end()).toEqual([waiter.tid]);
    expect(taken.word(0)).toBe(DIED);

    const given = new Locks(wordSize);
    const other = given.contend(0);
    given.fixture.setWord(given.lock(0), 0);
    given.setPending(given.entry(0));
    expect(given.end()).toEqual([other.tid]);
    expect(given.word(0)).toBe(0);
  });

  test('a pending lock that is in the list, too, is dealt with once', () => {
    const locks = new Locks(wordSize);
    const waiter = locks.contend(0);
    const second = locks.fixture.spawn();
    locks.fixture.futex(second, locks.lock(0), FutexOp.FUTEX_WAIT, locks.word(0));
    locks.link([locks.entry(0)]);
    locks.setPending(locks.entry(0));
    expect(locks.end()).toEqual([waiter.tid]);
  });

  test('a priority-inheriting lock goes to its first waiter', () => {
    const locks = new Locks(wordSize);
    const { fixture, thread } = locks;
    expect(fixture.futex(thread, locks.lock(0), FutexOp.FUTEX_LOCK_PI, 0)).toBe(0);
    expect(fixture.futex(thread, locks.lock(1), FutexOp.FUTEX_LOCK_PI, 0)).toBe(0);
    const waiter = fixture.spawn();
    expect(fixture.futex(waiter, locks.lock(0), FutexOp.FUTEX_LOCK_PI, 0)).toBe(PARKED);
    locks.link([locks.entry(0) | 1, locks.entry(1) | 1]);
    expect(locks.end()).toEqual([waiter.tid]);
    expect(locks.word(0)).toBe((DIED | waiter.tid) >>> 0);
    expect(locks.word(1)).toBe(FUTEX_OWNER_DIED);
  });

  test.each([
    ['an entry outside of memory', (locks: Locks) => locks.link([locks.entry(0)], 0x7fff_0000)],
    ['a misaligned word', (locks: Locks) => locks.link([locks.entry(0), locks.entry(1) + 2])],
    ['a loop', (locks: Locks) => locks.link([locks.entry(0)], locks.entry(0))],
    ['no end', (locks: Locks) => locks.link([locks.entry(0)], 0)],
  ])('the walk survives %s', (_, link) => {
    const locks = new Locks(wordSize);
    const waiter = locks.contend(0);
    link(locks);
    expect(locks.end()).toEqual([waiter.tid]);
    expect(locks.word(0)).toBe(DIED);
  });

  test('a head outside of memory is nobody’s', () => {
    const locks = new Locks(wordSize);
    locks.contend(0);
    locks.fixture.as(locks.thread, 'set_robust_list', -16, 3 * wordSize);
    expect(locks.end()).toEqual([]);
    expect(locks.fixture.kernel.futexes.waiting.size).toBe(1);
  });

  test(`of more than ${ROBUST_LIST_LIMIT} entries the rest is left`, () => {
    const locks = new Locks(wordSize);
    const indexes = Array.from({ length: ROBUST_LIST_LIMIT + 1 }, (_, index) => index);
    for (const index of indexes) locks.fixture.setWord(locks.lock(index), locks.thread.tid);
    locks.link(indexes.map((index) => locks.entry(index)));
    locks.end();
    expect(locks.word(ROBUST_LIST_LIMIT - 1)).toBe(FUTEX_OWNER_DIED);
    expect(locks.word(ROBUST_LIST_LIMIT)).toBe(locks.thread.tid);
  });
});

describe('robust lists', () => {
  it('F05 a head of another length is refused: EINVAL, and in an image by process and field', () => {
    const { fixture } = new Locks(4);
    for (const length of [0, 8, 16, 25, -12]) {
      expect(fixture.as(fixture.main, 'set_robust_list', HEAD, length)).toBe(Errno.EINVAL);
    }
    for (const length of [0, 8, 13]) {
      const state = structuredClone(fixture.kernel.save());
      Object.assign(state.processes[0]!.threads[1]!.robustList!, { length });
      expect(() => fixture.restore(state)).toThrow(
        `process 1.threads[1].robustList.length: a robust list head of ${length} bytes, known are 12 and 24`,
      );
    }
  });

  it('F15 a thread without a list has none after a resume', () => {
    const { fixture } = new Locks(4);
    fixture.resume();
    expect(fixture.main.robustList).toBe(null);
  });

  test('a forked child begins without; a program that exec replaces gives its locks up', () => {
    const locks = new Locks(4);
    const { fixture, thread } = locks;
    expect(fixture.kernel.tree.fork(thread).mainThread.robustList).toBe(null);
    fixture.setWord(locks.lock(0), thread.tid);
    locks.link([locks.entry(0)]);
    fixture.kernel.tree.commitExec(fixture.kernel.init, thread, ['other'], {});
    expect(locks.word(0)).toBe(FUTEX_OWNER_DIED);
    expect(thread.robustList).toBe(null);
  });
});
