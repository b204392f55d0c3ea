// Joins small writes. A system call for one byte costs more than node:wasi's whole fd_write, so of bytes written one
// after the other to a file, those that stay in the disk sector of the byte written before them are held
// back and written together:
//
//   write at 0: through · 1, 2, … 511: held · 512: one write of 1..511, and 512 through · 513: held · …
//
// What keeps this invisible:
// - A byte is held only in a sector that was just written to, whose space exists: no disk full, quota or size limit can
//   strike later. What still can (a failing disk) also strikes late without us: the next call on the file gets it.
// - Everything else that NodeFiles is asked for writes the held bytes first, so the guest never sees a difference.
// - They are written at the guest's next poll (a millisecond or so), before it writes to stdout or stderr, before the
//   event loop turns, and when the process exits. A kill -9 of wvm can lose up to 511 bytes that the guest wrote in the
//   last millisecond. Appending and synchronous writes are never held.

import * as fs from 'node:fs';
import { errnoOf } from '../files/host-errno.ts';

/** The smallest unit in which disks, and so file systems, give out space. */
const sectorBytes = 512;

/** Tails that hold bytes now, for the exit of the process. */
const holding: Set<WriteTail> = new Set();
process.on('exit', () => {
  for (const tail of holding) tail.flush();
});

export class WriteTail {
  readonly #bytes: Uint8Array = new Uint8Array(sectorBytes);
  /** The descriptor last written to, -1: none. */
  #fd = -1;
  /** Offset of the first byte held. */
  #start = 0;
  /** Offset after the last byte held or written. */
  #end = 0;
  /** Where the sector of the last byte written ends. */
  #sectorEnd = 0;
  /** Negative errnos of held bytes that could not be written, by descriptor. */
  readonly #failures: Map<number, number> = new Map();

  /** Writes or holds `source`, which is not empty; the count taken. Throws system errors. */
  write(fd: number, source: Uint8Array, offset: number): number {
    const length = source.length;
    if (fd === this.#fd && offset === this.#end && offset + length <= this.#sectorEnd) {
      if (this.#start === offset) this.#hold();
      if (length === 1) this.#bytes[offset - this.#start] = source[0]!;
      else this.#bytes.set(source, offset - this.#start);
      this.#end = offset + length;
      return length;
    }
    this.flush();
    const count = fs.writeSync(fd, source, 0, length, offset);
    this.#fd = fd;
    this.#start = this.#end = offset + count;
    this.#sectorEnd = Math.ceil(this.#end / sectorBytes) * sectorBytes;
    return count;
  }

  /** Writes what is held. Afterwards nothing is held until the next write went through. */
  flush(): void {
    const fd = this.#fd;
    this.#fd = -1;
    if (this.#start === this.#end) return;
    holding.delete(this);
    try {
      while (this.#start < this.#end) {
        const count = fs.writeSync(fd, this.#bytes, 0, this.#end - this.#start, this.#start);
        this.#bytes.copyWithin(0, count);
        this.#start += count;
      }
    } catch (error) {
      this.#start = this.#end;
      this.#failures.set(fd, errnoOf(error));
    }
  }

  /** The negative errno of held bytes of `fd` that were lost, once; else 0. */
  takeFailure(fd: number): number {
    if (this.#failures.size === 0) return 0;
    const errno = this.#failures.get(fd) ?? 0;
    this.#failures.delete(fd);
    return errno;
  }

  #hold(): void {
    holding.add(this);
    // Runs when the guest's slice has unwound, before the event loop goes on.
    queueMicrotask(() => this.flush());
  }
}
