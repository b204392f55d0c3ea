// What a resume makes of a guest's memory: what the image says and nothing else, whatever the module would put there at its start.

import { expect, it } from 'vitest';
import { assembleWat } from '../../guest/toolchain.ts';
import { Machine, type MachineOptions, type ResumeOptions } from '../../runtime/index.ts';
import { imageOf } from '../guest/modes.ts';

/** 16 bytes from 64 on are constants of the module; it changes some, clears some, grows, and prints them after a while. */
const text = `(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1 3)
  (data (i32.const 64) "constants, 16 by")
  (data (i32.const 65532) "last")
  (func (export "_start") (local $i i32)
    (i32.store8 (i32.const 64) (i32.const 67))
    (memory.fill (i32.const 74) (i32.const 0) (i32.const 6))
    (memory.fill (i32.const 65532) (i32.const 0) (i32.const 4))
    (drop (memory.grow (i32.const 1)))
    (i32.store (i32.const 65536) (i32.const 0x646e6521))
    (loop $again (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000))))
    (memory.copy (i32.const 128) (i32.const 64) (i32.const 16))
    (memory.copy (i32.const 144) (i32.const 65532) (i32.const 8))
    (i32.store8 (i32.const 152) (i32.add (i32.const 48) (memory.size)))
    (i32.store (i32.const 0) (i32.const 128)) (i32.store (i32.const 4) (i32.const 25))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))`;

it('V22 V28 constants that the program has changed stay changed, and what it has cleared stays clear', async () => {
  const module = await assembleWat('constants', text);
  const printed: Uint8Array[] = [];
  const options: ResumeOptions & MachineOptions = {
    stdin: 'null',
    stderr: 'null',
    cacheDirectory: null,
    stdout: (chunk) => void printed.push(chunk.slice()),
  };
  let places = 0;
  const stops = { polls: true, calls: false, onStop: () => places++ === 20 };
  const machine = await Machine.load(module, { ...options, stops });
  expect(await machine.run()).toEqual({ kind: 'stopped', reason: 'snapshot' });
  const image = imageOf(machine);
  expect(await machine.run()).toEqual({ kind: 'exit', code: 0 });
  const undisturbed = Buffer.concat(printed.splice(0)).toString('latin1');
  expect(undisturbed).toBe('Constants,\0\0\0\0\0\0\0\0\0\0!end2');
  for (let copy = 0; copy < 2; copy++) {
    const resumed = await Machine.resume(image, options);
    expect(Buffer.compare(imageOf(resumed), image)).toBe(0);
    expect(await resumed.run()).toEqual({ kind: 'exit', code: 0 });
    expect(Buffer.concat(printed.splice(0)).toString('latin1')).toBe(undisturbed);
  }
});
