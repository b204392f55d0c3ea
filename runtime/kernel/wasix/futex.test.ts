import { expect, test } from 'vitest';
import { Errno } from '../../../abi/errno.ts';
import { RESULT } from '../testing/fixture.ts';
import { PARKED, ThreadFixture } from '../testing/thread-fixture.ts';

const SECOND = 1_000_000_000n;
const WORD = 2048;
const NEVER = 4096;
const AFTER_A_SECOND = 4112;

function open(): ThreadFixture {
  const fixture = new ThreadFixture();
  fixture.memory.bytes[AFTER_A_SECOND] = 1;
  fixture.memory.view.setBigUint64(AFTER_A_SECOND + 8, SECOND, true);
  fixture.memory.bytes[RESULT] = 0xff;
  return fixture;
}

test('futex_wait until it is woken: true', () => {
  const fixture = open();
  const [one, two, three] = [fixture.spawn(), fixture.spawn(), fixture.spawn()];
  for (const thread of [one, two, three]) {
    expect(fixture.as(thread, 'futex_wait', WORD, 0, NEVER, RESULT)).toBe(PARKED);
  }
  fixture.resume();
  expect(fixture.as(fixture.main, 'futex_wake', WORD, RESULT + 1)).toBe(0);
  expect(fixture.memory.bytes[RESULT + 1]).toBe(1);
  expect(fixture.woken()).toEqual([[one.tid, 0]]);
  expect(fixture.memory.bytes[RESULT]).toBe(1);
  expect(fixture.as(fixture.main, 'futex_wake_all', WORD, RESULT)).toBe(0);
  expect(fixture.woken()).toEqual([two, three].map(({ tid }) => [tid, 0]));
  fixture.as(fixture.main, 'futex_wake_all', WORD, RESULT);
  expect(fixture.memory.bytes[RESULT]).toBe(0);
});

test('futex_wait until its time is over: false', () => {
  const fixture = open();
  expect(fixture.as(fixture.main, 'futex_wait', WORD, 0, AFTER_A_SECOND, RESULT)).toBe(PARKED);
  expect(fixture.pass(SECOND)).toEqual([[1, 0]]);
  expect(fixture.memory.bytes[RESULT]).toBe(0);
});

test('futex_wait of another value: true, at once, and no error, which the library would trap on', () => {
  const fixture = open();
  fixture.setWord(WORD, -1);
  expect(fixture.as(fixture.main, 'futex_wait', WORD, 0, NEVER, RESULT)).toBe(0);
  expect(fixture.memory.bytes[RESULT]).toBe(1);
  expect(fixture.as(fixture.main, 'futex_wait', WORD, -1, NEVER, RESULT)).toBe(PARKED);
});

test('EINVAL misaligned, EFAULT out of memory', () => {
  const fixture = open();
  expect(fixture.as(fixture.main, 'futex_wait', WORD + 1, 0, NEVER, RESULT)).toBe(Errno.EINVAL);
  expect(fixture.as(fixture.main, 'futex_wait', -4, 0, NEVER, RESULT)).toBe(Errno.EFAULT);
  expect(fixture.as(fixture.main, 'futex_wait', WORD, 0, -4, RESULT)).toBe(Errno.EFAULT);
  expect(fixture.as(fixture.main, 'futex_wait', WORD, 0, NEVER, 131_072)).toBe(Errno.EFAULT);
  expect(fixture.as(fixture.main, 'futex_wake', WORD + 2, RESULT)).toBe(Errno.EINVAL);
  expect(fixture.as(fixture.main, 'futex_wake_all', 131_072, RESULT)).toBe(Errno.EFAULT);
});
