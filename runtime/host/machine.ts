// A machine on Node: one guest program, its kernel, its ports. Runs on the calling thread, in slices: between two
// slices the stack is unwound and Node's event loop turns, so that sockets, signals and timers of the host go on.
//
//   loaded ──run()──> running <──> blocked        snapshot() stops it at the next safe point and lets it go on
//                        │                        (or ends run() with reason 'snapshot'; run() continues it)
//                        └──> ended
//
// A guest that waits has no frames on the native stack either, so a snapshot at any moment finds plain data.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { SignalCode } from '../../abi/signals.ts';
import { BugError } from '../base/assert.ts';
import type { Pid } from '../base/ids.ts';
import { WvmError } from '../base/wvm-error.ts';
import { type BacktraceFrame, backtraceOf } from '../engine/backtrace.ts';
import type { CompiledModule } from '../engine/compile.ts';
import { GuestMachine, type MachineHooks, type Step } from '../engine/guest-machine.ts';
import type { GuestProcess } from '../engine/guest-process.ts';
import { Kernel, type KernelState } from '../kernel/kernel.ts';
import type { Process } from '../kernel/process.ts';
import { sendToProcess } from '../kernel/signals/send.ts';
import { formatCall } from '../kernel/trace.ts';
import type { MachineState } from '../snapshot/machine-state.ts';
import type { SnapshotId } from '../snapshot/store/manifest.ts';
import type { Store } from '../snapshot/store/store.ts';
import type { CaptureReceipt, ChangeTracker, MachineChanges } from './change-tracker.ts';
import { compileOptimised } from './compile-optimised.ts';
import { closeHost, type HostParts, openHost, tmpfsOf } from './host-parts.ts';
import { memoryPool, prewarm, recycle } from './memory-pool.ts';
import { toBinaryModule } from './read-module.ts';
import { compileWithCache } from './recent-modules.ts';
import { type ReadMachine, readImage, resumeMachine } from './resume-machine.ts';
import { type Identity, keepChunks, MachineCapture, roomForCopy, type SnapshotResult } from './snapshot-machine.ts';
import type { Trial } from './trial.ts';
import { WarmRoom } from './warm-room.ts';

export type { BacktraceFrame } from '../engine/backtrace.ts';
export type { SnapshotResult } from './snapshot-machine.ts';

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

/** For tests and replay: stop at every poll, or before every host call. */
export interface StopEverywhere {
  readonly polls: boolean;
  readonly calls: boolean;
  /** Called while the guest stands still; true ends run() with reason 'snapshot'. */
  readonly onStop: (machine: Machine) => boolean | Promise<boolean>;
}

export interface ResumeOptions extends Omit<MachineOptions, 'args' | 'programName' | 'seed' | 'tmpfs'> {
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
}

/** A snapshot in a store, and the machine that it is one of. */
export interface SnapshotOrigin {
  readonly id: SnapshotId;
  readonly machineId: string;
}

export type MachineExit =
  | { kind: 'exit'; code: number; signal?: number }
  | { kind: 'trap'; message: string; backtrace: readonly BacktraceFrame[] }
  | { kind: 'stopped'; reason: 'fuel' | 'timeout' | 'snapshot' | 'kill' };

export interface ProcessInfo {
  readonly pid: number;
  /** 0 for the first process. */
  readonly parentPid: number;
  readonly processGroup: number;
  readonly session: number;
  /** The program name first. */
  readonly args: readonly string[];
  /** 'running': at least one of its threads can run. */
  readonly state: 'running' | 'blocked' | 'stopped' | 'zombie';
  readonly threadCount: number;
  readonly fdCount: number;
  readonly memoryBytes: number;
}

/** The end of a process other than the first. */
export interface ProcessEnd {
  readonly pid: number;
  /** What it gave to exit, or 128 + signal. */
  readonly status: number;
  /** Linux's number of the signal that ended it; 0: none did. */
  readonly signal: number;
}

/** A process other than the first that ended by a trap. */
export interface ProcessTrap {
  readonly pid: number;
  /** argv[0]. */
  readonly program: string;
  readonly message: string;
  readonly backtrace: readonly BacktraceFrame[];
}

export interface MachineStats {
  readonly fuelUsed: bigint;
  readonly memoryBytes: number;
  readonly state: 'loaded' | 'running' | 'blocked' | 'frozen' | 'ended';
}

