// memory.atomic.wait32, wait64 and notify as system calls. The engine makes them of the instructions and has checked that
// the address is aligned and in bounds; the kernel compares, parks and wakes.
//
//   1. First try: the value at the address is not the expected one: 1.
//   2. Else the thread sleeps until its deadline, an absolute machine time that is kept in the restart record, and the result
//      is 2. The value is looked at once only: what changes it later must notify.
//   3. With no deadline and nobody who could notify it would sleep for ever: a trap that says so.
// Nothing notifies yet: a process has one thread, and that one sleeps. So notify finds no waiter, 0.
// See: the threads proposal of WebAssembly; futex(2).

import { Blocked, type SystemCallResult, Trapped } from './blocked.ts';
import type { Kernel } from './kernel.ts';

const NOT_EQUAL = 1;
const TIMED_OUT = 2;

/** The process's memories, by index. */
interface AtomicMemories {
  load32(memory: number, address: bigint): number;
  load64(memory: number, address: bigint): bigint;
}

type AtomicCall<Expected> = (
  memory: number,
  address: bigint,
  expected: Expected,
  timeoutNs: bigint,
) => SystemCallResult;

export interface AtomicDoor {
  readonly 'atomic.wait32': AtomicCall<number>;
  readonly 'atomic.wait64': AtomicCall<bigint>;
  readonly 'atomic.notify': (memory: number, address: bigint, count: number) => SystemCallResult;
}

/** The three calls of one process. A negative timeout is none. */
export function createAtomicDoor(kernel: Kernel, memories: AtomicMemories): AtomicDoor {
  const wait = (address: bigint, isEqual: () => boolean, timeoutNs: bigint): SystemCallResult => {
    const { restart } = kernel.current;
    if (restart === undefined && !isEqual()) return NOT_EQUAL;
    const now = kernel.clock.nowNs();
    const deadlineNs = restart === undefined ? (timeoutNs < 0n ? undefined : now + timeoutNs) : restart.deadlineNs;
    if (deadlineNs === undefined) {
      return new Trapped(`deadlock: the only thread waits without a timeout at address ${BigInt.asUintN(64, address)}`);
    }
    if (now >= deadlineNs) return TIMED_OUT;
    return new Blocked([{ kind: 'timer', deadlineNs }], { deadlineNs });
  };
  return {
    'atomic.wait32': (memory, address, expected, timeoutNs) =>
      wait(address, () => memories.load32(memory, address) === expected, timeoutNs),
    'atomic.wait64': (memory, address, expected, timeoutNs) =>
      wait(address, () => memories.load64(memory, address) === expected, timeoutNs),
    'atomic.notify': () => 0,
  };
}
