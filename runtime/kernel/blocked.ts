// A system call that cannot finish now returns Blocked, as a value. The engine parks the thread; when one
// of `waits` comes true it makes the same call again, with the same arguments, and `restart` given back to
// it. So a parked call is plain data (name, arguments, restart record), and is saved as such: a resumed
// machine makes the call again and either finishes it or parks it again for the rest of its time.

/** What a parked thread waits for; derived again whenever the call is made, never saved. */
export type WaitFor =
  /** Machine monotonic time, in nanoseconds. */
  | { readonly kind: 'timer'; readonly deadlineNs: bigint }
  /** The host stream has data or has ended. */
  | { readonly kind: 'readable'; readonly stream: number }
  /** The host stream takes data again. */
  | { readonly kind: 'writable'; readonly stream: number };

/** What a call needs to go on when it is made again: absolute deadlines, progress so far. Plain data, saved. */
export interface RestartRecord {
  /** Machine monotonic time of the first try, from which relative timeouts count. */
  readonly startNs?: bigint;
  /** Absolute machine monotonic deadline of the whole call. */
  readonly deadlineNs?: bigint;
  /** Bytes already transferred. */
  readonly doneBytes?: number;
}

export class Blocked {
  readonly waits: readonly WaitFor[];
  readonly restart: RestartRecord | undefined;
  constructor(waits: readonly WaitFor[], restart?: RestartRecord) {
    this.waits = waits;
    this.restart = restart;
  }
}

/** The process has ended (proc_exit, or a signal's default action); the engine discards its frames. */
export class Exited {
  readonly status: number;
  /** Linux number of the signal that ended it, if one did (proc_raise). */
  readonly signal: number | undefined;
  constructor(status: number, signal?: number) {
    this.status = status;
    this.signal = signal;
  }
}

/** The call ends the process as a trap of an instruction would: no errno, no way on. */
export class Trapped {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** The guest asked for a snapshot of itself (`wvm.snapshot`). The engine takes it and delivers the id, or 0 in a resumed copy. */
export class SnapshotWanted {}

/** What a front door's function may return: an errno or another small result, or one of the above. */
export type SystemCallResult = number | Blocked | Exited | Trapped | SnapshotWanted;
