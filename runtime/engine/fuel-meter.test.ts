import { describe, expect, test } from 'vitest';
import { NICE_MAX, NICE_MIN, SchedPolicy } from '../../abi/scheduling.ts';
import { ORDINARY, type Scheduling } from '../kernel/scheduling.ts';
import { FuelMeter, type Span } from './fuel-meter.ts';
import type { GuestInstance } from './instance.ts';
import { LONGEST_TURN, QUANTUM, turnOf } from './turn.ts';

const nice = (value: number): Scheduling => ({ ...ORDINARY, nice: value });

describe('turnOf()', () => {
  test('a step of the nice value is a factor of 1.25; nice 0 has a quantum', () => {
    expect(turnOf(ORDINARY)).toBe(QUANTUM);
    for (let value = NICE_MIN; value < NICE_MAX; value++) {
      expect(turnOf(nice(value)) / turnOf(nice(value + 1))).toBeCloseTo(1.25, 3);
    }
    expect(turnOf(nice(NICE_MIN))).toBe(LONGEST_TURN);
  });

  test('a real-time thread has a quantum, whatever its nice value is', () => {
    expect(turnOf({ policy: SchedPolicy.SCHED_RR, priority: 1, nice: 19 })).toBe(QUANTUM);
  });
});

/** Where a thread that works on and on has polls that are more than the end of a slice: (work done, kind). */
function spans(scheduling: Scheduling, slice: number, count: number, begins = turnOf(scheduling)): [number, Span][] {
  const meter = new FuelMeter({ slice, limit: undefined, used: 0n });
  const instance = { fuel: 0 } as GuestInstance;
  const account = { fuelLeft: begins, thread: { scheduling } };
  const found: [number, Span][] = [];
  while (found.length < count) {
    meter.grant(instance, account);
    // As instrumented code does: a poll comes when there is nothing left to spend.
    instance.fuel = -1;
    meter.settle(instance, account);
    const span = meter.endOf(account);
    if (span !== 'slice') found.push([meter.used, span]);
  }
  return found;
}

describe('FuelMeter', () => {
  test('nice 0: the first turn has a unit more than the others', () => {
    expect(spans(ORDINARY, QUANTUM, 3)).toEqual([
      [QUANTUM + 1, 'turn'],
      [2 * QUANTUM + 1, 'turn'],
      [3 * QUANTUM + 1, 'turn'],
    ]);
  });

  test('a long turn has polls for the timers in between', () => {
    // 3.05 quanta
    const turn = turnOf(nice(-5));
    expect(spans(nice(-5), QUANTUM, 4)).toEqual([
      [turn - 3 * QUANTUM + 1, 'quantum'],
      [turn - 2 * QUANTUM + 1, 'quantum'],
      [turn + 1, 'turn'],
      [2 * turn - 3 * QUANTUM + 1, 'quantum'],
    ]);
  });

  test.each([[-20], [-5], [-3], [0], [7]])('nice %d: slices change nothing of where they are', (value) => {
    const expected = spans(nice(value), QUANTUM, 4);
    for (const slice of [999, 12_345]) expect(spans(nice(value), slice, 4)).toEqual(expected);
    // The nice value was changed in the middle of a turn.
    for (const begins of [QUANTUM, 2 * QUANTUM, 3 * QUANTUM - 1, 3 * QUANTUM]) {
      expect(spans(nice(value), 999, 4, begins)).toEqual(spans(nice(value), QUANTUM, 4, begins));
    }
  });
});
