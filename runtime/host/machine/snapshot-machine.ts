// A machine that stands still -> its image, in two steps:
//
// 1. capture, while the guest stands still: the state is encoded, and the pages that hold anything are found. If the
//    guest is to go on, they are copied; if it stays stopped, the image shows its memory itself.
// 2. encode: checksums and SHA-256 over it all, in slices between which the guest (and Node's event loop) go on.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { GuestMachine } from '../../engine/guest-machine.ts';
import type { GuestProcess } from '../../engine/guest-process.ts';
import type { FilePages } from '../../kernel/vfs/file-pages.ts';
import { encodeImage } from '../../snapshot/encode-image.ts';
import { freezeFilePages } from '../../snapshot/file-pages.ts';
import type { MemorySource } from '../../snapshot/image-ports.ts';
import type { MachineState, ModuleState } from '../../snapshot/machine-state.ts';
import { collectPages, contentsBytes, copyPages } from '../../snapshot/page-block.ts';
import { imagePorts } from '../images/image-ports.ts';
import { featuresOf } from './features.ts';

const PRODUCER = 'wvm 0.1.0';

/** Work on an image between two turns of the event loop. */
const ENCODE_SLICE_MS = 4;
/** An image this small is encoded while the guest stands still: no turn of the event loop is shorter. */
const AT_ONCE_BYTES: number = 1 << 20;
const PAGE_BYTES = 4096;

export interface SnapshotResult {
  /**
   * The image, piece by piece. After a snapshot with `stop: true` pieces are views of the guest's memory, until run()
   * lets it go on: then run() first puts copies in their place, so take them from here as you need them.
   */
  readonly chunks: readonly Uint8Array[];
  readonly sizeBytes: number;
  /** How long the guest stood still. */
  readonly stopNs: bigint;
  /** From the request to the finished image. */
  readonly totalNs: bigint;
}

/** One whose chunks may come over time. */
export interface StreamedImage extends Omit<SnapshotResult, 'chunks'> {
  readonly chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** What an image says of the machine beside its guest's state. */
export interface Identity {
  readonly name: string;
  readonly moduleName: string;
  readonly includeModule: boolean;
}

/** What was taken of a guest while it stood still. */
export class MachineCapture {
  /** The image as far as it is encoded. */
  readonly chunks: Uint8Array[] = [];
  readonly #rest: Generator<Uint8Array, void, undefined>;
  #contentsBytes: number;
  readonly #startNs: bigint;
  readonly #stoppedNs: bigint = process.hrtime.bigint();
  readonly #showsGuest: boolean;
  #stopNs: bigint;

