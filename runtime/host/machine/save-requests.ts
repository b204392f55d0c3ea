// Who wants a machine saved, in the order in which they asked: as an image (MachineCapture), or as what has changed since the
// last time, for a store (ChangeTracker).
//
//   add() ──> due(), between two slices of the guest, once there is memory for the copy ──> serve(), while it stands still
//
// - A guest that goes on is copied. One that stops is shown as it is: before it goes on, keepImages() gives copies to the
//   images that still show its memory.

import type { WvmError } from '../../base/wvm-error.ts';
import type { GuestMachine } from '../../engine/guest-machine.ts';
import type { SnapshotId } from '../../snapshot/store/manifest.ts';
import type { HeldOutput } from '../streams/held-output.ts';
import type { CaptureReceipt, ChangeTracker, MachineChanges } from './change-tracker.ts';
import { ShownBlocks } from './shown-blocks.ts';
import { type Identity, keepChunks, MachineCapture, roomForCopy, type SnapshotResult } from './snapshot-machine.ts';
import { WarmRoom } from './warm-room.ts';

export interface ImageRequest {
  readonly kind: 'image';
  readonly stop: boolean;
  readonly includeModule: boolean;
  readonly startNs: bigint;
  /** Memory for the copy, while it is made ready. */
  room?: WarmRoom;
  readonly resolve: (result: SnapshotResult) => void;
  readonly reject: (error: unknown) => void;
}

export interface CaptureRequest {
  readonly kind: 'capture';
  readonly stop: boolean;
  readonly startNs: bigint;
  readonly resolve: (changes: MachineChanges) => void;
  readonly reject: (error: unknown) => void;
}

export type SaveRequest = ImageRequest | CaptureRequest;

/** Touching memory for a copy, between two slices of the guest. */
const ROOM_SLICE_MS = 4;
/** Then the guest is stopped, whether all of it is touched or not. */
const ROOM_WAIT_NS = 500e6;

export class SaveRequests {
  readonly #guest: GuestMachine;
  readonly #outputs: readonly HeldOutput[];
  readonly #identity: Omit<Identity, 'includeModule'>;
  readonly #checksMarks: boolean;
  readonly #waiting: SaveRequest[] = [];
  /** Made at the first capture. */
  #changes: ChangeTracker | undefined;
  /** By number of a capture that is not confirmed: positions of the outputs that it covers. */
  readonly #covered: Map<number, readonly number[]> = new Map();
  #isBeingStored = false;
  /** Chunks of images that show the guest's memory itself; nobody may want them any more. */
  #shownChunks: WeakRef<Uint8Array[]>[] = [];
  /** The same of captures. */
  #shownBlocks: WeakRef<ShownBlocks>[] = [];
  #imagesInWork = 0;
  /** An image that shows the guest's memory is being encoded. */
  #encoding: Promise<unknown> | undefined;

