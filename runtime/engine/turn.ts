// How much fuel a thread has before the next one of its rank runs. Ordinary threads share a processor as Linux's do: a step of
// the nice value is a quarter more or less, so a thread of nice 0 beside one of nice 5 gets 1.25 ** 5 = 3.05 times as much. As
// everybody's turn comes round once, the length of the turns is what makes the shares.

import { NICE_MAX, NICE_MIN, SchedPolicy } from '../../abi/scheduling.ts';
import type { Scheduling } from '../kernel/scheduling.ts';

/** Fuel of a turn of an ordinary thread with nice 0, and of a real-time one: about a millisecond of compiled code. */
export const QUANTUM = 100_000;

const STEP = 1.25;

/** By nice value, from NICE_MIN on. By multiplication, which is the same everywhere; pow() need not be. */
const TURNS: readonly number[] = Array.from({ length: NICE_MAX - NICE_MIN + 1 }, (_, index) => {
  let fuel = QUANTUM;
  for (let nice = NICE_MIN + index; nice < 0; nice++) fuel *= STEP;
  for (let nice = NICE_MIN + index; nice > 0; nice--) fuel /= STEP;
  return Math.round(fuel);
});

export const LONGEST_TURN: number = TURNS[0]!;

export function turnOf({ policy, nice }: Scheduling): number {
  return policy === SchedPolicy.SCHED_OTHER ? TURNS[nice - NICE_MIN]! : QUANTUM;
}
