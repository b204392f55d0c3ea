import { describe, expect, it, test } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import { Completed, ThreadEnded, ThreadSpawned } from '../blocked.ts';
import { RESULT } from '../testing/fixture.ts';
import { PARKED, ThreadFixture } from '../testing/thread-fixture.ts';
import { THREADS_MAX } from './thread.ts';

const SECOND = 1_000_000_000n;
const START = 4096;

describe('threads of WASIX', () => {
  test('thread_spawn_v2 begins wasi_thread_start with tid and struct, and tells the tid', () => {
    const fixture = new ThreadFixture();
    const spawned = fixture.as(fixture.main, 'thread_spawn_v2', START, RESULT) as ThreadSpawned;
    expect(spawned).toBeInstanceOf(ThreadSpawned);
    const { thread, entry, args, value } = spawned;
    expect([entry, args, value]).toEqual(['wasi_thread_start', [thread.tid, START], 0]);
    expect(fixture.u32()).toBe(thread.tid);
    expect(fixture.kernel.init.threads.get(thread.tid)).toBe(thread);
    expect(fixture.as(fixture.main, 'thread_spawn_v2', 131_072 - 63, RESULT)).toBe(Errno.EFAULT);
    expect(fixture.kernel.init.threads.size).toBe(2);
  });

  test('thread-spawn of the proposal gives the tid itself, or minus the errno', () => {
    const fixture = new ThreadFixture();
    const { threads } = fixture.kernel.init;
    const spawned = fixture.as(fixture.main, 'thread-spawn', 77) as ThreadSpawned;
    expect([spawned.args, spawned.value]).toEqual([[spawned.thread.tid, 77], spawned.thread.tid]);
    for (let tid = -1; threads.size < THREADS_MAX; tid--) threads.set(tid as never, spawned.thread);
    expect(fixture.as(fixture.main, 'thread-spawn', 77)).toBe(-Errno.EAGAIN);
    expect(fixture.as(fixture.main, 'thread_spawn_v2', START, RESULT)).toBe(Errno.EAGAIN);
    expect(threads.size).toBe(THREADS_MAX);
  });

  test('thread_id is the pid in the main thread, a number of its own in others', () => {
    const fixture = new ThreadFixture();
    const thread = fixture.spawn();
    fixture.as(fixture.main, 'thread_id', RESULT);
    expect(fixture.u32()).toBe(1);
    fixture.as(thread, 'thread_id', RESULT);
    expect(fixture.u32()).toBe(thread.tid);
    fixture.as(thread, 'thread_parallelism', RESULT);
    expect(fixture.u32()).toBe(1);
  });

  it('F01 thread_join waits for the end, over a resume; at once for a thread that is gone', () => {
    const fixture = new ThreadFixture();
    const { tid } = fixture.spawn();
    const other = fixture.spawn();
    expect(fixture.as(fixture.main, 'thread_join', tid)).toBe(PARKED);
    expect(fixture.again(fixture.main)).toBe(PARKED);
    expect(fixture.as(other, 'thread_join', tid)).toBe(PARKED);
    fixture.resume();
    expect(fixture.as(fixture.thread(tid), 'thread_exit', 3)).toBeInstanceOf(ThreadEnded);
    expect(fixture.woken()).toEqual([
      [1, 0],
      [other.tid, 0],
    ]);
    expect(fixture.as(fixture.main, 'thread_join', tid)).toBe(0);
    expect(fixture.as(fixture.main, 'thread_join', 4711)).toBe(0);
    expect(fixture.as(fixture.main, 'thread_join', 1)).toBe(Errno.EDEADLK);
  });

  test('the last thread that exits takes its process along, with its status', () => {
    const fixture = new ThreadFixture();
    const thread = fixture.spawn();
    expect(fixture.as(fixture.main, 'thread_exit', 1)).toBeInstanceOf(ThreadEnded);
    expect(fixture.kernel.init.end).toBe(undefined);
    expect(fixture.as(thread, 'thread_exit', 3)).toBeInstanceOf(ThreadEnded);
    expect(fixture.kernel.init.end).toMatchObject({ status: 3 });
  });

  it('O06 thread_sleep sleeps for the rest in a resumed machine; for nothing it lets others run', () => {
    const fixture = new ThreadFixture();
    expect(fixture.as(fixture.main, 'thread_sleep', 3n * SECOND)).toBe(PARKED);
    fixture.clock.advance(SECOND);
    fixture.resume();
    expect(fixture.pass(2n * SECOND - 1n)).toEqual([]);
    expect(fixture.pass(1n)).toEqual([[1, 0]]);
    expect(fixture.as(fixture.main, 'thread_sleep', 0n)).toBe(0);
    const other = fixture.spawn();
    expect(fixture.as(fixture.main, 'thread_sleep', 0n)).toEqual(new Completed(0));
    expect([...fixture.kernel.scheduler.ready]).toEqual([other, fixture.main]);
    expect(fixture.as(other, 'sched_yield')).toEqual(new Completed(0));
    expect(fixture.kernel.scheduler.next()).toBe(fixture.main);
    expect(fixture.as(fixture.main, 'thread_sleep', -1n)).toBe(PARKED);
    expect(fixture.pass(SECOND)).toEqual([]);
  });
});
