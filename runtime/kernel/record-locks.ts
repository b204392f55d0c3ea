// Record locks of one inode: ranges of bytes, each held by a process.
//
// Invariants: ranges of one process do not overlap, and neighbours of the same kind are one; ranges of different processes
// overlap only if both are shared. Kept in the order of their first byte, then of their process, so that equal states are equal.

import type { FateTable } from './fate.ts';
import type { ByteRange, RecordLock } from './file-locks.ts';

export class RecordLocks {
  static readonly fates: FateTable = { locks: 'saved' };

  locks: RecordLock[] = [];

  /** The first lock of another process that `wanted` cannot be held with. */
  conflict(wanted: RecordLock): RecordLock | undefined {
    return this.locks.find((lock) => isAgainst(lock, wanted));
  }

  /** Processes whose locks `wanted` cannot be held with. */
  holdersAgainst(wanted: RecordLock): Set<number> {
    return new Set(this.locks.filter((lock) => isAgainst(lock, wanted)).map(({ pid }) => pid));
  }

  /** Whether `lock` breaks the invariants with what is there. */
  overlaps(lock: RecordLock): boolean {
    return this.locks.some((other) => doOverlap(other, lock) && (other.pid === lock.pid || isAgainst(other, lock)));
  }

  /** Takes `wanted`, in place of what its process held there; whether that was something. */
  place(wanted: RecordLock): boolean {
    const isChanged = this.clear(wanted, wanted.pid);
    let { first, last } = wanted;
    this.locks = this.locks.filter((lock) => {
      if (lock.pid !== wanted.pid || lock.isExclusive !== wanted.isExclusive) return true;
      if (lock.last + 1n === first) first = lock.first;
      else if (last + 1n === lock.first) last = lock.last;
      else return true;
      return false;
    });
    this.locks.push({ ...wanted, first, last });
    this.#sort();
    return isChanged;
  }

  /** The process holds nothing in `range` any more; whether it did. */
  clear(range: ByteRange, pid: number): boolean {
    let isChanged = false;
    this.locks = this.locks.flatMap((lock) => {
      if (lock.pid !== pid || !doOverlap(lock, range)) return [lock];
      isChanged = true;
      const left: RecordLock[] = [];
      if (lock.first < range.first) left.push({ ...lock, last: range.first - 1n });
      if (lock.last > range.last) left.push({ ...lock, first: range.last + 1n });
      return left;
    });
    if (isChanged) this.#sort();
    return isChanged;
  }

  #sort(): void {
    this.locks.sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : a.pid - b.pid));
  }
}

function doOverlap(a: ByteRange, b: ByteRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}

function isAgainst(lock: RecordLock, wanted: RecordLock): boolean {
  return lock.pid !== wanted.pid && (lock.isExclusive || wanted.isExclusive) && doOverlap(lock, wanted);
}
