// The thread of one machine: does what its MachineThread asks for. The guest runs until the event loop is wanted:
// `interrupt` counts the calls that have no answer yet, and while there are any, the guest stops at
// each poll. It is counted down only when the answer is on its way, for a guest that ran on before would keep it here.

import { createReadStream, readFileSync, statSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../../base/assert.ts';
import type { PageBlock } from '../../snapshot/page-block.ts';
import { Machine } from '../machine/machine.ts';
import type { MachineOptions } from '../machine/machine-options.ts';
import type { ProcessInfo } from '../machine/machine-status.ts';
import { ShownBlocks } from '../machine/shown-blocks.ts';
import { findProgram } from '../programs/find-program.ts';
import { prepareProgram } from '../programs/prepare-program.ts';
import { readModule } from '../programs/read-module.ts';
import { adoptModule } from '../programs/recent-modules.ts';
import { keepCode } from './kept-code.ts';
import type {
  Ended,
  LoadRequest,
  MachineProcedures,
  Ready,
  ResumeFromStoreRequest,
  ResumeRequest,
  Room,
  ThreadChanges,
  ThreadData,
  ThreadImage,
  ThreadOwner,
} from './machine-thread.ts';
import { SharedStats } from './shared-stats.ts';
import { ThreadCalls } from './thread-calls.ts';

/** Images up to this size are read at once, larger ones as a stream. */
const READ_AT_ONCE_BYTES: number = 32 * 1024 * 1024;
const STREAM_PIECE_BYTES: number = 1024 * 1024;
const LOADING_EVERY_MS = 100;
/** Larger images go to the owner piece by piece, as he asks for them: a copy of a whole one may be more than there is room for. */
const LARGE_BYTES: number = 8 * 1024 * 1024;

const { stats, compileCache } = workerData as ThreadData;
const shared: SharedStats = new SharedStats(stats);
let machine: Machine | undefined;
/** What the owner is taking over. */
let imagePieces: Generator<Uint8Array, void, number> | undefined;
let shownBlocks: ShownBlocks | undefined;

const procedures: MachineProcedures = {
  keepCode,
  async load({ program, options, hooks }: LoadRequest): Promise<Ready> {
    const found = typeof program === 'string' ? await findProgram(program, options) : program;
    const module = prepareProgram(found, options);
    adoptModule(module);
    return ready(await Machine.load(module.bytes, machineOptions(options, hooks)));
  },
  async resume({ imagePath, modulePath, options, hooks }: ResumeRequest): Promise<Ready> {
    const image = imagePath === undefined ? imageOfOwner() : openImage(imagePath, loadingOf(hooks));
    const module = modulePath === undefined ? {} : { module: await readModule(modulePath) };
    return ready(await Machine.resume(image, { ...machineOptions(options, hooks), ...module }));
  },
  async resumeFromStore({ stored, modulePath, options, hooks }: ResumeFromStoreRequest): Promise<Ready> {
    // Most machines never need it.
    const { openStoreAt } = await import('../store/open-store.ts');
    const { place, keys = {}, origin, isTracked = false } = stored;
    const store = await openStoreAt(place, { create: false, keys });
    try {
      const module = modulePath === undefined ? {} : { module: await readModule(modulePath) };
      const onProgress = loadingOf(hooks);
      const all = { ...machineOptions(options, hooks), ...module, isTracked, ...(onProgress && { onProgress }) };
      return ready(await Machine.resumeFromStore(store, origin.id, all));
    } finally {
      await store.close();
    }
  },
  async run(): Promise<Ended> {
    const exit = await current().run();
    return { exit, stats: current().stats(), heldOutputBytes: current().heldOutputBytes };
  },
  async snapshot(options, moved): Promise<ThreadImage> {
    const result = await current().snapshot(options);
    if (result.sizeBytes > LARGE_BYTES) {
      imagePieces = pieces(result.chunks);
      return { ...result, chunks: null };
    }
    // Copies: some chunks are views of the guest's memory or of its module.
    const chunks = result.chunks.map((chunk) => {
      // Not slice(): some are Buffers, whose slices are views.
      const copy = new Uint8Array(chunk);
      moved.push(copy.buffer);
      return copy;
    });
    return { ...result, chunks };
  },
  /** Of the image that was taken last: as much as fits into `room`. */
  nextImageBytes(room, moved): { readonly room: Room; readonly sizeBytes: number } {
    moved.push(room.buffer);
    let sizeBytes = 0;
    while (sizeBytes < room.length) {
      const piece = imagePieces?.next(room.length - sizeBytes).value;
      if (piece === undefined) break;
      room.set(piece, sizeBytes);
      sizeBytes += piece.length;
    }
    return { room, sizeBytes };
  },
  dropImage(): void {
    imagePieces = undefined;
  },
  async capture(options, moved): Promise<ThreadChanges> {
    const changes = await current().capture(options);
    const own = (piece: Uint8Array): Uint8Array => {
      const copy = new Uint8Array(piece);
      moved.push(copy.buffer);
      return copy;
    };
    const records = changes.records.map(({ type, parts }) => ({ type, parts: parts.map(own) }));
    // The pages are copies already, all of them in the room, which comes back when they are stored; or come one by one.
    moved.push(changes.room.buffer as ArrayBuffer);
    shownBlocks = changes.blocks instanceof ShownBlocks ? changes.blocks : undefined;
    const blocks = shownBlocks === undefined ? [...(changes.blocks as Iterable<PageBlock>)] : null;
    return { ...changes, records, blocks };
  },
  /** Of the capture that was taken last, as far as they fit into `room`. */
  nextBlocks(room, moved): { readonly room: Room; readonly blocks: readonly PageBlock[] } {
    moved.push(room.buffer);
    return { room, blocks: shownBlocks?.take(room) ?? [] };
  },
  confirmCapture({ id, receipt }): void {
    current().confirmCapture(id, receipt);
  },
  resetCapture(): void {
    current().resetCapture();
  },
  processes(): readonly ProcessInfo[] {
    return current().processes();
  },
  signal(signal: number): boolean {
    return current().signal(signal);
  },
  kill(): void {
    current().kill();
  },
};

const owner: ThreadCalls<ThreadOwner> = new ThreadCalls<ThreadOwner>(parentPort!, procedures, (name) => {
  // Before there is a guest, and what sets it going, is no reason to interrupt it.
  if (name !== 'run' && name !== 'keepCode') Atomics.sub(shared.interrupt, 0, 1);
  // Nothing to do but after the first start. Node does it at the end of the main thread only.
  else if (name === 'run' && compileCache !== undefined) flushCompileCache();
});

/** The bytes of chunks, in pieces no larger than next() asks for. Chunks may be replaced by copies meanwhile. */
function* pieces(chunks: readonly Uint8Array[]): Generator<Uint8Array, void, number> {
  let wantedBytes = yield new Uint8Array(0);
  for (let k = 0; k < chunks.length; k++) {
    for (let at = 0; at < chunks[k]!.length; ) {
      const piece = chunks[k]!.subarray(at, at + wantedBytes);
      at += piece.length;
      wantedBytes = yield piece;
    }
  }
}

function ready(loaded: Machine): Ready {
  machine = loaded;
  const { name, moduleHash, uncapturable, doubtfulOutputBytes } = loaded;
  return { name, moduleHash, uncapturable, doubtfulOutputBytes, stats: loaded.stats() };
}

function current(): Machine {
  assert(machine !== undefined, 'the thread has a machine');
  return machine;
}

function machineOptions(options: LoadRequest['options'], hooks: LoadRequest['hooks']): MachineOptions {
  const { traceFd, ...rest } = options;
  return {
    ...rest,
    interrupt: shared.interrupt,
    publish: (stats) => shared.publish(stats),
    // Each line is written at once, so that a trace tells the truth about a crash.
    ...(traceFd === undefined ? {} : { trace: (line) => void writeSync(traceFd, `${line}\n`) }),
    ...(hooks.onProcessTrap ? { onProcessTrap: (trap) => void owner.call('processTrapped', trap) } : {}),
    ...(hooks.onOutputHeld ? { onOutputHeld: () => void owner.call('outputHeld') } : {}),
    ...(hooks.beforeEnd ? { beforeEnd: () => owner.call('beforeEnd') } : {}),
    ...(hooks.onSelfSnapshot ? { onSelfSnapshot: () => owner.call('onSelfSnapshot') } : {}),
  };
}

function openImage(path: string, onLoading?: Loading): Uint8Array | AsyncIterable<Uint8Array> {
  const { size } = statSync(path);
  if (size <= READ_AT_ONCE_BYTES) return readFileSync(path);
  const stream: AsyncIterable<Uint8Array> = createReadStream(path, { highWaterMark: STREAM_PIECE_BYTES });
  return onLoading === undefined ? stream : counted(stream, size, onLoading);
}

async function* counted(
  stream: AsyncIterable<Uint8Array>,
  totalBytes: number,
  onLoading: Loading,
): AsyncGenerator<Uint8Array> {
  let doneBytes = 0;
  for await (const piece of stream) {
    yield piece;
    onLoading((doneBytes += piece.length), totalBytes);
  }
}

type Loading = (doneBytes: number, totalBytes: number) => void;

/** Tells the owner, but not more often than anybody could read. */
function loadingOf({ onLoading }: LoadRequest['hooks']): Loading | undefined {
  if (!onLoading) return undefined;
  let nextMs = 0;
  return (doneBytes, totalBytes) => {
    const nowMs = performance.now();
    if (nowMs < nextMs) return;
    nextMs = nowMs + LOADING_EVERY_MS;
    void owner.call('loading', { doneBytes, totalBytes });
  };
}

/** An image that only the other thread can read. */
async function* imageOfOwner(): AsyncGenerator<Uint8Array> {
  for (;;) {
    const piece = await owner.call('nextImagePiece');
    if (piece === undefined) return;
    yield piece;
  }
}
