// Many: a machine of 10,000 threads and one of 1,000 processes do their work, and are saved and resumed in its middle.

import { expect, it } from 'vitest';
import { Machine, type MachineOptions } from '../../runtime/index.ts';
import { imageOf, quiet } from '../guest/modes.ts';
import { assemble, close, fork, get, pipe, put, times } from './wat.ts';

const THREADS = 10_000;
const PROCESSES = 1000;
const WITHIN_MS = 20_000;
const PASSED = { kind: 'exit', code: 0 };
const MiB = 2 ** 20;

interface Big {
  readonly image: Uint8Array;
  /** Of the machine at its largest. */
  readonly threadCount: number;
  readonly processCount: number;
}

/** Runs a guest that asks for one snapshot, and then a copy of it; both must pass. */
async function runTwice(module: Uint8Array): Promise<Big> {
  let big: Big | undefined;
  const options: MachineOptions = {
    ...quiet,
    // Virtual time: a sleep is over when there is nothing else to do.
    seed: 1n,
    onSelfSnapshot: (machine) => {
      const processes = machine.processes();
      const threadCount = processes.reduce((sum, process) => sum + process.threadCount, 0);
      big = { image: imageOf(machine), threadCount, processCount: processes.length };
      return Promise.resolve(1);
    },
  };
  const machine = await Machine.load(module, options);
  expect(await machine.run()).toEqual(PASSED);
  machine.dispose();
  const copy = await Machine.resume(big!.image, quiet);
  expect(copy.processes().length).toBe(big!.processCount);
  expect(await copy.run()).toEqual(PASSED);
  copy.dispose();
  return big!;
}

async function measured<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  const start = performance.now();
  const before = process.memoryUsage().rss;
  const result = await work();
  const grownMiB = Math.round((process.memoryUsage().rss - before) / MiB);
  console.log(`${what}: ${Math.round(performance.now() - start)} ms, ${grownMiB} MiB more`);
  return result;
}

it(`${THREADS} threads wait for one futex, are saved, resumed, woken, and count themselves`, {
  timeout: WITHIN_MS,
}, async () => {
  // Waiting threads are counted at 128, those that went on at 132; they wait at 136.
  const module = await assemble({
    calls: ['thread_spawn', 'snapshot'],
    isShared: true,
    rest: `(func (export "wasi_thread_start") (param i32 i32)
      (drop (i32.atomic.rmw.add (i32.const 128) (i32.const 1)))
      (drop (memory.atomic.wait32 (i32.const 136) (i32.const 0) (i64.const -1)))
      (if (i32.eq (i32.atomic.rmw.add (i32.const 132) (i32.const 1)) (i32.const ${THREADS - 1}))
        (then (drop (memory.atomic.notify (i32.const 132) (i32.const 1))))))`,
    main: `${times(THREADS, '(if (i32.lt_s (call $thread_spawn (i32.const 0)) (i32.const 2)) (then (unreachable)))')}
      ;; The others run while this one sleeps.
      (drop (memory.atomic.wait32 (i32.const 140) (i32.const 0) (i64.const 1000000)))
      (if (i32.ne (i32.atomic.load (i32.const 128)) (i32.const ${THREADS})) (then (unreachable)))
      (if (i32.lt_s (call $snapshot) (i32.const 0)) (then (unreachable)))
      (if (i32.ne (memory.atomic.notify (i32.const 136) (i32.const -1)) (i32.const ${THREADS})) (then (unreachable)))
      (loop $wait
        (local.set $i (i32.atomic.load (i32.const 132)))
        (if (i32.lt_u (local.get $i) (i32.const ${THREADS}))
          (then (drop (memory.atomic.wait32 (i32.const 132) (local.get $i) (i64.const -1))) (br $wait))))`,
  });
  const big = await measured(`${THREADS} threads, twice`, () => runTwice(module));
  expect(big.threadCount).toBe(THREADS + 1);
  // A stack, a record of the kernel: no page for each.
  expect(big.image.length / THREADS).toBeLessThan(1024);
});

it(`${PROCESSES} processes wait for a pipe, are saved, resumed, released and waited for`, {
  timeout: WITHIN_MS,
}, async () => {
  const module = await assemble({
    calls: ['pipe2', 'proc_fork', 'waitpid', 'fd_close', 'snapshot'],
    main: `${pipe(16)} ${pipe(24)}
      ${times(
        PROCESSES,
        // Tells that it is there, waits for the end, and ends with its number.
        fork(`${close(20)} ${put(28)} (drop ${get(16)}) (call $proc_exit (i32.and (local.get $i) (i32.const 127)))`),
      )}
      ${times(PROCESSES + 0, `(drop ${get(24)})`).replaceAll('$again', '$ready')}
      (if (i32.lt_s (call $snapshot) (i32.const 0)) (then (unreachable)))
      ${close(20)}
      ;; The sum of the exit statuses.
      ${times(
        PROCESSES,
        `(call $check (call $waitpid (i32.const -1) (i32.const 48) (i32.const 0) (i32.const 0)))
        (local.set $j (i32.add (local.get $j) (i32.shr_u (i32.load (i32.const 48)) (i32.const 8))))`,
      ).replaceAll('$again', '$reap')}
      (call $check (i32.ne (local.get $j) (i32.const ${sumOfStatuses()})))`,
  });
  const big = await measured(`${PROCESSES} processes, twice`, () => runTwice(module));
  expect([big.processCount, big.threadCount]).toEqual([PROCESSES + 1, PROCESSES + 1]);
  expect(big.image.length / PROCESSES).toBeLessThan(3 * 4096);
});

function sumOfStatuses(): number {
  let sum = 0;
  for (let number = PROCESSES; number > 0; number--) sum += number & 127;
  return sum;
}
