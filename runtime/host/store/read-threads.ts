// Other threads that read parts of files and hash them, into memory that they share with this one: reading 64 MiB takes a third as
// long as hashing them, so who only hashes elsewhere waits for its own reads.
//
// The threads start when they are first wanted, and stay for the next time; they keep no process alive.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { ChunkId } from '../../snapshot/store/chunk-id.ts';
import { MAX_BLOCK_BYTES } from '../../snapshot/store/pack-layout.ts';
import type { AsideBytes, AsideReader } from '../../snapshot/store/ports.ts';

/** With more than these the thread that puts pages into place is what the others wait for. */
const MAX_THREADS = 3;
/** Rooms that are kept: memory that was touched before takes bytes several times faster. */
const KEPT_ROOMS = 24;

/** Text, so that a bundle needs no file for so little. */
const program = `
const { hash } = require('node:crypto');
const { readSync } = require('node:fs');
const { parentPort } = require('node:worker_threads');
parentPort.on('message', ({ job, descriptor, offset, into, pages }) => {
  try {
    let sizeBytes = 0;
    while (sizeBytes < into.length) {
      const count = readSync(descriptor, into, sizeBytes, into.length - sizeBytes, offset + sizeBytes);
      if (count === 0) break;
      sizeBytes += count;
    }
    const pieces = pages?.map((at) => into.subarray(at, at + 4096)) ?? [into];
    const digests = sizeBytes < into.length ? [] : pieces.map((piece) => hash('sha256', piece, 'latin1'));
    parentPort.postMessage({ job, sizeBytes, digests });
  } catch (error) {
    parentPort.postMessage({ job, error, code: error.code });
  }
});
`;

interface Answer {
  readonly job: number;
  readonly sizeBytes: number;
  readonly digests: readonly ChunkId[];
  readonly error?: Error;
  /** Of the error: copies of errors lose it. */
  readonly code?: string;
}

interface Job {
  resolve(read: AsideBytes): void;
  reject(error: Error): void;
}

class ReadThreads implements AsideReader {
  readonly #workers: Worker[];
  readonly #waiting: Map<number, Job> = new Map();
  readonly #rooms: Uint8Array[] = [];
  #jobs = 0;

  constructor(count: number) {
    this.#workers = Array.from({ length: count }, () => this.#start());
  }

  takeRoom(): Uint8Array {
    return this.#rooms.pop() ?? new Uint8Array(new SharedArrayBuffer(MAX_BLOCK_BYTES));
  }

  giveRoom(room: Uint8Array): void {
    if (this.#rooms.length < KEPT_ROOMS) this.#rooms.push(room);
  }

  read(descriptor: number, offset: number, into: Uint8Array, pages?: readonly number[]): Promise<AsideBytes> {
    const job = this.#jobs++;
    const { promise, resolve, reject } = Promise.withResolvers<AsideBytes>();
    this.#waiting.set(job, { resolve, reject });
    const worker = this.#workers[job % this.#workers.length]!;
    // While somebody waits for an answer, the process does not end.
    if (this.#waiting.size === 1) for (const each of this.#workers) each.ref();
    worker.postMessage({ job, descriptor, offset, into, pages });
    return promise;
  }

  #start(): Worker {
    const worker = new Worker(program, { eval: true });
    worker.unref();
    worker.on('message', (answer: Answer) => this.#take(answer));
    worker.on('error', (error: Error) => {
      shared = undefined;
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
    return worker;
  }

  #take({ job, sizeBytes, digests, error, code }: Answer): void {
    const { resolve, reject } = this.#waiting.get(job)!;
    this.#waiting.delete(job);
    if (error === undefined) resolve({ sizeBytes, digests });
    else reject(Object.assign(error, { code }));
    if (this.#waiting.size === 0) for (const each of this.#workers) each.unref();
  }
}

let shared: ReadThreads | undefined;

/** Undefined where there is one processor only. */
export function readThreads(): AsideReader | undefined {
  const count = Math.min(MAX_THREADS, availableParallelism() - 1);
  if (count === 0) return undefined;
  shared ??= new ReadThreads(count);
  return shared;
}
