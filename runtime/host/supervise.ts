// Runs a machine to its end as a citizen of its host: registered for `wvm ps`, reachable through its control socket,
// stopped cleanly by signals, snapshotted on schedule.
//
// 1. published (publication.ts) once it is loaded
// 2. run; a snapshot that stops the machine makes run() return, and the client's verdict decides whether it is
//    called again
// 3. withdrawn: nothing is left behind, whatever ended the machine
//
// Snapshots of one machine are taken one after the other; a stopped machine is nobody else's until the verdict.

import { constants } from 'node:os';
import { WvmError } from '../base/wvm-error.ts';
import type { MachineInfo, StoredSnapshotInfo } from './control/control-protocol.ts';
import { type ControlImage, ControlServer, type ControlTarget, type SaveRequest } from './control/control-server.ts';
import { Line } from './control/line.ts';
import { Publication, type PublicationOptions } from './control/publication.ts';
import { newMachineId } from './control/registry.ts';
import type { MachineExit, MachineStats, ProcessInfo } from './machine/machine-status.ts';
import type { StreamedImage } from './machine/snapshot-machine.ts';
import { decodeKeys } from './seal/key-text.ts';
import type { SealKeys } from './seal/seal.ts';
import { exitCodeOfSignal, parseSignal, type SignalName, stopSignals } from './signals.ts';
import type { MachineHistory, OwnStore, StorePlace } from './store/machine-history.ts';
import type { SavableMachine, SaveOptions } from './store/machine-saver.ts';

/** What is supervised: a Machine or a MachineThread. */
export interface SupervisedMachine extends SavableMachine {
  readonly heldOutputBytes: number;
  run(): Promise<MachineExit>;
  snapshot(options?: { stop?: boolean; includeModule?: boolean }): Promise<StreamedImage>;
  processes(): readonly ProcessInfo[] | Promise<readonly ProcessInfo[]>;
  signal(signal: number): boolean | Promise<boolean>;
  kill(): void;
  stats(): MachineStats | Promise<MachineStats>;
}

export interface SuperviseOptions extends PublicationOptions {
  /** 8 hexadecimal digits that nobody else has. */
  readonly id?: string | undefined;
  /** Wait for `wvm continue` or SIGCONT before the guest runs. */
  readonly frozen?: boolean | undefined;
  readonly snapshotEveryMs?: number | undefined;
  readonly snapshotSignals?: readonly SignalName[] | undefined;
  /** Also take a snapshot when the machine ends, whatever ends it. */
  readonly snapshotAtEnd?: boolean | undefined;
  /** The machine holds its output: save it soon after each piece, and before its end. Into a store. */
  readonly outputCommit?: boolean | undefined;
  /** Where these snapshots go, as images NAME-0001.wvm and so on; into a store if not given. */
  readonly outputDirectory?: string | undefined;
  /** Encrypts and signs these images. */
  readonly seal?: SealKeys | undefined;
  readonly store?: OwnStore | undefined;
  readonly onSaved?: ((snapshot: SavedSnapshot) => void) | undefined;
}

export interface SavedSnapshot {
  /** The image, or the id of a snapshot in a store. */
  readonly file: string;
  /** What it added to the store; of an image its size. */
  readonly newBytes: number;
  /** What asked for it: 'timer', 'guest', 'exit' or a signal. */
  readonly event: string;
  readonly sizeBytes: number;
  readonly stopNs: bigint;
}

export interface MachineOutcome {
  readonly exit: MachineExit;
  /** The signal that ended the machine, from outside or through `wvm kill`. */
  readonly signal: SignalName | undefined;
  readonly id: string;
  readonly name: string;
  readonly snapshots: readonly SavedSnapshot[];
  /** Output that was held and that no snapshot covers: a machine that is resumed from the last one writes it again. */
  readonly heldOutputBytes: number;
  readonly wallNs: bigint;
}

/** Output is held so long at least; a commit takes some 20 ms. */
const OUTPUT_EVERY_MS = 100;
/** After a failure: a full disk may have room again. */
const OUTPUT_RETRY_MS = 1000;
/** Snapshots that nobody waits for. */
const UNASKED: ReadonlySet<string> = new Set(['output', 'timer', 'exit']);

