// Forks of a program use the instances of its children that have ended. That such a child is what its parent is, the guest
// fork-state proves.

import { expect, it, vi } from 'vitest';
import { guestNamed } from '../../guest/manifest.ts';
import { assembleWat } from '../../guest/toolchain.ts';
import { Machine } from '../../runtime/index.ts';
import { imageOf, moduleOf, programsOf, quiet } from '../guest/modes.ts';
import { assemble, fork, times } from './wat.ts';

const CHILDREN = 100;

it('children one after the other share an instance', async () => {
  const wait = '(call $check (call $waitpid (i32.const -1) (i32.const 48) (i32.const 0) (i32.const 52)))';
  const module = await assemble({ calls: ['proc_fork', 'waitpid'], main: times(CHILDREN, fork('') + wait) });
  const machine = await Machine.load(module, { stdin: 'null', cacheDirectory: null });
  let made = 0;
  class Counted extends WebAssembly.Instance {
    constructor(module: WebAssembly.Module, imports?: WebAssembly.Imports) {
      super(module, imports);
      made++;
    }
  }
  vi.stubGlobal('WebAssembly', Object.create(WebAssembly, { Instance: { value: Counted } }));
  try {
    expect(await machine.run()).toEqual({ kind: 'exit', code: 0 });
  } finally {
    vi.unstubAllGlobals();
  }
  expect(made).toBeGreaterThan(0);
  expect(made).toBeLessThan(20);
});

it('a signal that comes between the resume and a fork is handled after it, by the parent', async () => {
  const module = await assembleWat(
    'signal.wat',
    `(module
      (import "wasix_32v1" "callback_signal" (func $callback_signal (param i32 i32)))
      (import "wasix_32v1" "proc_fork" (func $proc_fork (param i32 i32) (result i32)))
      (import "wvm" "waitpid" (func $waitpid (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
      (memory (export "memory") 1)
      (data (i32.const 8) "handle")
      (global $handled (mut i32) (i32.const 0))
      (func (export "handle") (param i32) (global.set $handled (i32.add (global.get $handled) (local.get 0))))
      (func (export "_start")
        (call $callback_signal (i32.const 8) (i32.const 6))
        (drop (call $proc_fork (i32.const 1) (i32.const 32)))
        (if (i32.eqz (i32.load (i32.const 32))) (then (call $proc_exit (global.get $handled))))
        (drop (call $waitpid (i32.const -1) (i32.const 36) (i32.const 0) (i32.const 40)))
        (call $proc_exit (i32.add (i32.shr_u (i32.load (i32.const 36)) (i32.const 2)) (global.get $handled)))))`,
  );
  const images: Uint8Array[] = [];
  const machine = await Machine.load(module, {
    ...quiet,
    stops: { polls: false, calls: true, onStop: (stopped) => images.push(imageOf(stopped)) === 0 },
  });
  // The child's SIGCHLD.
  expect(await machine.run()).toEqual({ kind: 'exit', code: 17 });
  // Held back are callback_signal, then proc_fork.
  const copy = await Machine.resume(images[1]!, quiet);
  expect(copy.signal(10)).toBe(true);
  expect(await copy.run()).toEqual({ kind: 'exit', code: 10 + 17 });
});

it.each(['fork-state', 'memory-grow', 'exec', 'spawn'])(
  'the memory of all processes of %s is the sum',
  async (name) => {
    const guest = guestNamed(name);
    let stops = 0;
    const machine = await Machine.load(moduleOf(guest), {
      stdin: 'null',
      stdout: 'null',
      cacheDirectory: null,
      programs: programsOf(guest),
      stops: {
        polls: true,
        calls: true,
        onStop: (stopped) => {
          stops++;
          const sum = stopped.processes().reduce((bytes, { memoryBytes }) => bytes + memoryBytes, 0);
          expect(stopped.stats().memoryBytes).toBe(sum);
          return false;
        },
      },
    });
    expect(await machine.run()).toEqual({ kind: 'exit', code: 0 });
    expect(stops).toBeGreaterThan(20);
  },
);
