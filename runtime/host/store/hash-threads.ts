// SHA-256 on other threads, of bytes in memory that they share with this one. WebCrypto would do it too, but copies the bytes into
// fresh memory first, which takes as long as hashing them.
//
// The threads start when they are first wanted, and stay for the next time; they keep no process alive.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type ChunkId, chunkIdAt } from '../../snapshot/store/chunk-id.ts';
import type { AsideDigest } from '../../snapshot/store/ports.ts';

/** With more than two this one, which reads and copies, is what the others wait for. */
const MAX_THREADS = 2;

/** Text, so that a bundle needs no file for so little. */
const program = `
const { hash } = require('node:crypto');
const { parentPort } = require('node:worker_threads');
parentPort.on('message', ({ job, bytes }) => parentPort.postMessage({ job, digest: hash('sha256', bytes, 'buffer') }));
`;

class HashThreads implements AsideDigest {
  readonly #workers: Worker[];
  readonly #waiting: Map<number, { resolve: (id: ChunkId) => void; reject: (error: Error) => void }> = new Map();
  #jobs = 0;

  constructor(count: number) {
    this.#workers = Array.from({ length: count }, () => this.#start());
  }

  makeRoom(sizeBytes: number): Uint8Array {
    return new Uint8Array(new SharedArrayBuffer(sizeBytes));
  }

  digest(bytes: Uint8Array): Promise<ChunkId> {
    const job = this.#jobs++;
    const { promise, resolve, reject } = Promise.withResolvers<ChunkId>();
    this.#waiting.set(job, { resolve, reject });
    const worker = this.#workers[job % this.#workers.length]!;
    // While somebody waits for an answer, the process does not end.
    if (this.#waiting.size === 1) for (const each of this.#workers) each.ref();
    worker.postMessage({ job, bytes });
    return promise;
  }

  #start(): Worker {
    const worker = new Worker(program, { eval: true });
    worker.unref();
    worker.on('message', ({ job, digest }: { job: number; digest: Uint8Array }) => {
      this.#waiting.get(job)?.resolve(chunkIdAt(digest, 0));
      this.#waiting.delete(job);
      if (this.#waiting.size === 0) for (const each of this.#workers) each.unref();
    });
    worker.on('error', (error: Error) => {
      shared = undefined;
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
    return worker;
  }
}

let shared: HashThreads | undefined;

/** Undefined where there is one processor only. */
export function hashThreads(): AsideDigest | undefined {
  const count = Math.min(MAX_THREADS, availableParallelism() - 1);
  if (count === 0) return undefined;
  shared ??= new HashThreads(count);
  return shared;
}
