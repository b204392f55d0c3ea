// The header checksums of all records so far, for the END record.

import type { StripeKernel } from './image-ports.ts';
import { checksum } from './stripes.ts';

export class RecordChain {
  #sums: Uint8Array = new Uint8Array(1024);
  #count = 0;

  get recordCount(): number {
    return this.#count;
  }

  /** Takes one encoded record header. */
  add(header: Uint8Array): void {
    if ((this.#count + 1) * 8 > this.#sums.length) {
      const grown = new Uint8Array(this.#sums.length * 2);
      grown.set(this.#sums);
      this.#sums = grown;
    }
    this.#sums.set(header.subarray(header.length - 8), this.#count * 8);
    this.#count++;
  }

  checksum(stripes: StripeKernel): bigint {
    return checksum(stripes, [this.#sums.subarray(0, this.#count * 8)]);
  }
}
