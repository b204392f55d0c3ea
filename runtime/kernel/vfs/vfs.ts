// The file tree as the guest sees it: opening files below an open directory, and the set of open nodes, whose names are
// kept right while the guest renames and unlinks. Operations on names are in names.ts.

import { Errno } from '../../../abi/errno.ts';
import type { FateTable } from '../fate.ts';
import { type FilesPort, type Grant, HostFileType, HostOpen, type HostStat } from '../ports.ts';
import { fail, failHost, resultOf } from '../sys-error.ts';
import { makeDetachedFiles } from './detached-files.ts';
import type { DeviceFiles } from './device-files.ts';
import type { FileSystem } from './file-system.ts';
import { HostNode } from './host-node.ts';
import type { MemoryFiles } from './memory-files.ts';
import { PathWalk } from './path-walk.ts';

const HOST_ENOENT = -2;
const HOST_ENOTDIR = -20;
const HOST_ELOOP = -40;

export interface OpenOptions {
  readonly follow: boolean;
  readonly create: boolean;
  readonly exclusive: boolean;
  readonly truncate: boolean;
  readonly directory: boolean;
  readonly read: boolean;
  readonly write: boolean;
}

export class Vfs {
  static readonly fates: FateTable = {
    files: 'host',
    fileSystems: 'saved',
    nodes: 'derived',
    detached: 'saved',
    devices: 'saved',
  };

  /** Host: not part of the image. */
  readonly files: FilesPort;
  /** Those that live in the machine. */
  readonly fileSystems: readonly FileSystem[];
  /** Derived: every node of an open file description. */
  readonly nodes: Set<HostNode> = new Set();

  /** Files without a name that came out of an image. */
  readonly detached: MemoryFiles;
  /** If the machine has --dev. */
  readonly devices: DeviceFiles | undefined;

  constructor(
    files: FilesPort,
    nowNs: () => bigint,
    fileSystems: readonly FileSystem[] = [],
    detached: MemoryFiles = makeDetachedFiles(nowNs),
    devices?: DeviceFiles,
  ) {
    this.files = files;
    this.fileSystems = fileSystems;
    this.detached = detached;
    this.devices = devices;
  }

  /** The root of a grant; its handle belongs to the host and stays open. */
  grantRoot(grant: Grant): HostNode {
    return new HostNode(this.files, grant.handle, grant, '', HostFileType.directory);
  }

  /** The root of a file system of the machine. */
  fileSystemRoot({ files, grant }: FileSystem): HostNode {
    return new HostNode(files, grant.handle, grant, '', HostFileType.directory);
  }

  deviceRoot(devices: DeviceFiles): HostNode {
    return new HostNode(devices, devices.grant.handle, devices.grant, '', HostFileType.directory);
  }

  /** Whether files there are of a file system of the machine. */
  isMounted(files: FilesPort): boolean {
    return files !== this.files && files !== this.detached && files !== this.devices;
  }

  retain(node: HostNode): void {
    if (node.refs++ === 0) this.nodes.add(node);
  }

  release(node: HostNode): void {
    if (--node.refs > 0) return;
    this.nodes.delete(node);
    if (node.handle !== node.grant.handle) node.files.close(node.handle);
  }

  /** Equal for all openings of one file. The host may give the number of a file without a name to another one. */
  inodeKey(node: HostNode): string {
    const { dev, ino } = node.stat();
    const place = node.files === this.files ? 'host' : node.files === this.detached ? 'detached' : 'memory';
    return `${place} ${dev}:${ino}`;
  }

  /**
   * Opens `path` below `base`; the caller retains the node.
   * Errors: those of open(2); EROFS in a read-only grant; ENOTSUP for a pipe or another file that is no plain file,
   * directory or device.
   */
  open(base: HostNode, path: string, options: OpenOptions): HostNode {
    const walk = new PathWalk(base, path);
    try {
      for (;;) {
        if (walk.name === '') return this.openDirectoryOf(walk, options);
        if (walk.mustBeDirectory && options.create) fail(Errno.EISDIR);
        const handle = this.openName(walk, options);
        if (handle >= 0) return this.checkOpened(walk, handle, options);
        if (handle !== HOST_ELOOP && handle !== HOST_ENOTDIR) failHost(handle);
        const follow = (options.follow || walk.mustBeDirectory) && !(options.create && options.exclusive);
        if (!follow || !walk.followLink()) failHost(handle);
      }
    } finally {
      walk.close();
    }
  }

