// The record of a file system in memory, and its check. Contents are not in it: extents say in which pages of the file system they
// lie, and an image holds those as it holds pages of memories.
//
//   FileSystemState   kind, guest path, limits, and inodes by ascending number, the root first
//   InodeState        attributes, and by type: extents | entries, which name inodes by index | target | path in the lower layer
//
// Only inodes that have a name or are open are in it, so equal trees have equal records.

import { HostFileType } from '../ports.ts';
import {
  badRecord,
  checkArray,
  checkBigint,
  checkBoolean,
  checkInteger,
  checkRecord,
  checkString,
  INT64_MAX,
} from '../validate.ts';
import { Extents } from './extents.ts';
import { FILE_SIZE_MAX } from './file-contents.ts';
import { FILE_PAGE_BYTES, MAX_FILE_BYTES } from './file-pages.ts';
import { lowerInode } from './lower-layer.ts';

export interface EntryState {
  readonly name: string;
  /** Index in the inodes; -1: hides what the lower layer has under this name. */
  readonly inode: number;
}

export type ContentsState =
  | { readonly kind: 'file'; readonly sizeBytes: number; readonly extents: readonly number[] }
  /** `lower`: path of the lower directory that it is merged with. */
  | { readonly kind: 'directory'; readonly lower: string | null; readonly entries: readonly EntryState[] }
  | { readonly kind: 'link'; readonly target: string }
  /** A lower file that is open: where it is found again, and how it is recognised. */
  | { readonly kind: 'lower'; readonly path: string; readonly sizeBytes: bigint }
  /** A pipe, socket or device that was renamed in an overlay: nothing but its name. */
  | { readonly kind: 'nothing' };

export interface InodeState {
  readonly ino: bigint;
  /** HostFileType. */
  readonly type: number;
  /** It is open, and has no name any more. */
  readonly isGone: boolean;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly contents: ContentsState;
}

export interface FileSystemState {
  readonly kind: 'tmpfs' | 'overlay';
  readonly guestPath: string;
  readonly maxBytes: number;
  /** Pages of the file system, which the image holds apart: their count so far, those that are free now included. */
  readonly pageCount: number;
  /** The last inode number that was given to a new file. */
  readonly lastIno: bigint;
  readonly inodes: readonly InodeState[];
}

const FILE_SYSTEMS_MAX = 1000;
const INODES_MAX = 1_000_000;
const ENTRIES_MAX = 1_000_000;
const NAME_MAX = 255;
const PATH_MAX = 65_536;
const GUEST_PATH_MAX = 4096;
const WITH_CONTENTS: ReadonlySet<number> = new Set([
  HostFileType.directory,
  HostFileType.regularFile,
  HostFileType.symbolicLink,
]);
/** Numbers of lower inodes begin here (lowerInode). */
const LOWER_INODE_MIN: bigint = 1n << 62n;

/** Checks the file systems of an image; WVM_IMAGE_BAD_RECORD. That every inode without a name is open is the caller's to check. */
export function checkFileSystems(states: readonly FileSystemState[], where: string): void {
  const guestPaths = new Set<string>();
  for (const [index, state] of checkArray(states, FILE_SYSTEMS_MAX, where).entries()) {
    const place = `${where}[${index}]`;
    checkRecord(state, place);
    if (state.kind !== 'tmpfs' && state.kind !== 'overlay') badRecord(`${place}.kind`, 'unknown kind');
    checkString(state.guestPath, GUEST_PATH_MAX, `${place}.guestPath`);
    if (guestPaths.has(state.guestPath)) badRecord(`${place}.guestPath`, `${state.guestPath} stands twice`);
    guestPaths.add(state.guestPath);
    checkInteger(state.maxBytes, 0, MAX_FILE_BYTES, `${place}.maxBytes`);
    checkInteger(state.pageCount, 0, Math.floor(state.maxBytes / FILE_PAGE_BYTES), `${place}.pageCount`);
    checkBigint(state.lastIno, 1n, LOWER_INODE_MIN - 1n, `${place}.lastIno`);
    new TreeCheck(state, place).run();
  }
}

