// Somebody wants something of a machine whose guest makes slow calls, or forks all the time, and never computes for long: it answers
// soon, though the guest comes to a poll once in some seconds only.

import { expect, it } from 'vitest';
import { Machine } from '../../runtime/index.ts';
import { assemble, fork } from './wat.ts';

/** A guest computes for 100,000 turns between two polls; with what is below that is 10 s and more. */
const WITHIN_MS = 3000;
const wait = '(call $check (call $waitpid (i32.const -1) (i32.const 48) (i32.const 0) (i32.const 0)))';

it.each([
  ['forks', { calls: ['proc_fork', 'waitpid'], main: `(loop $on ${fork('')} ${wait} (br $on))` }],
  [
    'makes calls that take long',
    {
      calls: ['random_get'],
      main: '(loop $on (call $check (call $random_get (i32.const 1024) (i32.const 64000))) (br $on))',
    },
  ],
] as const)(
  'a guest that %s is saved, asked for its processes, and ended when its time is over',
  async (_name, guest) => {
    const machine = await Machine.load(await assemble(guest), {
      seed: 1n,
      stdin: 'null',
      stdout: 'null',
      cacheDirectory: null,
      timeoutMs: 1500,
    });
    const startMs = performance.now();
    const end = machine.run();
    const { chunks } = await machine.snapshot();
    expect(performance.now() - startMs).toBeLessThan(WITHIN_MS);
    expect(machine.processes().length).toBeGreaterThan(0);
    expect(await end).toEqual({ kind: 'stopped', reason: 'timeout' });
    expect(performance.now() - startMs).toBeLessThan(1500 + WITHIN_MS);
    const copy = await Machine.resume(Buffer.concat(chunks), { stdin: 'null', cacheDirectory: null, timeoutMs: 100 });
    expect(await copy.run()).toEqual({ kind: 'stopped', reason: 'timeout' });
  },
);

// Ten seconds, and half a GiB.
it.runIf(process.env['CI'] === 'true')(
  'a guest that forks without end is told that there are enough processes (EAGAIN)',
  { timeout: 60_000 },
  async () => {
    const EAGAIN = 6;
    const module = await assemble({
      calls: ['proc_fork'],
      main: '(loop $on (call $check (call $proc_fork (i32.const 1) (i32.const 32))) (br $on))',
    });
    const machine = await Machine.load(module, { stdin: 'null', cacheDirectory: null });
    expect(await machine.run()).toEqual({ kind: 'exit', code: EAGAIN });
    machine.dispose();
  },
);
