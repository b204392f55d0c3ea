// memory.atomic.wait32, wait64 and notify as system calls. The engine makes them of the instructions and has checked that
// the address is aligned and in bounds; the kernel compares, parks and wakes.
//
//   1. First try: the value at the address is not the expected one: 1.
//   2. Else the thread sleeps until it is notified (0) or its time is over (2). The value is looked at once only: what changes it
//      later must notify.
// A thread that waits without a timeout while no other can run would sleep for ever: the engine sees that, machine-wide.
// See: the threads proposal of WebAssembly; futex(2).

import { Errno } from '../../abi/errno.ts';
import { FUTEX_BITSET_MATCH_ANY } from '../../abi/futex.ts';
import type { SystemCallResult } from './blocked.ts';
import type { Kernel } from './kernel.ts';

const NOTIFIED = 0;
const NOT_EQUAL = 1;
const TIMED_OUT = 2;

/** The process's memories, by index. */
export interface AtomicMemories {
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
  /** Wakes up to `count` (unsigned); how many there were. */
  readonly 'atomic.notify': (memory: number, address: bigint, count: number) => SystemCallResult;
}

/** The three calls of one process. A negative timeout is none. */
export function createAtomicDoor(kernel: Kernel, memories: AtomicMemories): AtomicDoor {
  const wait = (memory: number, address: bigint, timeoutNs: bigint, isExpected: () => boolean): SystemCallResult => {
    const result = kernel.futexes.wait(kernel.current, {
      memory,
      address: placeOf(address),
      bitset: FUTEX_BITSET_MATCH_ANY,
      lockAddress: null,
      timeout: timeoutNs < 0n ? undefined : { clock: 'relative', ns: timeoutNs },
      isExpected,
    });
    if (typeof result !== 'number') return result;
    return result === Errno.ESUCCESS ? NOTIFIED : result === Errno.EAGAIN ? NOT_EQUAL : TIMED_OUT;
  };
  return {
    'atomic.wait32': (memory, address, expected, timeoutNs) =>
      wait(memory, address, timeoutNs, () => memories.load32(memory, address) === expected),
    'atomic.wait64': (memory, address, expected, timeoutNs) =>
      wait(memory, address, timeoutNs, () => memories.load64(memory, address) === expected),
    'atomic.notify': (memory, address, count) =>
      kernel.futexes.wake(kernel.current.process, memory, placeOf(address), count >>> 0, FUTEX_BITSET_MATCH_ANY),
  };
}

/** The engine passes addresses as wasm i64. */
function placeOf(address: bigint): number {
  return Number(BigInt.asUintN(64, address));
}
