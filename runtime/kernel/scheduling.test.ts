import { describe, expect, test } from 'vitest';
import { Errno } from '../../abi/errno.ts';
import { PriorityWhich, SchedPolicy } from '../../abi/scheduling.ts';
import type { Scheduling } from './scheduling.ts';
import { checkScheduling, ORDINARY, saveScheduling, schedulingText } from './scheduling.ts';
import { ThreadFixture } from './testing/thread-fixture.ts';
import type { Thread } from './thread.ts';

const { SCHED_OTHER, SCHED_FIFO, SCHED_RR } = SchedPolicy;
const { PRIO_PROCESS, PRIO_PGRP, PRIO_USER } = PriorityWhich;
const RESULT = 2048;

describe('sched_setscheduler()', () => {
  const set = (fixture: ThreadFixture, thread: Thread, policy: number, priority: number) =>
    fixture.as(fixture.main, 'sched_setscheduler', thread.tid, policy, priority);

  test('EINVAL for a priority or a policy that there is not, and for flags; ESRCH for no thread', () => {
    const fixture = new ThreadFixture();
    for (const [policy, priority] of [
      [SCHED_OTHER, 1],
      [SCHED_FIFO, 0],
      [SCHED_RR, 100],
      [SCHED_RR, -1],
      [3, 0],
      [SCHED_FIFO | 0x4000_0000, 1],
      [-2, 0],
    ] as const) {
      expect(set(fixture, fixture.main, policy, priority), `${policy} ${priority}`).toBe(Errno.EINVAL);
    }
    expect(fixture.as(fixture.main, 'sched_setscheduler', 4711, SCHED_FIFO, 1)).toBe(Errno.ESRCH);
    expect(fixture.as(fixture.main, 'sched_setscheduler', -1, SCHED_FIFO, 1)).toBe(Errno.EINVAL);
    expect(fixture.main.scheduling).toEqual(ORDINARY);
  });

  test('a policy of -1 keeps the policy; what was set can be asked for', () => {
    const fixture = new ThreadFixture();
    expect(set(fixture, fixture.main, SCHED_RR, 3)).toBe(0);
    expect(set(fixture, fixture.main, -1, 9)).toBe(0);
    expect(set(fixture, fixture.main, -1, 0)).toBe(Errno.EINVAL);
    expect(fixture.as(fixture.main, 'sched_getscheduler', 0, RESULT, RESULT + 4)).toBe(0);
    expect([fixture.u32(RESULT), fixture.u32(RESULT + 4)]).toEqual([SCHED_RR, 9]);
  });

  test('a raised thread goes to the end of its priority, a lowered one to the front, one that stays the same stays', () => {
    const fixture = new ThreadFixture();
    const [a, b, c, d] = [fixture.spawn(), fixture.spawn(), fixture.spawn(), fixture.spawn()];
    for (const thread of [a, b]) set(fixture, thread, SCHED_FIFO, 10);
    set(fixture, c, SCHED_FIFO, 5);
    set(fixture, d, SCHED_FIFO, 20);
    set(fixture, c, SCHED_FIFO, 10);
    set(fixture, a, SCHED_RR, 10);
    set(fixture, d, SCHED_FIFO, 10);
    expect(fixture.kernel.scheduler.inOrder()).toEqual([d, a, b, c, fixture.main]);
    fixture.kernel.scheduler.rotate(d);
    expect(fixture.kernel.scheduler.inOrder()).toEqual([a, b, c, d, fixture.main]);
  });

  test('threads of SCHED_RR and SCHED_OTHER take turns, those of SCHED_FIFO do not; a lowered one goes on first', () => {
    const fixture = new ThreadFixture();
    const { scheduler } = fixture.kernel;
    const [a, b] = [fixture.spawn(), fixture.spawn()];
    set(fixture, a, SCHED_FIFO, 1);
    set(fixture, b, SCHED_RR, 1);
    scheduler.endTurn(a);
    expect(scheduler.next()).toBe(a);
    set(fixture, a, SCHED_RR, 1);
    scheduler.endTurn(a);
    expect(scheduler.inOrder()).toEqual([b, a, fixture.main]);
    set(fixture, b, SCHED_OTHER, 0);
    expect(scheduler.inOrder()).toEqual([a, b, fixture.main]);
    const state = fixture.kernel.save();
    scheduler.endTurn(b);
    expect(scheduler.inOrder()).toEqual([a, fixture.main, b]);
    fixture.restore(state);
    expect(fixture.kernel.save()).toEqual(state);
    expect(fixture.kernel.scheduler.inOrder().map(({ tid }) => tid)).toEqual([a.tid, b.tid, 1]);
  });

  test('a thread begins with the scheduling of the one that makes it, but without a priority that that one inherits', () => {
    const fixture = new ThreadFixture();
    set(fixture, fixture.main, SCHED_RR, 3);
    fixture.as(fixture.main, 'setpriority', PRIO_PROCESS, 0, 5);
    fixture.kernel.scheduler.changeRank(fixture.main, 50);
    const thread = fixture.spawn();
    expect([thread.scheduling, thread.rank]).toEqual([{ policy: SCHED_RR, priority: 3, nice: 5 }, 3]);
    const child = fixture.kernel.tree.fork(fixture.main).mainThread;
    expect([child.scheduling, child.rank]).toEqual([thread.scheduling, 3]);
  });
});

