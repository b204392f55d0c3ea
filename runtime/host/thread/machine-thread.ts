// A machine on a thread of its own, driven from this one: the guest has a deep stack, is interrupted only when somebody
// wants something of it, and can be ended even if it never reaches a safe point.
//
//   constructor ──load()/resume()──> ready ──run()──> …        as Machine; errors come over as they are
//
// - Every call counts up `interrupt`, which stops the guest at its next poll; the thread counts it down (machine-server).
// - A guest that cannot be captured has no polls and answers nobody while it runs: it is not asked, and when it is to
//   end and has not done so after a grace period, its thread is.
// - stdin, stdout and stderr are the process's own descriptors, used by the guest's thread itself.

import { getCompileCacheDir } from 'node:module';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { BugError } from '../../base/assert.ts';
import { WvmError } from '../../base/wvm-error.ts';
import type { PageBlock } from '../../snapshot/page-block.ts';
import type { SnapshotId } from '../../snapshot/store/manifest.ts';
import type { CaptureReceipt, MachineChanges } from '../machine/change-tracker.ts';
import type { MachineOptions, ResumeOptions, SnapshotOrigin } from '../machine/machine-options.ts';
import type { MachineExit, MachineStats, ProcessInfo, ProcessTrap } from '../machine/machine-status.ts';
import type { SnapshotResult, StreamedImage } from '../machine/snapshot-machine.ts';
import type { FoundProgram } from '../programs/find-program.ts';
import type { StoreKeys } from '../seal/sealed-files.ts';
import { type KeptCode, readCode } from './kept-code.ts';
import { SharedStats } from './shared-stats.ts';
import { ThreadCalls } from './thread-calls.ts';

/** What a thread can be told of a machine: no functions, but a descriptor for the lines of the trace. */
export interface ThreadMachineOptions
  extends Omit<
    MachineOptions,
    | 'stdout'
    | 'stderr'
    | 'trace'
    | 'onSelfSnapshot'
    | 'onOutputHeld'
    | 'beforeEnd'
    | 'onProcessTrap'
    | 'onProcessEnd'
    | 'interrupt'
    | 'publish'
    | 'stops'
    | 'trial'
  > {
  readonly stdout?: 'inherit' | 'null';
  readonly stderr?: 'inherit' | 'null';
  readonly traceFd?: number;
}

export type ThreadResumeOptions = Omit<ThreadMachineOptions, 'args' | 'programName' | 'seed' | 'tmpfs' | 'devices'> &
  Pick<ResumeOptions, 'files' | 'features' | 'heldOutput'> & {
    /** Where the module is, when the image names it by hash only. */
    readonly modulePath?: string;
  };

/** As in MachineOptions; called here, while the guest stands still over there. */
export interface ThreadHooks {
  readonly onSelfSnapshot?: () => Promise<number>;
  readonly beforeEnd?: () => Promise<void>;
  readonly onOutputHeld?: () => void;
  readonly onProcessTrap?: (trap: ProcessTrap) => void;
  /** How much of a large image or snapshot has been read, now and then. */
  readonly onLoading?: (doneBytes: number, totalBytes: number) => void;
}

/** What the thread has from its start. */
export interface ThreadData {
  readonly stats: SharedArrayBuffer;
  /** The directory given to enableCompileCache, if it was. */
  readonly compileCache: string | undefined;
}

interface WantedHooks {
  readonly onSelfSnapshot: boolean;
  readonly beforeEnd: boolean;
  readonly onOutputHeld: boolean;
  readonly onProcessTrap: boolean;
  readonly onLoading: boolean;
}
export interface LoadRequest {
  readonly program: string | FoundProgram;
  readonly options: ThreadMachineOptions;
  readonly hooks: WantedHooks;
}
export interface ResumeRequest {
  /** Undefined: its owner has it, piece by piece. */
  readonly imagePath: string | undefined;
  readonly modulePath: string | undefined;
  readonly options: Omit<ThreadResumeOptions, 'modulePath'>;
  readonly hooks: WantedHooks;
}
/** A snapshot of a store that can be opened from another thread. */
export interface StoredMachine {
  /** Of the store: a folder or an URL. */
  readonly place: string;
  readonly keys?: StoreKeys | undefined;
  readonly origin: SnapshotOrigin;
  /** As in ResumeFromStoreOptions. */
  readonly isTracked?: boolean;
}

export interface ResumeFromStoreRequest extends Omit<ResumeRequest, 'imagePath'> {
  readonly stored: StoredMachine;
}
export interface Ready {
  readonly name: string;
  readonly moduleHash: string;
  readonly uncapturable: readonly string[];
  readonly doubtfulOutputBytes: number;
  readonly stats: MachineStats;
}

