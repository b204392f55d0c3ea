// The directory of the host below an overlay. Only ever read: nothing here makes, changes or removes. Paths are names joined by
// '/', relative to that directory and free of links and dots; each is walked name by name, and no link is followed.

import type { FateTable } from '../fate.ts';
import {
  type FilesPort,
  type HostDirEntry,
  type HostHandle,
  HostOpen,
  type HostResult,
  type HostStat,
} from '../ports.ts';

export class LowerLayer {
  static readonly fates: FateTable = { files: 'host', root: 'host' };

  /** Host: not part of the image. */
  readonly files: FilesPort;
  /** Host: the granted directory, which stays open. */
  readonly root: HostHandle;

  constructor(files: FilesPort, root: HostHandle) {
    this.files = files;
    this.root = root;
  }

  /** Opens a directory, from `from` on if that is open as the directory `fromPath` above it. */
  openDirectory(path: string, from: HostHandle = this.root, fromPath = ''): HostResult {
    let handle = from;
    for (const name of namesBelow(path, fromPath)) {
      const next = this.files.openAt(handle, name, HostOpen.directory);
      if (handle !== from) this.files.close(handle);
      if (next < 0) return next;
      handle = next;
    }
    return handle;
  }

  /** Opens what is `name` in a directory, for reading. */
  open(directory: HostHandle, name: string): HostResult {
    // Nonblock: opening a host pipe must not stop the machine.
    return this.files.openAt(directory, name, HostOpen.read | HostOpen.nonblock);
  }

  statAt(directory: HostHandle, name: string): HostStat | HostResult {
    return this.files.statAt(directory, name);
  }

  list(directory: HostHandle): HostDirEntry[] | HostResult {
    return this.files.list(directory);
  }

  close(handle: HostHandle): void {
    if (handle !== this.root) this.files.close(handle);
  }
}

function namesBelow(path: string, above: string): string[] {
  const rest = above === '' ? path : path.slice(above.length + 1);
  return rest === '' ? [] : rest.split('/');
}

/** Of a path that is not ''. */
export function parentPath(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

export function lastName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function joinPath(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

/**
 * Inode number of what lies at a path of the lower layer: from the path alone, so it is the same on every host and needs no
 * record, and bit 62 keeps it apart from the numbers of files that were made in the overlay. Two of a million files have the
 * same number with a probability of 2^-22.
 */
export function lowerInode(path: string): bigint {
  let [low, high] = [0x2c1b3c6d, 0x297a2d39];
  for (let at = 0; at < path.length; at++) {
    const unit = path.charCodeAt(at);
    low = Math.imul(low ^ unit, 0x85ebca6b);
    low ^= low >>> 15;
    high = Math.imul(high ^ unit, 0xc2b2ae35);
    high ^= high >>> 13;
  }
  low = Math.imul(low ^ (high >>> 16), 0x7feb352d);
  high = Math.imul(high ^ (low >>> 15), 0x846ca68b);
  low ^= low >>> 16;
  high ^= high >>> 16;
  return (1n << 62n) | (BigInt(high & 0x3fff_ffff) << 32n) | BigInt(low >>> 0);
}
