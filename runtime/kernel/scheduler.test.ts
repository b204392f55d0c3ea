import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Blocked } from './blocked.ts';
import { Scheduler } from './scheduler.ts';
import { ThreadFixture } from './testing/thread-fixture.ts';
import type { Thread } from './thread.ts';
import { WaitQueue } from './wait-queue.ts';

const THREADS = 6;

const operation = fc.record({
  what: fc.constantFrom(
    'look',
    'rotate',
    'block',
    'wake',
    'wakeAll',
    'remove',
    'add',
    'hold',
    'release',
    'rank',
    'rank',
  ),
  which: fc.nat(THREADS - 1),
  rank: fc.nat(2),
});

test('Scheduler.next() is the first of the queue, whatever happened before', () => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 20, maxLength: 60 }), (operations) => {
      const fixture = new ThreadFixture();
      const threads: Thread[] = [];
      const { scheduler } = fixture.kernel;
      for (let k = 0; k < THREADS; k++) threads.push(fixture.spawn());
      const queue = new WaitQueue();
      for (const { what, which, rank } of operations) {
        const thread = threads[which]!;
        const isBlocked = scheduler.blocked.has(thread);
        if (what === 'rank') scheduler.changeRank(thread, rank);
        else if (what === 'rotate') {
          const head = scheduler.next();
          if (head !== undefined) scheduler.rotate(head);
        } else if (what === 'block' && scheduler.isReady(thread)) {
          thread.block('m', 'f', [], new Blocked([{ kind: 'queue', queue }]));
          scheduler.block(thread);
        } else if (what === 'wake' && isBlocked) scheduler.wake(thread);
        else if (what === 'wakeAll') queue.wakeAll();
        else if (what === 'remove') scheduler.remove(thread);
        else if (what === 'add' && !isBlocked) scheduler.add(thread);
        else if (what === 'hold') scheduler.hold([thread]);
        else if (what === 'release') scheduler.release([thread]);
        if (what !== 'look') expect(queue.waiters.size).toBe(scheduler.blocked.size);
        const order = scheduler.inOrder();
        expect(scheduler.next()).toBe(order[0]);
        expect(new Set(order).size).toBe(order.length);
        expect(order).toEqual(order.toSorted((a, b) => b.rank - a.rank));
      }
    }),
    { numRuns: 200 },
  );
});

test('Scheduler.next() of an empty queue finds what is added later', () => {
  const scheduler = new Scheduler();
  const { main } = new ThreadFixture();
  expect(scheduler.next()).toBe(undefined);
  scheduler.add(main);
  expect(scheduler.next()).toBe(main);
  scheduler.remove(main);
  expect(scheduler.next()).toBe(undefined);
  scheduler.add(main);
  expect(scheduler.next()).toBe(main);
});