export interface Ended {
  readonly exit: MachineExit;
  readonly heldOutputBytes: number;
  readonly stats: MachineStats;
}

/** Memory that goes to and fro. */
export type Room = Uint8Array<ArrayBuffer>;

/** Null: to be asked for with nextImageBytes(). */
export interface ThreadImage extends Omit<SnapshotResult, 'chunks'> {
  readonly chunks: readonly Uint8Array[] | null;
}

/** Null: to be asked for with nextBlocks(). */
export interface ThreadChanges extends Omit<MachineChanges, 'blocks'> {
  readonly blocks: readonly PageBlock[] | null;
}

/** What the thread of a machine can be asked. */
export type MachineProcedures = {
  keepCode(code: KeptCode): void;
  load(request: LoadRequest): Promise<Ready>;
  resume(request: ResumeRequest): Promise<Ready>;
  resumeFromStore(request: ResumeFromStoreRequest): Promise<Ready>;
  run(): Promise<Ended>;
  snapshot(options: { stop?: boolean; includeModule?: boolean }, moved: ArrayBuffer[]): Promise<ThreadImage>;
  nextImageBytes(room: Room, moved: ArrayBuffer[]): { readonly room: Room; readonly sizeBytes: number };
  dropImage(): void;
  capture(options: { stop?: boolean }, moved: ArrayBuffer[]): Promise<ThreadChanges>;
  nextBlocks(room: Room, moved: ArrayBuffer[]): { readonly room: Room; readonly blocks: readonly PageBlock[] };
  confirmCapture(saved: { readonly id: SnapshotId; readonly receipt: CaptureReceipt }): void;
  resetCapture(): void;
  processes(): readonly ProcessInfo[];
  signal(signal: number): boolean;
  kill(): void;
};

/** What that thread asks its owner. */
export type ThreadOwner = {
  onSelfSnapshot(): Promise<number>;
  beforeEnd(): Promise<void>;
  outputHeld(): void;
  processTrapped(trap: ProcessTrap): void;
  loading(read: { readonly doneBytes: number; readonly totalBytes: number }): void;
  nextImagePiece(): Promise<Uint8Array | undefined>;
};

