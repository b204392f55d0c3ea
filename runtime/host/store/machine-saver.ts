// Saves one machine into a store, again and again: each snapshot tells what has changed since the one before, and the
// guest stands still for the copy alone. Hashing, compressing and writing come afterwards, while it goes on.

import { WvmError } from '../../base/wvm-error.ts';
import type { Manifest, SnapshotId } from '../../snapshot/store/manifest.ts';
import type { Store } from '../../snapshot/store/store.ts';
import { newMachineId } from '../control/registry.ts';
import type { CaptureReceipt, MachineChanges } from '../machine/change-tracker.ts';
import type { SnapshotOrigin } from '../machine/machine-options.ts';

/** A Machine, or a MachineThread. */
export interface SavableMachine {
  readonly name: string;
  readonly origin: SnapshotOrigin | undefined;
  capture(options?: { stop?: boolean }): Promise<MachineChanges>;
  confirmCapture(id: SnapshotId, receipt: CaptureReceipt): void | Promise<void>;
  resetCapture(): void | Promise<void>;
}

export interface SaverOptions {
  /** 8 hexadecimal digits. By default those of the machine whose snapshot it was resumed from, or new ones. */
  readonly machineId?: string | undefined;
  /** By default the machine's own. */
  readonly machineName?: string | undefined;
  /** By default the snapshot that the machine was resumed from; null: none. */
  readonly parent?: SnapshotId | null | undefined;
}

export interface SaveOptions {
  /** Why: "request", "periodic", "guest", "exit" … */
  readonly reason: string;
  /** The guest stays stopped. */
  readonly stop?: boolean;
  /** Called now and then with the bytes of pages that are taken. */
  readonly onProgress?: (takenBytes: number) => void;
  readonly signal?: AbortSignal;
}

export interface StoredSave {
  readonly id: SnapshotId;
  readonly manifest: Manifest;
  /** What it added to the store. */
  readonly newBytes: number;
  /** How long the guest stood still. */
  readonly stopNs: bigint;
  /** From the request to the durable snapshot. */
  readonly totalNs: bigint;
}

export class MachineSaver {
  readonly #store: Store;
  readonly #machine: SavableMachine;
  readonly #machineId: string;
  readonly #machineName: string;
  #parent: SnapshotId | null;
  /** One save after the other: what one captured is confirmed before the next one captures. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(store: Store, machine: SavableMachine, options: SaverOptions = {}) {
    const { origin } = machine;
    this.#store = store;
    this.#machine = machine;
    this.#machineId = options.machineId ?? origin?.machineId ?? newMachineId();
    this.#machineName = options.machineName ?? machine.name;
    this.#parent = options.parent === undefined ? (origin?.id ?? null) : options.parent;
  }

  /** Durable when this resolves. Rejects with WVM_SNAPSHOT_UNSUPPORTED, WVM_STORE_*; the guest goes on. */
  save(options: SaveOptions): Promise<StoredSave> {
    const saved = this.#last.then(() => this.#save(options));
    this.#last = saved.catch(() => {});
    return saved;
  }

  async #save(options: SaveOptions): Promise<StoredSave> {
    const startNs = process.hrtime.bigint();
    const { stop = false } = options;
    let changes = await this.#machine.capture({ stop });
    if (changes.since !== null && changes.since !== this.#parent) {
      // Told against a snapshot that is not ours: somebody else has saved this machine meanwhile.
      changes = await this.#captureAll(stop);
    }
    let committed: Awaited<ReturnType<Store['commit']>>;
    try {
      committed = await this.#commit(changes, options);
    } catch (error) {
      if (!(error instanceof WvmError) || error.code !== 'WVM_NO_SUCH_SNAPSHOT' || this.#parent === null) throw error;
      // Somebody has removed what the changes are told against.
      this.#parent = null;
      changes = await this.#captureAll(stop);
      committed = await this.#commit(changes, options);
    }
    const { id, manifest, newBytes } = committed;
    const { stopNs, number, room } = changes;
    await this.#machine.confirmCapture(id, { number, room });
    this.#parent = id;
    return { id, manifest, newBytes, stopNs, totalNs: process.hrtime.bigint() - startNs };
  }

  async #captureAll(stop: boolean): Promise<MachineChanges> {
    await this.#machine.resetCapture();
    return await this.#machine.capture({ stop });
  }

  #commit(changes: MachineChanges, { reason, onProgress, signal }: SaveOptions): ReturnType<Store['commit']> {
    const { records, memories, blocks, stopNs } = changes;
    return this.#store.commit({
      machineId: this.#machineId,
      machineName: this.#machineName,
      parent: this.#parent,
      reason,
      stopNs: Number(stopNs),
      blocks,
      describe: () => ({ records, memories }),
      ...(onProgress === undefined ? {} : { onProgress }),
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

const savers: WeakMap<Store, WeakMap<SavableMachine, MachineSaver>> = new WeakMap();

/**
 * Saves a machine into a store; durable when this resolves. The guest stands still for the copy of what has changed since the
 * last time, and goes on (unless `stop`) while that is hashed, compressed and written. Saves of one machine come one after the
 * other. Rejects with WVM_SNAPSHOT_UNSUPPORTED, WVM_SNAPSHOT_FAILED (the program has ended), WVM_STORE_*, WVM_FILE (the
 * disk is full): the guest goes on then, and the store is as it was.
 */
export function saveMachine(
  store: Store,
  machine: SavableMachine,
  options: Partial<SaveOptions> & SaverOptions = {},
): Promise<StoredSave> {
  let ofStore = savers.get(store);
  if (ofStore === undefined) savers.set(store, (ofStore = new WeakMap()));
  let saver = ofStore.get(machine);
  if (saver === undefined) ofStore.set(machine, (saver = new MachineSaver(store, machine, options)));
  return saver.save({ reason: 'request', ...options });
}
