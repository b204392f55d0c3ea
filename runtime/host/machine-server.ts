// The thread of one machine: does what its MachineThread asks for. The guest runs until the event loop is wanted:
// `interrupt` counts the calls that have no answer yet, and while there are any, the guest stops at
// each poll. It is counted down only when the answer is on its way, for a guest that ran on before would keep it here.

import { createReadStream, readFileSync, statSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import type { MachineChanges } from './change-tracker.ts';
import { findProgram } from './find-program.ts';
import { keepCode } from './kept-code.ts';
import { Machine } from './machine.ts';
import type { MachineOptions } from './machine-options.ts';
import type { ProcessInfo } from './machine-status.ts';
import type {
  Ended,
  LoadRequest,
  MachineProcedures,
  Ready,
  ResumeFromStoreRequest,
  ResumeRequest,
  ThreadData,
  ThreadOwner,
} from './machine-thread.ts';
import { prepareProgram } from './prepare-program.ts';
import { readModule } from './read-module.ts';
import { adoptModule } from './recent-modules.ts';
import { SharedStats } from './shared-stats.ts';
import type { SnapshotResult } from './snapshot-machine.ts';
import { ThreadCalls } from './thread-calls.ts';

/** Images up to this size are read at once, larger ones as a stream. */
const READ_AT_ONCE_BYTES: number = 32 * 1024 * 1024;
const STREAM_PIECE_BYTES: number = 1024 * 1024;

const { stats, compileCache } = workerData as ThreadData;
const shared: SharedStats = new SharedStats(stats);
let machine: Machine | undefined;

const procedures: MachineProcedures = {
  keepCode,
  async load({ program, options, hooks }: LoadRequest): Promise<Ready> {
    const found = typeof program === 'string' ? await findProgram(program, options) : program;
    const module = prepareProgram(found, options);
    adoptModule(module);
    return ready(await Machine.load(module.bytes, machineOptions(options, hooks)));
  },
  async resume({ imagePath, modulePath, options, hooks }: ResumeRequest): Promise<Ready> {
    const image = imagePath === undefined ? imageOfOwner() : openImage(imagePath);
    const module = modulePath === undefined ? {} : { module: await readModule(modulePath) };
    return ready(await Machine.resume(image, { ...machineOptions(options, hooks), ...module }));
  },
  async resumeFromStore({ stored, modulePath, options, hooks }: ResumeFromStoreRequest): Promise<Ready> {
    // Most machines never need it.
    const { openStoreAt } = await import('./store/open-store.ts');
    const { place, keys = {}, origin, isTracked = false } = stored;
    const store = await openStoreAt(place, { create: false, keys });
    try {
      const module = modulePath === undefined ? {} : { module: await readModule(modulePath) };
      const all = { ...machineOptions(options, hooks), ...module, isTracked };
      return ready(await Machine.resumeFromStore(store, origin.id, all));
    } finally {
      await store.close();
    }
  },
  async run(): Promise<Ended> {
    const exit = await current().run();
    return { exit, stats: current().stats(), heldOutputBytes: current().heldOutputBytes };
  },
  async snapshot(options, moved): Promise<SnapshotResult> {
    const result = await current().snapshot(options);
    // Copies: some chunks are views of the guest's memory or of its module.
    const chunks = result.chunks.map((chunk) => {
      // Not slice(): some are Buffers, whose slices are views.
      const copy = new Uint8Array(chunk);
      moved.push(copy.buffer);
      return copy;
    });
    return { ...result, chunks };
  },
  async capture(options, moved): Promise<MachineChanges> {
    const changes = await current().capture(options);
    const own = (piece: Uint8Array): Uint8Array => {
      const copy = new Uint8Array(piece);
      moved.push(copy.buffer);
      return copy;
    };
    // The pages are copies already, all of them in the room, which comes back when they are stored.
    moved.push(changes.room.buffer as ArrayBuffer);
    return { ...changes, records: changes.records.map(({ type, parts }) => ({ type, parts: parts.map(own) })) };
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

function openImage(path: string): Uint8Array | AsyncIterable<Uint8Array> {
  if (statSync(path).size <= READ_AT_ONCE_BYTES) return readFileSync(path);
  return createReadStream(path, { highWaterMark: STREAM_PIECE_BYTES });
}

/** An image that only the other thread can read. */
async function* imageOfOwner(): AsyncGenerator<Uint8Array> {
  for (;;) {
    const piece = await owner.call('nextImagePiece');
    if (piece === undefined) return;
    yield piece;
  }
}
