// The snapshots of one machine in stores: into the one it was saved into last goes what has changed since, into another one
// everything. Of its own store, old snapshots are forgotten.

import { WvmError } from '../../base/wvm-error.ts';
import type { Manifest, SnapshotId } from '../../snapshot/store/manifest.ts';
import type { Store, StoredSnapshot } from '../../snapshot/store/store.ts';
import type { StoredSnapshotInfo } from '../control/control-protocol.ts';
import { encodeKeys } from '../seal/key-text.ts';
import type { StoreKeys } from '../seal/sealed-files.ts';
import { MachineSaver, type SavableMachine, type SaveOptions } from './machine-saver.ts';
import { openStoreAt } from './open-store.ts';

export interface StorePlace {
  readonly place: string;
  readonly keys?: StoreKeys | undefined;
}

/** The store that a machine saves itself into, of its own accord. */
export interface OwnStore extends StorePlace {
  /** How many of the machine's snapshots are kept; all if not given. */
  readonly keepCount?: number | undefined;
  /** The snapshot that the machine was resumed from, and the machine that it is one of. */
  readonly parent?: { readonly id: SnapshotId; readonly machineId: string } | undefined;
}

export interface HistoryOptions {
  readonly machineId: string;
  readonly machineName: string;
  readonly own: OwnStore | undefined;
  /** Something went wrong, but the snapshot is there. */
  readonly onWarning: (error: WvmError) => void;
}

interface OpenSaver {
  readonly place: string;
  /** Tells one set of keys from another. */
  readonly keyText: string;
  readonly store: Store;
  readonly saver: MachineSaver;
}

const PAGE_BYTES = 4096;
/** Removed snapshots whose chunks are worth looking for. */
const COLLECT_AFTER = 60;

export class MachineHistory {
  readonly #machine: SavableMachine;
  readonly #options: HistoryOptions;
  #saver: OpenSaver | undefined;
  #savesSinceCollect = 0;

  constructor(machine: SavableMachine, options: HistoryOptions) {
    this.#machine = machine;
    this.#options = options;
  }

  /** One call at a time. `tag`: a name that the snapshot gets, or null. */
  async save(place: StorePlace, options: SaveOptions, tag: string | null): Promise<StoredSnapshotInfo> {
    const { store, saver } = await this.#saverFor(place);
    const { id, manifest, newBytes, stopNs, totalNs } = await saver.save(options);
    if (tag !== null) await store.tag(tag, id);
    try {
      await this.#keepFew(store);
    } catch (error) {
      // Others may have removed what was to go; or be at work so long that this has to wait for the next.
      if (!(error instanceof WvmError)) throw error;
      if (error.code !== 'WVM_NO_SUCH_SNAPSHOT') this.#options.onWarning(error);
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

  async close(): Promise<void> {
    await this.#saver?.store.close();
  }

  async #saverFor({ place, keys = {} }: StorePlace): Promise<OpenSaver> {
    const keyText = JSON.stringify(encodeKeys(keys));
    if (this.#saver?.place === place && this.#saver.keyText === keyText) return this.#saver;
    const store = await openStoreAt(place, { keys });
    await this.#saver?.store.close();
    const { own, machineId, machineName } = this.#options;
    const isOrigin = this.#saver === undefined && own?.place === place;
    const parent = (isOrigin ? own.parent?.id : (await this.#snapshotsIn(store))[0]?.id) ?? null;
    const saver = new MachineSaver(store, this.#machine, { machineId, machineName, parent });
    this.#saver = { place, keyText, store, saver };
    return this.#saver;
  }

  /** Forgets all but the newest snapshots of this machine, and now and then frees what they held. */
  async #keepFew(store: Store): Promise<void> {
    const keepCount = this.#options.own?.keepCount;
    if (keepCount === undefined) return;
    const tagged = new Set((await store.tags()).values());
    const surplus = (await this.#snapshotsIn(store)).filter(({ id }) => !tagged.has(id)).slice(keepCount);
    if (surplus.length > 0) await store.remove(surplus.map(({ id }) => id));
    this.#savesSinceCollect += surplus.length;
    if (this.#savesSinceCollect < COLLECT_AFTER) return;
    this.#savesSinceCollect = 0;
    await store.collect();
  }

  /** Newest first. A copy that was resumed from the same snapshot has another name. */
  async #snapshotsIn(store: Store): Promise<StoredSnapshot[]> {
    const { machineId, machineName } = this.#options;
    return (await store.log(machineId)).filter(({ manifest }) => manifest.machineName === machineName);
  }
}

/** Length of the single-file image of a snapshot, but for headers. */
function imageBytesOf({ records, memories }: Manifest): number {
  const recordBytes = records.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return memories.reduce((sum, { usedPageCount }) => sum + usedPageCount * PAGE_BYTES, recordBytes);
}
