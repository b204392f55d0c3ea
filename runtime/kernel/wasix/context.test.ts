import { expect, test } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import { ContextCreated, ContextDestroyed, ContextSwitched, Forked } from '../blocked.ts';
import { CONTEXTS_MAX } from '../contexts.ts';
import type { KernelState } from '../kernel.ts';
import { RESULT } from '../testing/fixture.ts';
import { ThreadFixture } from '../testing/thread-fixture.ts';

const FUNCTION = 7;

test('context_create asks the engine for a stack; EFAULT, and EAGAIN when there are too many', () => {
  const fixture = new ThreadFixture();
  const { main } = fixture;
  expect(fixture.as(main, 'context_create', RESULT, FUNCTION)).toEqual(new ContextCreated(FUNCTION, RESULT));
  expect(fixture.as(main, 'context_create', RESULT, -1)).toEqual(new ContextCreated(0xffff_ffff, RESULT));
  expect(fixture.as(main, 'context_create', 131_072 - 7, FUNCTION)).toBe(Errno.EFAULT);
  for (let k = 1; k < CONTEXTS_MAX; k++) main.contexts.add();
  expect(fixture.as(main, 'context_create', RESULT, FUNCTION)).toBe(Errno.EAGAIN);
});

test('context_switch to the running one does nothing, to one that is not there is EINVAL', () => {
  const fixture = new ThreadFixture();
  const { main } = fixture;
  expect(fixture.as(main, 'context_switch', 0n)).toBe(0);
  expect(fixture.as(main, 'context_switch', 1n)).toBe(Errno.EINVAL);
  const id = main.contexts.add();
  expect(fixture.as(main, 'context_switch', id)).toEqual(new ContextSwitched(id));
  main.switchContext(id);
  expect(fixture.as(main, 'context_switch', id)).toBe(0);
  expect(fixture.as(main, 'context_switch', 0n)).toEqual(new ContextSwitched(0n));
  expect(fixture.as(fixture.spawn(), 'context_switch', id), 'of another thread').toBe(Errno.EINVAL);
});

test('context_destroy takes neither the first one nor the running one; one that is gone is gone', () => {
  const fixture = new ThreadFixture();
  const { main } = fixture;
  const id = main.contexts.add();
  expect(fixture.as(main, 'context_destroy', id)).toEqual(new ContextDestroyed(id));
  expect(fixture.as(main, 'context_destroy', id + 1n)).toBe(0);
  main.switchContext(id);
  expect(fixture.as(main, 'context_destroy', id)).toBe(Errno.EINVAL);
  expect(fixture.as(main, 'context_destroy', 0n)).toBe(Errno.EINVAL);
});

test('fork is for the first context, and the child has no other', () => {
  const fixture = new ThreadFixture();
  const { main } = fixture;
  const id = main.contexts.add();
  const forked = fixture.as(main, 'proc_fork', 1, RESULT) as Forked;
  expect(forked).toBeInstanceOf(Forked);
  expect(forked.child.mainThread.contexts.save()).toEqual({ current: 0n, count: 0n, parked: [] });
  main.switchContext(id);
  expect(fixture.as(main, 'proc_fork', 1, RESULT)).toBe(Errno.ENOTSUP);
});

test('contexts and what their handlers interrupt are saved', () => {
  const fixture = new ThreadFixture();
  const { main } = fixture;
  const [first, second] = [main.contexts.add(), main.contexts.add()];
  const interruption = { call: null, restart: null, savedMask: 5n };
  main.interrupted.push(interruption);
  main.switchContext(second);
  expect(main.interrupted).toEqual([]);
  fixture.resume();
  const restored = fixture.main;
  expect(restored.contexts.save()).toEqual({
    current: second,
    count: 2n,
    parked: [
      { id: 0n, interrupted: [interruption] },
      { id: first, interrupted: [] },
    ],
  });
  restored.switchContext(0n);
  expect(restored.interrupted).toEqual([interruption]);
  expect(restored.contexts.add()).toBe(3n);
});

test.each<[string, (contexts: { current: bigint; count: bigint; parked: { id: bigint }[] }) => void, RegExp]>([
  ['one that was never made runs', (contexts) => (contexts.current = 9n), /current: 9 is not/],
  ['the running one is parked, too', (contexts) => (contexts.parked[1]!.id = 2n), /2 is the one that runs/],
  ['one is there twice', (contexts) => (contexts.parked[1]!.id = 0n), /parked\[1\]\.id: out of order/],
  ['the first one is missing', (contexts) => contexts.parked.shift(), /the first one is missing/],
])('an image in which %s is refused', (_case, change, message) => {
  const fixture = new ThreadFixture();
  const { main } = fixture;
  main.contexts.add();
  main.switchContext(main.contexts.add());
  const state = structuredClone(fixture.kernel.save()) as KernelState;
  change(state.processes[0]!.threads[0]!.contexts as never);
  expect(() => fixture.restore(state)).toThrow(message);
});