export class Supervisor implements ControlTarget {
  readonly #options: SuperviseOptions;
  readonly id: string;
  readonly #startedAtMs: number = Date.now();
  readonly #snapshots: SavedSnapshot[] = [];
  /** Undoes, last first, what timers and listening for signals have set up. */
  readonly #undo: (() => void)[] = [];
  readonly #server: ControlServer = new ControlServer(this);
  #machine: SupervisedMachine | undefined;
  #loaded: Promise<void> = Promise.resolve();
  readonly #publication: Publication;
  #frozen: boolean;
  /** A client holds an image for which the guest was stopped, and has not given its verdict. */
  #awaitingVerdict = false;
  /** Set once somebody has decided that the machine ends. */
  #end: MachineExit | undefined;
  #signal: SignalName | undefined;
  /** The program is being asked whether it catches a signal. */
  #isPassingOn = false;
  /** A number of a self-snapshot is never given twice, even if its file was removed. */
  #nextSequence = 1;
  #history: MachineHistory | undefined;
  #isOutputHeld = false;
  #outputTimer: NodeJS.Timeout | undefined;
  /** Not before. */
  #nextOutputMs = 0;
  readonly #freezing: Line = new Line();
  readonly #saving: Line = new Line();
  #wakeHeld: () => void = () => {};

  constructor(options: SuperviseOptions) {
    this.id = options.id ?? newMachineId();
    this.#options = options;
    this.#publication = new Publication(this.id, options);
    this.#frozen = options.frozen ?? false;
  }

