// A program that nobody has instrumented yet: a trial run (trial.ts) on the thread that is there, and, if that takes long, the
// instrumented program on a second one. Whichever is ready first goes on; the other is ended with its thread.
//
//   load() ──> trial ──it ends──────────────────────────────────────────────> its exit
//                │  after HEAD_START_MS a second thread instruments
//                └──dropped, by the guest or because that is ready──> run() of the instrumented machine
//
// Requests to look into the machine drop the trial and wait for the instrumented one, which is then a fraction of a second
// away.

import { WvmError } from '../base/wvm-error.ts';
import { type PreparedModule, plainModule } from '../engine/stored-module.ts';
import type { MachineChanges } from './change-tracker.ts';
import type { FoundProgram } from './find-program.ts';
import type { MachineExit, MachineStats, ProcessInfo, SnapshotResult } from './machine.ts';
import type { MachineThread, ThreadMachineOptions } from './machine-thread.ts';
import type { SupervisedMachine } from './supervise.ts';
import { decide, TrialVerdict } from './trial-verdict.ts';

/**
 * So long nobody instruments: most programs that are that short are always, and instrumenting takes the processor from them. A
 * program that is not is so much later, once.
 */
const HEAD_START_MS = 50;

/** Nothing that a run without a look inside would do otherwise: no fuel, no seed, no trace. */
const HARMLESS_OPTIONS: ReadonlySet<string> = new Set<keyof ThreadMachineOptions>([
  'args',
  'programName',
  'env',
  'directories',
  'name',
  'cacheDirectory',
  'stdin',
  'stdout',
  'stderr',
]);

export class FirstRun implements SupervisedMachine {
  readonly #trial: MachineThread;
  readonly #newThread: () => MachineThread;
  readonly #program: FoundProgram;
  readonly #module: PreparedModule;
  readonly #options: ThreadMachineOptions;
  readonly #verdict: Int32Array = new Int32Array(new SharedArrayBuffer(4));
  /** Undefined: repeat it. */
  readonly #dropped = Promise.withResolvers<undefined>();
  /** The instrumented machine, loaded, and its thread. */
  #machine: Promise<MachineThread> | undefined;
  #thread: MachineThread | undefined;
  /** The same once its run() has been called. */
  readonly #running = Promise.withResolvers<MachineThread>();
  #runningMachine: MachineThread | undefined;
  readonly #killed = Promise.withResolvers<undefined>();
  #exit: MachineExit | undefined;

  private constructor(
    trial: MachineThread,
    newThread: () => MachineThread,
    program: FoundProgram,
    module: PreparedModule,
    options: ThreadMachineOptions,
  ) {
    this.#trial = trial;
    this.#newThread = newThread;
    this.#program = program;
    this.#module = module;
    this.#options = options;
    // Only snapshot() looks at it.
    this.#running.promise.catch(() => {});
  }

  /** Undefined if this program, or one with these options, is not for trying. `trial`: a thread without a machine. */
  static of(
    trial: MachineThread,
    newThread: () => MachineThread,
    program: FoundProgram,
    options: ThreadMachineOptions,
  ): FirstRun | undefined {
    if (program.module !== undefined) return undefined;
    const isHarmless = Object.entries(options).every(
      ([name, value]) => value === undefined || HARMLESS_OPTIONS.has(name),
    );
    const module = isHarmless ? plainModule(program.bytes, program.hash) : undefined;
    return module === undefined ? undefined : new FirstRun(trial, newThread, program, module, options);
  }

  /** As MachineThread.load. */
  async load(): Promise<void> {
    const request = { module: this.#module, verdict: this.#verdict, options: this.#options };
    try {
      await this.#trial.loadTrial(request, () => this.#endTrial());
    } catch {
      // It says what is wrong in the words that people know.
      this.#drop();
      if (this.#exit === undefined) await this.#instrumented();
    }
  }

  async run(): Promise<MachineExit> {
    const tried = this.#exit ?? (await this.#try());
    this.#exit ??= tried; // Unless it was killed meanwhile.
    if (this.#exit !== undefined) return this.#exit;
    try {
      const machine = await Promise.race([this.#instrumented(), this.#killed.promise]);
      if (machine === undefined) return this.#exit!;
      const exit = machine.run();
      this.#runningMachine = machine;
      this.#running.resolve(machine);
      return await exit;
    } catch (error) {
      this.#running.reject(error);
      throw error;
    }
  }

  async snapshot(options: { stop?: boolean; includeModule?: boolean } = {}): Promise<SnapshotResult> {
    return await (await this.#reach()).snapshot(options);
  }

  async capture(options: { stop?: boolean } = {}): Promise<MachineChanges> {
    return await (await this.#reach()).capture(options);
  }

  async confirmCapture(): Promise<void> {
    await (await this.#reach()).confirmCapture();
  }

  async resetCapture(): Promise<void> {
    await (await this.#reach()).resetCapture();
  }

  async processes(): Promise<readonly ProcessInfo[]> {
    return await (await this.#reach()).processes();
  }

  /** A program that is being tried catches no signals: it imports nothing that could. */
  async signal(signal: number): Promise<boolean> {
    return this.#runningMachine === undefined ? false : await this.#runningMachine.signal(signal);
  }

  kill(): void {
    if (this.#runningMachine !== undefined) {
      this.#runningMachine.kill();
    } else if (this.#exit === undefined && Atomics.load(this.#verdict, 0) !== TrialVerdict.kept) {
      this.#exit = { kind: 'stopped', reason: 'kill' };
      this.#drop();
      this.#killed.resolve(undefined);
      this.#endThread();
    }
  }

  /** Of a trial nobody knows more than that it runs. */
  stats(): MachineStats | Promise<MachineStats> {
    const state = this.#exit === undefined ? 'running' : 'ended';
    return this.#runningMachine?.stats() ?? { fuelUsed: 0n, memoryBytes: 0, state };
  }

  /** The instrumented machine, for who cannot do with a trial. */
  async #reach(): Promise<MachineThread> {
    this.#drop();
    if (this.#exit !== undefined || Atomics.load(this.#verdict, 0) === TrialVerdict.kept) {
      throw new WvmError('WVM_SNAPSHOT_FAILED', 'the program has ended');
    }
    return await this.#running.promise;
  }

  async #try(): Promise<MachineExit | undefined> {
    if (Atomics.load(this.#verdict, 0) !== TrialVerdict.running) return undefined;
    const headStart = setTimeout(() => {
      this.#instrumented().then(
        () => this.#drop(),
        () => {}, // The trial may still succeed; if it does not, run() meets the error again.
      );
    }, HEAD_START_MS);
    try {
      const ended = await Promise.race([this.#trial.runTrial(), this.#dropped.promise]);
      if (ended !== undefined) this.#endThread();
      return ended?.exit;
    } finally {
      clearTimeout(headStart);
    }
  }

  #instrumented(): Promise<MachineThread> {
    this.#machine ??= (async () => {
      this.#thread = this.#newThread();
      await this.#thread.load(this.#program, this.#options);
      return this.#thread;
    })();
    return this.#machine;
  }

  /** Nobody needs the instrumented machine any more. */
  #endThread(): void {
    this.#machine?.catch(() => {});
    this.#thread?.end();
  }

  #drop(): void {
    if (decide(this.#verdict, TrialVerdict.dropped)) this.#endTrial();
  }

  #endTrial(): void {
    this.#trial.end();
    this.#dropped.resolve(undefined);
  }
}
