// A machine on Node: one guest program, its kernel, its ports. Runs on the calling thread, in slices (run-loop.ts), so that sockets,
// signals and timers of the host go on between them.

import { SignalCode } from '../../../abi/signals.ts';
import { BugError } from '../../base/assert.ts';
import { WvmError } from '../../base/wvm-error.ts';
import { GuestMachine } from '../../engine/guest-machine.ts';
import type { MachineHooks } from '../../engine/machine-hooks.ts';
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
import { listProcesses, type MachineExit, type MachineStats, type ProcessInfo, processTrap } from './machine-status.ts';
import { memoryPool, prewarm, recycle } from './memory-pool.ts';
import { type Programs, restoreProcesses } from './restore-processes.ts';
import { type ReadMachine, readImage, resumeMachine } from './resume-machine.ts';
import { RunLoop } from './run-loop.ts';
import { SaveRequests } from './save-requests.ts';
import type { SnapshotResult } from './snapshot-machine.ts';
import { waitInPlace } from './wait-for-events.ts';

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
  readonly #loop: RunLoop;
  /** Its memory is to be handed on, or has been. */
  #isDisposed = false;

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
    const { stops, beforeEnd, onSelfSnapshot, publish } = options;
    this.#loop = new RunLoop({
      name: this.name,
      guest: this.#guest,
      host,
      saves: this.#saves,
      options,
      stopsAtPolls: stops?.polls === true,
      onStop: stops && (() => stops.onStop(this)),
      beforeEnd: beforeEnd && (() => beforeEnd(this)),
      onSelfSnapshot: onSelfSnapshot && (() => onSelfSnapshot(this)),
      onProgress: () => publish?.(this.stats()),
      onEnd: () => this.#ended(),
    });
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
    return await this.#loop.run();
  }

  /**
   * The machine as an image, taken at the next safe point. Rejects with WVM_SNAPSHOT_UNSUPPORTED if something cannot be
   * saved; the guest goes on as if nothing had happened.
   */
  snapshot(options: { stop?: boolean; includeModule?: boolean } = {}): Promise<SnapshotResult> {
    const { promise, resolve, reject } = Promise.withResolvers<SnapshotResult>();
    const { stop = false, includeModule = true } = options;
    this.#loop.request({ kind: 'image', stop, includeModule, startNs: process.hrtime.bigint(), resolve, reject });
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
    this.#loop.request({ kind: 'capture', stop: options.stop ?? false, startNs, resolve, reject });
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

  /** A snapshot of a machine that stands still, in one go: for onStop and for loaded or frozen machines. */
  snapshotNow(options: { includeModule?: boolean } = {}): SnapshotResult {
    const { includeModule = true } = options;
    if (this.#loop.exit !== undefined) throw this.#loop.hasEnded();
    return this.#saves.imageNow(includeModule);
  }

  /** Ends the guest at its next safe point; run() resolves with reason 'kill'. */
  kill(): void {
    this.#loop.kill();
  }

  /**
   * Sends a signal (Linux's number) to the first process, as a terminal does, if the program catches it; false if it does not,
   * or has ended.
   */
  signal(signal: number): boolean {
    const { init } = this.#guest.kernel;
    if (this.#loop.exit !== undefined || init.isZombie) return false;
    const disposition = init.actions.disposition(signal);
    if (disposition !== 'handler' && disposition !== 'callback') return false;
    sendToProcess(init, { signal, code: SignalCode.SI_KERNEL, pid: 0, value: 0 });
    this.#loop.interrupt();
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
    if (this.#loop.exit !== undefined) this.#handOnMemory();
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
    return { fuelUsed: this.#guest.fuelUsed, memoryBytes, state: this.#loop.state };
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
    return !this.#isDisposed || this.#loop.exit === undefined;
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

  #hooks(): MachineHooks {
    const { trace, stops, beforeEnd, trial } = this.#options;
    return {
      // Where tests stop the guest is decided by its polls and calls alone.
      ...(stops === undefined ? { isDue: () => this.#loop.isDue() } : {}),
      wantsYield: () => this.#loop.wantsYield(),
      ...(stops?.calls === true ? { stopsBeforeCall: () => true } : {}),
      // An image of its last moment shall hold the call that ends it, not a process that has ended.
      ...(beforeEnd === undefined
        ? {}
        : { stopsBeforeCall: (process, name) => name === 'proc_exit' && process === this.#guest.kernel.init }),
      ...(trace === undefined
        ? {}
        : {
            trace: ({ pid, memory }, module, name, args, result) => {
              trace(formatCall(pid, module, name, args, result, memory));
            },
          }),
      waitInPlace: (blocked) => trial?.drop() ?? waitInPlace(this.#guest.kernel, blocked.waits),
      loadProgram: ({ bytes }) => compileWithCache(bytes, this.#options),
      processTrapped: (process, error) => this.#options.onProcessTrap?.(processTrap(process, error)),
      processEnded: ({ pid, end }) => {
        this.#options.onProcessEnd?.({ pid, status: end!.status, signal: end!.signal });
      },
      programFailed: (process, program, error) => {
        trace?.(`[${process.pid}] ${program.name} cannot be run: ${error.message}`);
      },
      // An image in work may still show them.
      mayReuseMemories: () => !this.#saves.showsMemory,
      memoriesFree: (memories) => recycle(memories, false),
    };
  }

  #ended(): void {
    this.#guest.kernel.close();
    closeHost(this.#host);
    if (this.#isDisposed) this.#handOnMemory();
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
