// What a finished system call asks of the engine beyond its result. Some of it is done at once (carry): the call has a result after
// all. The rest needs the stack of the caller unwound: carry says why the thread is to stand still, and when it does, carryOut goes on.

import { Errno } from '../../abi/errno.ts';
import {
  type Blocked,
  Completed,
  ContextCreated,
  ContextDestroyed,
  ContextSwitched,
  ExecWanted,
  Exited,
  Forked,
  SnapshotWanted,
  Spawned,
  type SystemCallResult,
  ThreadEnded,
  ThreadSpawned,
  Trapped,
} from '../kernel/blocked.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { ImportedCall } from './guest-imports.ts';
import type { GuestThread, Pending } from './guest-thread.ts';
import type { ProcessChanges } from './process-changes.ts';
import { changeStack, createContext } from './stack-changes.ts';
import { type Carried, RESULT_ZERO, type Step, type Stop, TURN } from './stop.ts';

export class CallRequests {
  readonly #kernel: Kernel;
  readonly #changes: ProcessChanges;
  /** The thread that waits for the id of its snapshot. */
  #snapshotting: GuestThread | undefined;
  /** It gets the id; else only whether the snapshot was taken. */
  #snapshotGivesId = true;

  constructor(kernel: Kernel, changes: ProcessChanges) {
    this.#kernel = kernel;
    this.#changes = changes;
  }

  /** The running thread has made the call. */
  carry(guest: GuestThread, call: ImportedCall, result: Exclude<SystemCallResult, number | Blocked>): Carried {
    if (result instanceof Completed) {
      const pending: Pending = { kind: 'result', value: result.value };
      const isTurnOver = guest.thread.hasSignal || this.#kernel.scheduler.next() !== guest.thread;
      return isTurnOver ? { stop: TURN, pending } : result.value;
    }
    if (result instanceof Exited) return { stop: { kind: 'exit', exited: result }, pending: RESULT_ZERO };
    if (result instanceof Trapped) {
      return { stop: { kind: 'trap', error: new WebAssembly.RuntimeError(result.message) }, pending: RESULT_ZERO };
    }
    if (result instanceof SnapshotWanted) {
      this.#snapshotGivesId = result.givesId;
      return { stop: { kind: 'self-snapshot' }, pending: { kind: 'self-snapshot' } };
    }
    if (result instanceof Forked) return { stop: { kind: 'fork', forked: result }, pending: RESULT_ZERO };
    if (result instanceof ExecWanted) return { stop: { kind: 'exec', wanted: result }, pending: RESULT_ZERO };
    if (result instanceof Spawned) return this.#changes.spawn(result, call);
    if (result instanceof ThreadSpawned) return this.#changes.spawnThread(guest, result);
    if (result instanceof ThreadEnded) return { stop: { kind: 'thread-ended' }, pending: RESULT_ZERO };
    if (result instanceof ContextCreated) return createContext(guest, result);
    if (result instanceof ContextSwitched) return { stop: { kind: 'context', id: result.id }, pending: RESULT_ZERO };
    if (result instanceof ContextDestroyed) {
      guest.removeContext(result.id);
      return Errno.ESUCCESS;
    }
    return { stop: { kind: 'stack', change: result }, pending: RESULT_ZERO };
  }

  /** The thread stands still, for `stop`. Returns why the machine does, too; undefined: the next thread goes on. */
  carryOut(guest: GuestThread, stop: Stop): Step | undefined {
    switch (stop.kind) {
      case 'turn':
      case 'thread-ended':
        return undefined;
      case 'exit':
        return this.#changes.exit(guest.thread.process, stop.exited);
      case 'trap':
        return this.#changes.trap(guest, stop.error);
      case 'fork':
        this.#changes.fork(guest, stop.forked);
        return undefined;
      case 'exec':
        return this.#changes.exec(guest, stop.wanted);
      case 'stack':
        if (changeStack(guest, stop.change)) return undefined;
        return this.#changes.trap(guest, new WebAssembly.RuntimeError('longjmp to a stack that is no longer kept'));
      case 'context':
        guest.switchContext(stop.id);
        return undefined;
      case 'self-snapshot':
        this.#snapshotting = guest;
        return stop;
      default:
        return stop;
    }
  }

  /** The id of the snapshot that a thread asked for, or -1: it was not taken. */
  answerSnapshot(id: number): void {
    const top = this.#snapshotting?.top;
    const value = this.#snapshotGivesId ? id : id > 0 ? Errno.ESUCCESS : Errno.ENOTSUP;
    if (top !== undefined) top.pending = { kind: 'result', value };
    this.#snapshotting = undefined;
  }
}