/** Attributes that every inode has. */
export function checkInodeTimes(state: Pick<InodeState, 'atimeNs' | 'mtimeNs' | 'ctimeNs'>, where: string): void {
  for (const name of ['atimeNs', 'mtimeNs', 'ctimeNs'] as const) {
    checkBigint(state[name], -INT64_MAX, INT64_MAX, `${where}.${name}`);
  }
}

/** Bytes of a file in pages of its file system. */
export function checkContents(
  contents: { readonly sizeBytes: number; readonly extents: readonly number[] },
  pageCount: number,
  where: string,
): void {
  checkInteger(contents.sizeBytes, 0, FILE_SIZE_MAX, `${where}.sizeBytes`);
  const filePages = Math.ceil(contents.sizeBytes / FILE_PAGE_BYTES);
  Extents.check(contents.extents, filePages, pageCount, `${where}.extents`);
}

/** No page belongs to two files. `lists`: extents of files, which were checked each. */
export function checkPageUse(lists: readonly (readonly number[])[], where: string): void {
  const runs = lists.flatMap((list) => pageRuns(list)).sort((a, b) => a.page - b.page);
  let end = 0;
  for (const { page, count } of runs) {
    if (page < end) badRecord(where, `page ${page} belongs to two files`);
    end = page + count;
  }
}

/** Where extents lie in their file system. */
export function pageRuns(extents: readonly number[]): { readonly page: number; readonly count: number }[] {
  const runs: { page: number; count: number }[] = [];
  for (let at = 0; at < extents.length; at += 3) runs.push({ page: extents[at + 1]!, count: extents[at + 2]! });
  return runs;
}

/** A path of names: not '', no dots, nothing empty. */
export function checkPlainPath(path: string, maxLength: number, where: string): void {
  for (const name of checkString(path, maxLength, where).split('/')) {
    if (!isPlainName(name)) badRecord(where, 'not a plain relative path');
  }
}

function isPlainName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !name.includes('\0') && !name.includes('/');
}

/** The inodes of one file system are a tree: each directory has one name, none leads to itself, and counts add up. */
class TreeCheck {
  readonly #state: FileSystemState;
  readonly #where: string;
  /** How many entries name each inode. */
  readonly #names: number[];
  readonly #extents: (readonly number[])[] = [];
  readonly #lowerPaths: Set<string> = new Set();

  constructor(state: FileSystemState, where: string) {
    this.#state = state;
    this.#where = where;
    const inodes = checkArray(state.inodes, INODES_MAX, `${where}.inodes`);
    this.#names = new Array<number>(inodes.length).fill(0);
  }

  run(): void {
    const { inodes, kind } = this.#state;
    let last = 0n;
    for (const [index, inode] of inodes.entries()) {
      const place = `${this.#where}.inodes[${index}]`;
      this.#attributes(inode, place);
      if (inode.ino <= last) badRecord(`${place}.ino`, `${inode.ino} is out of order, or stands twice`);
      last = inode.ino;
      this.#contents(inode, place);
    }
    const root = inodes[0];
    if (root?.ino !== 1n || root.contents.kind !== 'directory' || this.#names[0] !== 0) {
      badRecord(`${this.#where}.inodes`, 'no root');
    }
    if (root.contents.lower !== (kind === 'overlay' ? '' : null)) badRecord(`${this.#where}.inodes[0]`, 'not a root');
    if (root.isGone) badRecord(`${this.#where}.inodes[0]`, 'the root is gone');
    for (const [index, inode] of inodes.entries()) {
      if (index > 0) this.#place(inode, this.#names[index]!, `${this.#where}.inodes[${index}]`);
    }
    this.#reach();
    checkPageUse(this.#extents, `${this.#where}.inodes`);
  }

  #attributes(inode: InodeState, where: string): void {
    checkRecord(inode, where);
    const { lastIno } = this.#state;
    checkBigint(inode.ino, 1n, INT64_MAX, `${where}.ino`);
    if (inode.ino > lastIno && inode.ino < LOWER_INODE_MIN) badRecord(`${where}.ino`, 'was not given yet');
    checkInteger(inode.type, HostFileType.blockDevice, HostFileType.fifo, `${where}.type`);
    checkBoolean(inode.isGone, `${where}.isGone`);
    checkInodeTimes(inode, where);
    checkRecord(inode.contents, `${where}.contents`);
  }

