import { describe, expect, test } from 'vitest';
import { PARKED, ThreadFixture } from './testing/thread-fixture.ts';

const SECOND = 1_000_000_000n;
const ALL = -1;

describe('atomic waits', () => {
  test('a value that is not the expected one: 1, at once', () => {
    const fixture = new ThreadFixture();
    const { main } = fixture;
    fixture.memory.view.setBigInt64(64, -2n, true);
    expect(fixture.as(main, 'atomic.wait32', 0, 64n, -1, -1n)).toBe(1);
    expect(fixture.as(main, 'atomic.wait64', 0, 64n, -1n, -1n)).toBe(1);
    expect(fixture.as(main, 'atomic.wait32', 0, 68n, 0, 0n)).toBe(1);
  });

  test('sleeps until the deadline of the first try, also in another kernel, and looks at the value once only', () => {
    const fixture = new ThreadFixture();
    expect(fixture.as(fixture.main, 'atomic.wait32', 0, 64n, 0, 3n * SECOND)).toBe(PARKED);
    const first = fixture.main.waits;
    fixture.clock.advance(2n * SECOND);
    fixture.memory.view.setInt32(64, 9, true);
    expect(fixture.again(fixture.main)).toBe(PARKED);
    expect(fixture.main.waits).toEqual(first);

    fixture.resume();
    expect(fixture.main.waits).toEqual(first);
    expect(fixture.pass(SECOND - 1n)).toEqual([]);
    expect(fixture.pass(1n)).toEqual([[1, 2]]);
    expect(fixture.kernel.futexes.save()).toEqual([]);
  });

  test('a timeout of 0 is over at once', () => {
    const fixture = new ThreadFixture();
    expect(fixture.as(fixture.main, 'atomic.wait64', 0, 64n, 0n, 0n)).toBe(2);
  });

  test('a notify wakes as many as it says, first come first woken, and tells how many there were', () => {
    const fixture = new ThreadFixture();
    const threads = [fixture.spawn(), fixture.spawn(), fixture.spawn()];
    for (const thread of threads) expect(fixture.as(thread, 'atomic.wait32', 0, 64n, 0, -1n)).toBe(PARKED);
    expect(fixture.as(fixture.main, 'atomic.notify', 0, 64n, 0)).toBe(0);
    expect(fixture.as(fixture.main, 'atomic.notify', 0, 68n, ALL)).toBe(0);
    expect(fixture.as(fixture.main, 'atomic.notify', 0, 64n, 1)).toBe(1);
    expect(fixture.woken()).toEqual([[threads[0]!.tid, 0]]);
    expect(fixture.as(fixture.main, 'atomic.notify', 0, 64n, ALL)).toBe(2);
    expect(fixture.woken()).toEqual(threads.slice(1).map(({ tid }) => [tid, 0]));
  });

  test('equal addresses of two memories are two places', () => {
    const fixture = new ThreadFixture();
    const thread = fixture.spawn();
    expect(fixture.as(thread, 'atomic.wait64', 1, 64n, 0n, -1n)).toBe(PARKED);
    expect(fixture.as(fixture.main, 'atomic.notify', 0, 64n, ALL)).toBe(0);
    expect(fixture.as(fixture.main, 'atomic.notify', 1, 64n, ALL)).toBe(1);
  });

  test('a notify that comes after the deadline, but before the sleeper has run, counts', () => {
    const fixture = new ThreadFixture();
    const thread = fixture.spawn();
    fixture.as(thread, 'atomic.wait32', 0, 64n, 0, SECOND);
    fixture.clock.advance(2n * SECOND);
    fixture.kernel.scheduler.expire(fixture.kernel.clock.nowNs());
    expect(fixture.as(fixture.main, 'atomic.notify', 0, 64n, 1)).toBe(1);
    expect(fixture.woken()).toEqual([[thread.tid, 0]]);
  });
});
