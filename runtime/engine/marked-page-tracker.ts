// Finds what has changed in a memory whose writers mark the pages that they write: the third strategy beside those of
// page-diff.ts. The hashes of marked pages are compared, and those of no others: what it takes follows the writes, not the
// memory, and the result is the same.
//
// Invariant: everything that writes into the memory marks it, the guest's own stores and the host. To be sure of it, `checks`
// compares the whole memory at every capture as well.

import { BugError } from '../base/assert.ts';
import { type ChangedPages, HashPageTracker } from './page-diff.ts';
import type { MemoryMarks } from './page-marks.ts';

export class MarkedPageTracker extends HashPageTracker {
  readonly #marks: MemoryMarks;
  readonly #checks: boolean;
  /** Whatever was written before the first capture, hashes are made of all. */
  #hasHashes = false;

  /** `keys`: as for HashPageTracker. `checks`: for tests. Throws BugError then if a page has changed and bears no mark. */
  constructor(memory: object, keys: Uint8Array, marks: MemoryMarks, checks = false) {
    super(memory, keys);
    this.#marks = marks;
    this.#checks = checks;
  }

  override find(): ChangedPages {
    const runs = this.#marks.take(this.pageCount);
    if (!this.#hasHashes) {
      this.#hasHashes = true;
      return super.find();
    }
    const found = super.find(runs);
    if (this.#checks) checkComplete(found, super.find());
    return found;
  }
}

function checkComplete(found: ChangedPages, all: ChangedPages): void {
  for (const kind of ['changed', 'zeroed'] as const) {
    if (String(found[kind]) === String(all[kind])) continue;
    throw new BugError(`a page was written without a mark: ${kind} ${all[kind].join()}, marked ${found[kind].join()}`);
  }
}
