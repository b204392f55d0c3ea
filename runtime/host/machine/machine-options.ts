// What a machine is made with: what it may use of the host, its limits, and who hears of it.

import type { SnapshotId } from '../../snapshot/store/manifest.ts';
import type { Progress } from '../../snapshot/store/ports.ts';
import type { Trial } from '../programs/trial.ts';
import type { Machine } from './machine.ts';
import type { MachineStats, ProcessEnd, ProcessTrap } from './machine-status.ts';

/** A directory of the host that the guest may use. */
export interface DirectoryGrant {
  hostPath: string;
  guestPath: string;
  /** Of an overlay false: the guest may write, and the host's directory is never changed. */
  readOnly: boolean;
  /** 'overlay': what the guest changes stays in the machine and its images. 'host' if not given. */
  kind?: 'host' | 'overlay';
  /** Of an overlay: most bytes of changed files; 1 GiB if not given. */
  maxBytes?: number;
}

/** A directory in memory, which the guest finds empty. It is in the machine's images. */
export interface TmpfsGrant {
  guestPath: string;
  /** Most bytes of files; 1 GiB if not given. */
  maxBytes?: number;
}

/** The guest's input: the host's own, nothing, or exactly these bytes. */
export type StdinOption = 'inherit' | 'null' | Uint8Array;
/** Where the guest's output goes: the host's own, nowhere, or a function that gets every piece. */
export type StdoutOption = 'inherit' | 'null' | ((chunk: Uint8Array) => void);

export interface MachineOptions {
  name?: string;
  /** argv without the program name. */
  args?: readonly string[];
  /** argv[0]. */
  programName?: string;
  env?: Readonly<Record<string, string>>;
  directories?: readonly DirectoryGrant[];
  /** Not for resume: what an image has of them it has already. */
  tmpfs?: readonly TmpfsGrant[];
  /** Guest path, usually /dev, of character devices: null, zero, full, random, urandom, tty, stdin, stdout, stderr, fd/N. */
  devices?: string;
  /** Programs that the guest can run by name, beside those in its directories: .wasm modules. */
  programs?: Readonly<Record<string, Uint8Array>>;
  /** Upper limit of all memory of the guest; 4 GiB if not given. */
  maxMemoryBytes?: number;
  /** Stop after this much work (about one unit per WebAssembly instruction in loops). */
  fuel?: bigint;
  /** Stop after this time, counted from run(). */
  timeoutMs?: number;
  /** Deterministic random bytes and clocks. */
  seed?: bigint;
  stdin?: StdinOption;
  stdout?: StdoutOption;
  stderr?: StdoutOption;
  /** Gets one strace-like line per host call. */
  trace?: (line: string) => void;
  /** Cache of instrumented modules; null: none; not given: the user's. */
  cacheDirectory?: string | null;
  /**
   * The program marks the pages that it writes: capture() takes a time that follows what was written, not the size of the memory,
   * and the program is slower. It is nothing of the machine: images are the same, and a resume may choose otherwise. 'check' (for
   * tests): each capture compares all memory as well, and throws BugError if a page has changed that bears no mark.
   */
  marksWrites?: boolean | 'check';
  /** The guest called `wvm.snapshot`: save it; returns the id (above 0) that it gets. */
  onSelfSnapshot?: (machine: Machine) => Promise<number>;
  /**
   * The guest stands still for the last time, before its exit, a timeout or used-up fuel ends it: the last moment for a
   * snapshot. Not called for a trap or kill().
   */
  beforeEnd?: (machine: Machine) => Promise<void>;
  /**
   * What the guest writes to stdout and stderr is held until a capture that covers it is confirmed: saveMachine() does both.
   * Directories of the host must be read-only or overlays. What no capture covers when the guest ends by a trap
   * goes out then; otherwise it does not: save it in `beforeEnd`.
   */
  outputCommit?: boolean;
  /**
   * A file that remembers which of that has gone out, for a next life of the machine in another process: of what its image holds,
   * that goes on where this one came to. Without, what an image holds goes out whenever it is resumed.
   */
  releaseRecord?: string;
  /** With `outputCommit`: the guest has written what no capture covers yet. Called once until the next capture. */
  onOutputHeld?: () => void;
  /**
   * Shared with whoever wants something of the machine: it gives the event loop a turn while the first element is not
   * 0, instead of every 10 ms. Who sets it takes it back when he has what he wanted. For a machine on a thread of its
   * own.
   */
  interrupt?: Int32Array;
  /** Gets the figures of the machine about every millisecond while the guest computes, and whenever its state changes. */
  publish?: (stats: MachineStats) => void;
  /** Holds back what the guest does until it has ended. */
  trial?: Trial;
  /** A process other than the first has trapped, which ends it with a signal. */
  onProcessTrap?: (trap: ProcessTrap) => void;
  /** A process other than the first has ended, in whatever way. */
  onProcessEnd?: (end: ProcessEnd) => void;
  /** For tests: where the guest is stopped, over and over. */
  stops?: StopEverywhere;
}

/** How programs are prepared. */
export type ModuleOptions = Pick<MachineOptions, 'cacheDirectory' | 'marksWrites'>;

/** For tests and replay: stop at every poll, or before every host call. */
export interface StopEverywhere {
  readonly polls: boolean;
  readonly calls: boolean;
  /** Called while the guest stands still; true ends run() with reason 'snapshot'. */
  readonly onStop: (machine: Machine) => boolean | Promise<boolean>;
}

export interface ResumeOptions extends Omit<MachineOptions, 'args' | 'programName' | 'seed' | 'tmpfs' | 'devices'> {
  /** 'check' (default): an open file that has changed is refused; 'ignore': it is taken as it is. */
  files?: 'check' | 'ignore';
  /** 'strict' (default): all features that were available must be; 'lenient': those that were used. */
  features?: 'strict' | 'lenient';
  /**
   * Output that the image holds ('release' by default): 'drop' in a copy of a machine that goes on and releases it itself.
   */
  heldOutput?: 'release' | 'drop';
  /** For the caller's use: the machine waits for run() in any case. */
  frozen?: boolean;
  /** The original module, when the image names it by hash only. */
  module?: Uint8Array;
}

export interface ResumeFromStoreOptions extends ResumeOptions {
  /**
   * The first saveMachine() takes only what has changed since that snapshot. That costs 0.1 ms for each MiB of memory now, and
   * a copy of all memory less then. Default: false.
   */
  isTracked?: boolean;
  /** Called after each piece of the memories that has been read. */
  onProgress?: Progress;
}

/** A snapshot in a store, and the machine that it is one of. */
export interface SnapshotOrigin {
  readonly id: SnapshotId;
  readonly machineId: string;
}
