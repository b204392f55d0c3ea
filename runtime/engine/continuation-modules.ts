// The continuations of one program that were compiled last. A continuation names no instance, so all instances of a
// program in this process share them: many copies of one image, or one machine that is resumed over and over.
// Frames of different stacks share them too: the outer ones are mostly the same.
// Measured: a resume of a small guest takes 1.2 ms with continuations that are here, 3 to 5 ms if they are compiled.

import { buildContinuations } from '../instrument/continuation.ts';
import type { ModuleMap } from '../instrument/module-map.ts';

/** A module with continuations. */
export interface CompiledContinuations {
  /** In the module's order. */
  readonly sites: readonly number[];
  readonly module: WebAssembly.Module;
  /** Functions of the original that it imports. */
  readonly functions: readonly number[];
  /** Exported helpers of the instance that it imports. */
  readonly helpers: readonly string[];
}

/** Some hot loops of a program and what calls them; a module with a few continuations has some 10 KiB of machine code. */
const KEPT = 512;

export class ContinuationModules {
  readonly #ofSite = new Map<number, CompiledContinuations>();
  /** Oldest first. */
  readonly #kept: CompiledContinuations[] = [];

  /** Modules that hold the continuations of all these sites; what no module has is compiled into one. */
  get(map: ModuleMap, sites: readonly number[]): CompiledContinuations[] {
    const modules = new Set<CompiledContinuations>();
    const missing: number[] = [];
    for (const site of sites) {
      const found = this.#ofSite.get(site);
      if (found === undefined) missing.push(site);
      else modules.add(found);
    }
    if (missing.length > 0) {
      const { bytes, functions, helpers } = buildContinuations(map, missing);
      const made = { sites: missing, module: new WebAssembly.Module(bytes), functions, helpers };
      this.#keep(made);
      modules.add(made);
    }
    return [...modules];
  }

  #keep(made: CompiledContinuations): void {
    for (const site of made.sites) this.#ofSite.set(site, made);
    this.#kept.push(made);
    if (this.#kept.length > KEPT) for (const site of this.#kept.shift()!.sites) this.#ofSite.delete(site);
  }
}