  #contents({ type, contents, ino }: InodeState, where: string): void {
    const { pageCount, kind } = this.#state;
    const fits = (isOfType: boolean): void => {
      if (!isOfType) badRecord(`${where}.type`, `${type} does not fit contents ${contents.kind}`);
    };
    switch (contents.kind) {
      case 'file':
        fits(type === HostFileType.regularFile);
        checkContents(contents, pageCount, where);
        this.#extents.push(contents.extents);
        return;
      case 'directory':
        fits(type === HostFileType.directory);
        if (contents.lower !== null && ino !== 1n) this.#lowerPath(contents.lower, ino, where);
        this.#entries(contents.entries, contents.lower !== null, `${where}.entries`);
        return;
      case 'link':
        fits(type === HostFileType.symbolicLink);
        if (checkString(contents.target, GUEST_PATH_MAX, where) === '' || contents.target.includes('\0')) {
          badRecord(`${where}.target`, 'leads nowhere');
        }
        return;
      case 'lower':
        fits(type !== HostFileType.directory && type !== HostFileType.symbolicLink);
        this.#lowerPath(contents.path, ino, where);
        checkBigint(contents.sizeBytes, 0n, INT64_MAX, `${where}.sizeBytes`);
        return;
      case 'nothing':
        fits(kind === 'overlay' && !WITH_CONTENTS.has(type));
        return;
      default:
        badRecord(`${where}.contents.kind`, 'unknown kind');
    }
  }

  #lowerPath(path: string, ino: bigint, where: string): void {
    if (this.#state.kind !== 'overlay') badRecord(where, 'there is no lower layer');
    checkPlainPath(path, PATH_MAX, where);
    if (ino !== lowerInode(path)) badRecord(`${where}.ino`, 'is not that of its lower path');
    if (this.#lowerPaths.has(path)) badRecord(where, `lower path ${path} stands twice`);
    this.#lowerPaths.add(path);
  }

  #entries(entries: readonly EntryState[], isMerged: boolean, where: string): void {
    let last = '';
    for (const entry of checkArray(entries, ENTRIES_MAX, where)) {
      checkRecord(entry, where);
      checkString(entry.name, NAME_MAX, where);
      if (!isPlainName(entry.name)) badRecord(where, `${JSON.stringify(entry.name)} is no name`);
      if (entry.name <= last) badRecord(where, 'names are out of order, or one stands twice');
      last = entry.name;
      checkInteger(entry.inode, isMerged ? -1 : 0, this.#names.length - 1, where);
      if (entry.inode >= 0) this.#names[entry.inode]!++;
    }
  }

  /** What memory-inode.ts says of names, isGone and lower. */
  #place({ isGone, contents }: InodeState, names: number, where: string): void {
    const isDirectory = contents.kind === 'directory';
    if (isDirectory && names > 1) badRecord(where, 'a directory with two names');
    if (names > 0) {
      if (isGone) badRecord(where, 'it is gone, and has a name');
      if (contents.kind === 'lower') badRecord(where, 'in the tree, but not of it');
      return;
    }
    const isLower = contents.kind === 'lower' || (isDirectory && contents.lower !== null);
    if (!isGone && !isLower) badRecord(where, 'it has no name, and is not gone');
    if (isDirectory && isGone && contents.lower !== null) badRecord(where, 'it is gone, and merged');
    if (isDirectory && contents.entries.length > 0)
      badRecord(where, 'a directory with entries that is not in the tree');
  }

  /** Whatever has a name is reached from the root: no directory leads to itself. */
  #reach(): void {
    const { inodes } = this.#state;
    const reached = new Set<number>([0]);
    for (const index of reached) {
      const { contents } = inodes[index]!;
      if (contents.kind !== 'directory') continue;
      for (const { inode } of contents.entries) if (inode >= 0) reached.add(inode);
    }
    for (const [index, names] of this.#names.entries()) {
      if (names > 0 && !reached.has(index))
        badRecord(`${this.#where}.inodes[${index}]`, 'is not reached from the root');
    }
  }
}
