// Finds functions that do nothing but loop: their frame is replaced, once, by an optimised continuation (Continuations.isQuietLoop).

import type { CompiledModule } from './compile.ts';
import type { GuestProgram } from './guest-program.ts';

/** Polls in a row after which a function counts as one long loop: some 20 ms. */
const LOOP_POLLS = 20;

export class LoopWatch {
  /** The function that polled last, and how many polls in a row came from it. */
  #function = -1;
  #program: GuestProgram | undefined;
  #polls = 0;
  /** Functions whose frame was once replaced while it looped. */
  readonly #replaced = new WeakMap<CompiledModule, Set<number>>();

  /** A poll at `site`. True, once per function: all polls for a while came from that function, which only loops. */
  isLoop(program: GuestProgram, site: number): boolean {
    const functionIndex = program.map.functionOfSite(site);
    if (functionIndex !== this.#function || program !== this.#program) {
      this.#function = functionIndex;
      this.#program = program;
      this.#polls = 0;
      return false;
    }
    if (++this.#polls !== LOOP_POLLS) return false;
    let replaced = this.#replaced.get(program.compiled);
    if (replaced === undefined) this.#replaced.set(program.compiled, (replaced = new Set()));
    if (replaced.has(functionIndex)) return false;
    if (!program.instance.continuations.isQuietLoop(site)) {
      this.#polls = 0;
      return false;
    }
    replaced.add(functionIndex);
    return true;
  }
}
