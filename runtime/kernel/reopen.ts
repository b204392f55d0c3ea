// Opens the files of a saved kernel again, through the grants of the resuming command line: all of them, or none stays open
// and the error names what is missing or has changed.

import { WvmError } from '../base/wvm-error.ts';
import { DeviceFile } from './device-file.ts';
import { DirectoryFile } from './directory-file.ts';
import { EpollFile } from './epoll-file.ts';
import { EventFile } from './event-file.ts';
import { FileLocks } from './file-locks.ts';
import { HostFile } from './host-file.ts';
import type { KernelState, RestoreOptions } from './kernel.ts';
import { NullFile } from './null-file.ts';
import type { OpenFile, OpenFileState } from './open-file.ts';
import type { DetachedFileState, HostFileState, MemoryFileState, StreamFileState } from './open-file-state.ts';
import { Pipe } from './pipe.ts';
import { PipeFile } from './pipe-file.ts';
import { type Grant, HostFileType, HostOpen, type Ports } from './ports.ts';
import { SocketFile } from './socket-file.ts';
import { StaleFile } from './stale-file.ts';
import { StreamFile } from './stream-file.ts';
import { Terminal } from './terminal.ts';
import { TerminalFile } from './terminal-file.ts';
import { DETACHED_GRANT, makeDetachedFiles, restoreDetached } from './vfs/detached-files.ts';
import { DeviceFiles } from './vfs/device-files.ts';
import { FileSystem, missingLower } from './vfs/file-system.ts';
import type { FileSystemState } from './vfs/file-system-state.ts';
import { HostNode } from './vfs/host-node.ts';
import type { MemoryInode } from './vfs/memory-inode.ts';
import { reopenNode } from './vfs/saved-node.ts';
import { Vfs } from './vfs/vfs.ts';

/** Open files by their index, and the locks on them. */
export interface ReopenedFiles {
  readonly vfs: Vfs;
  readonly files: readonly OpenFile[];
  readonly locks: FileLocks;
}

export function reopenFiles(
  ports: Ports,
  options: RestoreOptions,
  state: KernelState,
  nowNs: () => bigint,
): ReopenedFiles {
  const grants = state.grants.map(({ guestPath }) => findGrant(options.grants, guestPath));
  for (const file of state.openFiles) if (file.kind === 'file') checkWritable(file, grants[file.grant]!);
  const mounted = state.fileSystems.map((record, index) => mount(record, index, ports, options, nowNs));
  const detached = makeDetachedFiles(nowNs, state.detachedPages);
  const inodes = restoreDetached(detached, state.detached);
  const fileSystems = mounted.map(({ fileSystem }) => fileSystem);
  const devices = state.devices === null ? undefined : new DeviceFiles(state.devices);
  const vfs = new Vfs(ports.files, nowNs, fileSystems, detached, devices);
  const pipes = state.pipes.map((record) => Pipe.restore(record));
  const files: OpenFile[] = [];
  const reopen = (file: OpenFileState, index: number): OpenFile => {
    const { flags } = file;
    switch (file.kind) {
      case 'stream':
        return restoreStream(ports, file);
      case 'detached':
        return restoreDetachedFile(vfs, inodes[file.inode]!, file);
      case 'memory': {
        const { fileSystem, inodes: its } = mounted[file.fileSystem]!;
        const checks = (options.files ?? 'check') === 'check';
        return restoreMemoryFile(vfs, fileSystem, its[file.inode]!, file, checks, () => holderOf(state, index));
      }
      case 'pipe':
        return new PipeFile(pipes[file.pipe]!, file.canRead ? 'reader' : 'writer', flags);
      case 'socket': {
        const { incoming, outgoing, isReadShut, isWriteShut } = file;
        return new SocketFile(pipes[incoming]!, pipes[outgoing]!, flags, isReadShut, isWriteShut);
      }
      case 'event':
        return new EventFile(file.ino, file.count, file.isSemaphore, flags);
      case 'null':
        return new NullFile(file.ino, flags);
      case 'device':
        if (file.device === 'tty') {
          return new TerminalFile(new Terminal(ports.streams, state.terminal), flags, file.canRead, file.canWrite);
        }
        return new DeviceFile(devices!, file.device, flags, file.canRead, file.canWrite);
      case 'device-directory': {
        const node = new HostNode(
          devices!,
          devices!.directoryAt(file.path),
          devices!.grant,
          file.path,
          HostFileType.directory,
        );
        return new DirectoryFile(vfs, node, flags, file.canRead, file.listing);
      }
      case 'epoll':
        return EpollFile.restore(file, files);
      default:
        return restoreHostFile(vfs, grants[file.grant]!, file, options.files ?? 'check', () => holderOf(state, index));
    }
  };
  try {
    for (const [index, file] of state.openFiles.entries()) files.push(reopen(file, index));
    return { vfs, files, locks: FileLocks.restore(state.locks, files) };
  } catch (error) {
    for (const file of files) file.close();
    throw error;
  }
}

