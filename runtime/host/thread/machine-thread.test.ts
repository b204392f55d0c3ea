import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { MachineThread } from './machine-thread.ts';

const folder = mkdtempSync(join(tmpdir(), 'wvm-thread-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('MachineThread.stats()', () => {
  it('tells at once, while the guest computes, how far it is', async () => {
    const path = join(folder, 'endless.wat');
    writeFileSync(path, '(module (memory (export "memory") 2) (func (export "_start") (loop $l (br $l))))');
    const thread = new MachineThread();
    await thread.load(path, { cacheDirectory: null, stdin: 'null' });
    expect(thread.stats()).toEqual({ state: 'loaded', fuelUsed: 0n, memoryBytes: 2 * 65536 });
    const ended = thread.run();
    const seen = new Set<bigint>();
    while (seen.size < 3) {
      // No call to the other thread: what it says is there to be read.
      seen.add(thread.stats().fuelUsed);
      await sleep(5);
    }
    expect(thread.stats()).toMatchObject({ state: 'running', memoryBytes: 2 * 65536 });
    thread.kill();
    expect(await ended).toEqual({ kind: 'stopped', reason: 'kill' });
    expect(thread.stats().state).toBe('ended');
    thread.end();
  }, 30_000);
});
