import { describe, expect, it } from 'vitest';
import type { MachineStats } from '../machine/machine-status.ts';
import { SharedStats } from './shared-stats.ts';

describe('SharedStats', () => {
  it('shows to every holder of the memory what was published last', () => {
    const ours = new SharedStats();
    const theirs = new SharedStats(ours.buffer);
    expect(theirs.read()).toEqual({ state: 'loaded', fuelUsed: 0n, memoryBytes: 0 });
    for (const state of ['running', 'blocked', 'frozen', 'ended', 'loaded'] satisfies MachineStats['state'][]) {
      const stats = { state, fuelUsed: 2n ** 62n, memoryBytes: 2 ** 34 + 65536 };
      ours.publish(stats);
      expect(theirs.read()).toEqual(stats);
    }
  });

  it('counts requests in a word of its own', () => {
    const stats = new SharedStats();
    Atomics.add(stats.interrupt, 0, 3);
    stats.publish({ state: 'running', fuelUsed: 1n, memoryBytes: 1 });
    expect(stats.interrupt[0]).toBe(3);
    expect(stats.read().state).toBe('running');
  });
});