  /** Publishes `machine` once it is `loaded`, runs it to its end, and leaves nothing behind. */
  async run(machine: SupervisedMachine, loaded: Promise<void> = Promise.resolve()): Promise<MachineOutcome> {
    this.#machine = machine;
    this.#loaded = loaded;
    let startNs = 0n;
    let exit: MachineExit | undefined;
    try {
      this.#listenForSignals();
      // Both to their end: what fails, what the other has set up is undone.
      const [isLoaded, isPrepared] = await Promise.allSettled([loaded, this.#publication.prepare(this.#server)]);
      for (const each of [isLoaded, isPrepared]) if (each.status === 'rejected') throw each.reason;
      startNs = process.hrtime.bigint();
      this.#publication.publish(this.#startedAtMs);
      this.#startTimer();
      exit = await this.#runToEnd(machine);
    } finally {
      clearTimeout(this.#outputTimer);
      // What is being saved is saved to its end, and lets out what the machine holds; a second signal does not wait for it.
      (await this.#saving.enter())();
      machine.kill(); // Nothing for a machine that has ended.
      await this.#server.close({ drain: exit !== undefined && this.#signal === undefined });
      await this.#history?.close();
      for (const undo of this.#undo.reverse()) undo();
      this.#publication.withdraw();
    }
    const wallNs = process.hrtime.bigint() - startNs;
    const { heldOutputBytes } = machine;
    const { id } = this;
    return { exit, signal: this.#signal, id, name: this.#name, snapshots: this.#snapshots, heldOutputBytes, wallNs };
  }

  /** For MachineOptions.beforeEnd: saves the last moment if that is wanted. Before a kill #stop() does that. */
  async saveBeforeEnd(): Promise<void> {
    if (this.#savesEnd) await this.#saveOrWarn('exit');
  }

  get #savesEnd(): boolean {
    return this.#options.snapshotAtEnd === true || this.#options.outputCommit === true;
  }

  /** For MachineOptions.onOutputHeld: saves what the guest has written, soon. */
  outputHeld(): void {
    this.#isOutputHeld = true;
    // Else the next snapshot on schedule takes it along.
    if (this.#options.snapshotEveryMs === undefined) this.#saveOutputSoon();
  }

  /** For MachineOptions.onSelfSnapshot: saves what the guest asked for; resolves with its number. */
  async saveForGuest(): Promise<number> {
    return await this.#save('guest');
  }

  get #name(): string {
    return this.#publication.name;
  }

  async info(): Promise<MachineInfo> {
    const stats = await this.#machine!.stats();
    return {
      id: this.id,
      name: this.#name,
      pid: process.pid,
      program: this.#options.program,
      state: this.#awaitingVerdict || this.#frozen ? 'frozen' : stats.state,
      startedAtMs: this.#startedAtMs,
      memoryBytes: stats.memoryBytes,
      fuelUsed: String(stats.fuelUsed),
    };
  }

  async snapshot(options: { stop: boolean; includeModule: boolean }): Promise<ControlImage> {
    if (!options.stop) {
      const image = await this.#snapshotInTurn({ includeModule: options.includeModule });
      return { ...image, commit: () => {}, abort: () => {} };
    }
    const leave = await this.#enterBeforeEnd();
    // Set before the snapshot: run() may return before the image is here.
    this.#awaitingVerdict = true;
    const conclude = (end: MachineExit | undefined): void => {
      if (!this.#awaitingVerdict) return;
      this.#awaitingVerdict = false;
      this.#end ??= end;
      this.#wakeHeld();
      leave();
    };
    let image: StreamedImage;
    try {
      await this.#loaded;
      image = await this.#machine!.snapshot({ stop: true, includeModule: options.includeModule });
    } catch (error) {
      conclude(undefined);
      throw error;
    }
    return {
      ...image,
      commit: () => conclude({ kind: 'stopped', reason: 'snapshot' }),
      abort: () => conclude(undefined),
    };
  }

  async processes(): Promise<readonly ProcessInfo[]> {
    return await this.#machine!.processes();
  }

  async save({ store: place, keys, stop, tag, onProgress }: SaveRequest): Promise<StoredSnapshotInfo> {
    const store = { place, keys: decodeKeys(keys) };
    if (!stop) return await this.#saveInTurn(store, { reason: 'request', onProgress }, tag);
    const leave = await this.#enterBeforeEnd();
    this.#awaitingVerdict = true;
    try {
      await this.#loaded;
      const saved = await (await this.#openHistory()).save(store, { reason: 'request', stop, onProgress }, tag);
      this.#end ??= { kind: 'stopped', reason: 'snapshot' };
      return saved;
    } finally {
      this.#awaitingVerdict = false;
      this.#wakeHeld();
      leave();
    }
  }

  kill(signal: string): void {
    const name = parseSignal(signal);
    if (name === undefined || !stopSignals.includes(name)) {
      throw new WvmError('WVM_USAGE', `kill: a machine cannot be sent '${signal}'`, {
        hint: `use ${stopSignals.join(', ')} or SIGKILL`,
      });
    }
    void this.#stop(name);
  }

  continue(): void {
    if (!this.#frozen) throw new WvmError('WVM_USAGE', `continue: machine ${this.id} is not frozen`);
    this.#frozen = false;
    this.#wakeHeld();
  }

  async #runToEnd(machine: SupervisedMachine): Promise<MachineExit> {
    for (;;) {
      while (this.#end === undefined && (this.#frozen || this.#awaitingVerdict)) {
        await new Promise<void>((resolve) => {
          this.#wakeHeld = resolve;
        });
      }
      if (this.#end !== undefined) return this.#end;
      const exit = await machine.run();
      if (exit.kind !== 'stopped' || exit.reason !== 'snapshot') return exit;
    }
  }

  /** What the program catches is for the program, unless it has not even taken the one before. */
  async #passOn(signal: SignalName): Promise<void> {
    if (!this.#isPassingOn && !this.#frozen) {
      this.#isPassingOn = true;
      // A machine that has just ended cannot be asked any more.
      const isCaught = await Promise.resolve(this.#machine?.signal(constants.signals[signal])).catch(() => false);
      this.#isPassingOn = false;
      if (isCaught === true) return;
    }
    await this.#stop(signal);
  }

  /** The first signal lets the guest end cleanly (and saves it if asked to); a second one does not wait. */
  async #stop(signal: SignalName): Promise<void> {
    if (this.#signal !== undefined) return;
    this.#signal = signal;
    this.#end ??= { kind: 'stopped', reason: 'kill' };
    // It must not go on after its last image, or a copy would repeat what it did.
    if (this.#savesEnd && !this.#awaitingVerdict) await this.#saveOrWarn('exit', { stop: true });
    this.#machine!.kill();
    this.#wakeHeld();
  }

  /** Ctrl-Z: what the program does not catch stops wvm itself, until it is continued. */
  async #suspend(handler: () => void): Promise<void> {
    const isCaught = await Promise.resolve(this.#machine?.signal(constants.signals.SIGTSTP)).catch(() => false);
    if (isCaught === true) return;
    process.removeListener('SIGTSTP', handler);
    process.kill(process.pid, 'SIGTSTP');
    process.on('SIGTSTP', handler);
  }

  #listenForSignals(): void {
    const on = (signal: SignalName, handler: () => void): void => {
      process.on(signal, handler);
      this.#undo.push(() => process.removeListener(signal, handler));
    };
    for (const signal of stopSignals) {
      on(signal, () => {
        if (this.#signal === undefined) void this.#passOn(signal);
        else process.exit(exitCodeOfSignal(signal));
      });
    }
    const suspend = (): void => void this.#suspend(suspend);
    on('SIGTSTP', suspend);
    for (const signal of this.#options.snapshotSignals ?? []) on(signal, () => void this.#saveOrWarn(signal));
    if (this.#frozen) {
      on('SIGCONT', () => {
        if (this.#frozen) this.continue();
      });
    }
  }

  #startTimer(): void {
    const everyMs = this.#options.snapshotEveryMs;
    if (everyMs === undefined) return;
    let saving = false;
    const timer = setInterval(async () => {
      if (saving || this.#frozen || this.#awaitingVerdict) return;
      saving = true;
      await this.#saveOrWarn('timer');
      saving = false;
    }, everyMs);
    this.#undo.push(() => clearInterval(timer));
  }

  /** One timer at a time: while it saves, what is written meanwhile waits for the next one. */
  #saveOutputSoon(): void {
    if (this.#outputTimer !== undefined || this.#end !== undefined) return;
    const save = async (): Promise<void> => {
      let isSaved = false;
      if (!this.#frozen && !this.#awaitingVerdict) {
        this.#isOutputHeld = false;
        isSaved = await this.#saveOrWarn('output');
      }
      this.#isOutputHeld ||= !isSaved;
      this.#nextOutputMs = performance.now() + (isSaved ? OUTPUT_EVERY_MS : OUTPUT_RETRY_MS);
      this.#outputTimer = undefined;
      if (this.#isOutputHeld) this.#saveOutputSoon();
    };
    this.#outputTimer = setTimeout(save, Math.max(0, this.#nextOutputMs - performance.now()));
  }

  /** True if it is saved. */
  async #saveOrWarn(event: string, options: { stop?: boolean } = {}): Promise<boolean> {
    try {
      await this.#save(event, options);
      return true;
    } catch (error) {
      if (!(error instanceof WvmError)) throw error;
      // A machine that has ended meanwhile is no failure of what comes by itself: it has been saved for that, or is not to be.
      const isLate = error.code === 'WVM_SNAPSHOT_FAILED' && UNASKED.has(event);
      if (!isLate) this.#options.onWarning?.(error);
      return false;
    }
  }

  async #save(event: string, options: { stop?: boolean } = {}): Promise<number> {
    const leave = await this.#saving.enter();
    try {
      const { outputDirectory, store, seal: keys } = this.#options;
      if (outputDirectory === undefined) {
        const to = store ?? { place: (await import('./store/open-store.ts')).defaultStoreDirectory() };
        const saved = await this.#saveInTurn(to, { reason: event, ...options }, null);
        const { id, sequence, sizeBytes, newBytes, stopNs } = saved;
        this.#saved({ file: id, event, sizeBytes, newBytes, stopNs: BigInt(stopNs) });
        return sequence;
      }
      const image = await this.#snapshotInTurn(options);
      // Most machines never need it, and it costs a tenth of their start.
      const { writeNumberedImage } = await import('./images/image-series.ts');
      const chunks = keys === undefined ? image.chunks : (await import('./seal/seal.ts')).seal(image.chunks, keys);
      const { file, sequence, sizeBytes } = await writeNumberedImage(outputDirectory, this.#name, chunks, {
        firstSequence: this.#nextSequence,
      });
      this.#nextSequence = sequence + 1;
      this.#saved({ file, event, sizeBytes, newBytes: sizeBytes, stopNs: image.stopNs });
      return sequence;
    } finally {
      leave();
    }
  }

  #saved(snapshot: SavedSnapshot): void {
    this.#snapshots.push(snapshot);
    this.#options.onSaved?.(snapshot);
  }

  /**
   * Waits for its turn. Whoever has decided that the machine ends has saved it, if that was wanted, or does so now (`isEnd`): for
   * others it is too late.
   */
  async #enterBeforeEnd(isEnd = false): Promise<() => void> {
    const leave = await this.#freezing.enter();
    if (this.#end === undefined || isEnd) return leave;
    leave();
    throw new WvmError('WVM_SNAPSHOT_FAILED', `${this.#name}: the machine is ending`);
  }

  async #saveInTurn(place: StorePlace, options: SaveOptions, tag: string | null): Promise<StoredSnapshotInfo> {
    const leave = await this.#enterBeforeEnd(options.stop);
    try {
      await this.#loaded;
      return await (await this.#openHistory()).save(place, options, tag);
    } finally {
      leave();
    }
  }

  /** Most machines never need it, and it costs a tenth of their start. */
  async #openHistory(): Promise<MachineHistory> {
    const { MachineHistory } = await import('./store/machine-history.ts');
    this.#history ??= new MachineHistory(this.#machine!, {
      machineId: this.#options.store?.parent?.machineId ?? this.id,
      machineName: this.#name,
      own: this.#options.store,
      onWarning: (error) => this.#options.onWarning?.(error),
    });
    return this.#history;
  }

  async #snapshotInTurn(options: { stop?: boolean; includeModule?: boolean }): Promise<StreamedImage> {
    const leave = await this.#enterBeforeEnd(options.stop);
    try {
      await this.#loaded;
      return await this.#machine!.snapshot(options);
    } finally {
      leave();
    }
  }
}
