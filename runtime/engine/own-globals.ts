// The globals that the instrumenter has given a module: its fuel, and where in the stack area the next frame is written or read.

import { assert } from '../base/assert.ts';
import * as names from '../instrument/names.ts';

/** The exports that they are, which continuations import. */
export const OWN_GLOBALS: readonly string[] = [
  names.EXPORT_FUEL,
  names.EXPORT_CURSOR,
  names.EXPORT_LIMIT,
  names.EXPORT_FUNCREF_CURSOR,
  names.EXPORT_EXTERNREF_CURSOR,
];

export class OwnGlobals {
  readonly cursor: WebAssembly.Global;
  readonly funcrefCursor: WebAssembly.Global;
  readonly externrefCursor: WebAssembly.Global;
  readonly #fuel: WebAssembly.Global;
  readonly #limit: WebAssembly.Global;
  /** What the guest was last told of the size of the frames memory. */
  #knownLimit = 0;

  constructor(exports: WebAssembly.Exports) {
    const own = (name: string): WebAssembly.Global => exports[name] as WebAssembly.Global;
    this.cursor = own(names.EXPORT_CURSOR);
    this.funcrefCursor = own(names.EXPORT_FUNCREF_CURSOR);
    this.externrefCursor = own(names.EXPORT_EXTERNREF_CURSOR);
    this.#fuel = own(names.EXPORT_FUEL);
    this.#limit = own(names.EXPORT_LIMIT);
    this.cursor.value = names.FRAMES_BASE;
  }

  /** Polls that the guest may still come by before it asks; -1 while it asks. */
  get fuel(): number {
    return (this.#fuel.value as number) - 1;
  }

  set fuel(value: number) {
    // The guest counts down and asks at 0, so it must not begin there.
    assert(value >= 0, 'a guest runs with fuel for the way to its next poll');
    this.#fuel.value = value + 1;
  }

  /** The size of the frames memory, which grows. */
  set limit(sizeBytes: number) {
    if (sizeBytes !== this.#knownLimit) this.#limit.value = this.#knownLimit = sizeBytes;
  }

  /** Nothing is on the stack. */
  reset(): void {
    this.cursor.value = names.FRAMES_BASE;
    this.funcrefCursor.value = 0;
    this.externrefCursor.value = 0;
  }
}
