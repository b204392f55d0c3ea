// A machine on Node: one guest program, its kernel, its ports. Runs on the calling thread, in slices: between two
// slices the stack is unwound and Node's event loop turns, so that sockets, signals and timers of the host go on.
//
//   loaded ──run()──> running <──> blocked        snapshot() stops it at the next safe point and lets it go on
//                        │                        (or ends run() with reason 'snapshot'; run() continues it)
//                        └──> ended
//
// A guest that waits has no frames on the native stack either, so a snapshot at any moment finds plain data.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { SignalCode } from '../../../abi/signals.ts';
import { BugError } from '../../base/assert.ts';
import { WvmError } from '../../base/wvm-error.ts';
import { backtraceOf } from '../../engine/backtrace.ts';
import { GuestMachine } from '../../engine/guest-machine.ts';
import type { MachineHooks } from '../../engine/machine-hooks.ts';
import type { Step } from '../../engine/stop.ts';
import { Kernel, type KernelState } from '../../kernel/kernel.ts';
import { sendToProcess } from '../../kernel/signals/send.ts';
import { formatCall } from '../../kernel/trace.ts';
import type { MachineState } from '../../snapshot/machine-state.ts';
import type { SnapshotId } from '../../snapshot/store/manifest.ts';
import type { Store } from '../../snapshot/store/store.ts';
import { toBinaryModule } from '../programs/read-module.ts';
import { compileWithCache } from '../programs/recent-modules.ts';
import type { CaptureReceipt, MachineChanges } from './change-tracker.ts';
import { closeHost, type HostParts, openHost, tmpfsOf } from './host-parts.ts';
import type { MachineOptions, ResumeFromStoreOptions, ResumeOptions, SnapshotOrigin } from './machine-options.ts';
import {
  deadlockText,
  listProcesses,
  type MachineExit,
  type MachineStats,
  type ProcessInfo,
  processTrap,
} from './machine-status.ts';
import { memoryPool, prewarm, recycle } from './memory-pool.ts';
import { type Programs, restoreProcesses } from './restore-processes.ts';
import { type ReadMachine, readImage, resumeMachine } from './resume-machine.ts';
import { type SaveRequest, SaveRequests } from './save-requests.ts';
import type { SnapshotResult } from './snapshot-machine.ts';
import { waitForEvents, waitInPlace } from './wait-for-events.ts';

/** About as long as computing guests take from one poll to the next. */
const DUE_MS = 1;
/** The guest runs this long at most before the event loop turns. */
const SLICE_MS = 10;
/** While what it captured is being stored, which takes some dozens of turns. */
const STORING_SLICE_MS = 2;
const DEFAULT_MAX_MEMORY_BYTES = 2 ** 32;
const WASM_PAGE_BYTES = 65536;

