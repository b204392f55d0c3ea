// M16: a small tree that is saved and resumed a thousand times, each time in a new machine: memory and open files stay as they are.

import { expect, it } from 'vitest';
import { Machine, type ResumeOptions } from '../../runtime/index.ts';
import { imageOf } from '../guest/modes.ts';
import { type Resources, resources } from '../guest/resources.ts';
import { assemble, fork, get, pipe, put, times } from './wat.ts';

const CYCLES = process.env['CI'] === 'true' ? 1000 : 400;
/** Memory that is not handed on waits for the collector, which takes longer. */
const KILLED_CYCLES = process.env['CI'] === 'true' ? 1000 : 300;
/** Two processes have as much memory each, none of it zero. A leak of every second machine shows. */
const PAGES = 4;
const GROWTH_BYTES = 24 * 2 ** 20;

it.each([
  ['disposed of', CYCLES, (machine: Machine) => machine.dispose()],
  ['killed', KILLED_CYCLES, (machine: Machine) => machine.kill()],
] as const)('M16 a tree, %s and resumed %i times, leaves no memory and no open file', async (_how, count, end) => {
  // Two processes hand a byte to and fro; the first asks for a snapshot after every round trip.
  const rounds = count / 2;
  // Caches fill and compiled code settles in the first part.
  const warmUp = count / 2;
  const module = await assemble({
    calls: ['pipe2', 'proc_fork', 'snapshot', 'waitpid'],
    pageCount: PAGES,
    main: `(local.set $j (i32.const ${PAGES * 65536 - 4096}))
      (loop $fill
        (i32.store (i32.add (local.get $j) (i32.const 128)) (local.get $j))
        (br_if $fill (i32.gt_s (local.tee $j (i32.sub (local.get $j) (i32.const 4096))) (i32.const 0))))
      ${pipe(16)} ${pipe(24)}
      ${fork(times(rounds, `(drop ${get(16)}) ${put(28)}`))}
      ${times(rounds, `${put(20)} (drop ${get(24)}) (if (i32.lt_s (call $snapshot) (i32.const 0)) (then (unreachable)))`)}
      (call $check (call $waitpid (i32.const -1) (i32.const 0) (i32.const 0) (i32.const 0)))`,
  });
  let image: Uint8Array | undefined;
  const options: ResumeOptions = {
    stdin: 'null',
    stdout: 'null',
    stderr: 'null',
    cacheDirectory: null,
    onSelfSnapshot: (machine) => {
      image = imageOf(machine);
      machine.kill();
      return Promise.resolve(1);
    },
  };
  let cycles = 0;
  let before: Resources | undefined;
  while (cycles < count) {
    let machine = await Machine.load(module, options);
    for (let exit = await machine.run(); exit.kind === 'stopped'; exit = await machine.run()) {
      cycles++;
      end(machine);
      machine = await Machine.resume(image!, options);
      if (cycles === warmUp) before = await resources();
    }
    expect(machine.processes().length).toBe(1);
    end(machine);
  }
  const after = await resources();
  expect(cycles).toBe(count);
  expect(after.openFiles).toBe(before!.openFiles);
  expect(after.residentBytes - before!.residentBytes).toBeLessThan(GROWTH_BYTES);
});
