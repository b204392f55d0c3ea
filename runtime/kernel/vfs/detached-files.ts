// Files that the guest has open but that have no name any more (unlinked temporary files, mostly) and that were on the host. No path
// leads to them, so an image carries their contents, and a resumed machine keeps them in memory (memory-files.ts): an open file
// need not know the difference. They go when their last descriptor does, as on any Unix.
//
// Their contents are read anew for each image, into pages of its own; those of zeros are left out.

import { WvmError } from '../../base/wvm-error.ts';
import { type FilesPort, type Grant, HostFileType, type HostHandle, type HostStat } from '../ports.ts';
import { badRecord, checkArray, checkBigint, checkInteger, checkRecord, UINT64_MAX } from '../validate.ts';
import { Extents } from './extents.ts';
import { FileContents } from './file-contents.ts';
import { FILE_PAGE_BYTES, FilePages } from './file-pages.ts';
import { claimPages } from './file-system.ts';
import { checkContents, checkInodeTimes, checkPageUse } from './file-system-state.ts';
import { MemoryFiles } from './memory-files.ts';
import { MemoryInode } from './memory-inode.ts';

export interface DetachedState {
  /** HostFileType: regular file or directory. */
  readonly type: number;
  /** Identity that the guest has seen; two open files of one inode share it. */
  readonly dev: bigint;
  readonly ino: bigint;
  readonly sizeBytes: number;
  /** Pages of the image (Extents). */
  readonly extents: readonly number[];
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
}

/** What an image carries of unlinked files at most; also what they may grow to in memory. */
const DETACHED_BYTES_MAX: number = 256 * 2 ** 20;
const DETACHED_PAGES_MAX: number = DETACHED_BYTES_MAX / FILE_PAGE_BYTES;
const DETACHED_COUNT_MAX = 10_000;

/** Stands for the grant that such a file no longer belongs to. */
export const DETACHED_GRANT: Grant = { guestPath: '', handle: -1, readOnly: false };

/** Where restored ones live. */
export function makeDetachedFiles(nowNs: () => bigint, pageCount = 0): MemoryFiles {
  const files = new MemoryFiles({ maxBytes: DETACHED_BYTES_MAX, dev: 0n, nowNs }, pageCount);
  // Nothing in it has a name.
  files.close(files.rootHandle);
  return files;
}

/** The pages of one image. */
export function makeDetachedPages(): FilePages {
  return new FilePages(DETACHED_PAGES_MAX);
}

export function checkDetached(states: readonly DetachedState[], pageCount: number, where: string): void {
  checkInteger(pageCount, 0, DETACHED_PAGES_MAX, `${where}Pages`);
  for (const [index, state] of checkArray(states, DETACHED_COUNT_MAX, where).entries()) {
    const place = `${where}[${index}]`;
    checkRecord(state, place);
    checkInteger(state.type, HostFileType.directory, HostFileType.regularFile, `${place}.type`);
    checkBigint(state.dev, 0n, UINT64_MAX, `${place}.dev`);
    checkBigint(state.ino, 0n, UINT64_MAX, `${place}.ino`);
    checkContents(state, pageCount, place);
    if (state.type === HostFileType.directory && state.sizeBytes > 0) badRecord(place, 'a directory with contents');
    checkInodeTimes(state, place);
  }
  checkPageUse(
    states.map(({ extents }) => extents),
    where,
  );
}

/** Of records that were checked; their pages hold zeros. */
export function restoreDetached(files: MemoryFiles, states: readonly DetachedState[]): MemoryInode[] {
  claimPages(
    files,
    states.map(({ extents }) => extents),
  );
  return states.map((state) => {
    const inode = new MemoryInode(state.dev, state.ino, state.type, state);
    inode.isGone = true;
    if (!inode.isDirectory) {
      inode.contents = new FileContents(files.pages, Extents.restore(state.extents), state.sizeBytes);
    }
    return inode;
  });
}

/** Takes the contents of an unlinked file into `pages`; WVM_SNAPSHOT_UNSUPPORTED if they cannot be had. */
export function detach(
  files: FilesPort,
  handle: HostHandle,
  stat: HostStat,
  canRead: boolean,
  pages: FilePages,
): DetachedState {
  const { type, dev, ino, atimeNs, mtimeNs, ctimeNs } = stat;
  const isDirectory = type === HostFileType.directory;
  if (!isDirectory && type !== HostFileType.regularFile) refuse(stat, 'is a device');
  if (!isDirectory && stat.nlink > 0n) refuse(stat, 'has another name that is not known');
  if (!isDirectory && !canRead) refuse(stat, 'is open for writing only');
  const contents = new FileContents(pages);
  const sizeBytes = isDirectory ? 0 : Number(stat.size);
  const buffer = new Uint8Array(FILE_PAGE_BYTES);
  while (contents.sizeBytes < sizeBytes) {
    const room = FILE_PAGE_BYTES - (contents.sizeBytes % FILE_PAGE_BYTES);
    const part = buffer.subarray(0, Math.min(room, sizeBytes - contents.sizeBytes));
    const count = files.read(handle, part, BigInt(contents.sizeBytes));
    if (count <= 0) refuse(stat, `cannot be read (error ${-count})`);
    if (!contents.append(part.subarray(0, count))) refuse(stat, `has ${stat.size} bytes`);
  }
  return { type, dev, ino, sizeBytes, extents: contents.extents.save(), atimeNs, mtimeNs, ctimeNs };
}

function refuse(stat: HostStat, why: string): never {
  throw new WvmError(
    'WVM_SNAPSHOT_UNSUPPORTED',
    `snapshot: a file without a name (inode ${stat.dev}:${stat.ino}) is open and ${why}, so the image cannot carry it`,
    { hint: `only unlinked files that can be read and have at most ${DETACHED_BYTES_MAX} bytes in all can be saved` },
  );
}
