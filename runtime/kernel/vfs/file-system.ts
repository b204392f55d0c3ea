// A file system that travels, mounted under a guest path: a tmpfs or an overlay. save() gives its record (file-system-state.ts)
// and the pages of its files; restore() checks nothing any more.

import { WvmError } from '../../base/wvm-error.ts';
import type { FateTable } from '../fate.ts';
import { type FilesPort, type Grant, HostFileType, type HostHandle } from '../ports.ts';
import { resultOf } from '../sys-error.ts';
import { Extents } from './extents.ts';
import { FileContents } from './file-contents.ts';
import {
  type ContentsState,
  type EntryState,
  type FileSystemState,
  type InodeState,
  pageRuns,
} from './file-system-state.ts';
import { LowerLayer } from './lower-layer.ts';
import { MemoryFiles } from './memory-files.ts';
import { MemoryInode } from './memory-inode.ts';

/** How a guest path becomes a file system. */
export interface FileSystemOptions {
  readonly guestPath: string;
  readonly maxBytes: number;
  /** Of an overlay: the directory of the host below it. */
  readonly lower?: { readonly files: FilesPort; readonly root: HostHandle };
}

/** Device numbers that no host has: Linux's own take 32 bits. */
const FIRST_DEV = 0x7776_6d00_0000_0000n;

export class FileSystem {
  static readonly fates: FateTable = { kind: 'saved', files: 'saved', grant: 'derived' };

  readonly kind: 'tmpfs' | 'overlay';
  readonly files: MemoryFiles;
  /** Derived: of its root, as grants of the host are. */
  readonly grant: Grant;

  private constructor(files: MemoryFiles, guestPath: string) {
    this.kind = files.lower === undefined ? 'tmpfs' : 'overlay';
    this.files = files;
    this.grant = { guestPath, handle: files.rootHandle, readOnly: false };
  }

  /** `index`: its place among the file systems of the machine, which its device number comes from. */
  static create({ guestPath, maxBytes, lower }: FileSystemOptions, index: number, nowNs: () => bigint): FileSystem {
    return new FileSystem(makeFiles(maxBytes, lower, index, nowNs), guestPath);
  }

  /** The record, and the index of each inode in it. */
  save(): { readonly state: FileSystemState; readonly indexes: ReadonlyMap<MemoryInode, number> } {
    const { files, kind } = this;
    const inodes = [...livingInodes(files)].sort((a, b) => (a.ino < b.ino ? -1 : 1));
    const indexes = new Map(inodes.map((inode, index) => [inode, index]));
    const state: FileSystemState = {
      kind,
      guestPath: this.grant.guestPath,
      maxBytes: files.maxBytes,
      pageCount: files.pages.pageCount,
      lastIno: files.lastIno,
      inodes: inodes.map((inode) => saveInode(files, inode, indexes)),
    };
    return { state, indexes };
  }

  /** Of a record that was checked, and its inodes by index; the pages hold zeros. */
  static restore(
    state: FileSystemState,
    lower: FileSystemOptions['lower'],
    index: number,
    nowNs: () => bigint,
  ): { readonly fileSystem: FileSystem; readonly inodes: readonly MemoryInode[] } {
    const { guestPath, maxBytes, pageCount, lastIno } = state;
    const files = makeFiles(maxBytes, lower, index, nowNs, pageCount);
    files.lastIno = lastIno;
    claimPages(
      files,
      state.inodes.map(({ contents }) => (contents.kind === 'file' ? contents.extents : [])),
    );
    const inodes = state.inodes.map((record) => restoreInode(files, record));
    for (const [at, { contents }] of state.inodes.entries()) {
      if (contents.kind === 'directory') linkEntries(files, inodes[at]!, contents.entries, inodes);
    }
    files.setRoot(inodes[0]!);
    for (const inode of inodes) {
      if (inode.lower !== null && inode.isDirectory && inode.names > 0) files.lower!.inodes.set(inode.lower, inode);
    }
    return { fileSystem: new FileSystem(files, guestPath), inodes };
  }
}

/** What was in use. */
export function claimPages(files: MemoryFiles, extents: readonly (readonly number[])[]): void {
  const runs = extents.flatMap((list) => pageRuns(list)).sort((a, b) => a.page - b.page);
  for (const { page, count } of runs) files.pages.claim(page, count);
}

