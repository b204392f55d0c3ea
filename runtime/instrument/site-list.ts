// The sites of a function, as the forward pass meets them: each with the operands that it needs and its catch clause.

import type { ValType } from '../wasm/module.ts';
import { type FunctionAnalysis, SiteKind } from './analysis.ts';
import type { Control } from './control-stack.ts';

const EMPTY: readonly ValType[] = [];

export class SiteList {
  polls = 0;
  /** They were not met in the order of the code: a poll may lie before what makes it due. */
  isUnsorted = false;
  /** Of the function that is being analysed. */
  #a!: FunctionAnalysis;

  begin(a: FunctionAnalysis): void {
    this.#a = a;
    this.polls = 0;
    this.isUnsorted = false;
  }

  /** A poll before `instruction`, in `block`; `top`: node of the topmost operand there. */
  poll(instruction: number, block: number, top: number, control: Control): void {
    this.polls++;
    this.#add(SiteKind.poll, instruction, block, top, EMPTY, control);
  }

  /** A call that may suspend; `top`: below its arguments. */
  call(instruction: number, top: number, results: readonly ValType[], control: Control): void {
    this.#add(SiteKind.call, instruction, control.instruction, top, results, control);
  }

  /** `control`: the innermost open block. */
  #add(
    kind: 0 | 1,
    instruction: number,
    block: number,
    top: number,
    results: readonly ValType[],
    { clause }: Control,
  ): void {
    const { sites, clauses, nodeNeeded, nodeBelow } = this.#a;
    for (let node = top; node >= 0 && !nodeNeeded[node]; node = nodeBelow[node]!) nodeNeeded[node] = true;
    for (let c = clause; c >= 0 && !clauses[c]!.hasSite; c = clauses[c]!.outer) clauses[c]!.hasSite = true;
    if (sites.length > 0) {
      const last = sites[sites.length - 1]!;
      if (last.instruction > instruction || (last.instruction === instruction && last.kind < kind)) {
        this.isUnsorted = true;
      }
    }
    sites.push({ kind, instruction, block, top, results, clause });
  }
}
