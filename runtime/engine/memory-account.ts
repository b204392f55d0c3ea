// How much memory the processes of a machine have. A memory grows without telling, but only while its program runs: what has run
// since it was counted is counted again when somebody asks.

import type { GuestProgram } from './guest-program.ts';

export class MemoryAccount {
  readonly #counted: Map<GuestProgram, number> = new Map();
  #bytes = 0;
  readonly #ran: Set<GuestProgram> = new Set();
  #ranLast: GuestProgram | undefined;

  /** Of all programs, at this moment. */
  get bytes(): number {
    for (const program of this.#ran) this.add(program);
    this.#ran.clear();
    // It may be running.
    if (this.#ranLast !== undefined) this.#ran.add(this.#ranLast);
    return this.#bytes;
  }

  /** It is new, or its memory may have grown. */
  add(program: GuestProgram): void {
    const { memoryBytes } = program;
    this.#bytes += memoryBytes - (this.#counted.get(program) ?? 0);
    this.#counted.set(program, memoryBytes);
  }

  /** The program is about to run. */
  note(program: GuestProgram): void {
    if (program !== this.#ranLast) this.#ran.add((this.#ranLast = program));
  }

  remove(program: GuestProgram): void {
    this.#bytes -= this.#counted.get(program) ?? 0;
    this.#counted.delete(program);
    this.#ran.delete(program);
    if (program === this.#ranLast) this.#ranLast = undefined;
  }
}