/** For the guest's recursion: unused, it is only address space. Linux programs have 8; unoptimised frames are larger. */
const STACK_MB = 256;
/** What comes over at a time of images and of pages: at least the longest block. */
const PIECE_BYTES: number = 4 * 1024 * 1024;
/** A guest without safe points that is to end may do so itself for so long. */
const GRACE_MS = 500;
/** setTimeout takes no more. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

export class MachineThread {
  readonly #worker: Worker;
  readonly #calls: ThreadCalls<MachineProcedures>;
  readonly #shared: SharedStats = new SharedStats();
  #hooks: ThreadHooks = {};
  #pieces: AsyncIterator<Uint8Array> | undefined;
  #ready: Ready | undefined;
  #timeoutMs: number | undefined;
  #stats: MachineStats = { fuelUsed: 0n, memoryBytes: 0, state: 'loaded' };
  #exit: MachineExit | undefined;
  #origin: SnapshotOrigin | undefined;
  #heldOutputBytes = 0;
  /** Resolves the run() that waits. */
  #cutShort: ((exit: MachineExit) => void) | undefined;
  #graceTimer: NodeJS.Timeout | undefined;

  /** Starts the thread. It takes a while until it listens, so make it before you know what it is to run. */
  constructor() {
    const workerData: ThreadData = { stats: this.#shared.buffer, compileCache: compileCacheInUse() };
    const resourceLimits = { stackSizeMb: STACK_MB };
    const program = new URL('./machine-worker.ts', import.meta.url);
    this.#worker = new Worker(program, { workerData, resourceLimits });
    this.#calls = new ThreadCalls<MachineProcedures>(this.#worker, {
      onSelfSnapshot: () => this.#hooks.onSelfSnapshot!(),
      beforeEnd: () => this.#hooks.beforeEnd!(),
      outputHeld: () => this.#hooks.onOutputHeld!(),
      processTrapped: (trap) => this.#hooks.onProcessTrap!(trap),
      loading: ({ doneBytes, totalBytes }) => this.#hooks.onLoading!(doneBytes, totalBytes),
      nextImagePiece: async () => {
        const { done, value } = await this.#pieces!.next();
        return done ? undefined : value;
      },
    } satisfies ThreadOwner);
    this.#worker.on('error', (error) => this.#calls.fail(error));
    this.#worker.on('exit', () => {
      this.#calls.fail(this.#exit === undefined ? new BugError('the thread of a machine has gone') : this.#ended());
    });
    // While it starts, this one has nothing else to do.
    const code = readCode(new URL('.', program));
    void this.#calls
      .call(
        'keepCode',
        code,
        Object.values(code).map(({ buffer }) => buffer),
      )
      .catch(() => {});
    // Nobody waits for a thread that has nothing to do.
    this.#worker.unref();
  }

  get name(): string {
    return this.#ready?.name ?? 'machine';
  }

  /** As Machine.load, of a file (.wasm or .wat), or of what findProgram() has found. */
  async load(
    program: string | FoundProgram,
    options: ThreadMachineOptions = {},
    hooks: ThreadHooks = {},
  ): Promise<void> {
    await this.#prepare(options, hooks, (wanted) => this.#ask('load', { program, options, hooks: wanted }));
  }

  /** Ends the thread, whatever it does. */
  end(): void {
    void this.#worker.terminate();
  }

  /** As Machine.resume, of a file or of pieces that come from this thread. */
  async resume(
    image: string | AsyncIterable<Uint8Array>,
    { modulePath, ...options }: ThreadResumeOptions = {},
    hooks: ThreadHooks = {},
  ): Promise<void> {
    const imagePath = typeof image === 'string' ? image : undefined;
    if (typeof image !== 'string') this.#pieces = image[Symbol.asyncIterator]();
    await this.#prepare(options, hooks, (wanted) =>
      this.#ask('resume', { imagePath, modulePath, options, hooks: wanted }),
    );
  }

  /** As Machine.resumeFromStore; the store is opened over there. */
  async resumeFromStore(
    stored: StoredMachine,
    { modulePath, ...options }: ThreadResumeOptions = {},
    hooks: ThreadHooks = {},
  ): Promise<void> {
    await this.#prepare(options, hooks, (wanted) =>
      this.#ask('resumeFromStore', { stored, modulePath, options, hooks: wanted }),
    );
    this.#origin = stored.origin;
  }

  /** As Machine.heldOutputBytes, when run() has ended. */
  get heldOutputBytes(): number {
    return this.#heldOutputBytes;
  }

  /** As Machine.doubtfulOutputBytes. */
  get doubtfulOutputBytes(): number {
    return this.#ready?.doubtfulOutputBytes ?? 0;
  }

  /** As Machine.origin. */
  get origin(): SnapshotOrigin | undefined {
    return this.#origin;
  }

  /** As Machine.run. */
  async run(): Promise<MachineExit> {
    if (this.#exit !== undefined) return this.#exit;
    this.#stats = { ...this.#stats, state: 'running' };
    const cut = Promise.withResolvers<MachineExit>();
    this.#cutShort = cut.resolve;
    const timer = this.#startTimeout();
    try {
      // Not #ask(): this is answered when the guest ends, and interrupts nobody.
      const ended = this.#calls.call('run').then(({ exit, stats, heldOutputBytes }) => {
        this.#stats = stats;
        this.#heldOutputBytes = heldOutputBytes;
        return exit;
      });
      const exit = await Promise.race([ended, cut.promise]);
      if (exit.kind !== 'stopped' || exit.reason !== 'snapshot') this.#exit = exit;
      return exit;
    } finally {
      this.#cutShort = undefined;
      clearTimeout(timer);
      clearTimeout(this.#graceTimer);
    }
  }

  /** As Machine.snapshot. The chunks of a large image come from the thread as they are taken, each valid until the next. */
  async snapshot(options: { stop?: boolean; includeModule?: boolean } = {}): Promise<StreamedImage> {
    this.#checkReachable();
    const image = await this.#ask('snapshot', options);
    return { ...image, chunks: image.chunks ?? this.#imageBytes() };
  }

  /** As Machine.capture. */
  async capture(options: { stop?: boolean } = {}): Promise<MachineChanges> {
    this.#checkReachable();
    const changes = await this.#ask('capture', options);
    return { ...changes, blocks: changes.blocks ?? this.#blocks() };
  }

  async *#imageBytes(): AsyncGenerator<Uint8Array, void, undefined> {
    let room: Room = new Uint8Array(PIECE_BYTES);
    try {
      for (;;) {
        const next = await this.#ask('nextImageBytes', room, [room.buffer]);
        if (next.sizeBytes === 0) return;
        room = next.room;
        yield room.subarray(0, next.sizeBytes);
      }
    } finally {
      // It may have ended meanwhile.
      await this.#ask('dropImage', undefined).catch(() => {});
    }
  }

  async *#blocks(): AsyncGenerator<PageBlock, void, undefined> {
    let room: Room = new Uint8Array(PIECE_BYTES);
    for (;;) {
      const next = await this.#ask('nextBlocks', room, [room.buffer]);
      if (next.blocks.length === 0) return;
      yield* next.blocks;
      room = next.room;
    }
  }

  /** As Machine.confirmCapture; the room goes back to the thread. */
  async confirmCapture(id: SnapshotId, receipt: CaptureReceipt): Promise<void> {
    try {
      await this.#ask('confirmCapture', { id, receipt }, [receipt.room.buffer as ArrayBuffer]);
    } catch (error) {
      // It may have ended while it was being saved: the snapshot is there all the same.
      if (this.#exit === undefined) throw error;
    }
  }

  async resetCapture(): Promise<void> {
    this.#checkReachable();
    await this.#ask('resetCapture', undefined);
  }

  /** As Machine.processes. */
  async processes(): Promise<readonly ProcessInfo[]> {
    this.#checkReachable();
    return await this.#ask('processes', undefined);
  }

  /** As Machine.signal. */
  async signal(signal: number): Promise<boolean> {
    return this.#exit === undefined && !this.#isUnreachable && (await this.#ask('signal', signal));
  }

  /** As Machine.kill; ends the thread if the guest cannot be reached. */
  kill(): void {
    if (this.#exit !== undefined) return;
    this.#ask('kill', undefined).catch(() => {}); // It has ended meanwhile.
    if (this.#isUnreachable) this.#endThreadAfterGrace('kill');
  }

  /** As Machine.stats, as of the guest's last safe point: it is not interrupted. */
  stats(): MachineStats {
    const isRunning = this.#cutShort !== undefined;
    return isRunning && !this.#isUnreachable ? this.#shared.read() : this.#stats;
  }

  #checkReachable(): void {
    if (this.#exit !== undefined) throw this.#ended();
    // It would not hear of it while it runs.
    if (this.#isUnreachable) {
      const what = this.#ready!.uncapturable.join(', ');
      throw new WvmError('WVM_SNAPSHOT_UNSUPPORTED', `the module uses ${what}, whose state cannot be captured`);
    }
  }

  get #isUnreachable(): boolean {
    return (this.#ready?.uncapturable.length ?? 0) > 0;
  }

  async #prepare(
    { timeoutMs }: ThreadMachineOptions,
    hooks: ThreadHooks,
    ask: (wanted: WantedHooks) => Promise<Ready>,
  ): Promise<void> {
    this.#worker.ref();
    this.#hooks = hooks;
    this.#timeoutMs = timeoutMs;
    this.#ready = await ask({
      onSelfSnapshot: hooks.onSelfSnapshot !== undefined,
      beforeEnd: hooks.beforeEnd !== undefined,
      onOutputHeld: hooks.onOutputHeld !== undefined,
      onProcessTrap: hooks.onProcessTrap !== undefined,
      onLoading: hooks.onLoading !== undefined,
    });
    this.#stats = this.#ready.stats;
  }

  /** The guest stops at its next poll and hears of it. */
  #ask<Name extends Exclude<keyof MachineProcedures, 'run'>>(
    name: Name,
    argument: Parameters<MachineProcedures[Name]>[0],
    moved?: ArrayBuffer[],
  ): Promise<Awaited<ReturnType<MachineProcedures[Name]>>> {
    const answer = this.#calls.call(name, argument, moved);
    Atomics.add(this.#shared.interrupt, 0, 1);
    return answer;
  }

  /** The machine has its own deadline; a guest without polls does not come to see it. */
  #startTimeout(): NodeJS.Timeout | undefined {
    const timeoutMs = this.#timeoutMs;
    if (timeoutMs === undefined || timeoutMs > MAX_TIMEOUT_MS || !this.#isUnreachable) return undefined;
    return setTimeout(() => this.#endThreadAfterGrace('timeout'), timeoutMs);
  }

  #endThreadAfterGrace(reason: 'kill' | 'timeout'): void {
    if (this.#cutShort === undefined) return;
    this.#graceTimer ??= setTimeout(() => {
      // Before the thread's own failure: that it was ended is known.
      this.#exit ??= { kind: 'stopped', reason };
      this.#stats = { ...this.#stats, state: 'ended' };
      this.#cutShort?.(this.#exit);
      void this.#worker.terminate();
    }, GRACE_MS);
  }

  #ended(): WvmError {
    return new WvmError('WVM_SNAPSHOT_FAILED', `${this.name}: the program has ended`);
  }
}

/** As it was given to enableCompileCache: Node answers with a directory in that one. */
function compileCacheInUse(): string | undefined {
  const directory = getCompileCacheDir();
  return directory === undefined ? undefined : dirname(directory);
}