  /** `checksMarks`: as in ChangeTracker. */
  constructor(
    guest: GuestMachine,
    outputs: readonly HeldOutput[],
    identity: Omit<Identity, 'includeModule'>,
    checksMarks: boolean,
  ) {
    this.#checksMarks = checksMarks;
    this.#guest = guest;
    this.#outputs = outputs;
    this.#identity = identity;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Between a capture and its confirmation. */
  get isBeingStored(): boolean {
    return this.#isBeingStored;
  }

  /** Somebody waits for memory, or an image is being encoded. */
  get needsTurns(): boolean {
    return this.#imagesInWork > 0 || this.#waiting.length > 0;
  }

  /** Images may still show the guest's memory. */
  get showsMemory(): boolean {
    return this.#imagesInWork > 0 || this.#shownChunks.length > 0 || this.#shownBlocks.length > 0;
  }

  add(request: SaveRequest): void {
    this.#waiting.push(request);
  }

  /** The next request that can be served now, taken out of the queue. */
  due(): SaveRequest | undefined {
    const request = this.#waiting[0];
    return request !== undefined && this.#hasRoom(request) ? this.next() : undefined;
  }

  /** The next request, whether there is memory for the copy or not, taken out of the queue. */
  next(): SaveRequest | undefined {
    return this.#waiting.shift();
  }

  /** A guest that is to go on runs until there is memory for the copy of its pages. */
  #hasRoom(request: SaveRequest): boolean {
    if (request.stop || Number(process.hrtime.bigint() - request.startNs) > ROOM_WAIT_NS) return true;
    if (request.kind === 'capture') return this.#changes!.warm(this.#guest, ROOM_SLICE_MS);
    request.room ??= new WarmRoom(roomForCopy(this.#guest.sorted()));
    return request.room.touch(ROOM_SLICE_MS);
  }

  /** The guest must stand still until this returns its promise; with `stop` until that is settled. */
  async serve(request: SaveRequest): Promise<void> {
    try {
      if (request.kind === 'capture') request.resolve(this.#captureChanges(request.stop));
      else request.resolve(await this.#encodeImage(request));
    } catch (error) {
      request.reject(error);
    }
  }

  /** An image in one go; the guest must stand still, and goes on only when all chunks are used. */
  imageNow(includeModule: boolean): SnapshotResult {
    return this.#capture(includeModule, process.hrtime.bigint(), new Uint8Array(0)).encodeNow();
  }

  #captureChanges(stays: boolean): MachineChanges {
    const changes = this.#changes!.capture(this.#guest, { ...this.#identity, includeModule: true }, stays);
    if (changes.blocks instanceof ShownBlocks) this.#shownBlocks.push(new WeakRef(changes.blocks));
    this.#covered.set(
      changes.number,
      this.#outputs.map((output) => output.capture()),
    );
    this.#isBeingStored = true;
    return changes;
  }

  async #encodeImage(request: ImageRequest): Promise<SnapshotResult> {
    this.#imagesInWork++;
    try {
      const room = request.stop ? undefined : (request.room?.bytes ?? new Uint8Array(0));
      const capture = this.#capture(request.includeModule, request.startNs, room);
      const image = capture.encode();
      if (request.stop) this.#show(capture.chunks, image);
      return await image;
    } finally {
      this.#imagesInWork--;
    }
  }

  #capture(includeModule: boolean, startNs: bigint, room: Uint8Array | undefined): MachineCapture {
    return new MachineCapture(this.#guest, { ...this.#identity, includeModule }, startNs, room);
  }

  #show(chunks: Uint8Array[], image: Promise<SnapshotResult>): void {
    this.#shownChunks.push(new WeakRef(chunks));
    const encoding = Promise.allSettled([this.#encoding, image]);
    this.#encoding = encoding;
    void encoding.then(() => {
      if (this.#encoding === encoding) this.#encoding = undefined;
    });
  }

  /** Before the guest goes on: images and captures that show its memory get copies. */
  async keepImages(): Promise<void> {
    while (this.#encoding !== undefined) await this.#encoding;
    this.#keepShown();
  }

  /** Before the memory of an ended guest is handed on; false if an image that shows it is not encoded yet. */
  releaseMemory(): boolean {
    if (this.#encoding !== undefined) return false;
    this.#keepShown();
    return true;
  }

  #keepShown(): void {
    for (const shown of this.#shownChunks.splice(0)) keepChunks(shown.deref() ?? [], this.#guest);
    for (const shown of this.#shownBlocks.splice(0)) shown.deref()?.keep();
  }

  /** Loads what captures need, which most machines never do. */
  async prepareCaptures(): Promise<void> {
    this.#changes ??= new (await import('./change-tracker.ts')).ChangeTracker(this.#checksMarks);
  }

  /** The guest is what snapshot `id` of a store has: the first capture tells what changes from now on. */
  async adopt(id: SnapshotId): Promise<void> {
    await this.prepareCaptures();
    this.#changes!.adopt(this.#guest, id);
  }

  /** What a capture gave is durable, in snapshot `id`; what the guest had written until then may go out. */
  confirm(id: SnapshotId, receipt: CaptureReceipt): void {
    this.#isBeingStored = false;
    this.#changes?.confirm(id, receipt);
    const covered = this.#covered.get(receipt.number);
    for (const [index, position] of covered?.entries() ?? []) this.#outputs[index]!.allow(position);
    for (const number of this.#covered.keys()) if (number <= receipt.number) this.#covered.delete(number);
  }

  /** The snapshot that was confirmed last is gone: the next capture tells everything. */
  reset(): void {
    this.#changes?.reset();
  }

  /** The guest has ended. */
  refuseAll(reason: () => WvmError): void {
    for (const request of this.#waiting.splice(0)) request.reject(reason());
  }
}
