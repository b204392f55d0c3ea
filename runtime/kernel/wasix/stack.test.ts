import { expect, test } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import { StackRestored, StackSaved, Trapped } from '../blocked.ts';
import { RESULT } from '../testing/fixture.ts';
import { ThreadFixture } from '../testing/thread-fixture.ts';

const BUFFER = 4096;

test('a checkpoint has an id of its own, which a restore names', () => {
  const fixture = new ThreadFixture();
  const { main } = fixture;
  fixture.memory.bytes.fill(0xff, BUFFER, BUFFER + 48);
  expect(fixture.as(main, 'stack_checkpoint', BUFFER, RESULT)).toEqual(new StackSaved(1n, RESULT));
  expect(fixture.u64()).toBe(0n);
  fixture.resume();
  expect(fixture.as(fixture.main, 'stack_checkpoint', BUFFER + 24, RESULT)).toEqual(new StackSaved(2n, RESULT));
  expect(fixture.as(fixture.main, 'stack_restore', BUFFER, 7n)).toEqual(new StackRestored(1n, 7n));
  expect(fixture.as(fixture.main, 'stack_restore', BUFFER + 24, -1n)).toEqual(new StackRestored(2n, 2n ** 64n - 1n));
});

test('outside of memory: EFAULT, and a trap where there is no result', () => {
  const fixture = new ThreadFixture();
  expect(fixture.as(fixture.main, 'stack_checkpoint', 131_072 - 23, RESULT)).toBe(Errno.EFAULT);
  expect(fixture.as(fixture.main, 'stack_checkpoint', BUFFER, -4)).toBe(Errno.EFAULT);
  expect(fixture.as(fixture.main, 'stack_restore', -24, 1n)).toBeInstanceOf(Trapped);
});
