// Counts the fuel of a machine: a unit is a place that the guest came by where it could have been stopped. The guest
// counts down a global of its instance; here is what it was given, what of it was used, and when a thread's turn is over.
//
// - A turn is so much of a thread's own fuel (turn.ts), whatever slices it was given in: the schedule does not depend on them.
// - A long turn (of a nice value below 0) has a poll at every multiple of QUANTUM, counted from its end, but for the last one: timers
//   are looked at there, and a thread of a higher rank that one of them wakes need not wait for the rest.
// - Fuel is counted, not timed: every poll that ends a turn happens at the same place in every run.

import type { Scheduling } from '../kernel/scheduling.ts';
import type { GuestInstance } from './instance.ts';
import { QUANTUM, turnOf } from './turn.ts';

/** What of a thread the meter keeps. */
interface FuelAccount {
  /** Of its turn; below 0 when that is over. */
  fuelLeft: number;
  readonly thread: { readonly scheduling: Scheduling };
}

/** What a poll is the end of. */
export type Span = 'slice' | 'quantum' | 'turn';

export class FuelMeter {
  /** Most that is given at once: 0 makes a poll at every safe point. */
  readonly #slice: number;
  readonly #limit: number;
  #used: number;
  #granted = 0;

  constructor(options: { slice: number; limit: bigint | undefined; used: bigint }) {
    this.#slice = options.slice;
    this.#limit = options.limit === undefined ? Number.POSITIVE_INFINITY : Number(options.limit);
    this.#used = Number(options.used);
  }

  /** Fuel used since the machine was first started, as far as it is settled. */
  get used(): number {
    return this.#used;
  }

  /** The machine's limit is used up. */
  get isEmpty(): boolean {
    return this.#used >= this.#limit;
  }

  /** The thread is about to run. */
  grant(instance: GuestInstance, account: FuelAccount): void {
    const { fuelLeft } = account;
    const span = fuelLeft < 2 * QUANTUM ? fuelLeft : fuelLeft % QUANTUM;
    this.#granted = Math.max(0, Math.min(span, this.#slice, this.#limit - this.#used));
    instance.fuel = this.#granted;
  }

  /** The thread stands still: what it has used is taken from its turn. */
  settle(instance: GuestInstance, account: FuelAccount): void {
    const left = instance.fuel;
    const used = this.#granted - left;
    this.#granted = left;
    this.#used += used;
    account.fuelLeft -= used;
  }

  /** After settle(), at a poll. If the thread's turn is over, its next one begins. */
  endOf(account: FuelAccount): Span {
    const { fuelLeft } = account;
    if (fuelLeft >= 0) return fuelLeft >= QUANTUM && (fuelLeft + 1) % QUANTUM === 0 ? 'quantum' : 'slice';
    const turn = turnOf(account.thread.scheduling);
    while (account.fuelLeft < 0) account.fuelLeft += turn;
    return 'turn';
  }
}
