import { describe, expect, it } from 'vitest';
import { HostEntropy } from './entropy.ts';

describe('HostEntropy', () => {
  it('fill() fills every size, over the borders of its batches, without repeating', () => {
    const entropy = new HostEntropy();
    const seen = new Set<string>();
    for (const size of [8, 4096, 5000, 100_000, 8, 4088]) {
      const target = new Uint8Array(size);
      entropy.fill(target);
      for (let offset = 0; offset + 8 <= size; offset += 8) {
        const word = Buffer.from(target.subarray(offset, offset + 8)).toString('hex');
        expect(seen.has(word)).toBe(false);
        seen.add(word);
      }
    }
    expect(seen.has('0000000000000000')).toBe(false);
  });

  it('fill() takes shared memory and empty targets', () => {
    const entropy = new HostEntropy();
    const shared = new Uint8Array(new SharedArrayBuffer(64));
    entropy.fill(shared);
    expect(shared.every((byte) => byte === 0)).toBe(false);
    entropy.fill(new Uint8Array(0));
  });
});
