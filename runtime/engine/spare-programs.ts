// What processes that have ended leave for the next forks of their programs: to make an instance and what belongs to it takes longer
// than all the rest of a fork. GuestProgram.copy() makes one what the parent is, or refuses.

import type { CompiledModule } from './compile.ts';
import type { GuestProgram } from './guest-program.ts';

/** Of one program; more than a shell's pipeline has. */
const OF_ONE_PROGRAM = 16;
const BYTES_MAX: number = 64 << 20;

export class SparePrograms {
  readonly #spares: Map<CompiledModule, GuestProgram[]> = new Map();
  #sizeBytes = 0;

  /** False if it is not kept. */
  add(ended: GuestProgram): boolean {
    const { compiled, memoryBytes } = ended;
    if (compiled.map === undefined || compiled.map.graph.writesTables) return false;
    if (this.#sizeBytes + memoryBytes > BYTES_MAX) return false;
    const kept = this.#spares.get(compiled);
    if (kept === undefined) this.#spares.set(compiled, [ended]);
    else if (kept.length >= OF_ONE_PROGRAM) return false;
    else kept.push(ended);
    this.#sizeBytes += memoryBytes;
    return true;
  }

  take(compiled: CompiledModule): GuestProgram | undefined {
    const spare = this.#spares.get(compiled)?.pop();
    if (spare !== undefined) this.#sizeBytes -= spare.memoryBytes;
    return spare;
  }

  clear(): GuestProgram[] {
    const all = [...this.#spares.values()].flat();
    this.#spares.clear();
    this.#sizeBytes = 0;
    return all;
  }
}
