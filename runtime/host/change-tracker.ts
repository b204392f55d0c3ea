// What of a machine has changed since its last snapshot in a store: the pages of every memory that differ, and all the rest
// anew, which is small.
//
// 1. capture(), while the guest stands still. It may go on at once: what changed has been copied.
// 2. confirm(), when all of it is durable: the next capture() tells what has changed since. Without confirm() it tells these
//    changes again, so a commit that failed loses nothing.
// 3. reset(), when the snapshot that the changes are told against is gone: the next capture() tells everything.

import type { GuestMachine } from '../engine/guest-machine.ts';
import type { GuestInstance } from '../engine/instance.ts';
import { CopyPageTracker, HashPageTracker, PAGE_HASH_KEY_BYTES, type PageTracker } from '../engine/page-diff.ts';
import { encodeStateRecords, type ImageRecord } from '../snapshot/encode-image.ts';
import type { PageBlock } from '../snapshot/page-block.ts';
import type { CommitMemory } from '../snapshot/store/commit.ts';
import { changedBlocks } from '../snapshot/store/page-changes.ts';
import { type Identity, saveMachine } from './snapshot-machine.ts';

export interface MachineChanges {
  /** Everything but the pages. */
  readonly records: readonly ImageRecord[];
  readonly memories: readonly CommitMemory[];
  /** Pages that changed. Valid until the next capture. */
  readonly blocks: readonly PageBlock[];
  /** How long the guest stood still. */
  readonly stopNs: bigint;
}

/** Where a memory is in a snapshot. */
type Place = NonNullable<CommitMemory['base']>;

interface TrackedMemory {
  readonly tracker: PageTracker;
  /** In the snapshot that was confirmed last; null: in none. */
  base: Place | null;
  /** In the one that was captured last. */
  captured: Place;
}

/** Above, hashes of pages are compared: they take 0.4 % more memory instead of as much again. */
const COPY_MAX_BYTES: number = 256 << 20;

export class ChangeTracker {
  #memories = new WeakMap<GuestInstance, TrackedMemory[]>();
  /** Of the last capture. */
  #captured: TrackedMemory[] = [];

  /** Throws WVM_SNAPSHOT_UNSUPPORTED. */
  capture(guest: GuestMachine, identity: Identity): MachineChanges {
    const startNs = process.hrtime.bigint();
    const records = encodeStateRecords(saveMachine(guest, identity));
    const memories: CommitMemory[] = [];
    const blocks: PageBlock[] = [];
    this.#captured = [];
    for (const [processIndex, { instance }] of guest.sorted().entries()) {
      for (const [memoryIndex, tracked] of this.#trackersOf(instance).entries()) {
        const place = { processIndex, memoryIndex };
        const changes = tracked.tracker.capture();
        tracked.captured = place;
        this.#captured.push(tracked);
        memories.push({ ...place, pageCount: changes.pageCount, base: tracked.base, zeroed: changes.zeroed });
        for (const block of changedBlocks(place, changes)) blocks.push(block);
      }
    }
    return { records, memories, blocks, stopNs: process.hrtime.bigint() - startNs };
  }

  confirm(): void {
    for (const tracked of this.#captured) {
      tracked.tracker.confirm();
      tracked.base = tracked.captured;
    }
    this.#captured = [];
  }

  reset(): void {
    this.#memories = new WeakMap();
    this.#captured = [];
  }

  #trackersOf(instance: GuestInstance): TrackedMemory[] {
    let tracked = this.#memories.get(instance);
    if (tracked === undefined) {
      tracked = instance.memories.map((memory) => {
        const tracker =
          memory.buffer.byteLength <= COPY_MAX_BYTES
            ? new CopyPageTracker(memory)
            : new HashPageTracker(memory, keys());
        return { tracker, base: null, captured: NOWHERE };
      });
      this.#memories.set(instance, tracked);
    }
    return tracked;
  }
}

const NOWHERE: Place = { processIndex: -1, memoryIndex: -1 };

function keys(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(PAGE_HASH_KEY_BYTES));
}
