// The stacks of one thread (fibers): WASIX's contexts. One of them runs; the others stand where they have switched away. What is
// on a stack is the engine's; the kernel knows which there are, and the signal handlers that run on each.
//
// - MAIN_CONTEXT is the stack that the thread began with. It cannot be destroyed; the thread ends when it returns.
// - An id is never given twice by one thread, so one that is gone is told from one that came later.

import type { FateTable } from './fate.ts';
import { checkInterrupted, type Interruption } from './parked-call.ts';
import { badRecord, checkArray, checkBigint, checkRecord, INT64_MAX } from './validate.ts';

export interface ContextsState {
  readonly current: bigint;
  readonly count: bigint;
  /** Those that do not run, by id. */
  readonly parked: readonly ParkedContextState[];
}

export interface ParkedContextState {
  readonly id: bigint;
  readonly interrupted: readonly Interruption[];
}

/** wasix-libc says so. */
export const MAIN_CONTEXT = 0n;
/** Of one thread; an image has room for no more. */
export const CONTEXTS_MAX = 100_000;

export class Contexts {
  static readonly fates: FateTable = { current: 'saved', count: 'saved', parked: 'saved' };

  /** The one that runs. */
  current: bigint = MAIN_CONTEXT;
  /** How many have been made; the last one's id. */
  count = 0n;
  /** By id: what the handlers on a stack that does not run have interrupted, outermost first. */
  readonly parked: Map<bigint, Interruption[]> = new Map();

  /** A new one, which has not begun. */
  add(): bigint {
    this.parked.set(++this.count, []);
    return this.count;
  }

  /** `id` runs now. Takes what the handlers on the current one have interrupted, and gives that of the other. */
  switchTo(id: bigint, interrupted: Interruption[]): Interruption[] {
    const next = this.parked.get(id)!;
    this.parked.delete(id);
    this.parked.set(this.current, interrupted);
    this.current = id;
    return next;
  }

  save(): ContextsState {
    const parked = Array.from(this.parked, ([id, interrupted]) => ({ id, interrupted: [...interrupted] }));
    return { current: this.current, count: this.count, parked: parked.sort((a, b) => (a.id < b.id ? -1 : 1)) };
  }

  static check(state: ContextsState, where: string): void {
    checkRecord(state, where);
    const { current, count } = state;
    checkBigint(count, 0n, INT64_MAX, `${where}.count`);
    checkBigint(current, 0n, count, `${where}.current`);
    let previous = -1n;
    for (const [index, context] of checkArray(state.parked, CONTEXTS_MAX, `${where}.parked`).entries()) {
      const place = `${where}.parked[${index}]`;
      checkRecord(context, place);
      if (checkBigint(context.id, 0n, count, `${place}.id`) <= previous) badRecord(`${place}.id`, 'out of order');
      if (context.id === current) badRecord(`${place}.id`, `${current} is the one that runs`);
      checkInterrupted(context.interrupted, `${place}.interrupted`);
      previous = context.id;
    }
    if (current !== MAIN_CONTEXT && state.parked[0]?.id !== MAIN_CONTEXT) badRecord(where, 'the first one is missing');
  }

  static restore(state: ContextsState): Contexts {
    const contexts = new Contexts();
    contexts.current = state.current;
    contexts.count = state.count;
    for (const { id, interrupted } of state.parked) contexts.parked.set(id, [...interrupted]);
    return contexts;
  }
}
