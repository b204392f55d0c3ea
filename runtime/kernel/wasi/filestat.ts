// Attributes of files between kernel and guest memory: the filestat struct, and the times of *_filestat_set_times.

import { Errno } from '../../../abi/errno.ts';
import {
  FSTFLAGS_ALL,
  FSTFLAGS_ATIM,
  FSTFLAGS_ATIM_NOW,
  FSTFLAGS_MTIM,
  FSTFLAGS_MTIM_NOW,
} from '../../../abi/wasi-preview1.ts';
import { wasiFiletype } from '../filetype.ts';
import { storeU32, storeU64 } from '../guest-access.ts';
import type { HostStat } from '../ports.ts';
import { fail } from '../sys-error.ts';
import type { WasiContext } from './context.ts';

/** Stores a filestat at a checked address. */
export function storeFilestat(context: WasiContext, addr: number, stat: HostStat): void {
  const { memory } = context.process;
  const layout = context.filestat;
  memory.bytes.fill(0, addr, addr + layout.size);
  storeU64(memory, addr + layout.dev, stat.dev);
  storeU64(memory, addr + layout.ino, stat.ino);
  memory.bytes[addr + layout.filetype] = wasiFiletype(stat.type);
  if (layout.nlinkSize === 8) storeU64(memory, addr + layout.nlink, stat.nlink);
  else storeU32(memory, addr + layout.nlink, Number(stat.nlink));
  storeU64(memory, addr + layout.bytes, stat.size);
  storeU64(memory, addr + layout.atim, stat.atimeNs);
  storeU64(memory, addr + layout.mtim, stat.mtimeNs);
  storeU64(memory, addr + layout.ctim, stat.ctimeNs);
}

export interface Times {
  /** Undefined: stays as it is. */
  readonly atimeNs: bigint | undefined;
  readonly mtimeNs: bigint | undefined;
}

/** "Now" is the machine's real time, so it is virtual with a seed. EINVAL for unknown flags or both forms of one time. */
export function decodeTimes(context: WasiContext, atime: bigint, mtime: bigint, flags: number): Times {
  if ((flags & ~FSTFLAGS_ALL) !== 0) fail(Errno.EINVAL);
  if ((flags & FSTFLAGS_ATIM) !== 0 && (flags & FSTFLAGS_ATIM_NOW) !== 0) fail(Errno.EINVAL);
  if ((flags & FSTFLAGS_MTIM) !== 0 && (flags & FSTFLAGS_MTIM_NOW) !== 0) fail(Errno.EINVAL);
  const now = context.kernel.clock.realtimeNs();
  return {
    atimeNs: chooseTime(flags & FSTFLAGS_ATIM, atime, flags & FSTFLAGS_ATIM_NOW, now),
    mtimeNs: chooseTime(flags & FSTFLAGS_MTIM, mtime, flags & FSTFLAGS_MTIM_NOW, now),
  };
}

function chooseTime(isGiven: number, given: bigint, isNow: number, now: bigint): bigint | undefined {
  if (isGiven !== 0) return BigInt.asIntN(64, given);
  return isNow !== 0 ? now : undefined;
}
