// The host's clocks in nanoseconds. The monotonic clock is exact. Node gives the time of day in milliseconds only, so
// it is the monotonic clock plus an offset, set anew when the two part by more than `toleranceNs`: the
// system's clock was set, or the machine slept.

import type { ClockPort } from '../kernel/ports.ts';

/** Above the millisecond grain of Date.now(), below any change that somebody makes to a clock on purpose. */
const toleranceNs = 5_000_000n;

export class HostClock implements ClockPort {
  #offsetNs: bigint;

  constructor() {
    // performance.timeOrigin is the time of day at a known moment to a fraction of a microsecond.
    const nowNs = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e6));
    this.#offsetNs = nowNs - process.hrtime.bigint();
  }

  realtimeNs(): bigint {
    const timeNs = process.hrtime.bigint() + this.#offsetNs;
    // Half a millisecond in: what was cut off on average.
    const driftNs = BigInt(Date.now()) * 1_000_000n + 500_000n - timeNs;
    if (driftNs <= toleranceNs && driftNs >= -toleranceNs) return timeNs;
    this.#offsetNs += driftNs;
    return timeNs + driftNs;
  }

  monotonicNs(): bigint {
    return process.hrtime.bigint();
  }
}