interface SnapshotRequest {
  readonly kind: 'snapshot';
  readonly stop: boolean;
  readonly includeModule: boolean;
  readonly startNs: bigint;
  /** Memory for the copy, while it is made ready. */
  room: WarmRoom | undefined;
  readonly resolve: (result: SnapshotResult) => void;
  readonly reject: (error: unknown) => void;
}

interface CaptureRequest {
  readonly kind: 'capture';
  readonly stop: boolean;
  readonly startNs: bigint;
  readonly resolve: (changes: MachineChanges) => void;
  readonly reject: (error: unknown) => void;
}

/** By hash. */
type Programs = ReadonlyMap<string, CompiledModule>;

/** Threads that the report of a deadlock names. */
const DEADLOCK_NAMED = 8;
/** The guest runs this long at most before the event loop turns. */
const SLICE_MS = 10;
/** While what it captured is being stored, which takes some dozens of turns. */
const STORING_SLICE_MS = 2;
const DEFAULT_MAX_MEMORY_BYTES = 2 ** 32;
const WASM_PAGE_BYTES = 65536;
/** Touching memory for a copy, between two slices of the guest. */
const ROOM_SLICE_MS = 4;
/** Then the guest is stopped, whether all of it is touched or not. */
const ROOM_WAIT_NS = 500e6;
/** setTimeout takes no more. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

export class Machine {
  readonly name: string;
  readonly moduleHash: string;
  readonly #guest: GuestMachine;
  readonly #host: HostParts;
  readonly #options: MachineOptions;
  #origin: SnapshotOrigin | undefined;
  /** By number of a capture that is not confirmed: positions of the outputs that it covers. */
  readonly #covered: Map<number, readonly number[]> = new Map();
  readonly #requests: (SnapshotRequest | CaptureRequest)[] = [];
  /** Made at the first capture. */
  #changes: ChangeTracker | undefined;
  /** Between a capture and its confirmation. */
  #isBeingStored = false;
  /** Chunks of images that show the guest's memory itself; nobody may want them any more. */
  #shownChunks: WeakRef<Uint8Array[]>[] = [];
  #imagesInWork = 0;
  /** An image that shows the guest's memory is being encoded. */
  #encoding: Promise<unknown> | undefined;
  #lastState: MachineStats['state'] = 'loaded';
  #exit: MachineExit | undefined;
  #killed = false;
  /** Somebody takes a snapshot of the guest in the middle of a step: one that stops it must wait for the step's end. */
  #isHeld = false;
  /** Its memory is to be handed on, or has been. */
  #isDisposed = false;
  #sliceEndMs = 0;
  #wantsTurn = false;
  #wake: (() => void) | undefined;
  #deadlineMs = Number.POSITIVE_INFINITY;

  /** Use Machine.load or Machine.resume. */
  private constructor(programs: Programs, options: MachineOptions, host: HostParts, state?: MachineState) {
    this.#options = options;
    this.#host = host;
    this.name = options.name ?? state?.name ?? options.programName ?? 'machine';
    const kernelOptions = {
      ports: host.ports,
      grants: host.grants,
      env: options.env ?? {},
      programs: new Map(Object.entries(options.programs ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))),
    };
    const kernel =
      state === undefined
        ? new Kernel({
            ...kernelOptions,
            tmpfs: tmpfsOf(options),
            args: [options.programName ?? 'program', ...(options.args ?? [])],
            ...(options.seed === undefined ? {} : { seed: options.seed }),
          })
        : Kernel.restore(
            host.ports,
            { ...kernelOptions, files: (options as ResumeOptions).files ?? 'check' },
            state.kernel as KernelState,
          );
    // However long it waits for run(): its time goes on from where the image has it.
    if (state !== undefined) kernel.clock.pauseAt((state.kernel as KernelState).clock.monotonicNs);
    this.#guest = new GuestMachine({
      kernel,
      maxMemoryBytes: options.maxMemoryBytes ?? DEFAULT_MAX_MEMORY_BYTES,
      fuelLimit: options.fuel === undefined ? undefined : (state?.fuelUsed ?? 0n) + options.fuel,
      ...(options.stops?.polls === true ? { fuelSlice: 0 } : {}),
      fuelUsed: state?.fuelUsed ?? 0n,
      hooks: this.#hooks(),
      compileOptimised,
      memoryPool: memoryPool(),
    });
    if (state === undefined) {
      const [program] = programs.values();
      this.#guest.start(program!);
    } else restoreProcesses(this.#guest, state, programs);
    this.moduleHash = this.#guest.root.compiled.hash;
  }

  /** Loads a program, .wasm or .wat. Errors: WVM_MODULE_*, WVM_IMPORT_UNKNOWN, WVM_FILE, WVM_LIMIT. */
  static async load(module: Uint8Array, options: MachineOptions = {}): Promise<Machine> {
    const bytes = await toBinaryModule(module, options.programName ?? 'module');
    const compiled = compileWithCache(bytes, options.cacheDirectory);
    const host = openHost(options);
    try {
      return new Machine(new Map([[compiled.hash, compiled]]), options, host);
    } catch (error) {
      closeHost(host);
      throw trapAtStart(error);
    }
  }

  /**
   * A machine that goes on where the image was taken; it waits for run(). Everything is checked before anything is kept:
   * WVM_IMAGE_*, WVM_CAPABILITY_MISSING, WVM_FILE_CHANGED, WVM_MODULE_MISSING, WVM_LIMIT.
   */
  static async resume(image: Uint8Array | AsyncIterable<Uint8Array>, options: ResumeOptions = {}): Promise<Machine> {
    const maxMemoryBytes = options.maxMemoryBytes ?? DEFAULT_MAX_MEMORY_BYTES;
    return await resumeMachine(readImage(image), options, { maxMemoryBytes }, (...parts) => new Machine(...parts));
  }

  /**
   * The same of a snapshot in a store, straight from its chunks; each block of them is held against its SHA-256. Errors: also
   * WVM_STORE_CORRUPT and WVM_NO_SUCH_SNAPSHOT. saveMachine() goes on with the history of that snapshot.
   */
  static async resumeFromStore(store: Store, id: SnapshotId, options: ResumeFromStoreOptions = {}): Promise<Machine> {
    const maxMemoryBytes = options.maxMemoryBytes ?? DEFAULT_MAX_MEMORY_BYTES;
    const { machineId } = await store.manifest(id);
    const read: ReadMachine = (sink, limits) => store.read(id, sink, limits);
    const machine = await resumeMachine(read, options, { maxMemoryBytes }, (...parts) => new Machine(...parts));
    machine.#origin = { id, machineId };
    if (options.isTracked === true) {
      machine.#changes = new (await import('./change-tracker.ts')).ChangeTracker();
      machine.#changes.adopt(machine.#guest, id);
    }
    return machine;
  }

  /** The snapshot that this machine was resumed from, and the machine that it is one of; undefined if it came from no store. */
  get origin(): SnapshotOrigin | undefined {
    return this.#origin;
  }

  /** Runs the guest until it ends, is stopped, or is stopped by a snapshot; then run() may be called again. */
  async run(): Promise<MachineExit> {
    if (this.#exit !== undefined) return this.#exit;
    if (this.#shownChunks.length > 0) await this.#keepImages();
    const { timeoutMs } = this.#options;
    if (timeoutMs !== undefined && this.#deadlineMs === Number.POSITIVE_INFINITY) {
      this.#deadlineMs = performance.now() + timeoutMs;
    }
    this.#guest.kernel.clock.start();
    this.#state = 'running';
    // What the image allows.
    for (const output of this.#host.outputs) output.pump();
    try {
      for (;;) {
        const exit = await this.#betweenSlices();
        if (exit !== undefined) return exit;
        const step = this.#step();
        const end = await this.#after(step);
        if (end !== undefined) return end;
      }
    } catch (error) {
      this.#end({ kind: 'stopped', reason: 'kill' });
      throw error;
    }
  }

  /**
   * The machine as an image, taken at the next safe point. Rejects with WVM_SNAPSHOT_UNSUPPORTED if something cannot be
   * saved; the guest goes on as if nothing had happened.
   */
  snapshot(options: { stop?: boolean; includeModule?: boolean } = {}): Promise<SnapshotResult> {
    const { promise, resolve, reject } = Promise.withResolvers<SnapshotResult>();
    const request: SnapshotRequest = {
      kind: 'snapshot',
      stop: options.stop ?? false,
      includeModule: options.includeModule ?? true,
      startNs: process.hrtime.bigint(),
      room: undefined,
      resolve,
      reject,
    };
    this.#request(request);
    return promise;
  }

  /**
   * What has changed since the last capture that was confirmed (everything, at first), taken at the next safe point, for a
   * snapshot in a store; the guest goes on at once unless `stop`. MachineSaver does this for you.
   */
  async capture(options: { stop?: boolean } = {}): Promise<MachineChanges> {
    this.#changes ??= new (await import('./change-tracker.ts')).ChangeTracker();
    const { promise, resolve, reject } = Promise.withResolvers<MachineChanges>();
    const startNs = process.hrtime.bigint();
    this.#request({ kind: 'capture', stop: options.stop ?? false, startNs, resolve, reject });
    return await promise;
  }

  /**
   * What a capture gave is durable, in snapshot `id`: the next one tells what has changed since. With `outputCommit`, what the
   * guest had written until then goes out. Takes the memory of that capture back.
   */
  confirmCapture(id: SnapshotId, receipt: CaptureReceipt): void {
    this.#isBeingStored = false;
    this.#changes?.confirm(id, receipt);
    const covered = this.#covered.get(receipt.number);
    for (const [index, position] of covered?.entries() ?? []) this.#host.outputs[index]!.allow(position);
    for (const number of this.#covered.keys()) if (number <= receipt.number) this.#covered.delete(number);
  }

  /** The snapshot that was confirmed last is gone: the next capture() tells everything. */
  resetCapture(): void {
    this.#changes?.reset();
  }

  #request(request: SnapshotRequest | CaptureRequest): void {
    if (this.#state === 'ended') {
      request.reject(this.#hasEnded());
    } else if (this.#state === 'running' || this.#state === 'blocked' || (this.#isHeld && request.stop)) {
      this.#requests.push(request);
      this.#interrupt();
    } else void this.#serve(request);
  }

  /** A snapshot of a machine that stands still, in one go: for onStop and for loaded or frozen machines. */
  snapshotNow(options: { includeModule?: boolean } = {}): SnapshotResult {
    const { includeModule = true } = options;
    if (this.#state === 'ended') throw this.#hasEnded();
    return this.#capture(includeModule, process.hrtime.bigint(), new Uint8Array(0)).encodeNow();
  }

  /** Ends the guest at its next safe point; run() resolves with reason 'kill'. */
  kill(): void {
    this.#killed = true;
    this.#interrupt();
    if (this.#state === 'loaded' || this.#state === 'frozen') this.#end({ kind: 'stopped', reason: 'kill' });
  }

  /**
   * Sends a signal (Linux's number) to the first process, as a terminal does, if the program catches it; false if it does not,
   * or has ended.
   */
  signal(signal: number): boolean {
    const { init } = this.#guest.kernel;
    if (this.#state === 'ended' || init.isZombie) return false;
    const disposition = init.actions.disposition(signal);
    if (disposition !== 'handler' && disposition !== 'callback') return false;
    sendToProcess(init, { signal, code: SignalCode.SI_KERNEL, pid: 0, value: 0 });
    this.#interrupt();
    return true;
  }

  /**
   * For a machine that nobody needs any more: ends it, like kill(), and hands its memory on to machines that are made
   * later in this process, which then need no fresh one (fresh memory is what takes longest at a resume).
   */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.kill();
    if (this.#exit !== undefined) this.#handOnMemory();
  }

  /**
   * Makes memory ready for a guest of this size, which is then resumed (or loaded) several times faster. In all, up to
   * 256 MiB are held ready. Serves modules that state no maximum for their memory, under the default maxMemoryBytes.
   */
  static async prewarm(memoryBytes: number): Promise<void> {
    await prewarm(memoryBytes, DEFAULT_MAX_MEMORY_BYTES / WASM_PAGE_BYTES);
  }

  /** What of the module cannot be captured: then no snapshot is possible, and nothing stops the guest while it computes. */
  get uncapturable(): readonly string[] {
    return [...this.#guest.processes.values()].flatMap(({ isCapturable, compiled }) =>
      isCapturable ? [] : compiled.original.uncapturable,
    );
  }

  stats(): MachineStats {
    const memoryBytes = this.#hasMemory ? this.#guest.memoryBytes : 0;
    return { fuelUsed: this.#guest.fuelUsed, memoryBytes, state: this.#state };
  }

  /** The tree of processes, by pid; those that have ended and were not waited for are in it. */
  processes(): ProcessInfo[] {
    const { kernel, processes } = this.#guest;
    return [...kernel.processes.values()]
      .sort((a, b) => a.pid - b.pid)
      .map((process) => ({
        pid: process.pid,
        parentPid: process.parentPid,
        processGroup: process.pgid,
        session: process.sid,
        args: process.args,
        state: stateOf(process, kernel),
        threadCount: process.threads.size,
        fdCount: process.fds.count,
        memoryBytes: this.#hasMemory ? (processes.get(process.pid)?.memoryBytes ?? 0) : 0,
      }));
  }

  /** Contents of the first process's memories, as they are now. The views are valid until the guest runs again. */
  memories(): Uint8Array[] {
    if (!this.#hasMemory) return [];
    return this.#guest.root.instance.memories.map((memory) => new Uint8Array(memory.buffer));
  }

  get #hasMemory(): boolean {
    return !this.#isDisposed || this.#exit === undefined;
  }

  /** Only for Machine.resume. */
  memoryObjects(): readonly (readonly { readonly buffer: ArrayBufferLike }[])[] {
    return this.#guest.sorted().map(({ instance }) => instance.memories);
  }

  /** Only for Machine.resume. */
  fillFilePages(index: number, firstPage: number, bytes: Uint8Array): void {
    this.#guest.kernel.fillFilePages(index, firstPage, bytes);
  }

  /** Of what the image held: bytes that the life before may have written to a pipe or a terminal as it ended, or not. */
  get doubtfulOutputBytes(): number {
    return this.#host.record?.doubtfulBytes ?? 0;
  }

  /** With `outputCommit`: bytes that have been written and have not gone out. */
  get heldOutputBytes(): number {
    return this.#host.outputs.reduce((sum, { heldBytes }) => sum + heldBytes, 0);
  }

  #hasEnded(): WvmError {
    return new WvmError('WVM_SNAPSHOT_FAILED', `${this.name}: the program has ended`);
  }

  get #state(): MachineStats['state'] {
    return this.#lastState;
  }

  set #state(state: MachineStats['state']) {
    this.#lastState = state;
    this.#options.publish?.(this.stats());
  }

  #hooks(): MachineHooks {
    const { trace, stops, interrupt, publish, beforeEnd, trial } = this.#options;
    const machine = this;
    return {
      wantsYield(): boolean {
        // Every millisecond or so: nobody waits longer for what the guest has written.
        machine.#host.files.flush();
        publish?.(machine.stats());
        if (stops?.polls === true || machine.#wantsTurn) return true;
        return interrupt === undefined || machine.#needsTurns
          ? performance.now() >= machine.#sliceEndMs
          : Atomics.load(interrupt, 0) !== 0 || performance.now() >= machine.#deadlineMs;
      },
      ...(stops?.calls === true ? { stopsBeforeCall: () => true } : {}),
      // An image of its last moment shall hold the call that ends it, not a process that has ended.
      ...(beforeEnd === undefined
        ? {}
        : { stopsBeforeCall: (process, name) => name === 'proc_exit' && process === machine.#guest.kernel.init }),
      ...(trace === undefined
        ? {}
        : {
            trace: ({ pid, memory }, module, name, args, result) => {
              trace(formatCall(pid, module, name, args, result, memory));
            },
          }),
      waitInPlace: (blocked) => trial?.drop() ?? waitInPlace(machine.#guest.kernel, blocked.waits),
      loadProgram: ({ bytes }) => compileWithCache(bytes, machine.#options.cacheDirectory),
      processTrapped: (process, error) => machine.#options.onProcessTrap?.(processTrap(process, error)),
      processEnded: ({ pid, end }) => {
        machine.#options.onProcessEnd?.({ pid, status: end!.status, signal: end!.signal });
      },
      programFailed: (process, program, error) => {
        trace?.(`[${process.pid}] ${program.name} cannot be run: ${error.message}`);
      },
      // An image in work may still show them.
      mayReuseMemories: () => machine.#imagesInWork === 0 && machine.#shownChunks.length === 0,
      memoriesFree: (memories) => recycle(memories, false),
    };
  }

  /**
   * Something goes on between slices of the guest: memory for a copy is made ready, an image is being encoded, other
   * threads wait for the world outside, or output is due that nobody takes.
   */
  get #needsTurns(): boolean {
    const { scheduler } = this.#guest.kernel;
    const isDue = this.#host.outputs.some(({ dueBytes }) => dueBytes > 0);
    return this.#imagesInWork > 0 || this.#requests.length > 0 || scheduler.streamWaiters.size > 0 || isDue;
  }

  #step(): Step {
    this.#wantsTurn = false;
    this.#sliceEndMs = performance.now() + (this.#isBeingStored ? STORING_SLICE_MS : SLICE_MS);
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 100;
    try {
      const { trial } = this.#options;
      return trial === undefined ? this.#guest.step() : trial.step(() => this.#guest.step());
    } finally {
      Error.stackTraceLimit = limit;
    }
  }

  async #after(step: Step): Promise<MachineExit | undefined> {
    switch (step.kind) {
      case 'exited':
        // Not from a call: it has returned from its last function.
        if (this.#guest.hasReturned) await this.#hold(this.#options.beforeEnd);
        await this.#drain();
        return this.#end({
          kind: 'exit',
          code: step.status,
          ...(step.signal === undefined ? {} : { signal: step.signal }),
        });
      case 'trapped': {
        const trap = backtraceOf(step.error, step.process.compiled, step.process.instance);
        await this.#letGo();
        return this.#end({ kind: 'trap', ...trap });
      }
      case 'deadlocked':
        await this.#letGo();
        return this.#end({ kind: 'trap', message: deadlockText(this.#guest.kernel), backtrace: [] });
      case 'out-of-fuel':
        await this.#hold(this.#options.beforeEnd);
        await this.#drain();
        return this.#end({ kind: 'stopped', reason: 'fuel' });
      case 'self-snapshot':
        await this.#selfSnapshot();
        return undefined;
      case 'yielded':
        if (this.#guest.isAboutToCall('proc_exit')) await this.#hold(this.#options.beforeEnd);
        if (this.#options.stops === undefined) await nextTurn();
        else if (await this.#options.stops.onStop(this)) {
          this.#state = 'frozen';
          return { kind: 'stopped', reason: 'snapshot' };
        }
        return undefined;
      case 'blocked':
        this.#state = 'blocked';
        await this.#waitUntilReady();
        this.#state = 'running';
        return undefined;
    }
  }

  /** Requests from outside, between two slices. */
  async #betweenSlices(): Promise<MachineExit | undefined> {
    if (this.#killed) return this.#end({ kind: 'stopped', reason: 'kill' });
    if (performance.now() >= this.#deadlineMs) {
      await this.#hold(this.#options.beforeEnd);
      await this.#drain();
      return this.#end({ kind: 'stopped', reason: 'timeout' });
    }
    for (;;) {
      const request = this.#requests[0];
      if (request === undefined || !this.#isReadyFor(request)) return undefined;
      this.#requests.shift();
      if (request.stop) {
        this.#state = 'frozen';
        await this.#serve(request);
        return { kind: 'stopped', reason: 'snapshot' };
      }
      void this.#serve(request);
    }
  }

  /** A guest that is to go on runs until there is memory for the copy of its pages. */
  #isReadyFor(request: SnapshotRequest | CaptureRequest): boolean {
    if (request.stop || Number(process.hrtime.bigint() - request.startNs) > ROOM_WAIT_NS) return true;
    if (request.kind === 'capture') return this.#changes!.warm(this.#guest, ROOM_SLICE_MS);
    request.room ??= new WarmRoom(roomForCopy(this.#guest.sorted()));
    return request.room.touch(ROOM_SLICE_MS);
  }

  async #serve(request: SnapshotRequest | CaptureRequest): Promise<void> {
    if (request.kind === 'capture') {
      try {
        const changes = this.#changes!.capture(this.#guest, this.#identity(true));
        this.#covered.set(
          changes.number,
          this.#host.outputs.map((output) => output.capture()),
        );
        this.#isBeingStored = true;
        request.resolve(changes);
      } catch (error) {
        request.reject(error);
      }
      return;
    }
    this.#imagesInWork++;
    try {
      const room = request.stop ? undefined : (request.room?.bytes ?? new Uint8Array(0));
      const capture = this.#capture(request.includeModule, request.startNs, room);
      const image = capture.encode();
      if (request.stop) {
        this.#shownChunks.push(new WeakRef(capture.chunks));
        this.#encoding = Promise.allSettled([this.#encoding, image]);
        const encoding = this.#encoding;
        void encoding.then(() => {
          if (this.#encoding === encoding) this.#encoding = undefined;
        });
      }
      request.resolve(await image);
    } catch (error) {
      request.reject(error);
    } finally {
      this.#imagesInWork--;
    }
  }

  /** The guest must stand still. */
  #capture(includeModule: boolean, startNs: bigint, room: Uint8Array | undefined): MachineCapture {
    return new MachineCapture(this.#guest, this.#identity(includeModule), startNs, room);
  }

  #identity(includeModule: boolean): Identity {
    return { name: this.name, moduleName: this.#options.programName ?? this.name, includeModule };
  }

  /** Before the guest goes on: images that show its memory get copies. */
  async #keepImages(): Promise<void> {
    while (this.#encoding !== undefined) await this.#encoding;
    for (const shown of this.#shownChunks.splice(0)) {
      const chunks = shown.deref();
      if (chunks !== undefined) keepChunks(chunks, this.#guest);
    }
  }

  async #selfSnapshot(): Promise<void> {
    const { onSelfSnapshot } = this.#options;
    if (onSelfSnapshot === undefined) {
      // Nobody to keep it: the guest learns that it could not be saved.
      this.#guest.answerSnapshot(-1);
      return;
    }
    await this.#hold(async () => {
      try {
        this.#guest.answerSnapshot(await onSelfSnapshot(this));
      } catch (error) {
        if (!(error instanceof WvmError)) throw error;
        this.#guest.answerSnapshot(-1);
      }
    });
  }

  /** The guest stands still, and can be saved, while `action` does its work. */
  async #hold(action: ((machine: Machine) => Promise<void>) | undefined): Promise<void> {
    if (action === undefined) return;
    this.#state = 'frozen';
    this.#isHeld = true;
    await action(this);
    this.#isHeld = false;
    this.#state = 'running';
  }

  /** Whatever is held goes out: no snapshot of what has just happened will ever be. */
  async #letGo(): Promise<void> {
    for (const output of this.#host.outputs) output.allow(output.written);
    await this.#drain();
  }

  /** Waits until what may go out has gone; not after kill(). */
  async #drain(): Promise<void> {
    const { promise: killed, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    if (!this.#killed) await Promise.race([Promise.all(this.#host.outputs.map((output) => output.drained())), killed]);
    this.#wake = undefined;
  }

  /** Waits until one of the blocked thread's conditions may hold, or somebody wants something of the machine. */
  async #waitUntilReady(): Promise<void> {
    const { clock, scheduler } = this.#guest.kernel;
    if (this.#requests.length > 0 || this.#killed) return;
    let waitMs = this.#deadlineMs - performance.now();
    const deadlineNs = scheduler.nextDeadlineNs();
    const streams = scheduler.streamWaits();
    if (deadlineNs !== undefined) {
      // Virtual time jumps, once whoever is outside has had a chance.
      waitMs = clock.virtual ? 0 : Math.min(waitMs, Math.ceil(Number(deadlineNs - clock.nowNs()) / 1e6));
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    let timer: NodeJS.Timeout | undefined;
    let immediate: NodeJS.Immediate | undefined;
    if (waitMs <= 0) immediate = setImmediate(resolve);
    // Without a timer of its own a wait that nothing can end would let Node exit: keep the process alive.
    else timer = setTimeout(resolve, Math.min(waitMs, MAX_TIMEOUT_MS));
    let isStreamReady = false;
    for (const { kind, stream } of streams) {
      const wake = (): void => {
        isStreamReady = true;
        scheduler.wakeStream(kind, stream);
        resolve();
      };
      if (kind === 'readable') this.#host.streams[stream]?.onceReadable(wake);
      else this.#host.streams[stream]?.onceWritable(wake);
    }
    await promise;
    clearTimeout(timer);
    clearImmediate(immediate);
    this.#wake = undefined;
    if (clock.virtual && deadlineNs !== undefined && !isStreamReady) clock.jumpTo(deadlineNs);
    scheduler.expire(clock.nowNs());
  }

  #interrupt(): void {
    this.#wantsTurn = true;
    this.#wake?.();
  }

  #end(exit: MachineExit): MachineExit {
    if (this.#exit !== undefined) return this.#exit;
    this.#exit = exit;
    this.#state = 'ended';
    for (const request of this.#requests.splice(0)) {
      request.reject(new WvmError('WVM_SNAPSHOT_FAILED', `${this.name}: the program has ended`));
    }
    this.#guest.kernel.close();
    closeHost(this.#host);
    if (this.#isDisposed) this.#handOnMemory();
    return exit;
  }

  #handOnMemory(): void {
    // An image that still shows the memory and is not encoded yet keeps it.
    if (this.#encoding !== undefined) return;
    for (const shown of this.#shownChunks.splice(0)) keepChunks(shown.deref() ?? [], this.#guest);
    for (const { instance } of this.#guest.processes.values()) recycle(instance.memories);
    recycle(this.#guest.takeSpareMemories(), false);
  }
}

function restoreProcesses(guest: GuestMachine, state: MachineState, programs: Programs): void {
  const { processes } = guest.kernel;
  for (const { pid, instance, threads } of state.processes) {
    const process = processes.get(pid as Pid);
    if (process === undefined || process.end !== undefined) {
      throw new WvmError('WVM_IMAGE_BAD_RECORD', `process ${pid}: the kernel's record has no such process`);
    }
    guest.restore(process, programs.get(instance.moduleHash)!, instance, threads);
  }
  for (const process of processes.values()) {
    if (process.end === undefined && !guest.processes.has(process.pid)) {
      throw new WvmError('WVM_IMAGE_BAD_RECORD', `process ${process.pid}: the image has no instance of it`);
    }
  }
}

function processTrap(process: GuestProcess, error: Error): ProcessTrap {
  const { pid, args } = process.process;
  return { pid, program: args[0] ?? '', ...backtraceOf(error, process.compiled, process.instance) };
}

function stateOf(process: Process, { scheduler }: Kernel): ProcessInfo['state'] {
  if (process.end !== undefined) return 'zombie';
  if (process.isStopped) return 'stopped';
  for (const thread of process.threads.values()) if (scheduler.ready.has(thread)) return 'running';
  return 'blocked';
}

/** Who waits for what, when nothing can happen any more. */
function deadlockText({ processes, scheduler }: Kernel): string {
  const waiting = [...scheduler.blocked].map(
    ({ tid, process, call }) => `${call!.name} (process ${process.pid}, thread ${tid})`,
  );
  const stopped = [...processes.values()]
    .filter(({ isStopped }) => isStopped)
    .map(({ pid }) => `process ${pid} is stopped`);
  const first = [...waiting, ...stopped].slice(0, DEADLOCK_NAMED);
  const more = waiting.length + stopped.length - first.length;
  return `deadlock: all threads wait for each other: ${first.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** A trap while the segments are written is the module's fault. */
function trapAtStart(error: unknown): unknown {
  if (error instanceof WvmError || error instanceof BugError) return error;
  if (error instanceof Error && error.name === 'RuntimeError') {
    return new WvmError('WVM_MODULE_INVALID', `the module cannot be instantiated: ${error.message}`, { cause: error });
  }
  return error;
}

const sleepCell = new Int32Array(new SharedArrayBuffer(4));

/** A module that cannot be unwound sleeps where it is; it cannot wait for streams. */
function waitInPlace(kernel: Kernel, waits: readonly { kind: string; deadlineNs?: bigint }[]): boolean {
  const timer = waits.find((wait) => wait.kind === 'timer');
  if (timer?.deadlineNs === undefined) return false;
  if (kernel.clock.virtual) kernel.clock.jumpTo(timer.deadlineNs);
  else {
    const leftMs = Math.ceil(Number(timer.deadlineNs - kernel.clock.nowNs()) / 1e6);
    if (leftMs > 0) Atomics.wait(sleepCell, 0, 0, leftMs);
  }
  return true;
}
