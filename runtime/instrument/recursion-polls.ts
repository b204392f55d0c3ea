// Where a function on a cycle of calls polls. One call that may recurse is free: a chain of such calls is no longer than the
// stack. Before a second one, on the worst path to it, a poll is due, which pays for all calls behind it: so the work
// between two polls is bounded by the depth of the stack. Other functions owe nothing.
//
// before                        after
// local.get $n  call $f         local.get $n  call $f
// local.set $x                  local.set $x
// local.get $m                  fuel -= 1; if (fuel == 0) poll
// local.get $n  call $f         local.get $m  local.get $n  call $f
//
// The poll lies where the block's part of the stack was last empty: there it has the least to save. In a loop it lies at
// its head (LoopKind.headed), in place of the one before another turn.

import { BLOCK_BASE, type ControlStack, Debt } from './control-stack.ts';
import type { OperandStack } from './operand-stack.ts';
import type { SiteList } from './site-list.ts';

export class RecursionPolls {
  readonly #stack: OperandStack;
  readonly #controls: ControlStack;
  readonly #sites: SiteList;

  constructor(stack: OperandStack, controls: ControlStack, sites: SiteList) {
    this.#stack = stack;
    this.#controls = controls;
    this.#sites = sites;
  }

  /** Before a call that may recurse, whose operands are on the stack. */
  call(): void {
    const control = this.#controls.innermost;
    if (control.debt === Debt.due) this.#pay();
    else if (control.debt === Debt.none) control.debt = control.maxDebt = Debt.due;
  }

  /** Before a tail call. It takes no stack, so one that closes a cycle is never free. */
  tailCall(mayRecurse: boolean, closesCycle: boolean): void {
    const { debt } = this.#controls.innermost;
    if (closesCycle ? debt !== Debt.paid : mayRecurse && debt === Debt.due) this.#pay();
  }

  #pay(): void {
    const { controls } = this.#controls;
    const control = controls[controls.length - 1]!;
    if (control.loop < 0) {
      const { boundaryTop } = control;
      const top = boundaryTop === BLOCK_BASE ? this.#stack.nodeBelow(control.base) : boundaryTop;
      this.#sites.poll(control.boundary, control.instruction, top, control);
      control.debt = Debt.paid;
      return;
    }
    this.#controls.pollAtHead(control.loop);
    for (let k = controls.length - 1; ; k--) {
      const inner = controls[k]!;
      inner.debt = inner.debtAtStart = inner.maxDebt = Debt.paid;
      if (inner.instruction === control.loop) return;
    }
  }
}
