// Operations on names: making, linking, renaming and removing them. Each walks to the directory that holds the last
// component, checks, then makes one call of the files port with (directory handle, name). Semantics and errors are those of
// the Linux calls named at each function; grants behave as separate mounts (EXDEV between them, EROFS in a read-only one).

import { Errno } from '../../../abi/errno.ts';
import { HostFileType, type HostStat } from '../ports.ts';
import { fail, failHost, resultOf, succeed } from '../sys-error.ts';
import type { HostNode } from './host-node.ts';
import { PathWalk } from './path-walk.ts';
import type { Vfs } from './vfs.ts';

/** mkdir(2). */
export function makeDirectory(base: HostNode, path: string): void {
  using walk = new PathWalk(base, path);
  if (walk.name === '') fail(Errno.EEXIST);
  refuseReadOnlyCreation(walk);
  succeed(walk.files.makeDirectoryAt(walk.directory, walk.name));
}

/** rmdir(2): EINVAL for '.', ENOTEMPTY for '..'. */
export function removeDirectory(vfs: Vfs, base: HostNode, path: string): void {
  using walk = new PathWalk(base, path);
  if (walk.name === '') fail(walk.dots === '..' ? Errno.ENOTEMPTY : Errno.EINVAL);
  refuseReadOnlyChange(walk);
  succeed(walk.files.removeDirectoryAt(walk.directory, walk.name));
  forgetName(vfs, walk);
}

/** unlink(2): EISDIR for a directory. */
export function unlinkFile(vfs: Vfs, base: HostNode, path: string): void {
  using walk = new PathWalk(base, path);
  if (walk.name === '') fail(Errno.EISDIR);
  if (walk.mustBeDirectory) {
    const stat = resultOf(walk.files.statAt(walk.directory, walk.name));
    fail(stat.type === HostFileType.directory ? Errno.EISDIR : Errno.ENOTDIR);
  }
  refuseReadOnlyChange(walk);
  succeed(walk.files.unlinkAt(walk.directory, walk.name));
  forgetName(vfs, walk);
}

/** readlink(2). */
export function readLink(base: HostNode, path: string): string {
  using walk = new PathWalk(base, path);
  // With a slash behind it the link stands for its target, which is no link.
  if (walk.name === '' || walk.mustBeDirectory) fail(Errno.EINVAL);
  return resultOf(walk.files.readLinkAt(walk.directory, walk.name));
}

/** symlink(2); an absolute target is refused (EPERM), because nothing in the sandbox could follow it. */
export function makeSymbolicLink(target: string, base: HostNode, path: string): void {
  if (target === '') fail(Errno.ENOENT);
  if (target.startsWith('/')) fail(Errno.EPERM);
  using walk = new PathWalk(base, path);
  checkNewName(walk);
  succeed(walk.files.symlinkAt(target, walk.directory, walk.name));
}

/** link(2) and linkat(2): EPERM for a directory, EXDEV between grants. */
export function makeHardLink(
  fromBase: HostNode,
  fromPath: string,
  follow: boolean,
  toBase: HostNode,
  toPath: string,
): void {
  using from = new PathWalk(fromBase, fromPath);
  if (follow) from.followLinks();
  if (from.name === '') fail(Errno.EPERM);
  const stat = resultOf(from.files.statAt(from.directory, from.name));
  if (from.mustBeDirectory && stat.type !== HostFileType.directory) fail(Errno.ENOTDIR);
  using to = new PathWalk(toBase, toPath);
  checkNewName(to);
  if (stat.type === HostFileType.directory) fail(Errno.EPERM);
  if (from.base.grant !== to.base.grant) fail(Errno.EXDEV);
  succeed(from.files.linkAt(from.directory, from.name, to.directory, to.name));
}

/** rename(2): EBUSY for dots, EXDEV between grants. */
export function rename(vfs: Vfs, fromBase: HostNode, fromPath: string, toBase: HostNode, toPath: string): void {
  using from = new PathWalk(fromBase, fromPath);
  using to = new PathWalk(toBase, toPath);
  if (from.name === '' || to.name === '') fail(Errno.EBUSY);
  const stat = resultOf(from.files.statAt(from.directory, from.name));
  if ((from.mustBeDirectory || to.mustBeDirectory) && stat.type !== HostFileType.directory) fail(Errno.ENOTDIR);
  if (from.base.grant !== to.base.grant) fail(Errno.EXDEV);
  if (from.base.grant.readOnly) fail(Errno.EROFS);
  const old = to.files.statAt(to.directory, to.name);
  const fromName = from.grantPath;
  const toName = to.grantPath;
  succeed(from.files.renameAt(from.directory, from.name, to.directory, to.name));
  // Two names of one file: rename does nothing.
  if (typeof old !== 'number' && isSameFile(old, stat)) return;
  if (fromName !== null && toName !== null) vfs.renamed(from.base.grant, fromName, toName);
}

/** utimensat(2). */
export function setTimes(
  base: HostNode,
  path: string,
  follow: boolean,
  atimeNs: bigint | undefined,
  mtimeNs: bigint | undefined,
): void {
  using walk = new PathWalk(base, path);
  if (follow || walk.mustBeDirectory) walk.followLinks();
  if (walk.name === '') {
    if (base.grant.readOnly) fail(Errno.EROFS);
    succeed(walk.files.setTimes(walk.directory, atimeNs, mtimeNs));
    return;
  }
  const stat = resultOf(walk.files.statAt(walk.directory, walk.name));
  if (walk.mustBeDirectory && stat.type !== HostFileType.directory) fail(Errno.ENOTDIR);
  refuseReadOnlyChange(walk);
  succeed(walk.files.setTimesAt(walk.directory, walk.name, atimeNs, mtimeNs));
}

/** The new name of a file that is no directory: EEXIST, ENOENT or ENOTDIR with a slash behind it, EROFS. */
function checkNewName(walk: PathWalk): void {
  if (walk.name === '') fail(Errno.EEXIST);
  if (walk.mustBeDirectory) {
    const stat = resultOf(walk.files.statAt(walk.directory, walk.name));
    fail(stat.type === HostFileType.directory ? Errno.EEXIST : Errno.ENOTDIR);
  }
  refuseReadOnlyCreation(walk);
}

function refuseReadOnlyCreation(walk: PathWalk): void {
  if (!walk.base.grant.readOnly) return;
  fail(typeof walk.files.statAt(walk.directory, walk.name) === 'number' ? Errno.EROFS : Errno.EEXIST);
}

function refuseReadOnlyChange(walk: PathWalk): void {
  if (!walk.base.grant.readOnly) return;
  const stat = walk.files.statAt(walk.directory, walk.name);
  if (typeof stat === 'number') failHost(stat);
  fail(Errno.EROFS);
}

function forgetName(vfs: Vfs, walk: PathWalk): void {
  const path = walk.grantPath;
  if (path !== null) vfs.unlinked(walk.base.grant, path);
}

function isSameFile(a: HostStat, b: HostStat): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}
