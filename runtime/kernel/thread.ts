// A guest thread as the kernel knows it: its identity and, while it is parked, the call it will make again. Frames
// are the engine's.
//
//   1. A call returns Blocked: the engine calls block(...) and unwinds the thread.
//   2. One of its waits comes true (or the machine is resumed): the engine makes the call again, with the arguments kept
//      here; the call reads `restart` to know how far it was.
//   3. It returns Blocked once more: block(...). Anything else: unblock().
//
// A parked thread is blocked (the scheduler runs it when a wait comes true) or ready (its call was held back before it was made).
//
// A signal handler runs over whatever the thread was in: `interrupted` has one record per handler that runs, outermost first. A
// call that is to go on afterwards (SA_RESTART) is put there (shelve) and comes back when the handler returns (unshelve).

import type { Tid } from '../base/ids.ts';
import type { Blocked, RestartRecord, WaitFor } from './blocked.ts';
import { Contexts, type ContextsState } from './contexts.ts';
import type { FateTable } from './fate.ts';
import { checkRobustList, type RobustList } from './futex/robust-list.ts';
import { type BlockedCall, checkInterrupted, checkParked, type GuestNumber, type Interruption } from './parked-call.ts';
import type { Process } from './process.ts';
import { checkScheduling, ORDINARY, type Scheduling, saveScheduling } from './scheduling.ts';
import { ThreadSignals, type ThreadSignalsState } from './signals/thread-signals.ts';
import { badRecord, checkBigint, checkInteger, checkRecord, checkString, INT64_MAX } from './validate.ts';
import { WaitQueue } from './wait-queue.ts';

export type { BlockedCall, GuestNumber, Interruption } from './parked-call.ts';

export interface ThreadState {
  readonly tid: number;
  readonly name: string;
  readonly ranNs: bigint;
  readonly signals: ThreadSignalsState;
  readonly interrupted: readonly Interruption[];
  readonly robustList: RobustList | null;
  /** Null: SCHED_OTHER, nice 0. */
  readonly scheduling: Scheduling | null;
  readonly stackCount: bigint;
  readonly contexts: ContextsState;
  readonly call: BlockedCall | null;
  readonly restart: RestartRecord | null;
  /** Machine time at which it was parked; null while it runs. */
  readonly blockedSinceNs: bigint | null;
}

/** Linux's TASK_COMM_LEN without the NUL. */
export const THREAD_NAME_MAX = 15;

const NO_WAITS: readonly WaitFor[] = [];

export class Thread {
  static readonly fates: FateTable = {
    tid: 'saved',
    process: 'derived',
    call: 'saved',
    restart: 'saved',
    blockedSinceNs: 'saved',
    waits: 'derived',
    isInterrupted: 'derived',
    name: 'saved',
    ranNs: 'saved',
    signals: 'saved',
    interrupted: 'saved',
    robustList: 'saved',
    scheduling: 'saved',
    rank: 'derived',
    stackCount: 'saved',
    contexts: 'saved',
    joiners: 'derived',
  };

  /** Changes once at most: a thread that calls exec becomes the main one. */
  tid: Tid;
  /** Derived: whose thread this is. */
  readonly process: Process;
  call: BlockedCall | undefined = undefined;
  /** Progress of `call`; undefined at its first try. */
  restart: RestartRecord | undefined = undefined;
  blockedSinceNs: bigint | undefined = undefined;
  /** Derived: comes with every Blocked; empty after a resume, when every parked call is tried at once. */
  waits: readonly WaitFor[] = NO_WAITS;
  /** Derived: a signal handler is to run next. A call that would wait on now ends with EINTR, or with what it has done so far. */
  isInterrupted = false;
  /** At most 15 bytes; prctl(PR_SET_NAME). */
  name = '';
  /** Processor time up to the last switch of threads. */
  ranNs = 0n;
  signals: ThreadSignals = new ThreadSignals();
  /** What the signal handlers on the running stack run over, outermost first. */
  interrupted: Interruption[] = [];
  /** Where it keeps the list of the locks it holds; null: nowhere. A forked child begins without. */
  robustList: RobustList | null = null;
  /** Policy, priority, nice; Futexes.setScheduling() changes it. */
  scheduling: Scheduling = ORDINARY;
  /** Derived: what the scheduler orders by, its own priority or one that it inherits; Scheduler.changeRank() changes it. */
  rank = 0;
  /** Stacks that stack_checkpoint has saved; the last one's id. */
  stackCount = 0n;
  /** Its stacks; a forked child begins with the one that its parent was on. */
  contexts: Contexts = new Contexts();
  /** Derived: threads that wait for its end. */
  readonly joiners: WaitQueue = new WaitQueue();

