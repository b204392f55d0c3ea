import { afterEach, describe, expect, it, vi } from 'vitest';
import { HostClock } from './clock.ts';

describe('HostClock', () => {
  afterEach(() => vi.restoreAllMocks());

  it('realtimeNs() agrees with Date.now() and is finer', () => {
    const clock = new HostClock();
    expect(Math.abs(Number(clock.realtimeNs() / 1_000_000n) - Date.now())).toBeLessThan(10);
    const samples = new Set(Array.from({ length: 50 }, () => clock.realtimeNs()));
    expect(samples.size).toBeGreaterThan(10);
  });

  it('realtimeNs() follows when the system clock is set, monotonicNs() does not', () => {
    const clock = new HostClock();
    const [realtime, monotonic, date] = [clock.realtimeNs(), clock.monotonicNs(), Date.now()];
    vi.spyOn(Date, 'now').mockImplementation(() => date - 3_600_000);
    expect(Number(clock.realtimeNs() - realtime) / 1e9).toBeCloseTo(-3600, 0);
    expect(clock.monotonicNs() - monotonic).toBeGreaterThanOrEqual(0n);
    expect(clock.monotonicNs() - monotonic).toBeLessThan(10_000_000_000n);
  });
});
