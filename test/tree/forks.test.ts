// Forks of a program use the instances of its children that have ended. That such a child is what its parent is, the guest
// fork-state proves.

import { expect, it, vi } from 'vitest';
import { Machine } from '../../runtime/index.ts';
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