  constructor(process: Process, tid: Tid) {
    this.process = process;
    this.tid = tid;
  }

  get isBlocked(): boolean {
    return this.call !== undefined;
  }

  /** `args` are its own from now on. */
  block(module: string, name: string, args: readonly GuestNumber[], blocked: Blocked): void {
    const { kernel } = this.process;
    const nowNs = kernel.clock.nowNs();
    if (this.call === undefined) {
      this.call = { module, name, args };
      this.blockedSinceNs = nowNs;
    }
    this.restart = blocked.restart;
    this.waits = blocked.waits;
    if (kernel.current === this) kernel.stopCounting(nowNs);
  }

  unblock(): void {
    if (this.process.kernel.current === this) this.process.kernel.startCounting();
    this.call = undefined;
    this.restart = undefined;
    this.blockedSinceNs = undefined;
    this.waits = NO_WAITS;
    const { signals } = this;
    signals.awaited = 0n;
    if (signals.suspendedMask === null) return;
    signals.mask = signals.suspendedMask;
    signals.suspendedMask = null;
  }

  /** The parked call goes on when the handler that begins now has returned. */
  shelve(): void {
    const top = this.interrupted.pop()!;
    this.interrupted.push({ ...top, call: this.call ?? null, restart: this.restart ?? null });
    this.unblock();
  }

  /** The innermost handler has returned: its record is gone, its call is parked again. */
  unshelve(): Interruption {
    const top = this.interrupted.pop()!;
    if (top.call !== null) {
      this.call = top.call;
      this.restart = top.restart ?? undefined;
      this.blockedSinceNs = this.process.kernel.clock.nowNs();
    }
    return top;
  }

  /** The thread goes on on another of its stacks. */
  switchContext(id: bigint): void {
    this.interrupted = this.contexts.switchTo(id, this.interrupted);
  }

  /** Time that it has spent running. */
  cpuTimeNs(): bigint {
    const { kernel } = this.process;
    return this.ranNs + (kernel.current === this ? kernel.uncountedNs() : 0n);
  }

  /** Something is pending that it does not block. */
  get hasSignal(): boolean {
    const { pending, mask } = this.signals;
    if (pending.isEmpty && this.process.pending.isEmpty) return false;
    return ((pending.set | this.process.pending.set) & ~mask) !== 0n;
  }

  save(): ThreadState {
    return {
      tid: this.tid,
      name: this.name,
      ranNs: this.cpuTimeNs(),
      signals: this.signals.save(),
      interrupted: [...this.interrupted],
      robustList: this.robustList,
      scheduling: saveScheduling(this.scheduling),
      stackCount: this.stackCount,
      contexts: this.contexts.save(),
      call: this.call ?? null,
      restart: this.restart ?? null,
      blockedSinceNs: this.blockedSinceNs ?? null,
    };
  }

  static check(state: ThreadState, where: string): void {
    checkRecord(state, where);
    checkInteger(state.tid, 1, 2 ** 30, `${where}.tid`);
    checkString(state.name, THREAD_NAME_MAX, `${where}.name`);
    checkBigint(state.ranNs, 0n, INT64_MAX, `${where}.ranNs`);
    ThreadSignals.check(state.signals, state.call !== null, `${where}.signals`);
    checkInterrupted(state.interrupted, `${where}.interrupted`);
    checkRobustList(state.robustList, `${where}.robustList`);
    checkScheduling(state.scheduling, `${where}.scheduling`);
    checkBigint(state.stackCount, 0n, INT64_MAX, `${where}.stackCount`);
    Contexts.check(state.contexts, `${where}.contexts`);
    if ((state.call === null) !== (state.blockedSinceNs === null)) {
      badRecord(where, 'call and blockedSinceNs must be given together');
    }
    if (state.call !== null) checkBigint(state.blockedSinceNs!, 0n, INT64_MAX, `${where}.blockedSinceNs`);
    checkParked(state.call, state.restart, where);
  }

  static restore(process: Process, state: ThreadState): Thread {
    const thread = new Thread(process, state.tid as Tid);
    thread.name = state.name;
    thread.ranNs = state.ranNs;
    thread.signals = ThreadSignals.restore(state.signals);
    thread.interrupted = [...state.interrupted];
    thread.robustList = state.robustList;
    thread.scheduling = state.scheduling ?? ORDINARY;
    thread.rank = thread.scheduling.priority;
    thread.stackCount = state.stackCount;
    thread.contexts = Contexts.restore(state.contexts);
    thread.call = state.call ?? undefined;
    thread.restart = state.restart ?? undefined;
    thread.blockedSinceNs = state.blockedSinceNs ?? undefined;
    return thread;
  }
}
