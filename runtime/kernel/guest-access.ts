// Reading and writing guest memory on behalf of a system call. Every range is checked before the first mutation of a
// call, so a call that answers EFAULT has done nothing; what is checked counts as written (GuestMemory.marks). Addresses arrive
// as wasm i32 and are made unsigned here.

import { Errno } from '../../abi/errno.ts';
import type { GuestMemory } from './guest-memory.ts';
import { fail } from './sys-error.ts';
import { decodeUtf8 } from './utf8.ts';

/** Linux PATH_MAX, with the terminating NUL that guests of WASI do not pass. */
const PATH_MAX = 4096;

/** The unsigned address of a range of `sizeBytes` that lies in memory; EFAULT if it does not. */
export function checkRange(memory: GuestMemory, addr: number, sizeBytes: number): number {
  const start = addr >>> 0;
  if (start + sizeBytes > memory.bytes.length) fail(Errno.EFAULT);
  memory.marks?.add(start, sizeBytes);
  return start;
}

/** A path or other name. EFAULT, ENAMETOOLONG, EILSEQ (not UTF-8), EINVAL (holds NUL). */
export function loadPath(memory: GuestMemory, addr: number, length: number): string {
  const size = length >>> 0;
  const start = checkRange(memory, addr, size);
  if (size >= PATH_MAX) fail(Errno.ENAMETOOLONG);
  const path = decodeUtf8(memory.bytes, start, start + size);
  if (path === undefined) fail(Errno.EILSEQ);
  if (path.includes('\0')) fail(Errno.EINVAL);
  return path;
}

export function storeU32(memory: GuestMemory, addr: number, value: number): void {
  memory.view.setUint32(addr, value, true);
  memory.marks?.add(addr, 4);
}

export function storeU64(memory: GuestMemory, addr: number, value: bigint): void {
  memory.view.setBigUint64(addr, value, true);
  memory.marks?.add(addr, 8);
}
