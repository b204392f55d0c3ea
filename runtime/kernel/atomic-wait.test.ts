import { describe, expect, test } from 'vitest';
import { type AtomicDoor, createAtomicDoor } from './atomic-wait.ts';
import { Blocked, Trapped } from './blocked.ts';
import { Fixture } from './testing/fixture.ts';

const SECOND = 1_000_000_000n;

function open(fixture: Fixture): AtomicDoor {
  return createAtomicDoor(fixture.kernel, {
    load32: (_, address) => fixture.memory.view.getInt32(Number(address), true),
    load64: (_, address) => fixture.memory.view.getBigInt64(Number(address), true),
  });
}

describe('atomic waits', () => {
  test('a value that is not the expected one: 1, at once', () => {
    const fixture = new Fixture();
    fixture.memory.view.setBigInt64(64, -2n, true);
    const door = open(fixture);
    expect(door['atomic.wait32'](0, 64n, -1, -1n)).toBe(1);
    expect(door['atomic.wait64'](0, 64n, -1n, -1n)).toBe(1);
    expect(door['atomic.wait32'](0, 68n, 0, 0n)).toBe(1);
  });

  test('sleeps until the deadline of the first try, also in another kernel, and looks at the value once only', () => {
    const fixture = new Fixture();
    const args = [0, 64n, 0, 3n * SECOND] as const;
    const first = open(fixture)['atomic.wait32'](...args);
    expect(first).toBeInstanceOf(Blocked);
    fixture.kernel.current.block('wvm', 'atomic.wait32', args, first as Blocked);
    fixture.clock.advance(2n * SECOND);
    fixture.memory.view.setInt32(64, 9, true);
    const again = open(fixture)['atomic.wait32'](...args);
    expect((again as Blocked).waits).toEqual((first as Blocked).waits);
    fixture.kernel.current.block('wvm', 'atomic.wait32', args, again as Blocked);

    fixture.restore(fixture.kernel.save());
    fixture.kernel.current = fixture.kernel.init.mainThread;
    const door = open(fixture);
    expect(door['atomic.wait32'](...args)).toBeInstanceOf(Blocked);
    fixture.clock.advance(SECOND);
    expect(door['atomic.wait32'](...args)).toBe(2);
  });

  test('a timeout of 0 is over at once', () => {
    expect(open(new Fixture())['atomic.wait64'](0, 64n, 0n, 0n)).toBe(2);
  });

  test('without a timeout nobody could wake the only thread: a trap', () => {
    const result = open(new Fixture())['atomic.wait32'](0, 64n, 0, -1n);
    expect(result).toBeInstanceOf(Trapped);
    expect((result as Trapped).message).toMatch(/^deadlock: .* address 64$/);
  });

  test('a notify finds nobody', () => {
    expect(open(new Fixture())['atomic.notify'](0, 64n, 1)).toBe(0);
  });
});
