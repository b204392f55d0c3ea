// The blocks that are open around an instruction, as the forward pass knows them; and what it learns of a block when it
// begins, goes on with another arm, and ends: where its parts lie, its catch clauses, what kind of loop it is.

import type { FuncType, ValType } from '../wasm/module.ts';
import type { CatchClause, FunctionAnalysis } from './analysis.ts';
import type { OperandStack } from './operand-stack.ts';
import { LoopKind } from './workspace.ts';

/** What a function on a cycle of calls owes the host, on the worst path to an instruction: see recursion-polls.ts. */
export const Debt = { paid: 0, none: 1, due: 2 } as const;
export type Debt = (typeof Debt)[keyof typeof Debt];

/** Control.boundaryTop: the operands below the block. */
export const BLOCK_BASE = -2;

const EMPTY: readonly ValType[] = [];

export interface Control {
  /** The block instruction, -1 for the function. */
  readonly instruction: number;
  readonly isLoop: boolean;
  /** Of a loop: a branch leads back to it. */
  hasWayBack: boolean;
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
  /** Height of the stack below the parameters. */
  readonly base: number;
  /** Innermost enclosing loop instruction (this one if it is a loop), -1 if none. */
  readonly loop: number;
  /** Innermost catch clause around the current instruction, -1 if none. */
  clause: number;
  debt: Debt;
  debtAtStart: Debt;
  /** The highest that `debt` was. */
  maxDebt: Debt;
  /** Last instruction of this block at which its part of the stack was lowest, and the top node then, or BLOCK_BASE. */
  boundary: number;
  boundaryTop: number;
  /** It holds a call that may suspend, a loop. */
  isBusy: boolean;
  holdsLoop: boolean;
}

export class ControlStack {
  /** Outermost first: the function. Empty behind its end. */
  readonly controls: Control[] = [];
  /** A loop that has ended holds no call that may suspend. */
  hasQuietLoop = false;
  /** Of the function that is being analysed. */
  #a!: FunctionAnalysis;
  readonly #stack: OperandStack;

  constructor(stack: OperandStack) {
    this.#stack = stack;
  }

  /** Opens the function; `onCycle`: it may be called again before it has returned. */
  begin(a: FunctionAnalysis, onCycle: boolean): void {
    this.#a = a;
    this.hasQuietLoop = false;
    this.#open(-1, false, EMPTY, a.type.results, -1, onCycle ? Debt.none : Debt.paid);
  }

  get innermost(): Control {
    return this.controls[this.controls.length - 1]!;
  }

  /** The block that a label names. */
  at(label: number): Control {
    return this.controls[this.controls.length - 1 - label]!;
  }

  /** `block`, `loop`, `if` and the tries; the condition of an `if` is already off the stack. */
  enter(i: number, isLoop: boolean, type: FuncType): void {
    const a = this.#a;
    const stack = this.#stack;
    const outer = this.innermost;
    a.parent[i] = outer.instruction;
    a.middle[i] = -1;
    stack.height -= type.params.length;
    a.baseHeight[i] = stack.height;
    // A branch back to a loop with parameters carries them past any poll but one at its head.
    const isHeaded = isLoop && type.params.length > 0;
    if (isLoop) a.loopKind[i] = isHeaded ? LoopKind.headed : 0;
    this.#open(i, isLoop, type.params, type.results, outer.clause, isHeaded ? Debt.paid : outer.debt);
  }

  /** `else`, `catch`: the block starts again with its base stack. */
  divide(i: number, pushed: readonly ValType[]): void {
    const a = this.#a;
    const stack = this.#stack;
    const control = this.innermost;
    if (control.clause >= 0) this.#endClause(i, control);
    a.partner[i] = control.instruction;
    if (a.middle[control.instruction] === -1) a.middle[control.instruction] = i;
    stack.height = control.base;
    stack.pushAll(i, pushed);
    control.debt = control.debtAtStart;
    control.boundary = i + 1;
    control.boundaryTop = pushed.length === 0 ? BLOCK_BASE : stack.top();
  }

