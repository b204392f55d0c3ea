// A machine that stands still, because it saves itself or is about to end, and that somebody else wants to save at this very
// moment: the two must not wait for each other, and one that is stopped goes on from there, here and elsewhere.

import { describe, expect, it } from 'vitest';
import { Machine, type MachineExit, type MachineOptions } from '../../runtime/index.ts';
import { assemble, put, times } from '../tree/wat.ts';
import { quiet } from './modes.ts';

/** Long enough for a request that is sent at once; the room for a copy of `LARGE_PAGES` takes longer. */
const WORK = times(300_000, '(local.set $j (i32.add (local.get $j) (i32.const 1)))');
const LARGE_PAGES = 2048;
const STOPPED: MachineExit = { kind: 'stopped', reason: 'snapshot' };
/** "." on stdout. */
const SAY = `(i32.store8 (i32.const 64) (i32.const 46)) ${put(44)}`;
const INIT = '(i32.store (i32.const 44) (i32.const 1))';

interface Case {
  readonly main: string;
  /** What holds it. */
  readonly by: 'onSelfSnapshot' | 'beforeEnd';
  readonly limit?: Pick<MachineOptions, 'fuel' | 'timeoutMs'>;
  readonly end: MachineExit;
}

const cases: Readonly<Record<string, Case>> = {
  'it asks for a snapshot': {
    main: `${SAY} (drop (call $snapshot)) ${SAY} (call $proc_exit (i32.const 3))`,
    by: 'onSelfSnapshot',
    end: { kind: 'exit', code: 3 },
  },
  'it is about to exit': {
    main: `${SAY} ${SAY} (call $proc_exit (i32.const 3))`,
    by: 'beforeEnd',
    end: { kind: 'exit', code: 3 },
  },
  'it has returned': { main: `${SAY} ${SAY}`, by: 'beforeEnd', end: { kind: 'exit', code: 0 } },
  'its fuel is used up': {
    main: `${SAY} ${SAY} (loop $on (br $on))`,
    by: 'beforeEnd',
    limit: { fuel: 100_000n },
    end: { kind: 'stopped', reason: 'fuel' },
  },
  'its time is over': {
    main: `${SAY} ${SAY} (loop $on (br $on))`,
    by: 'beforeEnd',
    limit: { timeoutMs: 300 },
    end: { kind: 'stopped', reason: 'timeout' },
  },
};

/** Options of a machine that stands still while `hold` does its work. */
function heldBy({ by, limit }: Case, hold: (machine: Machine) => Promise<void>): MachineOptions {
  const action =
    by === 'beforeEnd' ? { beforeEnd: hold } : { onSelfSnapshot: (machine: Machine) => hold(machine).then(() => 1) };
  return { ...quiet, ...limit, ...action };
}

describe.each(Object.entries(cases))('while %s', (_, which) => {
  const assembled = assemble({ calls: ['snapshot'], main: INIT + which.main });

  it('a snapshot that stops the machine is taken; it goes on from there, once here and once elsewhere', async () => {
    let output = '';
    let image: Uint8Array | undefined;
    const options: MachineOptions = {
      ...heldBy(which, async (machine) => {
        // The machine stands still until this function ends.
        image ??= Buffer.concat((await machine.snapshot({ stop: true })).chunks);
      }),
      stdout: (chunk) => {
        output += Buffer.from(chunk).toString();
      },
    };
    const machine = await Machine.load(await assembled, options);
    expect(await machine.run()).toEqual(STOPPED);
    expect(machine.stats().state).toBe('frozen');
    const before = output;
    expect(await machine.run()).toEqual(which.end);
    const after = output.slice(before.length);
    expect(before + after).toBe('..');
    output = '';
    const copy = await Machine.resume(image!, options);
    expect(await copy.run()).toEqual(which.end);
    expect(output).toBe(after);
  });

  it('the machine can be killed, and nobody waits for ever', async () => {
    let late: Promise<unknown> | undefined;
    const options = heldBy(which, async (machine) => {
      machine.kill();
      late = machine.snapshot({ stop: true });
      late.catch(() => {});
    });
    const machine = await Machine.load(await assembled, options);
    expect(await machine.run()).toEqual({ kind: 'stopped', reason: 'kill' });
    await expect(late).rejects.toMatchObject({ code: 'WVM_SNAPSHOT_FAILED' });
    expect(machine.stats().state).toBe('ended');
    await expect(machine.snapshot()).rejects.toMatchObject({ code: 'WVM_SNAPSHOT_FAILED' });
  });
});

it('a snapshot that waits for memory for its copy is taken when the machine asks for one itself', async () => {
  const module = await assemble({
    calls: ['snapshot'],
    pageCount: LARGE_PAGES,
    // Every page is used: a copy of them takes a while to make room for.
    main: `${INIT} (loop $fill
        (i32.store (i32.add (i32.const 4096) (local.get $i)) (i32.const 1))
        (br_if $fill (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4096))) (i32.const ${(LARGE_PAGES - 1) * 65_536}))))
      ${SAY} ${WORK} (drop (call $snapshot)) ${SAY}`,
  });
  let asked: ReturnType<Machine['snapshot']> | undefined;
  let isTakenInTime = false;
  const machine = await Machine.load(module, {
    ...quiet,
    stdout: () => {
      asked ??= machine.snapshot();
    },
    onSelfSnapshot: async () => {
      await asked;
      isTakenInTime = true;
      return 1;
    },
  });
  expect(await machine.run()).toEqual({ kind: 'exit', code: 0 });
  expect(isTakenInTime).toBe(true);
});
