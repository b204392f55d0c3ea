// A file or directory that the guest has open: a handle of a files port (the host's, or that of a file system in memory), shared by
// the open file descriptions that came from the same opening, and the name under which a resumed machine finds it again.
//
// Invariants:
// - the handle is closed when `refs` reaches 0;
// - `path` is relative to the grant's root, free of links, '.' and '..' (the root itself is ''), and follows renames made
//   through this kernel; null once the name was unlinked.

import type { FateTable } from '../fate.ts';
import type { FilesPort, Grant, HostHandle, HostStat } from '../ports.ts';
import { resultOf, succeed } from '../sys-error.ts';

export class HostNode {
  static readonly fates: FateTable = {
    files: 'host',
    handle: 'host',
    // Grants come from the command line of the resuming process; the guest path says which.
    grant: 'saved',
    path: 'saved',
    type: 'saved',
    refs: 'derived',
  };

  /** Host: not part of the image. */
  readonly files: FilesPort;
  /** Host: not part of the image. */
  readonly handle: HostHandle;
  readonly grant: Grant;
  path: string | null;
  readonly type: number;
  /** Derived: how many open file descriptions use the handle. */
  refs: number;

  constructor(files: FilesPort, handle: HostHandle, grant: Grant, path: string | null, type: number) {
    this.files = files;
    this.handle = handle;
    this.grant = grant;
    this.path = path;
    this.type = type;
    this.refs = 0;
  }

  stat(): HostStat {
    return resultOf(this.files.stat(this.handle));
  }

  setTimes(atimeNs: bigint | undefined, mtimeNs: bigint | undefined): void {
    succeed(this.files.setTimes(this.handle, atimeNs, mtimeNs));
  }

  sync(dataOnly: boolean): void {
    succeed(this.files.sync(this.handle, dataOnly));
  }
}