  /** `catch`, `catch_all` (tag -1). */
  catchClause(i: number, tag: number): void {
    const a = this.#a;
    const { module } = a;
    const control = this.innermost;
    const outer = this.at(1).clause;
    const { instruction: block } = control;
    const before = a.clausesOfTry.get(block) ?? [];
    const isTaken = (t: number): boolean => before.some((clause) => clause.tag === t);
    const tags = tag >= 0 ? [tag] : module.allTags.flatMap((_, t) => (isTaken(t) ? [] : [t]));
    this.divide(i, tag >= 0 ? module.types[module.allTags[tag]!]!.params : EMPTY);
    // It may come from any call before it.
    control.debt = control.maxDebt;
    control.clause = a.clauses.length;
    a.clauseOf.set(i, a.clauses.length);
    const flags = { isRethrown: false, hasSite: false, kept: undefined };
    const clause: CatchClause = { block, instruction: i, tag, tags, outer, end: -1, ...flags };
    a.clauses.push(clause);
    a.clausesOfTry.set(block, [...before, clause]);
  }

  /** `end`, `delegate`. */
  leave(i: number): void {
    const a = this.#a;
    const { controls } = this;
    const control = controls.pop()!;
    if (control.clause >= 0) this.#endClause(i, control);
    a.partner[i] = control.instruction;
    if (control.instruction >= 0) {
      a.partner[control.instruction] = i;
      const outer = controls[controls.length - 1]!;
      if (control.isBusy) outer.isBusy = true;
      else if (control.isLoop) this.hasQuietLoop = true;
      if (control.isLoop || control.holdsLoop) outer.holdsLoop = true;
      if (control.isLoop) {
        a.loopKind[control.instruction]! |=
          (control.isBusy ? LoopKind.busy : 0) | (control.holdsLoop ? LoopKind.nest : 0);
      }
      if (control.maxDebt > outer.debt) outer.debt = outer.maxDebt = control.maxDebt;
    }
    this.#stack.height = control.base;
    this.#stack.pushAll(i, control.results);
  }

  /** A branch takes a label. */
  way(label: number): void {
    const target = this.at(label);
    if (!target.isLoop) return;
    if (target.hasWayBack) this.#a.loopKind[target.instruction]! |= LoopKind.branchy;
    target.hasWayBack = true;
  }

  /** The labels at `at`, every `step`th of a list, may be taken by something that is no branch. */
  indirectWays(at: number, count: number, step: number): void {
    const { lists } = this.#a.code;
    for (let k = 0; k < count; k++) this.indirectWay(lists[at + k * step]!);
  }

  indirectWay(label: number): void {
    const target = this.at(label);
    if (target.isLoop) this.#a.loopKind[target.instruction]! |= LoopKind.indirect;
  }

  /** A loop polls at its head. */
  pollAtHead(loop: number): void {
    this.#a.loopKind[loop]! |= LoopKind.headed;
  }

  /** Opens a block above the current height, and pushes its parameters. */
  #open(
    i: number,
    isLoop: boolean,
    params: readonly ValType[],
    results: readonly ValType[],
    clause: number,
    debt: Debt,
  ): void {
    const { controls } = this;
    const base = this.#stack.height;
    this.#stack.pushAll(i, params);
    controls.push({
      instruction: i,
      isLoop,
      hasWayBack: false,
      params,
      results,
      base,
      loop: isLoop ? i : controls.length === 0 ? -1 : controls[controls.length - 1]!.loop,
      clause,
      debt,
      debtAtStart: debt,
      maxDebt: debt,
      boundary: i + 1,
      boundaryTop: params.length === 0 ? BLOCK_BASE : this.#stack.top(),
      isBusy: false,
      holdsLoop: false,
    });
  }

  #endClause(i: number, control: Control): void {
    const clause = this.#a.clauses[control.clause]!;
    if (clause.block === control.instruction) clause.end = i;
  }
}
