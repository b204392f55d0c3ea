// The part of an image that holds open files: what they share comes first, then the files, which refer to it by index.
//
//   grants, file systems, detached inodes, pipes  <-  open files (an epoll set after the files in it)  <-  descriptors, locks
//
// FileRecords collects them while descriptors are saved: the first one that refers to an object gives it its place. So the order
// follows from the descriptors, and equal kernels have equal records.

import type { FileSaver, MemoryPlace, OpenFile, OpenFileState } from './open-file.ts';
import { checkOpenFileState, type EpollFileState } from './open-file-state.ts';
import { Pipe, type PipeState } from './pipe.ts';
import { type Grant, HostFileType } from './ports.ts';
import { badRecord, checkArray, checkBoolean, checkRecord, checkString } from './validate.ts';
import { checkDetached, type DetachedState, detach, makeDetachedPages } from './vfs/detached-files.ts';
import type { FilePages } from './vfs/file-pages.ts';
import type { FileSystem } from './vfs/file-system.ts';
import { checkFileSystems, type FileSystemState } from './vfs/file-system-state.ts';
import type { HostNode } from './vfs/host-node.ts';
import type { Vfs } from './vfs/vfs.ts';

export interface GrantState {
  readonly guestPath: string;
  readonly readOnly: boolean;
}

export interface FilesState {
  /** Grants that open files need, by guest path; what they stand for is said at resume. */
  readonly grants: readonly GrantState[];
  /** Those that live in the machine, in the order in which they were mounted. */
  readonly fileSystems: readonly FileSystemState[];
  /** Guest path of the devices; null: there are none. */
  readonly devices: string | null;
  /** Open files of the host that have no name any more. */
  readonly detached: readonly DetachedState[];
  /** Pages of their contents, which the image holds apart. */
  readonly detachedPages: number;
  readonly pipes: readonly PipeState[];
  readonly openFiles: readonly OpenFileState[];
  /** The last inode number that was given to a file outside of all directories. */
  readonly lastInode: number;
}

const GRANTS_MAX = 10_000;
const OPEN_FILES_MAX = 1_000_000;
const GUEST_PATH_MAX = 4096;
/** Kinds that no set can hold. */
const ALWAYS_READY: ReadonlySet<string> = new Set(['file', 'directory', 'detached', 'memory', 'device-directory']);

export class FileRecords implements FileSaver {
  readonly grants: GrantState[] = [];
  readonly fileSystems: readonly FileSystemState[];
  /** Contents: of the detached files, then of each file system. */
  readonly filePages: readonly FilePages[];
  readonly devices: string | null;
  readonly detached: DetachedState[] = [];
  readonly pipes: PipeState[] = [];
  readonly openFiles: OpenFileState[] = [];
  readonly #indexes: Map<unknown, number> = new Map();
  readonly #given: readonly Grant[];
  readonly #vfs: Vfs;
  readonly #detachedPages: FilePages = makeDetachedPages();
  readonly #inodes: readonly ReturnType<FileSystem['save']>['indexes'][];

  constructor(given: readonly Grant[], vfs: Vfs) {
    this.#given = given;
    this.#vfs = vfs;
    const saved = vfs.fileSystems.map((fileSystem) => fileSystem.save());
    this.fileSystems = saved.map(({ state }) => state);
    this.devices = vfs.devices?.grant.guestPath ?? null;
    this.#inodes = saved.map(({ indexes }) => indexes);
    this.filePages = [this.#detachedPages, ...vfs.fileSystems.map(({ files }) => files.pages)];
  }

  fileIndex(file: OpenFile): number {
    return this.#indexOf(file, this.openFiles, () => file.save(this));
  }

  pipeIndex(pipe: Pipe): number {
    return this.#indexOf(pipe, this.pipes, () => pipe.save());
  }

  grantIndex(guestPath: string): number {
    return this.#indexOf(`grant ${guestPath}`, this.grants, () => {
      const { readOnly } = this.#given.find((grant) => grant.guestPath === guestPath)!;
      return { guestPath, readOnly };
    });
  }

  memoryPlace(node: HostNode): MemoryPlace {
    const fileSystem = this.#vfs.fileSystems.findIndex(({ files }) => files === node.files);
    const { files } = this.#vfs.fileSystems[fileSystem]!;
    return { fileSystem, inode: this.#inodes[fileSystem]!.get(files.handles.get(node.handle)!.inode)! };
  }

  /** Open files of one inode share its record, which is told by the identity that the guest sees. */
  detachedIndex(node: HostNode, canRead: boolean): number {
    const stat = node.stat();
    const isInMemory = node.files === this.#vfs.detached;
    return this.#indexOf(`inode ${stat.dev}:${stat.ino}`, this.detached, () =>
      detach(node.files, node.handle, stat, canRead || isInMemory, this.#detachedPages),
    );
  }

  /** Index of `key` in a list of records; the record is made the first time. */
  #indexOf<T>(key: unknown, records: T[], make: () => T): number {
    let index = this.#indexes.get(key);
    if (index === undefined) {
      const record = make();
      index = records.length;
      records.push(record);
      this.#indexes.set(key, index);
    }
    return index;
  }
}

