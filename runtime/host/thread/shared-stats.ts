// What a machine says of itself to other threads, in memory that they share: whoever wants to know looks, and the guest
// runs on. The fields are written one after the other; a reader may see one of now and one of a moment ago.
//
// offset  size
//      0     4  times that somebody has asked the machine for something and has no answer yet (MachineOptions.interrupt)
//      4     4  state, as index of STATES
//      8     8  fuel used
//     16     8  bytes of memory

import type { MachineStats } from '../machine/machine-status.ts';

const STATES = ['loaded', 'running', 'blocked', 'frozen', 'ended'] as const satisfies readonly MachineStats['state'][];
const SIZE_BYTES = 24;
const STATE = 1;
const FUEL = 1;
const MEMORY = 2;

export class SharedStats {
  readonly buffer: SharedArrayBuffer;
  readonly interrupt: Int32Array;
  readonly #words: Int32Array;
  readonly #numbers: BigInt64Array;

  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(SIZE_BYTES)) {
    this.buffer = buffer;
    this.interrupt = new Int32Array(buffer, 0, 1);
    this.#words = new Int32Array(buffer);
    this.#numbers = new BigInt64Array(buffer);
  }

  publish({ state, fuelUsed, memoryBytes }: MachineStats): void {
    Atomics.store(this.#words, STATE, STATES.indexOf(state));
    Atomics.store(this.#numbers, FUEL, fuelUsed);
    Atomics.store(this.#numbers, MEMORY, BigInt(memoryBytes));
  }

  read(): MachineStats {
    return {
      state: STATES[Atomics.load(this.#words, STATE)]!,
      fuelUsed: Atomics.load(this.#numbers, FUEL),
      memoryBytes: Number(Atomics.load(this.#numbers, MEMORY)),
    };
  }
}
