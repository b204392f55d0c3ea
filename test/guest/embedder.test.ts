// Programs that use WebAssembly themselves, beside machines on other threads: V8's flags are those of the whole process, so a machine
// must not touch one, not even for a moment. (It did, to compile continuations: instances that others made meanwhile were broken.)

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { assembleWat } from '../../guest/toolchain.ts';
import { MachineThread } from '../../runtime/index.ts';
import { withDirectory } from './modes.ts';

const MACHINES = 8;
const RUN_MS = 100;
const RARE_STEPS = 1000;

/** A loop that calls nothing, whose frame is replaced after some milliseconds, in a function that takes a while to compile. */
function longLoop(number: number): Promise<Uint8Array> {
  const step = `(local.set $x (i64.mul (i64.add (local.get $x) (i64.const ${number})) (i64.const 6364136223846793005)))`;
  return assembleWat(
    'long-loop',
    `(module (memory (export "memory") 1)
      (func (export "_start") (local $x i64)
        (loop $on
          ${step}
          (if (i64.eq (local.get $x) (i64.const 1)) (then ${step.repeat(RARE_STEPS)}))
          (br $on))))`,
  );
}

it('go on undisturbed, whatever the machines do', { timeout: 60_000 }, async () => {
  const module = new WebAssembly.Module(
    new Uint8Array(
      await assembleWat(
        'fib',
        `(module (func $fib (export "fib") (param $n i32) (result i32)
          (if (result i32) (i32.lt_u (local.get $n) (i32.const 2))
            (then (local.get $n))
            (else (i32.add (call $fib (i32.sub (local.get $n) (i32.const 1))) (call $fib (i32.sub (local.get $n) (i32.const 2))))))))`,
      ),
    ),
  );
  await withDirectory(async (directory) => {
    let rounds = 0;
    for (let number = 0; number < MACHINES; number++) {
      const path = join(directory, `${number}.wasm`);
      writeFileSync(path, await longLoop(number));
      const thread = new MachineThread();
      await thread.load(path, { cacheDirectory: null, stdin: 'null' });
      const ended = thread.run();
      const endMs = performance.now() + RUN_MS;
      while (performance.now() < endMs) {
        const { fib } = new WebAssembly.Instance(module).exports as { fib: (n: number) => number };
        expect(fib(10)).toBe(55);
        if (rounds++ % 50 === 0) await turn();
      }
      thread.kill();
      expect(await ended).toEqual({ kind: 'stopped', reason: 'kill' });
      thread.end();
    }
  });
});
