// The guest's memory as the kernel sees it, refreshed when the guest has grown it: a view of a memory that has grown is empty,
// but for a shared memory, whose old views stay as they were.

import type { GuestMemory, WriteMarks } from '../kernel/guest-memory.ts';

export class LinearMemory implements GuestMemory {
  readonly #memory: WebAssembly.Memory;
  readonly #isShared: boolean;
  #buffer: ArrayBuffer | SharedArrayBuffer;
  #bytes: Uint8Array;
  #view: DataView;
  readonly marks: WriteMarks | undefined;

  constructor(memory: WebAssembly.Memory, marks: WriteMarks | undefined) {
    this.#memory = memory;
    this.marks = marks;
    this.#buffer = memory.buffer;
    this.#isShared = memory.buffer instanceof SharedArrayBuffer;
    this.#bytes = new Uint8Array(this.#buffer);
    this.#view = new DataView(this.#buffer);
  }

  get bytes(): Uint8Array {
    if (this.#bytes.length === 0 || (this.#isShared && this.#memory.buffer !== this.#buffer)) this.#refresh();
    return this.#bytes;
  }

  get view(): DataView {
    if (this.#bytes.length === 0 || (this.#isShared && this.#memory.buffer !== this.#buffer)) this.#refresh();
    return this.#view;
  }

  #refresh(): void {
    this.#buffer = this.#memory.buffer;
    this.#bytes = new Uint8Array(this.#buffer);
    this.#view = new DataView(this.#buffer);
  }
}
