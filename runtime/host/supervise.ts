// Runs a machine to its end as a citizen of its host: registered for `wvm ps`, reachable through its control socket,
// stopped cleanly by signals, snapshotted on schedule.
//
// 1. prepare: control socket and name, while the machine is still being loaded
// 2. publish: once it is loaded, the registry entry, by which others find it
// 3. run; a snapshot that stops the machine makes run() return, and the client's verdict decides whether it is
//    called again
// 4. withdraw: nothing is left behind, whatever ended the machine
//
// Snapshots of one machine are taken one after the other; a stopped machine is nobody else's until the verdict.

import { constants } from 'node:os';
import { WvmError } from '../base/wvm-error.ts';
import type { Manifest, SnapshotId } from '../snapshot/store/manifest.ts';
import type { Store, StoredSnapshot } from '../snapshot/store/store.ts';
import type { CaptureReceipt, MachineChanges } from './change-tracker.ts';
import type { MachineInfo, StoredSnapshotInfo } from './control-protocol.ts';
import { type ControlImage, ControlServer, type ControlTarget, type SaveRequest } from './control-server.ts';
import type { SnapshotOrigin } from './machine-options.ts';
import type { MachineExit, MachineStats, ProcessInfo } from './machine-status.ts';
import {
  checkMachineName,
  claimName,
  defaultMachineName,
  newMachineId,
  openRegistryDirectory,
  removeEntry,
  socketPathOf,
  writeEntry,
} from './registry.ts';
import { decodeKeys, encodeKeys } from './seal/key-text.ts';
import type { SealKeys } from './seal/seal.ts';
import type { StoreKeys } from './seal/sealed-files.ts';
import { exitCodeOfSignal, parseSignal, type SignalName, stopSignals } from './signals.ts';
import type { SnapshotResult } from './snapshot-machine.ts';
import type { MachineSaver, SaveOptions } from './store/machine-saver.ts';

/** What is supervised: a Machine or a MachineThread. */
export interface SupervisedMachine {
  readonly name: string;
  readonly origin: SnapshotOrigin | undefined;
  readonly heldOutputBytes: number;
  run(): Promise<MachineExit>;
  snapshot(options?: { stop?: boolean; includeModule?: boolean }): Promise<SnapshotResult>;
  capture(options?: { stop?: boolean }): Promise<MachineChanges>;
  confirmCapture(id: SnapshotId, receipt: CaptureReceipt): void | Promise<void>;
  resetCapture(): void | Promise<void>;
  processes(): readonly ProcessInfo[] | Promise<readonly ProcessInfo[]>;
  signal(signal: number): boolean | Promise<boolean>;
  kill(): void;
  stats(): MachineStats | Promise<MachineStats>;
}

/** The store that the machine saves itself into, of its own accord. */
export interface SuperviseStore {
  readonly place: string;
  readonly keys?: StoreKeys | undefined;
  /** How many of the machine's snapshots are kept; all if not given. */
  readonly keepCount?: number | undefined;
  /** The snapshot that the machine was resumed from, and the machine that it is one of. */
  readonly parent?: { readonly id: SnapshotId; readonly machineId: string } | undefined;
}

export interface SuperviseOptions {
  /** Shown by `wvm ps`, and the source of a default name: the file as the user named it. */
  readonly program: string;
  /** 8 hexadecimal digits that nobody else has. */
  readonly id?: string | undefined;
  /** Must be unique among the running machines. */
  readonly name?: string | undefined;
  /** What a free name is made of if none is given; the program's file name by default. */
  readonly defaultName?: string | undefined;
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
  readonly store?: SuperviseStore | undefined;
  /** Something went wrong that does not end the machine. */
  readonly onWarning?: ((error: WvmError) => void) | undefined;
  readonly onSaved?: ((snapshot: SavedSnapshot) => void) | undefined;
  /** The machine is registered. */
  readonly onPublished?: ((id: string, name: string) => void) | undefined;
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

type StorePlace = Pick<SuperviseStore, 'place' | 'keys'>;

interface OpenSaver {
  readonly place: string;
  /** Tells one set of keys from another. */
  readonly keyText: string;
  readonly store: Store;
  readonly saver: MachineSaver;
}

/** Output is held so long at least; a commit takes some 20 ms. */
const OUTPUT_EVERY_MS = 100;
/** After a failure: a full disk may have room again. */
const OUTPUT_RETRY_MS = 1000;
/** Removed snapshots whose chunks are worth looking for. */
const COLLECT_AFTER = 60;

export class Supervisor implements ControlTarget {
  readonly #options: SuperviseOptions;
  readonly id: string;
  readonly #startedAtMs: number = Date.now();
  readonly #snapshots: SavedSnapshot[] = [];
  /** Undoes, last first, what publishing and listening for signals have set up. */
  readonly #undo: (() => void)[] = [];
  readonly #server: ControlServer = new ControlServer(this);
  #machine: SupervisedMachine | undefined;
  #loaded: Promise<void> = Promise.resolve();
  /** Where the machine is to be published; undefined if it cannot be. */
  #directory: string | undefined;
  #name: string;
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
  #saver: OpenSaver | undefined;
  #savesSinceCollect = 0;
  #isOutputHeld = false;
  #outputTimer: NodeJS.Timeout | undefined;
  /** Not before. */
  #nextOutputMs = 0;
  readonly #freezing: Line = new Line();
  readonly #saving: Line = new Line();
  #wakeHeld: () => void = () => {};

