// A system call that cannot finish now returns Blocked, as a value. The engine parks the thread; when one
// of `waits` comes true it makes the same call again, with the same arguments, and `restart` given back to
// it. So a parked call is plain data (name, arguments, restart record), and is saved as such: a resumed
// machine makes the call again and either finishes it or parks it again for the rest of its time.

import type { Process } from './process.ts';
import type { Thread } from './thread.ts';
import type { WaitQueue } from './wait-queue.ts';

/** What a parked thread waits for; derived again whenever the call is made, never saved. */
export type WaitFor =
  /** Machine monotonic time, in nanoseconds. */
  | { readonly kind: 'timer'; readonly deadlineNs: bigint }
  /** The host stream has data or has ended. */
  | { readonly kind: 'readable'; readonly stream: number }
  /** The host stream takes data again. */
  | { readonly kind: 'writable'; readonly stream: number }
  /** A kernel object has changed. */
  | { readonly kind: 'queue'; readonly queue: WaitQueue };

/** What a call needs to go on when it is made again: absolute deadlines, progress so far. Plain data, saved. */
export interface RestartRecord {
  /** Machine monotonic time of the first try, from which relative timeouts count. */
  readonly startNs?: bigint;
  /** Absolute machine monotonic deadline of the whole call. */
  readonly deadlineNs?: bigint;
  /** Bytes already transferred. */
  readonly doneBytes?: number;
  /** What the call was waiting for has been given to it while it was parked (a futex wake, a lock): its result. */
  readonly result?: number;
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

/** The call has this result, but a signal may have to be delivered, or another thread to run, before the caller goes on. */
export class Completed {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/**
 * fork: the kernel has made the child (Kernel.fork), the engine copies memory and stack. Both get errno 0 from the call and a pid at
 * `pidAddr`: the child's in the parent, 0 in the child. If the engine cannot, Kernel.abandon(child) and the errno.
 */
export class Forked {
  readonly child: Process;
  readonly pidAddr: number;
  constructor(child: Process, pidAddr: number) {
    this.child = child;
    this.pidAddr = pidAddr;
  }
}

/** A program to be run: found, read, not yet compiled. */
export interface ProgramFile {
  /** As the user would name it: the path, or the name of a mapped program. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * exec: the engine compiles the program; ENOEXEC if it is none. Then Kernel.commitExec() changes the process, and its new
 * instance begins. The old one gets `errno` of a failure as its result.
 */
export class ExecWanted {
  readonly program: ProgramFile;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  constructor(program: ProgramFile, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.program = program;
    this.args = args;
    this.env = env;
  }
}

/** spawn: the kernel has made the child; the engine starts the program in it. A failure: Kernel.abandon(child), and ENOEXEC. */
export class Spawned {
  readonly child: Process;
  readonly program: ProgramFile;
  /** What the call returns when the child has been started. */
  readonly value: number;
  constructor(child: Process, program: ProgramFile, value: number) {
    this.child = child;
    this.program = program;
    this.value = value;
  }
}

/** A new thread of the calling process begins with the exported function `entry`; the caller goes on with `value`. */
export class ThreadSpawned {
  readonly thread: Thread;
  readonly entry: string;
  readonly args: readonly number[];
  readonly value: number;
  constructor(thread: Thread, entry: string, args: readonly number[], value: number) {
    this.thread = thread;
    this.entry = entry;
    this.args = args;
    this.value = value;
  }
}

/** The calling thread has ended; the kernel has taken it out of its process. */
export class ThreadEnded {}

/** setjmp: the engine keeps a copy of the stack under `id`; the call returns 0 now, and what a restore brings later. */
export class StackSaved {
  readonly id: bigint;
  readonly valueAddr: number;
  constructor(id: bigint, valueAddr: number) {
    this.id = id;
    this.valueAddr = valueAddr;
  }
}

/** longjmp: the thread goes on where the stack `id` was saved, with `value`. */
export class StackRestored {
  readonly id: bigint;
  readonly value: bigint;
  constructor(id: bigint, value: bigint) {
    this.id = id;
    this.value = value;
  }
}

/** A stack of its own for the calling thread, which begins with function `entry` of the table; its id goes to `idAddr`. */
export class ContextCreated {
  readonly entry: number;
  readonly idAddr: number;
  constructor(entry: number, idAddr: number) {
    this.entry = entry;
    this.idAddr = idAddr;
  }
}

/** The calling thread goes on on another of its stacks; the call returns when it comes back to this one. */
export class ContextSwitched {
  readonly id: bigint;
  constructor(id: bigint) {
    this.id = id;
  }
}

/** A stack of the calling thread that does not run is forgotten. */
export class ContextDestroyed {
  readonly id: bigint;
  constructor(id: bigint) {
    this.id = id;
  }
}

/**
 * The guest asked for a snapshot of itself. The engine takes it and delivers the id (`wvm.snapshot`) or success (`proc_snapshot`:
 * `givesId` is false), and 0 in a resumed copy.
 */
export class SnapshotWanted {
  readonly givesId: boolean;
  constructor(givesId = true) {
    this.givesId = givesId;
  }
}

/** What a front door's function may return: an errno or another small result, or one of the above. */
export type SystemCallResult =
  | number
  | Blocked
  | Completed
  | Exited
  | Trapped
  | SnapshotWanted
  | Forked
  | ExecWanted
  | Spawned
  | ThreadSpawned
  | ThreadEnded
  | StackSaved
  | StackRestored
  | ContextCreated
  | ContextSwitched
  | ContextDestroyed;