/** Checks records that come out of an image; WVM_IMAGE_BAD_RECORD. That descriptors refer to every file is the kernel's to check. */
export function checkFileRecords(state: FilesState, streamCount: number): void {
  for (const [index, grant] of checkArray(state.grants, GRANTS_MAX, 'grants').entries()) {
    checkRecord(grant, `grants[${index}]`);
    checkString(grant.guestPath, GUEST_PATH_MAX, `grants[${index}].guestPath`);
    checkBoolean(grant.readOnly, `grants[${index}].readOnly`);
  }
  checkFileSystems(state.fileSystems, 'fileSystems');
  if (state.devices !== null) checkString(state.devices, GUEST_PATH_MAX, 'devices');
  checkDetached(state.detached, state.detachedPages, 'detached');
  Pipe.check(state.pipes, state.lastInode, 'pipes');
  const files = checkArray(state.openFiles, OPEN_FILES_MAX, 'openFiles');
  const { grants, detached, fileSystems, pipes, lastInode } = state;
  const counts = {
    grantCount: grants.length,
    fileSystems,
    hasDevices: state.devices !== null,
    detachedCount: detached.length,
    pipeCount: pipes.length,
  };
  for (const [index, file] of files.entries()) {
    checkOpenFileState(file, { ...counts, streamCount, lastInode, index }, `openFiles[${index}]`);
  }
  checkDetachedUse(state);
  checkMemoryUse(state);
  checkPipeUse(state);
  for (const [index, file] of files.entries())
    if (file.kind === 'epoll') checkEpoll(file, files, `openFiles[${index}]`);
}

function checkDetachedUse({ detached, openFiles }: FilesState): void {
  const used = new Set<number>();
  for (const [index, file] of openFiles.entries()) {
    if (file.kind !== 'detached') continue;
    const isDirectory = detached[file.inode]!.type === HostFileType.directory;
    if (isDirectory ? file.canWrite : file.listing !== null) {
      badRecord(`openFiles[${index}]`, 'does not fit the type of its inode');
    }
    used.add(file.inode);
  }
  if (used.size !== detached.length) badRecord('detached', 'an inode that no open file refers to');
}

/** An inode without a name is there as long as it is open. */
function checkMemoryUse({ fileSystems, openFiles }: FilesState): void {
  const open = new Set<string>();
  for (const file of openFiles) if (file.kind === 'memory') open.add(`${file.fileSystem} ${file.inode}`);
  for (const [index, { inodes }] of fileSystems.entries()) {
    const named = new Set<number>([0]);
    for (const { contents } of inodes) {
      if (contents.kind === 'directory') for (const { inode } of contents.entries) named.add(inode);
    }
    for (const inode of inodes.keys()) {
      if (!named.has(inode) && !open.has(`${index} ${inode}`)) {
        badRecord(`fileSystems[${index}].inodes[${inode}]`, 'has no name, and no open file refers to it');
      }
    }
  }
}

/** Each end of a pipe is one open file at most; one that none refers to, or with bytes that nobody can read, is no pipe. */
function checkPipeUse({ pipes, openFiles }: FilesState): void {
  const readers = new Set<number>();
  const writers = new Set<number>();
  const known = new Set<number>();
  const take = (ends: Set<number>, pipe: number, index: number, isOpen: boolean): void => {
    known.add(pipe);
    if (!isOpen) return;
    if (ends.has(pipe)) badRecord(`openFiles[${index}]`, `another file has the same end of pipe ${pipe}`);
    ends.add(pipe);
  };
  const sockets = new Map<number, number>();
  for (const [index, file] of openFiles.entries()) {
    if (file.kind === 'pipe') {
      take(file.canRead ? readers : writers, file.pipe, index, true);
      if (sockets.has(file.pipe)) badRecord(`openFiles[${index}]`, `pipe ${file.pipe} is one of sockets`);
    } else if (file.kind === 'socket') {
      take(readers, file.incoming, index, !file.isReadShut);
      take(writers, file.outgoing, index, !file.isWriteShut);
      checkPair(sockets, file.incoming, file.outgoing, index);
    }
  }
  if (known.size !== pipes.length) badRecord('pipes', 'a pipe that no open file refers to');
  for (const [index, { data }] of pipes.entries()) {
    if (data.length > 0 && !readers.has(index)) badRecord(`pipes[${index}].data`, 'of no reader');
  }
}

/** The pipes of a pair belong together: what comes in through one goes out through the other. */
function checkPair(sockets: Map<number, number>, incoming: number, outgoing: number, index: number): void {
  for (const [pipe, other] of [
    [incoming, outgoing],
    [outgoing, incoming],
  ] as const) {
    if ((sockets.get(pipe) ?? other) !== other) badRecord(`openFiles[${index}]`, 'not one of a pair');
    sockets.set(pipe, other);
  }
}

/** Sets hold what can be waited for, and those that are held hold no sets. */
function checkEpoll(set: EpollFileState, files: readonly OpenFileState[], where: string): void {
  for (const { file } of set.interests) {
    const target = files[file]!;
    if (ALWAYS_READY.has(target.kind)) {
      badRecord(`${where}.interests`, `a ${target.kind} is always ready`);
    }
    if (target.kind !== 'epoll') continue;
    if (target.interests.some((inner) => files[inner.file]!.kind === 'epoll')) {
      badRecord(`${where}.interests`, 'sets are nested too deep');
    }
  }
}
