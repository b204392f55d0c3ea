// fd_readdir: entries of a directory, as many as fit; the last one is cut off where the buffer ends, so that a full buffer
// says "there is more". Cookie n: the entry at position n of the listing (directory-file.ts).

import { Errno } from '../../../abi/errno.ts';
import { DIRENT, Rights } from '../../../abi/wasi-preview1.ts';
import type { SystemCallResult } from '../blocked.ts';
import { DirectoryFile } from '../directory-file.ts';
import { wasiFiletype } from '../filetype.ts';
import { checkRange, storeU32 } from '../guest-access.ts';
import type { DirEntryState } from '../open-file-state.ts';
import { fail } from '../sys-error.ts';
import { encodeUtf8 } from '../utf8.ts';
import type { WasiContext } from './context.ts';

const header = new Uint8Array(DIRENT.size);
const headerView = new DataView(header.buffer);

/** Result: bytes used at `result`. Errors: EBADF, ENOTDIR, ENOTCAPABLE, EFAULT. See: getdents(2). */
export function fd_readdir(
  context: WasiContext,
  fd: number,
  buffer: number,
  size: number,
  cookie: bigint,
  result: number,
): SystemCallResult {
  const entry = context.process.fds.get(fd);
  const { file } = entry;
  if (!(file instanceof DirectoryFile)) fail(Errno.ENOTDIR);
  if ((entry.rights & Rights.FD_READDIR) === 0) fail(Errno.ENOTCAPABLE);
  const { memory } = context.process;
  const start = checkRange(memory, buffer, size >>> 0);
  const resultAddr = checkRange(memory, result, 4);
  const end = start + (size >>> 0);
  const position = BigInt.asUintN(64, cookie);
  const listing = file.list(position);
  let at = start;
  for (let index = Number(position); index < listing.length && at < end; index++) {
    const dirEntry = listing[index]!;
    const name = encodeUtf8(dirEntry.name);
    fillHeader(dirEntry, name.length, index + 1);
    at = copyPart(memory.bytes, at, end, header);
    at = copyPart(memory.bytes, at, end, name);
  }
  storeU32(memory, resultAddr, at - start);
  return Errno.ESUCCESS;
}

function fillHeader(entry: DirEntryState, nameLength: number, next: number): void {
  headerView.setBigUint64(DIRENT.next, BigInt(next), true);
  headerView.setBigUint64(DIRENT.ino, entry.ino, true);
  headerView.setUint32(DIRENT.nameLen, nameLength, true);
  headerView.setUint32(DIRENT.type, wasiFiletype(entry.type), true);
}

/** Copies what fits before `end`; the new position. */
function copyPart(target: Uint8Array, at: number, end: number, source: Uint8Array): number {
  const size = Math.min(source.length, end - at);
  target.set(size === source.length ? source : source.subarray(0, size), at);
  return at + size;
}
