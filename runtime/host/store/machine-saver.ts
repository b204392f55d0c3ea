// Saves one machine into a store, again and again: each snapshot tells what has changed since the one before, and the
// guest stands still for the copy alone. Hashing, compressing and writing come afterwards, while it goes on.

import { WvmError } from '../../base/wvm-error.ts';
import type { Manifest, SnapshotId } from '../../snapshot/store/manifest.ts';
import type { Store } from '../../snapshot/store/store.ts';
import type { MachineChanges } from '../change-tracker.ts';

/** A Machine, or a MachineThread. */
export interface SavableMachine {
  capture(options?: { stop?: boolean }): Promise<MachineChanges>;
  confirmCapture(id: SnapshotId, room?: Uint8Array): void | Promise<void>;
  resetCapture(): void | Promise<void>;
}

export interface SaverOptions {
  readonly machineId: string;
  readonly machineName: string;
  /** The snapshot that the machine was resumed from, if it was one of this store. */
  readonly parent?: SnapshotId | undefined;
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
  readonly #options: SaverOptions;
  #parent: SnapshotId | null;
  /** One save after the other: what one captured is confirmed before the next one captures. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(store: Store, machine: SavableMachine, options: SaverOptions) {
    this.#store = store;
    this.#machine = machine;
    this.#options = options;
    this.#parent = options.parent ?? null;
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
    const { stopNs, room } = changes;
    await this.#machine.confirmCapture(id, room);
    this.#parent = id;
    return { id, manifest, newBytes, stopNs, totalNs: process.hrtime.bigint() - startNs };
  }

  async #captureAll(stop: boolean): Promise<MachineChanges> {
    await this.#machine.resetCapture();
    return await this.#machine.capture({ stop });
  }

  #commit(changes: MachineChanges, { reason, onProgress, signal }: SaveOptions): ReturnType<Store['commit']> {
    const { machineId, machineName } = this.#options;
    const { records, memories, blocks, stopNs } = changes;
    return this.#store.commit({
      machineId,
      machineName,
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
