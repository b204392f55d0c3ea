// What of a machine has changed since its last snapshot in a store: the pages of every memory that differ, and all the rest
// anew, which is small.
//
// 1. warm(), while the guest still runs: memory for the copy is made ready, in short slices.
// 2. capture(), while the guest stands still. It may go on at once: what changed has been copied. Of one that stays stopped it
//    is copied bit by bit, when it is asked for.
// 3. confirm(), when all of it is durable: the next capture() tells what has changed since. Without confirm() it tells these
//    changes again, so a commit that failed loses nothing.
// 4. reset(), when the snapshot that the changes are told against is gone: the next capture() tells everything.
//
// The copies belong to whoever took the capture, for as long as he likes. confirm() gives their memory back, and the next
// capture has memory that was touched before; one that grew beyond what is needed now is let go.

import type { GuestMachine } from '../../engine/guest-machine.ts';
import type { GuestProcess } from '../../engine/guest-process.ts';
import type { GuestInstance } from '../../engine/instance.ts';
import { MarkedPageTracker } from '../../engine/marked-page-tracker.ts';
import { changedBytes, HashPageTracker, PAGE_HASH_KEY_BYTES } from '../../engine/page-diff.ts';
import type { Process } from '../../kernel/process.ts';
import { FILE_PAGE_BYTES, type FilePages } from '../../kernel/vfs/file-pages.ts';
import { encodeStateRecords, type ImageRecord } from '../../snapshot/encode-image.ts';
import { FILE_PROCESS_INDEX } from '../../snapshot/file-pages.ts';
import { contentsBytes, copyPages, type PageBlock } from '../../snapshot/page-block.ts';
import type { CommitMemory } from '../../snapshot/store/commit.ts';
import type { SnapshotId } from '../../snapshot/store/manifest.ts';
import { changedBlocks } from '../../snapshot/store/page-changes.ts';
import { FilePageTracker } from '../file-page-tracker.ts';
import { ShownBlocks } from './shown-blocks.ts';
import { type Identity, roomForCopy, saveMachine } from './snapshot-machine.ts';
import { WarmRoom } from './warm-room.ts';

export interface MachineChanges {
  /** Counts the captures of a machine. */
  readonly number: number;
  /** The snapshot that the changes are told against; null: they are everything. */
  readonly since: SnapshotId | null;
  /** Everything but the pages. */
  readonly records: readonly ImageRecord[];
  readonly memories: readonly CommitMemory[];
  /** Pages that changed: copies. Each is to be used before the next is taken. */
  readonly blocks: Iterable<PageBlock> | AsyncIterable<PageBlock>;
  /** The memory that the copies lie in, for confirmCapture(). */
  readonly room: Uint8Array;
  /** How long the guest stood still. */
  readonly stopNs: bigint;
}

/** Which capture is meant, and its memory. */
export type CaptureReceipt = Pick<MachineChanges, 'number' | 'room'>;

/** Where a memory is in a snapshot. */
type Place = NonNullable<CommitMemory['base']>;

interface TrackedMemory {
  readonly tracker: HashPageTracker;
  /** In the snapshot that was confirmed last; null: in none. */
  base: Place | null;
  /** In the one that was captured last. */
  captured: Place;
}

interface TrackedProcess {
  /** An instance is used again when its process has ended: nothing of it is in a snapshot then. */
  readonly process: Process;
  readonly memories: readonly TrackedMemory[];
}

/** Less is not worth being thought about. */
const SMALL_ROOM_BYTES: number = 1 << 20;
/** A room is let go when so much of it was not needed. */
const SPARE_FACTOR = 4;

export class ChangeTracker {
  readonly #checksMarks: boolean;
  #memories = new WeakMap<GuestInstance, TrackedProcess>();
  #files = new WeakMap<FilePages, FilePageTracker>();
  /** Of the last capture. */
  #captured: TrackedMemory[] = [];
  #capturedFiles: FilePageTracker[] = [];
  #since: SnapshotId | null = null;
  /** Of the last capture that was confirmed. */
  #room: Uint8Array | undefined;
  /** In the making, for the next capture. */
  #warming: WarmRoom | undefined;
  #lastBytes = 0;
  #number = 0;

  /** `checksMarks`: of programs that mark what they write, as in MarkedPageTracker. */
  constructor(checksMarks = false) {
    this.#checksMarks = checksMarks;
  }