describe('setpriority(), getpriority()', () => {
  test('a value beyond the limits is taken for the nearest one; get finds the lowest of all', () => {
    const fixture = new ThreadFixture();
    const other = fixture.spawn();
    const { main } = fixture;
    const lowest = (which: number, who: number) => {
      expect(fixture.as(main, 'getpriority', which, who, RESULT)).toBe(0);
      return fixture.u32(RESULT) | 0;
    };
    expect(fixture.as(main, 'setpriority', PRIO_PROCESS, other.tid, 1000)).toBe(0);
    expect([lowest(PRIO_PROCESS, other.tid), lowest(PRIO_PROCESS, 0), lowest(PRIO_PGRP, 0)]).toEqual([19, 0, 0]);
    expect(fixture.as(main, 'setpriority', PRIO_PGRP, 0, -1000)).toBe(0);
    expect([lowest(PRIO_PROCESS, other.tid), lowest(PRIO_USER, 0)]).toEqual([-20, -20]);
    expect(fixture.as(main, 'setpriority', PRIO_PGRP, 4711, 0)).toBe(Errno.ESRCH);
    expect(fixture.as(main, 'setpriority', PRIO_PROCESS, -1, 0)).toBe(Errno.ESRCH);
    expect(fixture.as(main, 'setpriority', PRIO_USER, 1, 0)).toBe(Errno.ESRCH);
    expect(fixture.as(main, 'setpriority', 3, 0, 0)).toBe(Errno.EINVAL);
    expect(fixture.as(main, 'getpriority', PRIO_PROCESS, 0, -4)).toBe(Errno.EFAULT);
  });
});

describe('records', () => {
  test('what nobody has changed is null, and nothing else is', () => {
    expect(saveScheduling(ORDINARY)).toBe(null);
    const special = { policy: SCHED_FIFO, priority: 1, nice: 0 };
    expect(saveScheduling(special)).toEqual(special);
    checkScheduling(null, 'x');
    checkScheduling(special, 'x');
    for (const bad of [
      undefined,
      ORDINARY,
      { ...special, policy: 3 },
      { ...special, priority: 0 },
      { ...special, priority: 100 },
      { ...special, nice: 20 },
      { ...special, policy: SCHED_OTHER },
      { policy: SCHED_OTHER, priority: 0, nice: 0.5 },
    ]) {
      expect(() => checkScheduling(bad as Scheduling, 'x'), JSON.stringify(bad)).toThrow('kernel: x');
    }
  });

  test('a list of threads that can run and is not ordered by rank is refused', () => {
    const fixture = new ThreadFixture();
    const other = fixture.spawn();
    fixture.as(fixture.main, 'sched_setscheduler', other.tid, SCHED_FIFO, 1);
    const state = fixture.kernel.save();
    expect(state.ready).toEqual([other.tid, 1]);
    expect(() => fixture.restore({ ...state, ready: [1, other.tid] })).toThrow('has to stand before 1');
  });

  test('schedulingText() says what is special', () => {
    expect(schedulingText(ORDINARY)).toBe('');
    expect(schedulingText({ ...ORDINARY, nice: -3 })).toBe('nice -3');
    expect(schedulingText({ policy: SCHED_RR, priority: 7, nice: 2 })).toBe('RR 7');
  });
});