  /** One try at the last component, without following links: a handle or a host error. */
  private openName(walk: PathWalk, options: OpenOptions): number {
    // Nonblock: opening a host pipe must not stop the machine.
    let flags: number = HostOpen.nonblock;
    if (options.read) flags |= HostOpen.read;
    if (options.write) flags |= HostOpen.write;
    if (options.directory || walk.mustBeDirectory) flags |= HostOpen.directory;
    if (!base(walk).readOnly) {
      if (options.create) flags |= HostOpen.create;
      if (options.create && options.exclusive) flags |= HostOpen.exclusive;
      if (options.truncate) flags |= HostOpen.truncate | HostOpen.write;
    } else {
      const stat = walk.files.statAt(walk.directory, walk.name);
      if (typeof stat === 'number') {
        if (stat === HOST_ENOENT && options.create) fail(Errno.EROFS);
        return stat;
      }
      if (options.create && options.exclusive) fail(Errno.EEXIST);
      const changes = options.write || options.truncate;
      if (stat.type === HostFileType.regularFile && changes && !options.directory) fail(Errno.EROFS);
    }
    return walk.files.openAt(walk.directory, walk.name, flags);
  }

  private checkOpened(walk: PathWalk, handle: number, options: OpenOptions): HostNode {
    const stat = walk.files.stat(handle);
    const type = typeof stat === 'number' ? HostFileType.unknown : stat.type;
    const isOpenable =
      type === HostFileType.regularFile ||
      type === HostFileType.directory ||
      type === HostFileType.characterDevice ||
      type === HostFileType.blockDevice;
    if (!isOpenable || (type === HostFileType.directory && (options.write || options.create))) {
      walk.files.close(handle);
      if (typeof stat === 'number') failHost(stat);
      fail(isOpenable ? Errno.EISDIR : Errno.ENOTSUP);
    }
    return new HostNode(walk.files, handle, base(walk), walk.grantPath, type);
  }

  /** The path ended in dots: it names a directory that the walk holds. */
  private openDirectoryOf(walk: PathWalk, options: OpenOptions): HostNode {
    if (options.create) fail(options.exclusive ? Errno.EEXIST : Errno.EISDIR);
    if (options.write || options.truncate) fail(Errno.EISDIR);
    if (walk.atBase) return walk.base;
    const path = walk.grantPath;
    return new HostNode(walk.files, walk.takeDirectory(), base(walk), path, HostFileType.directory);
  }

  /** Attributes of `path`; follows a link at the end if asked. */
  stat(start: HostNode, path: string, follow: boolean): HostStat {
    const walk = new PathWalk(start, path);
    try {
      if (follow || walk.mustBeDirectory) walk.followLinks();
      if (walk.name === '') return resultOf(walk.files.stat(walk.directory));
      const stat = resultOf(walk.files.statAt(walk.directory, walk.name));
      if (walk.mustBeDirectory && stat.type !== HostFileType.directory) fail(Errno.ENOTDIR);
      return stat;
    } finally {
      walk.close();
    }
  }

  /** After a rename within a grant: open nodes at or below `from` are now at `to`; what was at `to` has lost its name. */
  renamed(grant: Grant, from: string, to: string): void {
    if (from === to) return;
    for (const node of this.nodes) {
      if (node.grant !== grant || node.path === null) continue;
      if (isAtOrBelow(node.path, from)) node.path = to + node.path.slice(from.length);
      else if (isAtOrBelow(node.path, to)) node.path = null;
    }
  }

  /** After an unlink or rmdir: open nodes at `path` have lost their name. */
  unlinked(grant: Grant, path: string): void {
    for (const node of this.nodes) if (node.grant === grant && node.path === path) node.path = null;
  }
}

function base(walk: PathWalk): Grant {
  return walk.base.grant;
}

function isAtOrBelow(path: string, ancestor: string): boolean {
  return path === ancestor || path.startsWith(`${ancestor}/`);
}
