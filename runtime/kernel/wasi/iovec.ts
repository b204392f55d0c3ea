// Vectors of buffers in guest memory (readv, writev). One list is loaded and checked as a whole before data moves. A vector
// with one buffer goes straight from or to guest memory; a small one with several through a scratch buffer, so that the
// file sees a single read or write; a large one buffer by buffer.

import { Errno } from '../../../abi/errno.ts';
import { IOVEC } from '../../../abi/wasi-preview1.ts';
import { checkRange } from '../guest-access.ts';
import type { GuestMemory } from '../guest-memory.ts';
import type { OpenFile } from '../open-file.ts';
import { fail, SysError } from '../sys-error.ts';

/** Linux MAX_RW_COUNT: what one read or write moves at most. */
const TRANSFER_MAX = 0x7fff_f000;
/** Buffers looked at in one call, Linux UIO_MAXIOV; the rest is a short count. */
const IOVEC_MAX = 1024;
const SCRATCH_SIZE = 65_536;

/** Offset argument of transfers that use and move the file's own offset. */
export const AT_FILE_OFFSET = -1n;

export class IovecList {
  /** Buffers that are not empty. */
  private count = 0;
  private readonly addrs: number[] = [];
  private readonly sizes: number[] = [];
  total = 0;
  private scratch: Uint8Array | undefined;

  /** Loads the vector at `addr`; EFAULT if it or one of its buffers lies outside of memory. */
  load(memory: GuestMemory, addr: number, length: number): void {
    const vectorCount = length >>> 0;
    const start = checkRange(memory, addr, vectorCount * IOVEC.size);
    const { view } = memory;
    const limit = memory.bytes.length;
    this.count = 0;
    this.total = 0;
    const end = start + Math.min(vectorCount, IOVEC_MAX) * IOVEC.size;
    for (let at = start; at < end; at += IOVEC.size) {
      const buffer = view.getUint32(at, true);
      let size = view.getUint32(at + IOVEC.len, true);
      if (buffer + size > limit) fail(Errno.EFAULT);
      if (this.total + size > TRANSFER_MAX) size = TRANSFER_MAX - this.total;
      if (size === 0) continue;
      this.addrs[this.count] = buffer;
      this.sizes[this.count++] = size;
      this.total += size;
    }
  }

  /** Reads into the vector: bytes, or WOULD_BLOCK if there are none yet. */
  readFrom(memory: GuestMemory, file: OpenFile, offset: bigint): number {
    if (this.total === 0) return 0;
    if (this.count === 1) {
      memory.marks?.add(this.addrs[0]!, this.sizes[0]!);
      const target = memory.bytes.subarray(this.addrs[0]!, this.addrs[0]! + this.sizes[0]!);
      return offset === AT_FILE_OFFSET ? file.read(target) : file.readAt(target, offset);
    }
    if (this.total <= SCRATCH_SIZE) {
      const scratch = (this.scratch ??= new Uint8Array(SCRATCH_SIZE)).subarray(0, this.total);
      const done = offset === AT_FILE_OFFSET ? file.read(scratch) : file.readAt(scratch, offset);
      if (done > 0) this.scatter(memory, scratch, done);
      return done;
    }
    return this.transfer(memory, file, offset, 0, false);
  }

  /** Writes the vector without its first `skip` bytes: bytes, or WOULD_BLOCK or BROKEN_PIPE if none could be. */
  writeTo(memory: GuestMemory, file: OpenFile, offset: bigint, skip: number): number {
    if (this.total <= skip) return 0;
    if (this.count === 1) {
      const source = memory.bytes.subarray(this.addrs[0]! + skip, this.addrs[0]! + this.sizes[0]!);
      return offset === AT_FILE_OFFSET ? file.write(source) : file.writeAt(source, offset);
    }
    if (this.total <= SCRATCH_SIZE) {
      const source = this.gather(memory).subarray(skip);
      return offset === AT_FILE_OFFSET ? file.write(source) : file.writeAt(source, offset);
    }
    return this.transfer(memory, file, offset, skip, true);
  }

  private gather(memory: GuestMemory): Uint8Array {
    const scratch = (this.scratch ??= new Uint8Array(SCRATCH_SIZE)).subarray(0, this.total);
    let at = 0;
    for (let i = 0; i < this.count; i++) {
      const addr = this.addrs[i]!;
      scratch.set(memory.bytes.subarray(addr, addr + this.sizes[i]!), at);
      at += this.sizes[i]!;
    }
    return scratch;
  }

  private scatter(memory: GuestMemory, source: Uint8Array, size: number): void {
    let at = 0;
    for (let i = 0; at < size; i++) {
      const part = source.subarray(at, Math.min(at + this.sizes[i]!, size));
      memory.bytes.set(part, this.addrs[i]!);
      memory.marks?.add(this.addrs[i]!, part.length);
      at += part.length;
    }
  }

  /** Buffer by buffer until one is not moved whole. An error after the first byte is a short count, as POSIX has it. */
  private transfer(memory: GuestMemory, file: OpenFile, offset: bigint, skip: number, isWrite: boolean): number {
    let done = 0;
    for (let i = 0; i < this.count; i++) {
      const size = this.sizes[i]!;
      if (skip >= size) {
        skip -= size;
        continue;
      }
      const part = memory.bytes.subarray(this.addrs[i]! + skip, this.addrs[i]! + size);
      if (!isWrite) memory.marks?.add(this.addrs[i]!, size);
      skip = 0;
      let moved: number;
      try {
        if (offset === AT_FILE_OFFSET) moved = isWrite ? file.write(part) : file.read(part);
        else moved = isWrite ? file.writeAt(part, offset + BigInt(done)) : file.readAt(part, offset + BigInt(done));
      } catch (error) {
        if (error instanceof SysError && done > 0) return done;
        throw error;
      }
      // WOULD_BLOCK, BROKEN_PIPE.
      if (moved < 0) return done > 0 ? done : moved;
      done += moved;
      if (moved < part.length) break;
    }
    return done;
  }
}
