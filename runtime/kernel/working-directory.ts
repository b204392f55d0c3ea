// Guest paths that do not start at a descriptor: absolute ones, and those relative to a process's working directory. Both lead to
// a preopened directory of the process and a path below it, so a process reaches nothing this way that it could not reach through
// its descriptors; one that has closed its preopened directories has no absolute paths.
//
// The working directory is kept as a path: absolute, without links and dots. Renaming it loses it (ENOENT), unlike on Linux.

import { Errno } from '../../abi/errno.ts';
import { Rights } from '../../abi/wasi-preview1.ts';
import { DirectoryFile } from './directory-file.ts';
import type { FdEntry } from './fd-table.ts';
import type { Process } from './process.ts';
import { fail } from './sys-error.ts';
import { badRecord, checkString } from './validate.ts';
import type { HostNode } from './vfs/host-node.ts';

export const ROOT_DIRECTORY = '/';
/** A grant's guest path and a path below it, each of up to Linux's PATH_MAX. */
const PATH_MAX = 8193;

/** A path below a preopened directory. */
export interface Location {
  /** The descriptor of that directory, whose rights count. */
  readonly entry: FdEntry;
  readonly node: HostNode;
  /** Relative to `node`; '.' if it is that. */
  readonly path: string;
}

/** Where `path` leads, from the working directory if it is relative. ENOENT if no preopened directory holds it. */
export function resolvePath(process: Process, path: string): Location {
  if (path === '') fail(Errno.ENOENT);
  const names = path.startsWith('/') ? splitPath(path) : [...splitPath(process.workingDirectory), ...splitPath(path)];
  const suffix = path.endsWith('/') ? '/' : '';
  return locate(process, names, suffix) ?? locate(process, foldDots(names), suffix) ?? fail(Errno.ENOENT);
}

/** chdir(2): ENOENT, ENOTDIR, ENOTCAPABLE, and those of a walk. */
export function changeDirectory(process: Process, path: string): void {
  const { vfs } = process.kernel;
  const { entry, node: base, path: below } = resolvePath(process, path);
  if ((entry.rights & Rights.PATH_OPEN) === 0) fail(Errno.ENOTCAPABLE);
  const node = vfs.open(base, below, {
    follow: true,
    create: false,
    exclusive: false,
    truncate: false,
    directory: true,
    read: true,
    write: false,
  });
  vfs.retain(node);
  try {
    enterDirectory(process, node);
  } finally {
    vfs.release(node);
  }
}

/** fchdir(2): ENOENT if the directory has no name any more. */
export function enterDirectory(process: Process, { grant, path }: HostNode): void {
  if (path === null) fail(Errno.ENOENT);
  process.workingDirectory = `/${[...splitPath(grant.guestPath), ...splitPath(path)].join('/')}`;
}

/** Of an image: absolute, names only. */
export function checkDirectoryPath(path: string, where: string): void {
  checkString(path, PATH_MAX, where);
  const isPlain = path === `/${splitPath(path).join('/')}` && !path.split('/').includes('..') && !path.includes('\0');
  if (!isPlain) badRecord(where, 'not an absolute path without dots');
}

/** Names of a path, without empty ones and '.'. */
function splitPath(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

/** The preopened directory with the longest name that `names` begins with; undefined if none does, or the rest leads out of it. */
function locate(process: Process, names: readonly string[], suffix: string): Location | undefined {
  let best: FdEntry | undefined;
  let bestLength = -1;
  for (const entry of process.fds.entries) {
    if (entry === undefined || entry.preopen === null) continue;
    const prefix = splitPath(entry.preopen);
    if (prefix.length > bestLength && prefix.every((name, index) => names[index] === name)) {
      best = entry;
      bestLength = prefix.length;
    }
  }
  if (best === undefined || !(best.file instanceof DirectoryFile)) return undefined;
  const rest = names.slice(bestLength);
  let depth = 0;
  for (const name of rest) {
    depth += name === '..' ? -1 : 1;
    if (depth < 0) return undefined;
  }
  return { entry: best, node: best.file.node, path: rest.length === 0 ? '.' : rest.join('/') + suffix };
}

/** '..' taken literally; at the root it is the root. */
function foldDots(names: readonly string[]): string[] {
  const folded: string[] = [];
  for (const name of names) {
    if (name === '..') folded.pop();
    else folded.push(name);
  }
  return folded;
}