export class Machine {
  readonly name: string;
  readonly moduleHash: string;
  readonly #guest: GuestMachine;
  readonly #host: HostParts;
  readonly #options: MachineOptions;
  #origin: SnapshotOrigin | undefined;
  readonly #saves: SaveRequests;
  #lastState: MachineStats['state'] = 'loaded';
  #exit: MachineExit | undefined;
  #killed = false;
  /** The guest stands still in the middle of a step, for an action that takes a snapshot of it. */
  #isHeld = false;
  /** Meanwhile another snapshot was taken, one that stops it. */
  #isToStop = false;
  /** What is to be done about this step was put off by a stop. */
  #unfinished: Step | undefined;
  /** Its memory is to be handed on, or has been. */
  #isDisposed = false;
  #sliceEndMs = 0;
  /** When a guest that makes host calls instead of computing is to be asked as if it had come to a poll. */
  #dueMs = 0;
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
            ...(options.devices === undefined ? {} : { devices: options.devices }),
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
      memoryPool: memoryPool(),
    });
    if (state === undefined) {
      const [program] = programs.values();
      this.#guest.start(program!);
    } else restoreProcesses(this.#guest, state, programs);
    this.moduleHash = this.#guest.root.compiled.hash;
    const moduleName = options.programName ?? this.name;
    const checksMarks = options.marksWrites === 'check';
    this.#saves = new SaveRequests(this.#guest, host.outputs, { name: this.name, moduleName }, checksMarks);
  }

  /** Loads a program, .wasm or .wat. Errors: WVM_MODULE_*, WVM_IMPORT_UNKNOWN, WVM_FILE, WVM_LIMIT. */
  static async load(module: Uint8Array, options: MachineOptions = {}): Promise<Machine> {
    const bytes = await toBinaryModule(module, options.programName ?? 'module');
    const compiled = compileWithCache(bytes, options);
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
    const read: ReadMachine = (sink, limits) => store.read(id, sink, limits, options.onProgress);
    const machine = await resumeMachine(read, options, { maxMemoryBytes }, (...parts) => new Machine(...parts));
    machine.#origin = { id, machineId };
    if (options.isTracked === true) await machine.#saves.adopt(id);
    return machine;
  }

  /** The snapshot that this machine was resumed from, and the machine that it is one of; undefined if it came from no store. */
  get origin(): SnapshotOrigin | undefined {
    return this.#origin;
  }

  /** Runs the guest until it ends, is stopped, or is stopped by a snapshot; then run() may be called again. */
  async run(): Promise<MachineExit> {
    if (this.#exit !== undefined) return this.#exit;
    if (this.#saves.showsMemory) await this.#saves.keepImages();
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
        const end = await this.#after(this.#step());
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
    const { stop = false, includeModule = true } = options;
    this.#request({ kind: 'image', stop, includeModule, startNs: process.hrtime.bigint(), resolve, reject });
    return promise;
  }

  /**
   * What has changed since the last capture that was confirmed (everything, at first), taken at the next safe point, for a
   * snapshot in a store; the guest goes on at once unless `stop`. MachineSaver does this for you.
   */
  async capture(options: { stop?: boolean } = {}): Promise<MachineChanges> {
    await this.#saves.prepareCaptures();
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
    this.#saves.confirm(id, receipt);
  }

  /** The snapshot that was confirmed last is gone: the next capture() tells everything. */
  resetCapture(): void {
    this.#saves.reset();
  }

  #request(request: SaveRequest): void {
    if (this.#state === 'ended') {
      request.reject(this.#hasEnded());
    } else if (this.#state === 'running' || this.#state === 'blocked') {
      this.#saves.add(request);
      this.#interrupt();
    } else this.#serveHeld(request);
  }

  /** The guest stands still. If it is held: the action that holds it may have to wait until this one is done. */
  #serveHeld(request: SaveRequest): void {
    this.#isToStop ||= this.#isHeld && request.stop;
    void this.#saves.serve(request);
  }

  /** A snapshot of a machine that stands still, in one go: for onStop and for loaded or frozen machines. */
  snapshotNow(options: { includeModule?: boolean } = {}): SnapshotResult {
    const { includeModule = true } = options;
    if (this.#state === 'ended') throw this.#hasEnded();
    return this.#saves.imageNow(includeModule);
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
    return listProcesses(this.#guest, this.#hasMemory);
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
      // Where tests stop the guest is decided by its polls and calls alone.
      ...(stops === undefined ? { isDue: () => performance.now() >= machine.#dueMs } : {}),
      wantsYield(): boolean {
        machine.#dueMs = performance.now() + DUE_MS;
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
      loadProgram: ({ bytes }) => compileWithCache(bytes, machine.#options),
      processTrapped: (process, error) => machine.#options.onProcessTrap?.(processTrap(process, error)),
      processEnded: ({ pid, end }) => {
        machine.#options.onProcessEnd?.({ pid, status: end!.status, signal: end!.signal });
      },
      programFailed: (process, program, error) => {
        trace?.(`[${process.pid}] ${program.name} cannot be run: ${error.message}`);
      },
      // An image in work may still show them.
      mayReuseMemories: () => !machine.#saves.showsMemory,
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
    return this.#saves.needsTurns || scheduler.streamWaiters.size > 0 || isDue;
  }

  #step(): Step {
    const unfinished = this.#unfinished;
    this.#unfinished = undefined;
    if (unfinished !== undefined) return unfinished;
    this.#wantsTurn = false;
    this.#sliceEndMs = performance.now() + (this.#saves.isBeingStored ? STORING_SLICE_MS : SLICE_MS);
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
        if (this.#guest.hasReturned && (await this.#hold(this.#options.beforeEnd))) return this.#putOff(step);
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
        if (await this.#hold(this.#options.beforeEnd)) return this.#putOff(step);
        await this.#drain();
        return this.#end({ kind: 'stopped', reason: 'fuel' });
      case 'self-snapshot':
        await this.#selfSnapshot();
        return undefined;
      case 'yielded':
        if (this.#guest.isAboutToCall('proc_exit')) await this.#hold(this.#options.beforeEnd);
        if (this.#options.stops === undefined) await nextTurn();
        else if (await this.#options.stops.onStop(this)) return this.#stopped();
        return undefined;
      case 'blocked':
        this.#state = 'blocked';
        await this.#waitForEvents();
        this.#state = 'running';
        return undefined;
    }
  }

  /** Requests from outside, between two slices. */
  async #betweenSlices(): Promise<MachineExit | undefined> {
    if (this.#killed) return this.#end({ kind: 'stopped', reason: 'kill' });
    if (this.#isToStop) return this.#stopped();
    if (performance.now() >= this.#deadlineMs) {
      if (await this.#hold(this.#options.beforeEnd)) return this.#stopped();
      await this.#drain();
      return this.#end({ kind: 'stopped', reason: 'timeout' });
    }
    for (let request = this.#saves.due(); request !== undefined; request = this.#saves.due()) {
      if (request.stop) {
        this.#state = 'frozen';
        await this.#saves.serve(request);
        return this.#stopped();
      }
      void this.#saves.serve(request);
    }
    return undefined;
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

  /** The guest stands still, and can be saved, while `action` does its work. True if it is to stop now. */
  async #hold(action: ((machine: Machine) => Promise<void>) | undefined): Promise<boolean> {
    if (action === undefined) return false;
    this.#state = 'frozen';
    this.#isHeld = true;
    for (let next = this.#saves.next(); next !== undefined; next = this.#saves.next()) this.#serveHeld(next);
    await action(this);
    this.#isHeld = false;
    // It may have been killed.
    if (this.#exit === undefined) this.#state = 'running';
    return this.#isToStop;
  }

  /** A snapshot has stopped it; run() may be called again. */
  #stopped(): MachineExit {
    this.#isToStop = false;
    this.#state = 'frozen';
    return { kind: 'stopped', reason: 'snapshot' };
  }

  /** The same; then it goes on with what is to be done about the step. */
  #putOff(step: Step): MachineExit {
    this.#unfinished = step;
    return this.#stopped();
  }

  /** Whatever is held goes out: no snapshot of what has just happened will ever be. */
  async #letGo(): Promise<void> {
    for (const output of this.#host.outputs) output.allow(output.written);
    await this.#drain();
  }

  /** Waits until what may go out has gone; not after kill(). */
  async #drain(): Promise<void> {
    let isDrained = false;
    const drained = Promise.all(this.#host.outputs.map((output) => output.drained())).then(() => {
      isDrained = true;
    });
    // Requests wake it, too: nothing can be saved any more, and nobody shall wait for a reader to hear that.
    while (!isDrained && !this.#killed) {
      this.#saves.refuseAll(() => this.#hasEnded());
      const { promise: woken, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await Promise.race([drained, woken]);
    }
    this.#wake = undefined;
  }

  async #waitForEvents(): Promise<void> {
    if (!this.#saves.isEmpty || this.#killed) return;
    const { ended, end } = waitForEvents(this.#guest.kernel, this.#host.streams, this.#deadlineMs);
    this.#wake = end;
    await ended;
    this.#wake = undefined;
  }

  #interrupt(): void {
    this.#wantsTurn = true;
    this.#wake?.();
  }

  #end(exit: MachineExit): MachineExit {
    if (this.#exit !== undefined) return this.#exit;
    this.#exit = exit;
    this.#state = 'ended';
    this.#saves.refuseAll(() => this.#hasEnded());
    this.#guest.kernel.close();
    closeHost(this.#host);
    if (this.#isDisposed) this.#handOnMemory();
    return exit;
  }

  #handOnMemory(): void {
    // An image that still shows the memory and is not encoded yet keeps it.
    if (!this.#saves.releaseMemory()) return;
    for (const { instance } of this.#guest.processes.values()) recycle(instance.memories);
    recycle(this.#guest.takeSpareMemories(), false);
  }
}

/** A trap while the segments are written is the module's fault. */
function trapAtStart(error: unknown): unknown {
  if (error instanceof WvmError || error instanceof BugError) return error;
  if (error instanceof Error && error.name === 'RuntimeError') {
    return new WvmError('WVM_MODULE_INVALID', `the module cannot be instantiated: ${error.message}`, { cause: error });
  }
  return error;
}
