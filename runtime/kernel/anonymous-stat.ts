// Attributes of a file that lives in no directory: a pipe, a socket, an eventfd, an epoll set.

import type { HostStat } from './ports.ts';

/** `ino`: the kernel's own number (Kernel.allocateInode). Their device is 0, as that of the standard streams is. */
export function anonymousStat(ino: number, filetype: number): HostStat {
  return {
    dev: 0n,
    ino: BigInt(ino),
    type: filetype,
    nlink: 1n,
    size: 0n,
    atimeNs: 0n,
    mtimeNs: 0n,
    ctimeNs: 0n,
  };
}
