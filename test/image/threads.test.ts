// Images of threads that hold robust, priority-inheriting locks and wait for them: what is in them, and what is refused.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FutexQueueState } from '../../runtime/kernel/futex/futex-state.ts';
import type { KernelState } from '../../runtime/kernel/kernel.ts';
import type { ThreadState } from '../../runtime/kernel/thread.ts';
import { GuestImage } from './guest-image.ts';

/** One thread holds three locks; three wait for one each. */
const PLACE = 152;
/** Main, the holder, the waiters. */
const THREADS = 5;

type Writable<T> = { -readonly [Key in keyof T]: T[Key] extends object ? Writable<T[Key]> : T[Key] };

let image: GuestImage;
beforeAll(async () => {
  image = await GuestImage.take('threads-robust', PLACE);
});
afterAll(() => image.remove());

function changed(change: (queues: Writable<FutexQueueState>[], threads: Writable<ThreadState>[]) => void): Uint8Array {
  return image.changed((machine) => {
    const copy = structuredClone(machine);
    const { futexes, processes } = copy.kernel as Writable<KernelState>;
    change(futexes as Writable<FutexQueueState>[], processes[0]!.threads as Writable<ThreadState>[]);
    return copy;
  });
}

/** The refusal's words, which name the place. */
async function refusal(bytes: Uint8Array): Promise<string> {
  expect(await image.refusal(bytes)).toBe('WVM_IMAGE_BAD_RECORD');
  return await image.resume(bytes).then(
    () => 'not refused',
    (error: Error) => error.message,
  );
}

describe('an image of threads with locks', () => {
  it('F02, F09 goes on to its end: owner and waiters of each lock are in it', async () => {
    let queues: readonly FutexQueueState[] = [];
    let lengths: (number | undefined)[] = [];
    const bytes = changed((futexes, threads) => {
      queues = structuredClone(futexes) as FutexQueueState[];
      lengths = threads.map(({ robustList }) => robustList?.length);
    });
    expect(lengths).toEqual(Array(THREADS).fill(12));
    expect(queues.map(({ waiters }) => waiters.length)).toEqual([1, 1, 1]);
    expect(new Set(queues.map(({ owner }) => owner)).size).toBe(1);
    expect(queues[0]!.owner).not.toBe(null);
    expect(await image.run(bytes)).toMatchObject({ kind: 'exit', code: 0 });
  });

  it.each([0, 8, 16, 2 ** 31])(
    'F05, F07 a robust list head of %i bytes: refused by process, thread and field',
    async (length) => {
      const bytes = changed((_, threads) => {
        threads[1]!.robustList = { ...threads[1]!.robustList!, length };
      });
      expect(await refusal(bytes)).toMatch(
        `process 1.threads[1].robustList.length: a robust list head of ${length} bytes, known are 12 and 24`,
      );
    },
  );

  it('F06 the other known length is kept as it is', async () => {
    const bytes = changed((_, threads) => {
      threads[0]!.robustList = { ...threads[0]!.robustList!, length: 24 };
    });
    expect(await image.refusal(bytes)).toBe(undefined);
  });

  it.each<[string, (queues: Writable<FutexQueueState>[]) => void, RegExp]>([
    ['an owner that is no thread', (queues) => (queues[0]!.owner = 99), /futexes\[0\].owner: 99 is no thread/],
    [
      'an owner that waits for itself',
      (queues) => (queues[1]!.owner = queues[1]!.waiters[0]!.tid),
      /a lock of its own/,
    ],
    ['a waiter of no call', (queues) => (queues[0]!.waiters[0]!.tid = 1), /thread 1 is in no call that waits/],
    ['a place twice', (queues) => queues.push(queues[0]!), /a second queue of that place/],
    ['a queue of nobody', (queues) => (queues[2]!.waiters.length = 0), /nobody waits/],
  ])('F11 %s: refused', async (_, change, what) => {
    expect(await refusal(changed(change))).toMatch(what);
  });

  it('F11 a word that says another owner does no harm: the guest is told, or ends by itself', async () => {
    const bytes = changed((queues) => {
      for (const queue of queues) queue.owner = 1;
    });
    expect(await image.run(bytes, { timeoutMs: 5000 })).not.toMatchObject({ kind: 'exit', code: 0 });
  });
});