  constructor(options: SuperviseOptions) {
    if (options.name !== undefined) checkMachineName(options.name);
    this.id = options.id ?? newMachineId();
    this.#options = options;
    this.#name = options.name ?? defaultMachineName(options.defaultName ?? options.program);
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
      const [isLoaded, isPrepared] = await Promise.allSettled([loaded, this.#prepare()]);
      for (const each of [isLoaded, isPrepared]) if (each.status === 'rejected') throw each.reason;
      startNs = process.hrtime.bigint();
      this.#publish();
      this.#startTimer();
      exit = await this.#runToEnd(machine);
    } finally {
      clearTimeout(this.#outputTimer);
      // What is being saved is saved to its end, and lets out what the machine holds; a second signal does not wait for it.
      (await this.#saving.enter())();
      machine.kill(); // Nothing for a machine that has ended.
      await this.#server.close({ drain: exit !== undefined && this.#signal === undefined });
      await this.#saver?.store.close();
      for (const undo of this.#undo.reverse()) undo();
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
    const leave = await this.#freezing.enter();
    // Set before the snapshot: run() may return before the image is here.
    this.#awaitingVerdict = true;
    const conclude = (end: MachineExit | undefined): void => {
      if (!this.#awaitingVerdict) return;
      this.#awaitingVerdict = false;
      this.#end ??= end;
      this.#wakeHeld();
      leave();
    };
    let image: SnapshotResult;
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
    const leave = await this.#freezing.enter();
    this.#awaitingVerdict = true;
    try {
      await this.#loaded;
      const saved = await this.#saveIntoStore(store, { reason: 'request', stop, onProgress }, tag);
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
    for (const signal of this.#options.snapshotSignals ?? []) on(signal, () => void this.#saveOrWarn(signal));
    if (this.#frozen) {
      on('SIGCONT', () => {
        if (this.#frozen) this.continue();
      });
    }
  }

  /** Everything but the entry that makes the machine known. */
  async #prepare(): Promise<void> {
    const { name } = this.#options;
    try {
      const directory = openRegistryDirectory();
      const id = this.id;
      const remove = (): void => removeEntry(directory, id, this.#name);
      process.once('exit', remove);
      this.#undo.push(() => {
        process.removeListener('exit', remove);
        remove();
      });
      await this.#server.listen(socketPathOf(directory, id));
      const holder = await claimName(directory, this.#name, id);
      if (holder !== undefined && name !== undefined) {
        throw new WvmError('WVM_NAME_TAKEN', `--name: machine ${holder} has the name '${name}' already`, {
          hint: 'choose another name, or end that machine with wvm kill',
        });
      }
      if (holder !== undefined) {
        this.#name = `${this.#name}-${id}`;
        await claimName(directory, this.#name, id);
      }
      this.#directory = directory;
    } catch (cause) {
      this.#unpublished(cause);
    }
  }

  #publish(): void {
    const { program, onPublished } = this.#options;
    const { id } = this;
    if (this.#directory === undefined) return;
    try {
      writeEntry(this.#directory, { id, name: this.#name, pid: process.pid, program, startedAtMs: this.#startedAtMs });
    } catch (cause) {
      this.#unpublished(cause);
    }
    onPublished?.(id, this.#name);
  }

  /** A registry that cannot be used costs `wvm ps`, not the run; a name that the user gave is an order. */
  #unpublished(cause: unknown): void {
    if (this.#options.name !== undefined) throw cause;
    const message = `this machine is not listed by wvm ps: ${cause instanceof Error ? cause.message : cause}`;
    this.#options.onWarning?.(new WvmError('WVM_FILE', message, { cause }));
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
      // A machine that has ended meanwhile has been saved for that.
      if (event !== 'output' || error.code !== 'WVM_SNAPSHOT_FAILED') this.#options.onWarning?.(error);
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
      const { writeNumberedImage } = await import('./image-series.ts');
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

  async #saveInTurn(place: StorePlace, options: SaveOptions, tag: string | null): Promise<StoredSnapshotInfo> {
    const leave = await this.#freezing.enter();
    try {
      await this.#loaded;
      return await this.#saveIntoStore(place, options, tag);
    } finally {
      leave();
    }
  }

  async #saveIntoStore(place: StorePlace, options: SaveOptions, tag: string | null): Promise<StoredSnapshotInfo> {
    const { store, saver } = await this.#saverFor(place);
    const { id, manifest, newBytes, stopNs, totalNs } = await saver.save(options);
    if (tag !== null) await store.tag(tag, id);
    try {
      await this.#keepFew(store, manifest.machineId);
    } catch (error) {
      // The snapshot is there. Others may have removed what was to go; or be at work so long that this has to wait for the next.
      if (!(error instanceof WvmError)) throw error;
      if (error.code !== 'WVM_NO_SUCH_SNAPSHOT') this.#options.onWarning?.(error);
    }
    return {
      id,
      sequence: manifest.sequence,
      sizeBytes: imageBytesOf(manifest),
      newBytes,
      stopNs: Number(stopNs),
      totalNs: Number(totalNs),
    };
  }

  /** What the machine has changed is told against the store that it was saved into last: another one gets everything. */
  async #saverFor({ place, keys = {} }: StorePlace): Promise<OpenSaver> {
    const keyText = JSON.stringify(encodeKeys(keys));
    if (this.#saver?.place === place && this.#saver.keyText === keyText) return this.#saver;
    // Most machines never need it, and it costs a tenth of their start.
    const [{ openStoreAt }, { MachineSaver }] = await Promise.all([
      import('./store/open-store.ts'),
      import('./store/machine-saver.ts'),
    ]);
    const store = await openStoreAt(place, { keys });
    await this.#saver?.store.close();
    const own = this.#options.store;
    const machineId = own?.parent?.machineId ?? this.id;
    const isOrigin = this.#saver === undefined && own?.place === place;
    const parent = isOrigin ? own.parent?.id : (await ownSnapshots(store, machineId, this.#name))[0]?.id;
    const saver = new MachineSaver(store, this.#machine!, {
      machineId,
      machineName: this.#name,
      parent: parent ?? null,
    });
    this.#saver = { place, keyText, store, saver };
    return this.#saver;
  }

  /** Forgets all but the newest snapshots of this machine, and now and then frees what they held. */
  async #keepFew(store: Store, machineId: string): Promise<void> {
    const keepCount = this.#options.store?.keepCount;
    if (keepCount === undefined) return;
    const tagged = new Set((await store.tags()).values());
    const own = await ownSnapshots(store, machineId, this.#name);
    const surplus = own.filter(({ id }) => !tagged.has(id)).slice(keepCount);
    if (surplus.length > 0) await store.remove(surplus.map(({ id }) => id));
    this.#savesSinceCollect += surplus.length;
    if (this.#savesSinceCollect < COLLECT_AFTER) return;
    this.#savesSinceCollect = 0;
    await store.collect();
  }

  async #snapshotInTurn(options: { stop?: boolean; includeModule?: boolean }): Promise<SnapshotResult> {
    const leave = await this.#freezing.enter();
    try {
      await this.#loaded;
      return await this.#machine!.snapshot(options);
    } finally {
      leave();
    }
  }
}

/** Newest first. A copy that was resumed from the same snapshot has another name. */
async function ownSnapshots(store: Store, machineId: string, machineName: string): Promise<StoredSnapshot[]> {
  return (await store.log(machineId)).filter(({ manifest }) => manifest.machineName === machineName);
}

/** Length of the single-file image of a snapshot, but for headers. */
function imageBytesOf({ records, memories }: Manifest): number {
  const recordBytes = records.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return memories.reduce((sum, { usedPageCount }) => sum + usedPageCount * PAGE_BYTES, recordBytes);
}

const PAGE_BYTES = 4096;

/** Lets one in at a time, in the order of their coming. */
class Line {
  #last: Promise<void> = Promise.resolve();

  /** Waits for those before; the caller must call the result when it is done. */
  async enter(): Promise<() => void> {
    const before = this.#last;
    let leave: () => void = () => {};
    this.#last = new Promise((resolve) => {
      leave = resolve;
    });
    await before;
    return leave;
  }
}
