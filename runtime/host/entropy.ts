// Random bytes from the host, fetched in batches so that small requests are cheap (a batch costs about as much as a
// single byte). The batch lives in this object only: no image contains it, so two resumed copies never
// draw the same bytes. Bytes handed out are wiped.

import type { EntropyPort } from '../kernel/ports.ts';

const batchBytes = 4096;

export class HostEntropy implements EntropyPort {
  readonly #batch: Uint8Array<ArrayBuffer> = new Uint8Array(batchBytes);
  /** Where the unused bytes of the batch begin. */
  #offset: number = batchBytes;

  fill(target: Uint8Array): void {
    let done = 0;
    while (done < target.length) {
      if (this.#offset === batchBytes) {
        crypto.getRandomValues(this.#batch);
        this.#offset = 0;
      }
      const count = Math.min(target.length - done, batchBytes - this.#offset);
      // Copied, not filled in place: the guest's memory may be shared, which getRandomValues refuses.
      target.set(this.#batch.subarray(this.#offset, this.#offset + count), done);
      this.#batch.fill(0, this.#offset, this.#offset + count);
      this.#offset += count;
      done += count;
    }
  }
}