function makeFiles(
  maxBytes: number,
  lower: FileSystemOptions['lower'],
  index: number,
  nowNs: () => bigint,
  pageCount = 0,
): MemoryFiles {
  const dev = FIRST_DEV + BigInt(index);
  const layer = lower === undefined ? {} : { lower: new LowerLayer(lower.files, lower.root) };
  return new MemoryFiles({ maxBytes, dev, nowNs, ...layer }, pageCount);
}

/** Those in the tree and those that are open. */
function livingInodes(files: MemoryFiles): Set<MemoryInode> {
  const found = new Set<MemoryInode>([files.root]);
  for (const { inode } of files.handles.values()) found.add(inode);
  for (const inode of found) for (const entry of inode.entries.values()) if (entry !== null) found.add(entry);
  return found;
}

function saveInode(files: MemoryFiles, inode: MemoryInode, indexes: ReadonlyMap<MemoryInode, number>): InodeState {
  const { ino, type, isGone } = inode;
  if (!inode.isLower) {
    const { atimeNs, mtimeNs, ctimeNs } = inode;
    return { ino, type, isGone, atimeNs, mtimeNs, ctimeNs, contents: saveContents(inode, indexes) };
  }
  if (inode.isDirectory) {
    // Its attributes are those of the lower one, whatever they are then.
    const contents = { kind: 'directory', lower: inode.lower, entries: [] } as const;
    return { ino, type, isGone, atimeNs: 0n, mtimeNs: 0n, ctimeNs: 0n, contents };
  }
  const stat = inode.lowerHandle < 0 ? undefined : resultOf(files.lower!.files.stat(inode.lowerHandle));
  const sizeBytes = stat?.size ?? inode.lowerSize;
  const { atimeNs, mtimeNs, ctimeNs } = stat === undefined ? inode : { ...stat, atimeNs: 0n, ctimeNs: 0n };
  return { ino, type, isGone, atimeNs, mtimeNs, ctimeNs, contents: { kind: 'lower', path: inode.lower!, sizeBytes } };
}

function saveContents(inode: MemoryInode, indexes: ReadonlyMap<MemoryInode, number>): ContentsState {
  const { contents, entries, lower, target, type } = inode;
  if (inode.isDirectory) {
    const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
    const states = sorted.map(([name, entry]) => ({ name, inode: entry === null ? -1 : indexes.get(entry)! }));
    return { kind: 'directory', lower, entries: states };
  }
  if (type === HostFileType.symbolicLink) return { kind: 'link', target };
  if (contents === undefined) return { kind: 'nothing' };
  return { kind: 'file', sizeBytes: contents.sizeBytes, extents: contents.extents.save() };
}

function restoreInode(files: MemoryFiles, record: InodeState): MemoryInode {
  const inode = new MemoryInode(files.dev, record.ino, record.type, record);
  inode.isGone = record.isGone;
  const { contents } = record;
  switch (contents.kind) {
    case 'file':
      inode.contents = new FileContents(files.pages, Extents.restore(contents.extents), contents.sizeBytes);
      break;
    case 'directory':
      inode.lower = contents.lower;
      break;
    case 'link':
      inode.target = contents.target;
      break;
    case 'lower':
      inode.lower = contents.path;
      inode.lowerSize = contents.sizeBytes;
      break;
    case 'nothing':
  }
  return inode;
}

function linkEntries(
  files: MemoryFiles,
  directory: MemoryInode,
  entries: readonly EntryState[],
  inodes: readonly MemoryInode[],
): void {
  for (const { name, inode: index } of entries) {
    const inode = index < 0 ? null : inodes[index]!;
    directory.entries.set(name, inode);
    files.count(1, name, inode);
    if (inode === null) continue;
    inode.names++;
    if (!inode.isDirectory) continue;
    inode.parent = directory;
    directory.directoryCount++;
  }
}

/** The hint names what to write on the command line. */
export function missingLower(guestPath: string): WvmError {
  return new WvmError('WVM_CAPABILITY_MISSING', `resume: the overlay on ${guestPath} needs its lower directory`, {
    hint: `give it with --overlay HOST::${guestPath}`,
  });
}
