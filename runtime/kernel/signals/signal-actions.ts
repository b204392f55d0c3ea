// What a process does with each signal: the default, nothing, or a handler of the guest. Shared by its threads, copied by fork;
// exec keeps what is ignored and forgets the handlers.

import { SIG_DFL, SIG_IGN, SIGNAL_LAST, Signal, SignalFlags } from '../../../abi/signals.ts';
import type { FateTable } from '../fate.ts';
import { badRecord, checkArray, checkBigint, checkInteger, checkRecord, checkString, UINT64_MAX } from '../validate.ts';
import { hasSignal, IGNORED_BY_DEFAULT, STOP_SIGNALS, UNBLOCKABLE } from './signal-set.ts';

export interface SignalAction {
  /** SIG_DFL, SIG_IGN, or what the guest gets back when the handler is to run. */
  readonly handler: number;
  readonly flags: number;
  /** Signals that are blocked while the handler runs, besides its own. */
  readonly mask: bigint;
}

export interface SignalActionsState {
  /** Actions that were set, by signal, lowest first. */
  readonly actions: readonly (SignalAction & { readonly signal: number })[];
  readonly callback: string;
}

/** What happens to a signal that is taken. */
export type Disposition = 'ignore' | 'terminate' | 'stop' | 'continue' | 'handler' | 'callback';

const DEFAULT_ACTION: SignalAction = { handler: SIG_DFL, flags: 0, mask: 0n };
const NAME_MAX = 4096;

export class SignalActions {
  static readonly fates: FateTable = { actions: 'saved', callback: 'saved' };

  /** Only what was set to something else than the default without flags. */
  readonly actions: Map<number, SignalAction> = new Map();
  /** The export to which callback_signal (WASIX) gave every signal without an action of its own; '': none. */
  callback = '';

  get(signal: number): SignalAction {
    return this.actions.get(signal) ?? DEFAULT_ACTION;
  }

  set(signal: number, action: SignalAction): void {
    if (action.handler === SIG_DFL && action.flags === 0) this.actions.delete(signal);
    else this.actions.set(signal, action);
  }

  disposition(signal: number): Disposition {
    const { handler } = this.get(signal);
    if (handler === SIG_IGN) return 'ignore';
    if (handler !== SIG_DFL) return 'handler';
    if (this.callback !== '' && !hasSignal(UNBLOCKABLE, signal)) return 'callback';
    if (signal === Signal.SIGCONT) return 'continue';
    if (hasSignal(STOP_SIGNALS, signal)) return 'stop';
    return hasSignal(IGNORED_BY_DEFAULT, signal) ? 'ignore' : 'terminate';
  }

  /** Children leave no zombies: SIGCHLD is ignored, or SA_NOCLDWAIT. */
  get reapsChildren(): boolean {
    const { handler, flags } = this.get(Signal.SIGCHLD);
    return handler === SIG_IGN || (flags & SignalFlags.SA_NOCLDWAIT) !== 0;
  }

  get hearsOfStops(): boolean {
    return (this.get(Signal.SIGCHLD).flags & SignalFlags.SA_NOCLDSTOP) === 0;
  }

  /** For a fork. */
  clone(): SignalActions {
    const copy = new SignalActions();
    for (const [signal, action] of this.actions) copy.actions.set(signal, action);
    copy.callback = this.callback;
    return copy;
  }

  /** The handlers are of a program that is gone. See: execve(2). */
  forgetHandlers(): void {
    for (const [signal, { handler }] of [...this.actions]) {
      if (handler === SIG_IGN) this.actions.set(signal, { ...DEFAULT_ACTION, handler });
      else this.actions.delete(signal);
    }
    this.callback = '';
  }

  save(): SignalActionsState {
    const signals = [...this.actions.keys()].sort((a, b) => a - b);
    return {
      actions: signals.map((signal) => ({ signal, ...this.actions.get(signal)! })),
      callback: this.callback,
    };
  }

  static check(state: SignalActionsState, where: string): void {
    checkRecord(state, where);
    let last = 0;
    for (const [index, action] of checkArray(state.actions, SIGNAL_LAST, `${where}.actions`).entries()) {
      const place = `${where}.actions[${index}]`;
      checkRecord(action, place);
      checkInteger(action.signal, last + 1, SIGNAL_LAST, `${place}.signal`);
      if (hasSignal(UNBLOCKABLE, action.signal)) badRecord(`${place}.signal`, `${action.signal} has no action`);
      last = action.signal;
      checkInteger(action.handler, 0, 2 ** 32 - 2, `${place}.handler`);
      checkInteger(action.flags, 0, 2 ** 32 - 1, `${place}.flags`);
      checkBigint(action.mask, 0n, UINT64_MAX, `${place}.mask`);
      if ((action.mask & UNBLOCKABLE) !== 0n) badRecord(`${place}.mask`, 'blocks what cannot be blocked');
    }
    checkString(state.callback, NAME_MAX, `${where}.callback`);
  }

  static restore(state: SignalActionsState): SignalActions {
    const restored = new SignalActions();
    for (const { signal, handler, flags, mask } of state.actions)
      restored.actions.set(signal, { handler, flags, mask });
    restored.callback = state.callback;
    return restored;
  }
}
