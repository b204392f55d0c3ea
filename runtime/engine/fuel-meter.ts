// Counts the fuel of a machine: a unit is a place that the guest came by where it could have been stopped. The guest
// counts down a global of its instance; here is what it was given, what of it was used, and when a thread's turn is over.
//
// - A turn is QUANTUM of a thread's own fuel, whatever slices it was given in: the schedule does not depend on them.
// - Fuel is counted, not timed: every poll that ends a turn happens at the same place in every run.

import type { GuestInstance } from './instance.ts';

/** What of a thread the meter keeps. */
interface FuelAccount {
  fuelLeft: number;
}

export class FuelMeter {
  /** Fuel of one turn. */
  readonly #quantum: number;
  /** Most that is given at once: 0 makes a poll at every safe point. */
  readonly #slice: number;
  readonly #limit: number;
  #used: number;
  #granted = 0;

  constructor(options: { quantum: number; slice: number; limit: bigint | undefined; used: bigint }) {
    this.#quantum = options.quantum;
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
    this.#granted = Math.max(0, Math.min(account.fuelLeft, this.#slice, this.#limit - this.#used));
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

  /** True if the thread's turn is over; the next one begins. */
  endsTurn(account: FuelAccount): boolean {
    if (account.fuelLeft >= 0) return false;
    while (account.fuelLeft < 0) account.fuelLeft += this.#quantum;
    return true;
  }
}