  /**
   * `room`: memory for the copy of the pages; fresh memory is taken if it is too small. Without, the image shows the
   * guest's memory itself, which must not change before keepChunks(). Throws WVM_SNAPSHOT_UNSUPPORTED.
   */
  constructor(guest: GuestMachine, identity: Identity, startNs: bigint, room?: Uint8Array) {
    this.#startNs = startNs;
    const ports = imagePorts();
    const { state, filePages } = saveMachine(guest, identity);
    let blocks = collectPages(memorySources(guest.sorted()), ports.scanner);
    this.#contentsBytes = contentsBytes(blocks);
    if (room !== undefined) {
      blocks = copyPages(blocks, room.length < this.#contentsBytes ? new Uint8Array(this.#contentsBytes) : room);
    }
    const fileBlocks = [...freezeFilePages(filePages)];
    this.#contentsBytes += contentsBytes(fileBlocks);
    this.#showsGuest = room === undefined;
    this.#rest = encodeImage(state, [...blocks, ...fileBlocks], ports);
    this.#stopNs = process.hrtime.bigint() - this.#stoppedNs;
  }

  /** The whole image, in one go. */
  encodeNow(): SnapshotResult {
    this.#encode(Number.POSITIVE_INFINITY);
    return this.#result();
  }

  /** The whole image. A large one is made between turns of the event loop. */
  async encode(): Promise<SnapshotResult> {
    if (this.#contentsBytes <= AT_ONCE_BYTES) {
      this.#encode(Number.POSITIVE_INFINITY);
      this.#stopNs = process.hrtime.bigint() - this.#stoppedNs;
      return this.#result();
    }
    // Nobody but this waits for a guest that stays stopped.
    if (!this.#showsGuest) await nextTurn();
    while (!this.#encode(ENCODE_SLICE_MS)) await nextTurn();
    return this.#result();
  }

  #encode(budgetMs: number): boolean {
    const endMs = performance.now() + budgetMs;
    while (performance.now() < endMs) {
      const { done, value } = this.#rest.next();
      if (done) return true;
      this.chunks.push(value);
    }
    return false;
  }

  #result(): SnapshotResult {
    const sizeBytes = this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const totalNs = process.hrtime.bigint() - this.#startNs;
    return { chunks: this.chunks, sizeBytes, stopNs: this.#stopNs, totalNs };
  }
}

/** Puts copies in the place of those chunks that are views of a memory of `guest`, which is about to go on. */
export function keepChunks(chunks: Uint8Array[], guest: GuestMachine): void {
  const live = new Set<ArrayBufferLike>();
  for (const { instance } of guest.processes.values()) for (const { buffer } of instance.memories) live.add(buffer);
  chunks.forEach((chunk, k) => {
    if (live.has(chunk.buffer)) chunks[k] = chunk.slice();
  });
}

/** About how much room the copy of the pages of these processes needs, if they go on for a little. */
export function roomForCopy(guests: readonly GuestProcess[]): number {
  const { scanner } = imagePorts();
  let pageCount = 0;
  for (const source of memorySources(guests)) {
    const runs = scanner.nonZeroRuns(source);
    for (let i = 1; i < runs.length; i += 2) pageCount += runs[i]!;
  }
  return pageCount * PAGE_BYTES * (1 + 1 / 16);
}

function memorySources(guests: readonly GuestProcess[]): MemorySource[] {
  return guests.flatMap(({ instance }, processIndex) =>
    instance.memories.map((memory, memoryIndex) => ({
      processIndex,
      memoryIndex,
      bytes: new Uint8Array(memory.buffer),
      memory,
    })),
  );
}

export interface SavedMachine {
  readonly state: MachineState;
  /** Contents of the files that live in the machine. */
  readonly filePages: readonly FilePages[];
}

/** Everything but the contents of the memories. Throws WVM_SNAPSHOT_UNSUPPORTED. */
export function saveMachine(guest: GuestMachine, { name, moduleName, includeModule }: Identity): SavedMachine {
  const guests = guest.sorted();
  const root = guest.root;
  const modules = new Map<string, ModuleState>();
  for (const { compiled, process } of guests) {
    if (modules.has(compiled.hash)) continue;
    const bytes = includeModule ? compiled.original.bytes : null;
    const programName = compiled === root.compiled ? moduleName : (process.args[0] ?? 'program');
    modules.set(compiled.hash, { hash: compiled.hash, name: programName, bytes });
  }
  const { state: kernel, filePages } = guest.kernel.capture();
  const processes = guests.map((owner) => {
    const { pid, parentPid, args } = owner.process;
    const scheduling = owner.process.schedulingText;
    return { pid, parentPid: owner === root ? null : parentPid, name: args[0] ?? '', scheduling, ...owner.save() };
  });
  const state: MachineState = {
    producer: PRODUCER,
    features: featuresOf(
      guests.map(({ compiled }) => compiled.original),
      kernel,
      processes,
    ),
    name,
    fuelUsed: guest.fuelUsed,
    modules: [...modules.values()].sort((a, b) => (a.hash < b.hash ? -1 : 1)),
    kernel,
    processes,
  };
  return { state, filePages };
}
