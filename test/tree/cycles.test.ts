// M16: a small tree that is saved and resumed a thousand times, each time in a new machine: memory and open files stay as they are.

import fs from 'node:fs';
import { expect, it } from 'vitest';
import { Machine, type ResumeOptions } from '../../runtime/index.ts';
import { imageOf } from '../guest/modes.ts';
import { assemble, fork, get, pipe, put, times } from './wat.ts';

const CYCLES = 1000;
/** Caches fill and compiled code settles in the first part. */
const WARM_UP = CYCLES / 2;
/** Two processes have 128 KiB of memory, a machine has more: a leak of every tenth would show. */
const GROWTH_BYTES = 24 * 2 ** 20;

it.each([
  ['killed', (machine: Machine) => machine.kill()],
  ['disposed of', (machine: Machine) => machine.dispose()],
])(
  `M16 ${CYCLES} snapshots and resumes of a tree leave no memory and no open file: machines are %s`,
  async (_how, end) => {
    // Two processes hand a byte to and fro; the first asks for a snapshot after every round trip.
    const rounds = CYCLES / 2;
    const module = await assemble({
      calls: ['pipe2', 'proc_fork', 'snapshot', 'waitpid'],
      main: `${pipe(16)} ${pipe(24)}
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
    let before: ReturnType<typeof resources> | undefined;
    while (cycles < CYCLES) {
      let machine = await Machine.load(module, options);
      for (let exit = await machine.run(); exit.kind === 'stopped'; exit = await machine.run()) {
        cycles++;
        end(machine);
        machine = await Machine.resume(image!, options);
        if (cycles === WARM_UP) before = resources();
      }
      expect(machine.processes().length).toBe(1);
      end(machine);
    }
    const after = resources();
    expect(cycles).toBe(CYCLES);
    expect(after.openFiles).toBe(before!.openFiles);
    expect(after.residentBytes - before!.residentBytes).toBeLessThan(GROWTH_BYTES);
  },
);

function resources(): { openFiles: number; residentBytes: number } {
  globalThis.gc?.();
  return { openFiles: fs.readdirSync('/proc/self/fd').length, residentBytes: process.memoryUsage().rss };
}