function findGrant(grants: readonly Grant[], guestPath: string): Grant {
  const grant = grants.find((candidate) => candidate.guestPath === guestPath && candidate.overlay === undefined);
  if (grant === undefined) {
    throw new WvmError('WVM_CAPABILITY_MISSING', `resume: the program needs a directory as ${guestPath}`, {
      hint: `give it with --dir HOST::${guestPath}`,
    });
  }
  return grant;
}

function checkWritable(file: HostFileState, grant: Grant): void {
  if (!file.canWrite || !grant.readOnly) return;
  throw new WvmError(
    'WVM_CAPABILITY_MISSING',
    `resume: the program has ${guestName(grant, file)} open for writing, but ${grant.guestPath} is given read-only`,
    { hint: `give it with --dir HOST::${grant.guestPath}, without :ro` },
  );
}

function restoreStream(ports: Ports, state: StreamFileState): StreamFile {
  return new StreamFile(state.stream, ports.streams[state.stream]!, state.flags, state.canRead, state.canWrite);
}

/** A file system of the image; what an overlay lies on comes from the command line. */
function mount(
  state: FileSystemState,
  index: number,
  { files }: Ports,
  { grants }: RestoreOptions,
  nowNs: () => bigint,
): ReturnType<typeof FileSystem.restore> {
  if (state.kind === 'tmpfs') return FileSystem.restore(state, undefined, index, nowNs);
  const grant = grants.find(({ guestPath, overlay }) => guestPath === state.guestPath && overlay !== undefined);
  if (grant === undefined) throw missingLower(state.guestPath);
  return FileSystem.restore(state, { files, root: grant.handle }, index, nowNs);
}

/** A lower file of an overlay is recognised by size and time: its inode number is the host's, and the guest has not seen it. */
function restoreMemoryFile(
  vfs: Vfs,
  { files, grant }: FileSystem,
  inode: MemoryInode,
  { flags, canRead, canWrite, path, offset, listing }: MemoryFileState,
  checks: boolean,
  holder: () => string,
): OpenFile {
  const access = (canRead ? HostOpen.read : 0) | (canWrite ? HostOpen.write : 0);
  const wanted = { sizeBytes: inode.lowerSize, mtimeNs: inode.mtimeNs };
  let handle = files.open(inode, access);
  let change = handle < 0 ? `cannot be opened (error ${-handle})` : undefined;
  if (handle < 0) handle = files.openStale(inode, access);
  const stat = files.stat(handle);
  if (typeof stat === 'number') change ??= `is missing (error ${-stat})`;
  else if (inode.isLower && !inode.isDirectory) {
    if (stat.size !== wanted.sizeBytes) change = `has changed (${stat.size} bytes, were ${wanted.sizeBytes})`;
    else if (stat.mtimeNs !== wanted.mtimeNs) {
      change = `has changed (modified at ${stat.mtimeNs} ns, was ${wanted.mtimeNs} ns)`;
    }
  }
  const node = new HostNode(files, handle, grant, path, inode.type);
  const file = inode.isDirectory
    ? new DirectoryFile(vfs, node, flags, canRead, listing)
    : new HostFile(vfs, node, flags, canRead, canWrite, offset);
  if (change === undefined || !checks) return file;
  file.close();
  throw new WvmError(
    'WVM_FILE_CHANGED',
    `resume: ${holder()}: ${grant.guestPath}: lower file ${inode.lower} ${change}`,
    {
      hint: 'restore the file as it was, or resume with --files=ignore',
    },
  );
}

function restoreDetachedFile(vfs: Vfs, inode: MemoryInode, state: DetachedFileState): OpenFile {
  const access = HostOpen.read | HostOpen.write;
  const node = new HostNode(vfs.detached, vfs.detached.open(inode, access), DETACHED_GRANT, null, inode.type);
  const { flags, canRead, canWrite, offset, listing } = state;
  if (inode.type === HostFileType.directory) return new DirectoryFile(vfs, node, flags, canRead, listing);
  return new HostFile(vfs, node, flags, canRead, canWrite, offset);
}

function restoreHostFile(
  vfs: Vfs,
  grant: Grant,
  state: HostFileState,
  policy: 'check' | 'ignore',
  holder: () => string,
): OpenFile {
  const handle = reopenNode(vfs.files, grant, state, policy === 'check');
  if (typeof handle === 'string') {
    if (policy === 'ignore') return new StaleFile(state, grant);
    throw new WvmError('WVM_FILE_CHANGED', `resume: ${holder()}: ${guestName(grant, state)} ${handle}`, {
      hint: 'restore the file as it was, or resume with --files=ignore',
    });
  }
  const node = new HostNode(vfs.files, handle, grant, state.path, state.type);
  if (state.kind === 'directory') return new DirectoryFile(vfs, node, state.flags, state.canRead, state.listing);
  return new HostFile(vfs, node, state.flags, state.canRead, state.canWrite, state.offset);
}

/** The first process that has the file open, for messages. */
function holderOf({ processes }: KernelState, file: number): string {
  return `process ${processes.find(({ fds }) => fds.some((entry) => entry.file === file))?.pid}`;
}

function guestName(grant: Grant, state: HostFileState): string {
  return grant.guestPath.endsWith('/') ? grant.guestPath + state.path : `${grant.guestPath}/${state.path}`;
}