  /** Works for this long at most; true when there is room for about what the next capture() will find. */
  warm(guest: GuestMachine, budgetMs: number): boolean {
    if (this.#warming === undefined) {
      const wanted = this.#expectedBytes(guest);
      if (this.#roomBytes >= wanted) return true;
      this.#room = undefined;
      this.#warming = new WarmRoom(wanted);
    }
    return this.#warming.touch(budgetMs);
  }

  /** `stays`: the guest does not go on before keep() of `blocks`, which are ShownBlocks then. Throws WVM_SNAPSHOT_UNSUPPORTED. */
  capture(guest: GuestMachine, identity: Identity, stays = false): MachineChanges {
    const startNs = process.hrtime.bigint();
    const { state, filePages } = saveMachine(guest, identity);
    const records = encodeStateRecords(state);
    const files = this.#captureFiles(filePages);
    const fileBlocks = files.flatMap(({ blocks }) => blocks);
    this.#captured = [];
    const found = [...this.#places(guest)].map(([place, tracked]) => {
      tracked.captured = place;
      this.#captured.push(tracked);
      return { place, tracked, changes: tracked.tracker.find() };
    });
    this.#lastBytes = found.reduce((sum, { changes }) => sum + changedBytes(changes), 0) + contentsBytes(fileBlocks);
    const room = stays ? new Uint8Array(0) : this.#takeRoom(this.#lastBytes);
    const memories: CommitMemory[] = [];
    const blocks: PageBlock[] = [];
    let used = 0;
    for (const { place, tracked, changes } of found) {
      const { pageCount, zeroed } = changes;
      const contents = stays ? tracked.tracker.views(changes) : tracked.tracker.copy(changes, room.subarray(used));
      used += changedBytes(changes);
      memories.push({ ...place, pageCount, base: tracked.base, zeroed });
      for (const block of changedBlocks(place, { ...changes, contents })) blocks.push(block);
    }
    for (const { memory } of files) memories.push(memory);
    for (const block of stays ? fileBlocks : copyPages(fileBlocks, room.subarray(used))) blocks.push(block);
    const since = memories.some(({ base }) => base !== null) ? this.#since : null;
    const number = ++this.#number;
    const stopNs = process.hrtime.bigint() - startNs;
    return { number, since, records, memories, blocks: stays ? new ShownBlocks(blocks) : blocks, room, stopNs };
  }

  /**
   * All that a capture gave is in snapshot `id`; nobody needs its room any more. If another one was taken since, what that
   * gives is all told again.
   */
  confirm(id: SnapshotId, { number, room }: CaptureReceipt): void {
    if (number !== this.#number) return;
    for (const tracked of this.#captured) {
      tracked.tracker.confirm();
      tracked.base = tracked.captured;
    }
    this.#captured = [];
    for (const tracker of this.#capturedFiles) tracker.confirm();
    this.#capturedFiles = [];
    this.#since = id;
    const isSpare = room.length > SPARE_FACTOR * Math.max(this.#lastBytes, SMALL_ROOM_BYTES);
    if (!isSpare && room.length > this.#roomBytes) this.#room = room;
  }

  /** The guest is what snapshot `id` says, to the byte: the next capture() tells what has changed since. */
  adopt(guest: GuestMachine, id: SnapshotId): void {
    this.reset();
    for (const [place, tracked] of this.#places(guest)) {
      tracked.tracker.find();
      tracked.tracker.confirm();
      tracked.base = place;
    }
    this.#captureFiles(guest.kernel.capture().filePages);
    for (const tracker of this.#capturedFiles) tracker.confirm();
    this.#since = id;
  }

  reset(): void {
    this.#memories = new WeakMap();
    this.#captured = [];
    this.#files = new WeakMap();
    this.#capturedFiles = [];
    this.#since = null;
    this.#lastBytes = 0;
  }

  /** Those of file systems that have any. */
  #captureFiles(filePages: readonly FilePages[]): ReturnType<FilePageTracker['capture']>[] {
    this.#capturedFiles = [];
    return filePages.flatMap((pages, memoryIndex) => {
      if (pages.pageCount === 0) return [];
      let tracker = this.#files.get(pages);
      if (tracker === undefined) this.#files.set(pages, (tracker = new FilePageTracker(pages)));
      this.#capturedFiles.push(tracker);
      return [tracker.capture({ processIndex: FILE_PROCESS_INDEX, memoryIndex })];
    });
  }

  *#places(guest: GuestMachine): Generator<[Place, TrackedMemory]> {
    for (const [processIndex, owner] of guest.sorted().entries()) {
      for (const [memoryIndex, tracked] of this.#trackersOf(owner).entries())
        yield [{ processIndex, memoryIndex }, tracked];
    }
  }

  #trackersOf({ process, instance }: GuestProcess): readonly TrackedMemory[] {
    const tracked = this.#memories.get(instance);
    if (tracked?.process === process) return tracked.memories;
    const memories = instance.memories.map((memory, index) => {
      const marks = instance.marks?.memories[index];
      const tracker =
        marks === undefined
          ? new HashPageTracker(memory, keys())
          : new MarkedPageTracker(memory, keys(), marks, this.#checksMarks);
      return { tracker, base: null, captured: NOWHERE };
    });
    this.#memories.set(instance, { process, memories });
    return memories;
  }

  /** Of memories and files that are new everything, of the others as much as last time. */
  #expectedBytes(guest: GuestMachine): number {
    const added = guest.sorted().filter((owner) => this.#memories.get(owner.instance)?.process !== owner.process);
    let filePages = 0;
    for (const { files } of guest.kernel.vfs.fileSystems) {
      if (!this.#files.has(files.pages)) filePages += files.pages.pages.size;
    }
    return Math.max(this.#lastBytes, SMALL_ROOM_BYTES) + roomForCopy(added) + filePages * FILE_PAGE_BYTES;
  }

  get #roomBytes(): number {
    // Of a room that was handed to another thread nothing is left here.
    return this.#room?.length ?? 0;
  }

  #takeRoom(sizeBytes: number): Uint8Array {
    const ready = this.#warming?.bytes ?? this.#room;
    this.#warming = undefined;
    this.#room = undefined;
    return ready === undefined || ready.length < sizeBytes ? new Uint8Array(sizeBytes) : ready;
  }
}

const NOWHERE: Place = { processIndex: -1, memoryIndex: -1 };

function keys(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(PAGE_HASH_KEY_BYTES));
}
