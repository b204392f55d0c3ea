// The start section of a module that cannot be captured: V8 runs it when the instance is made, when no thread runs.

import binaryen from 'binaryen';
import { expect, test } from 'vitest';
import { Machine } from './machine.ts';
import type { MachineExit } from './machine-status.ts';

/** The start section does `body`; a struct makes it a module that is not instrumented. */
async function run(body: string): Promise<MachineExit> {
  const module = binaryen.parseText(`(module
    (type $struct (struct (field i32)))
    (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
    (memory (export "memory") 1)
    (global $kept (mut (ref null $struct)) (ref.null $struct))
    (func $start (local $left i32) ${body})
    (start $start)
    (func (export "_start") (global.set $kept (struct.new $struct (i32.const 1))) (call $proc_exit (i32.const 7))))`);
  module.setFeatures(binaryen.Features.ReferenceTypes | binaryen.Features.GC);
  const bytes = module.emitBinary();
  module.dispose();
  const machine = await Machine.load(bytes, { stdin: 'null', stdout: 'null', stderr: 'null', cacheDirectory: null });
  return machine.run();
}

test('a start section may make as many calls as it likes', async () => {
  const calls = `(local.set $left (i32.const 1000))
    (loop $again
      (drop (call $sched_yield))
      (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))`;
  expect(await run(calls)).toEqual({ kind: 'exit', code: 7 });
});

test('a start section that ends the process is refused by name', async () => {
  await expect(run('(call $proc_exit (i32.const 3))')).rejects.toMatchObject({
    code: 'WVM_MODULE_UNSUPPORTED',
    message: expect.stringContaining('proc_exit'),
  });
});
