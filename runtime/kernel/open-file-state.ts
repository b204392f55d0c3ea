// State records of open file descriptions, and their checks. A host file is found again by its name below a grant and
// recognised by its identity; the grant itself comes from the command line of the resuming process. Files refer to what they
// share (grants, inodes, pipes) and an epoll set to the files in it by index; those come first.

import { FDFLAGS_ALL } from '../../abi/wasi-preview1.ts';
import type { OpenFileState } from './open-file.ts';
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
import { DEVICE_NAMES, type DeviceName } from './vfs/device-files.ts';
import { checkPlainPath, type FileSystemState, type InodeState } from './vfs/file-system-state.ts';
import { joinPath } from './vfs/lower-layer.ts';

/** Directory listings, names in them and paths: what Linux's own limits allow, with room. */
const LISTING_MAX = 10_000_000;
const NAME_MAX = 255;
const PATH_MAX = 4096;
const DIGEST_MAX = 128;
const UINT32_MAX: number = 2 ** 32 - 1;
/** EpollType has eight bits. */
const EPOLL_TYPE_ALL = 255;

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

/** An open file or directory of a file system in memory. */
export interface MemoryFileState {
  readonly kind: 'memory';
  readonly flags: number;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  /** Index in KernelState.fileSystems. */
  readonly fileSystem: number;
  /** Index in its inodes. */
  readonly inode: number;
  /** Relative to the root of the file system; null: the name under which it was opened is gone. */
  readonly path: string | null;
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

/** One end of a pipe: which one says the access mode. */
export interface PipeFileState {
  readonly kind: 'pipe';
  readonly flags: number;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  /** Index in KernelState.pipes. */
  readonly pipe: number;
}

/** One of a pair of sockets. */
export interface SocketFileState {
  readonly kind: 'socket';
  readonly flags: number;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  /** Indexes in KernelState.pipes. */
  readonly incoming: number;
  readonly outgoing: number;
  readonly isReadShut: boolean;
  readonly isWriteShut: boolean;
}

export interface EventFileState {
  readonly kind: 'event';
  readonly flags: number;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  readonly ino: number;
  readonly count: bigint;
  readonly isSemaphore: boolean;
}

/** One file of an epoll set. */
export interface EpollInterestState {
  /** The number under which it was added; it may stand for another file now. */
  readonly fd: number;
  /** Index in KernelState.openFiles, lower than that of the set. */
  readonly file: number;
  /** EpollType bits. */
  readonly events: number;
  /** What the guest gets back with an event. */
  readonly ptr: number;
  readonly dataFd: number;
  readonly data1: number;
  readonly data2: bigint;
  /** False after the event of a one-shot interest. */
  readonly isArmed: boolean;
  /** Edge-triggered: there are events that were not reported yet. */
  readonly hasReadEdge: boolean;
  readonly hasWriteEdge: boolean;
}

export interface EpollFileState {
  readonly kind: 'epoll';
  readonly flags: number;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  readonly ino: number;
  /** In the order in which they are looked at. */
  readonly interests: readonly EpollInterestState[];
}

/** The null device. */
export interface NullFileState {
  readonly kind: 'null';
  readonly flags: number;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  readonly ino: number;
}

/** A device of --dev. */
export interface DeviceFileState {
  readonly kind: 'device';
  readonly flags: number;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  readonly device: DeviceName;
}

/** A directory of --dev. */
export interface DeviceDirectoryState {
  readonly kind: 'device-directory';
  readonly flags: number;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  /** Below its root: '' or 'fd'. */
  readonly path: string;
  readonly listing: readonly DirEntryState[] | null;
}

/** How many there are of what files refer to. */
export interface FileTargets {
  readonly grantCount: number;
  readonly detachedCount: number;
  readonly fileSystems: readonly FileSystemState[];
  readonly hasDevices: boolean;
  readonly streamCount: number;
  readonly pipeCount: number;
  readonly lastInode: number;
  /** Index of the file itself: others that it refers to come before it. */
  readonly index: number;
}

export function checkOpenFileState(state: OpenFileState, targets: FileTargets, where: string): void {
  checkRecord(state, where);
  checkInteger(state.flags, 0, FDFLAGS_ALL, `${where}.flags`);
  checkBoolean(state.canRead, `${where}.canRead`);
  checkBoolean(state.canWrite, `${where}.canWrite`);
  switch (state.kind) {
    case 'stream':
      checkInteger(state.stream, 0, targets.streamCount - 1, `${where}.stream`);
      return;
    case 'detached':
      checkInteger(state.inode, 0, targets.detachedCount - 1, `${where}.inode`);
      checkBigint(state.offset, 0n, INT64_MAX, `${where}.offset`);
      if (state.listing !== null) checkListing(state.listing, `${where}.listing`);
      return;
    case 'memory':
      checkMemoryFile(state, targets.fileSystems, where);
      return;
    case 'pipe':
      checkInteger(state.pipe, 0, targets.pipeCount - 1, `${where}.pipe`);
      if (state.canRead === state.canWrite) badRecord(where, 'not one end of a pipe');
      return;
    case 'socket':
      checkTwoWay(state, where);
      checkInteger(state.incoming, 0, targets.pipeCount - 1, `${where}.incoming`);
      checkInteger(state.outgoing, 0, targets.pipeCount - 1, `${where}.outgoing`);
      if (state.incoming === state.outgoing) badRecord(where, 'connected to itself');
      checkBoolean(state.isReadShut, `${where}.isReadShut`);
      checkBoolean(state.isWriteShut, `${where}.isWriteShut`);
      return;
    case 'event':
      checkTwoWay(state, where);
      checkInteger(state.ino, 1, targets.lastInode, `${where}.ino`);
      checkBigint(state.count, 0n, UINT64_MAX - 1n, `${where}.count`);
      checkBoolean(state.isSemaphore, `${where}.isSemaphore`);
      return;
    case 'null':
      checkTwoWay(state, where);
      checkInteger(state.ino, 1, targets.lastInode, `${where}.ino`);
      return;
    case 'device':
      if (!targets.hasDevices) badRecord(where, 'there are no devices');
      if (!DEVICE_NAMES.includes(state.device)) badRecord(`${where}.device`, 'unknown device');
      return;
    case 'device-directory':
      if (!targets.hasDevices) badRecord(where, 'there are no devices');
      if (state.path !== '' && state.path !== 'fd') badRecord(`${where}.path`, 'no directory of devices');
      if (state.canWrite) badRecord(`${where}.canWrite`, 'a directory opened for writing');
      if (state.listing !== null) checkListing(state.listing, `${where}.listing`);
      return;
    case 'epoll':
      checkInteger(state.ino, 1, targets.lastInode, `${where}.ino`);
      if (!state.canRead || state.canWrite) badRecord(where, 'an epoll set is polled for reading');
      checkInterests(state.interests, targets.index, `${where}.interests`);
      return;
    case 'file':
    case 'directory':
      checkHostFile(state, targets.grantCount, where);
      return;
    default:
      badRecord(`${where}.kind`, 'unknown kind');
  }
}

function checkTwoWay(state: OpenFileState, where: string): void {
  if (!state.canRead || !state.canWrite) badRecord(where, 'not for reading and writing');
}

function checkInterests(interests: readonly EpollInterestState[], fileCount: number, where: string): void {
  const seen = new Set<string>();
  for (const [index, interest] of checkArray(interests, LISTING_MAX, where).entries()) {
    const place = `${where}[${index}]`;
    checkRecord(interest, place);
    checkInteger(interest.fd, 0, UINT32_MAX, `${place}.fd`);
    checkInteger(interest.file, 0, fileCount - 1, `${place}.file`);
    checkInteger(interest.events, 0, EPOLL_TYPE_ALL, `${place}.events`);
    checkInteger(interest.ptr, 0, UINT32_MAX, `${place}.ptr`);
    checkInteger(interest.dataFd, 0, UINT32_MAX, `${place}.dataFd`);
    checkInteger(interest.data1, 0, UINT32_MAX, `${place}.data1`);
    checkBigint(interest.data2, 0n, UINT64_MAX, `${place}.data2`);
    checkBoolean(interest.isArmed, `${place}.isArmed`);
    checkBoolean(interest.hasReadEdge, `${place}.hasReadEdge`);
    checkBoolean(interest.hasWriteEdge, `${place}.hasWriteEdge`);
    const key = `${interest.fd} ${interest.file}`;
    if (seen.has(key)) badRecord(place, `fd ${interest.fd} stands twice`);
    seen.add(key);
  }
}

function checkHostFile(state: HostFileState, grantCount: number, where: string): void {
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
  if (path !== '') checkPlainPath(path, PATH_MAX, where);
}

function checkMemoryFile(state: MemoryFileState, fileSystems: readonly FileSystemState[], where: string): void {
  checkInteger(state.fileSystem, 0, fileSystems.length - 1, `${where}.fileSystem`);
  const { inodes } = fileSystems[state.fileSystem]!;
  checkInteger(state.inode, 0, inodes.length - 1, `${where}.inode`);
  const { contents, type, isGone } = inodes[state.inode]!;
  const isDirectory = type === HostFileType.directory;
  if (contents.kind === 'link' || contents.kind === 'nothing') badRecord(`${where}.inode`, 'cannot be opened');
  if (state.canWrite && type !== HostFileType.regularFile) badRecord(`${where}.canWrite`, 'only files are written');
  checkBigint(state.offset, 0n, INT64_MAX, `${where}.offset`);
  if (state.path !== null) {
    checkGrantPath(state.path, `${where}.path`);
    if (isGone || !leadsTo(inodes, state.path, state.inode)) badRecord(`${where}.path`, 'does not lead to the inode');
  }
  if (state.listing === null) return;
  if (!isDirectory) badRecord(`${where}.listing`, 'not of a directory');
  checkListing(state.listing, `${where}.listing`);
}

/** Whether the inode is what has this path; what is not in the record, the lower layer has. */
function leadsTo(inodes: readonly InodeState[], path: string, inode: number): boolean {
  const names = path === '' ? [] : path.split('/');
  let at = 0;
  for (const [depth, name] of names.entries()) {
    const { contents } = inodes[at]!;
    if (contents.kind !== 'directory') return false;
    const entry = contents.entries.find((candidate) => candidate.name === name);
    if (entry === undefined) {
      const wanted = inodes[inode]!.contents;
      const lower = wanted.kind === 'lower' ? wanted.path : wanted.kind === 'directory' ? wanted.lower : null;
      const rest = names.slice(depth).join('/');
      return contents.lower !== null && lower === joinPath(contents.lower, rest);
    }
    if (entry.inode < 0) return false;
    at = entry.inode;
  }
  return at === inode;
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
