// Stopping and resuming a guest through the API, as the figures of stop-time, resume-time, image-size and tiny need it.

import { Machine, type SnapshotResult } from '../runtime/index.ts';

/** Long enough for a guest to fill its memory and be tiered up. */
const SETTLE_MS = 150;

export interface Stopped {
  readonly image: Uint8Array;
  /** How long the guest stood still, as the machine measured it. */
  readonly stopMs: number;
  /** From the call of snapshot() to its result: the image in memory, complete. */
  readonly wallMs: number;
  readonly sizeBytes: number;
}

/** Starts `module`, lets it settle once it gives a sign of life, and stops it into an image. */
export async function stopInMidRun(module: Uint8Array): Promise<Stopped> {
  const alive = signOfLife();
  const machine = await Machine.load(module, { stdin: 'null', stdout: alive.stdout, cacheDirectory: null });
  const end = machine.run();
  await alive.seen;
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const startMs = performance.now();
  const result: SnapshotResult = await machine.snapshot({ stop: true });
  const wallMs = performance.now() - startMs;
  const exit = await end;
  if (exit.kind !== 'stopped') throw new Error(`the guest ended with ${JSON.stringify(exit)} before it was stopped`);
  const image = new Uint8Array(Buffer.concat(result.chunks));
  machine.kill();
  return { image, stopMs: Number(result.stopNs) / 1e6, wallMs, sizeBytes: result.sizeBytes };
}

/** Milliseconds that the guest stands still for a snapshot after which it goes on: nothing runs on its thread meanwhile. */
export async function leaveRunningMs(module: Uint8Array): Promise<number> {
  const alive = signOfLife();
  const machine = await Machine.load(module, { stdin: 'null', stdout: alive.stdout, cacheDirectory: null });
  const end = machine.run();
  await alive.seen;
  const { stopNs } = await machine.snapshot();
  machine.kill();
  await end;
  return Number(stopNs) / 1e6;
}

/** Milliseconds from the call of resume() to the guest's first sign of life, which follows its first instruction at once. */
export async function resumeMs(image: Uint8Array): Promise<number> {
  const alive = signOfLife();
  const startMs = performance.now();
  const machine = await Machine.resume(image, { stdin: 'null', stdout: alive.stdout, cacheDirectory: null });
  const end = machine.run();
  const aliveMs = await alive.seen;
  machine.kill();
  await end;
  return aliveMs - startMs;
}

/** A stdout that notes when its first byte came (performance.now()). */
function signOfLife(): { stdout: (chunk: Uint8Array) => void; seen: Promise<number> } {
  const { promise, resolve } = Promise.withResolvers<number>();
  return { stdout: () => resolve(performance.now()), seen: promise };
}
