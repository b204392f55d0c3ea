// Finds functions that do nothing but loop. V8 compiles one that runs for long a second time, optimised, but goes on in the frame that
// runs in baseline code until it returns: one that loops never does. So it is unwound, and goes on in a continuation; and,
// as that starts in baseline code too, once more after twice the time: by then V8 has its optimised code.
//
// Each function has to loop twice as long as the time before: after an hour its frame has been replaced eighteen times, and a
// function that loops for a while at each call is soon left alone.

import type { CompiledModule } from './compile.ts';
import type { GuestProgram } from './guest-program.ts';

/** Polls in a row after which a function counts as one long loop: some 20 ms. */
const LOOP_POLLS = 20;

export class LoopWatch {
  /** The function that polled last, and how many polls in a row came from it. */
  #function = -1;
  #program: GuestProgram | undefined;
  #polls = 0;
  /** Of functions whose frame was replaced: the polls after which it will be again. */
  readonly #replaced = new WeakMap<CompiledModule, Map<number, number>>();

  /** A poll at `site`. True: the frame is to be replaced. */
  isLoop(program: GuestProgram, site: number): boolean {
    const functionIndex = program.map.functionOfSite(site);
    if (functionIndex !== this.#function || program !== this.#program) {
      this.#function = functionIndex;
      this.#program = program;
      this.#polls = 0;
      return false;
    }
    if (++this.#polls < LOOP_POLLS) return false;
    let replaced = this.#replaced.get(program.compiled);
    if (replaced === undefined) this.#replaced.set(program.compiled, (replaced = new Map()));
    const wanted = replaced.get(functionIndex) ?? LOOP_POLLS;
    if (this.#polls < wanted) return false;
    if (!program.instance.continuations.isQuietLoop(site)) {
      this.#polls = 0;
      return false;
    }
    replaced.set(functionIndex, 2 * wanted);
    return true;
  }
}
