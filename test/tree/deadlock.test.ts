// A machine in which nothing can happen any more ends, and says who waits for what; after a resume, too.

import { describe, expect, it } from 'vitest';
import { Machine, type MachineExit } from '../../runtime/index.ts';
import { imageOf, quiet } from '../guest/modes.ts';
import { assemble, close, fork, get, pipe, put, type WatGuest } from './wat.ts';

const FOREVER = '(memory.atomic.wait32 (i32.const 128) (i32.const 0) (i64.const -1))';

const DEADLOCKS: Record<string, { guest: WatGuest; text: RegExp }> = {
  'two processes, each reading what only the other could write': {
    guest: {
      calls: ['pipe2', 'proc_fork', 'fd_close'],
      main: `${pipe(16)} ${pipe(24)} ${fork(`(drop ${get(16)}) ${put(28)}`)} (drop ${get(24)}) ${put(20)}`,
    },
    text: /^deadlock: .*fd_read \(process 1, thread 1\).*fd_read \(process 2, thread 2\)/s,
  },
  'a parent that waits for a child which reads from it': {
    guest: {
      calls: ['pipe2', 'proc_fork', 'waitpid'],
      main: `${pipe(16)} ${fork(`(drop ${get(16)})`)}
        (call $check (call $waitpid (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 0)))`,
    },
    text: /^deadlock: .*waitpid \(process 1, thread 1\).*fd_read \(process 2, thread 2\)|fd_read.*waitpid/s,
  },
  'a parent that waits for a stopped child': {
    guest: {
      calls: ['proc_fork', 'waitpid', 'kill'],
      main: `${fork('(call $check (call $kill (i32.const 2) (i32.const 19)))')}
        (call $check (call $waitpid (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 0)))`,
    },
    text: /^deadlock: .*waitpid \(process 1, thread 1\), process 2 is stopped/,
  },
  'a process that reads from a pipe of its own': {
    guest: { calls: ['pipe2'], main: `${pipe(16)} (drop ${get(16)})` },
    text: /^deadlock: .*fd_read \(process 1, thread 1\)/,
  },
  'threads that wait for a futex': {
    guest: {
      calls: ['thread_spawn'],
      isShared: true,
      rest: `(func (export "wasi_thread_start") (param i32 i32) (drop ${FOREVER}))`,
      main: `(drop (call $thread_spawn (i32.const 0))) (drop (call $thread_spawn (i32.const 0))) (drop ${FOREVER})`,
    },
    text: /^deadlock: (.*atomic\.wait32 \(process 1, thread [123]\)){3}/,
  },
};

const isDeadlock = (exit: MachineExit, text: RegExp): void => {
  expect(exit).toEqual({ kind: 'trap', message: expect.stringMatching(text), backtrace: [] });
};

describe('a deadlock', () => {
  it.each(Object.entries(DEADLOCKS))('of %s is told', async (_case, { guest, text }) => {
    const machine = await Machine.load(await assemble(guest), quiet);
    isDeadlock(await machine.run(), text);
  });

  it.each(Object.entries(DEADLOCKS))('of %s is told by a copy', async (_case, { guest, text }) => {
    // Saved before the last call that waits.
    const module = await assemble(guest);
    let stops = 0;
    const count = { ...quiet, stops: { polls: false, calls: true, onStop: () => ++stops < 0 } };
    isDeadlock(await (await Machine.load(module, count)).run(), text);
    const places = stops;
    expect(places).toBeGreaterThan(1);
    stops = 0;
    const last = { ...quiet, stops: { polls: false, calls: true, onStop: () => ++stops === places } };
    const machine = await Machine.load(module, last);
    expect(await machine.run()).toMatchObject({ kind: 'stopped', reason: 'snapshot' });
    const copy = await Machine.resume(imageOf(machine), quiet);
    machine.kill();
    isDeadlock(await copy.run(), text);
  });

  it('is none while a third process sleeps and will end it', async () => {
    // The subscription at 512: 30 ms of the monotonic clock.
    const module = await assemble({
      calls: ['pipe2', 'proc_fork', 'poll_oneoff', 'fd_close'],
      main: `${pipe(16)}
        ${fork(`(i32.store (i32.const 528) (i32.const 1)) (i64.store (i32.const 536) (i64.const 30000000))
          (call $check (call $poll_oneoff (i32.const 512) (i32.const 600) (i32.const 1) (i32.const 700)))`)}
        ${fork(`${close(20)} (drop ${get(16)})`)}
        ${close(20)} (drop ${get(16)})`,
    });
    expect(await (await Machine.load(module, quiet)).run()).toEqual({ kind: 'exit', code: 0 });
  });
});
