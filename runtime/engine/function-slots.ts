// The table through which an instance and its continuations call what neither can import: the poll, waits and notifies, what goes on
// above a resumed frame, and what delivers the result of its host call. Slots are given in the order in which they are asked for.

import { atomicSlotType } from '../instrument/atomic-calls.ts';
import * as names from '../instrument/names.ts';
import { Op } from '../wasm/opcodes.ts';
import { wrapHostFunction } from './glue.ts';

/** memory.atomic.wait32, wait64 and notify; the address is checked. */
export interface AtomicCalls {
  readonly wait32: (memory: number, address: bigint, expected: number, timeoutNs: bigint) => unknown;
  readonly wait64: (memory: number, address: bigint, expected: bigint, timeoutNs: bigint) => unknown;
  readonly notify: (memory: number, address: bigint, count: number) => unknown;
}

export class FunctionSlots {
  readonly table: WebAssembly.Table = new WebAssembly.Table({ element: 'anyfunc', initial: 64 });
  #next: number = names.SLOT_FIRST_FREE;

  constructor(poll: WebAssembly.ExportedFunction) {
    this.table.set(names.SLOT_POLL, poll);
  }

  setAtomics({ wait32, wait64, notify }: AtomicCalls): void {
    const calls = [
      [names.SLOT_WAIT32, Op.memory_atomic_wait32, wait32],
      [names.SLOT_WAIT64, Op.memory_atomic_wait64, wait64],
      [names.SLOT_NOTIFY, Op.memory_atomic_notify, notify],
    ] as const;
    for (const [slot, opcode, call] of calls) this.table.set(slot, wrapHostFunction(atomicSlotType(opcode), call));
  }

  add(func: WebAssembly.ExportedFunction): number {
    const slot = this.#next++;
    if (slot >= Number(this.table.length)) this.table.grow(this.table.length);
    this.table.set(slot, func);
    return slot;
  }
}
