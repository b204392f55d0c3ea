// State records of open file descriptions, and their checks. A host file is found again by its name below a grant and
// recognised by its identity; the grant itself comes from the command line of the resuming process.

import { FDFLAGS_ALL } from '../../abi/wasi-preview1.ts';
import { HostFileType } from './ports.ts';
import {
  badRecord,
  checkArray,
  checkBigint,
  checkBoolean,
  checkInteger,
  checkRecord,
  checkString,
  INT64_MAX,
  UINT64_MAX,
} from './validate.ts';

/** Directory listings, names in them and paths: what Linux's own limits allow, with room. */
const LISTING_MAX = 10_000_000;
const NAME_MAX = 255;
const PATH_MAX = 4096;
const DIGEST_MAX = 128;

export interface DirEntryState {
  readonly name: string;
  readonly ino: bigint;
  readonly type: number;
}

export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly sizeBytes: bigint;
  readonly mtimeNs: bigint;
  /** Digest of the contents, if the snapshot layer asked for one. */
  readonly digest: string | null;
}

export interface HostFileState {
  readonly kind: 'file' | 'directory';
  readonly flags: number;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  /** Index in KernelState.grants. */
  readonly grant: number;
  /** Relative to the grant's root, '' for the root. */
  readonly path: string;
  /** HostFileType. */
  readonly type: number;
  readonly offset: bigint;
  readonly identity: FileIdentity;
  /** A directory's listing as taken at the last rewind; null if none was. */
  readonly listing: readonly DirEntryState[] | null;
}

/** An open file or directory that has no name any more: its inode is in the image. */
export interface DetachedFileState {
  readonly kind: 'detached';
  readonly flags: number;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  /** Index in KernelState.detached. */
  readonly inode: number;
  readonly offset: bigint;
  readonly listing: readonly DirEntryState[] | null;
}

export interface StreamFileState {
  readonly kind: 'stream';
  readonly flags: number;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  /** Number of the host stream. */
  readonly stream: number;
}

export function checkOpenFileState(
  state: HostFileState | DetachedFileState | StreamFileState,
  grantCount: number,
  detachedCount: number,
  streamCount: number,
  where: string,
): void {
  checkRecord(state, where);
  checkInteger(state.flags, 0, FDFLAGS_ALL, `${where}.flags`);
  checkBoolean(state.canRead, `${where}.canRead`);
  checkBoolean(state.canWrite, `${where}.canWrite`);
  if (state.kind === 'stream') {
    checkInteger(state.stream, 0, streamCount - 1, `${where}.stream`);
    return;
  }
  if (state.kind === 'detached') {
    checkInteger(state.inode, 0, detachedCount - 1, `${where}.inode`);
    checkBigint(state.offset, 0n, INT64_MAX, `${where}.offset`);
    if (state.listing !== null) checkListing(state.listing, `${where}.listing`);
    return;
  }
  if (state.kind !== 'file' && state.kind !== 'directory') badRecord(`${where}.kind`, 'unknown kind');
  checkInteger(state.grant, 0, grantCount - 1, `${where}.grant`);
  checkGrantPath(state.path, `${where}.path`);
  checkInteger(state.type, 1, HostFileType.symbolicLink, `${where}.type`);
  if ((state.type === HostFileType.directory) !== (state.kind === 'directory')) {
    badRecord(`${where}.type`, `${state.type} does not fit kind ${state.kind}`);
  }
  if (state.kind === 'directory' && state.canWrite) badRecord(`${where}.canWrite`, 'a directory opened for writing');
  checkBigint(state.offset, 0n, INT64_MAX, `${where}.offset`);
  checkIdentity(state.identity, `${where}.identity`);
  if (state.listing === null) return;
  if (state.kind !== 'directory') badRecord(`${where}.listing`, 'not of a directory');
  checkListing(state.listing, `${where}.listing`);
}

/** Names only: what a walk without links leaves. So no record can lead outside of its grant. */
function checkGrantPath(path: string, where: string): void {
  checkString(path, PATH_MAX, where);
  if (path === '') return;
  for (const name of path.split('/')) {
    if (name === '' || name === '.' || name === '..' || name.includes('\0'))
      badRecord(where, 'not a plain relative path');
  }
}

function checkIdentity(identity: FileIdentity, where: string): void {
  checkRecord(identity, where);
  checkBigint(identity.dev, 0n, UINT64_MAX, `${where}.dev`);
  checkBigint(identity.ino, 0n, UINT64_MAX, `${where}.ino`);
  checkBigint(identity.sizeBytes, 0n, INT64_MAX, `${where}.sizeBytes`);
  checkBigint(identity.mtimeNs, -INT64_MAX, INT64_MAX, `${where}.mtimeNs`);
  if (identity.digest !== null) checkString(identity.digest, DIGEST_MAX, `${where}.digest`);
}

function checkListing(listing: readonly DirEntryState[], where: string): void {
  for (const entry of checkArray(listing, LISTING_MAX, where)) {
    checkRecord(entry, where);
    checkString(entry.name, NAME_MAX, `${where}.name`);
    checkBigint(entry.ino, 0n, UINT64_MAX, `${where}.ino`);
    checkInteger(entry.type, 0, HostFileType.fifo, `${where}.type`);
  }
}
