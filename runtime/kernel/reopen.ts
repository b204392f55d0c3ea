// Opens the files of a saved kernel again, through the grants of the resuming command line: all of them, or none stays open
// and the error names what is missing or has changed.

import { WvmError } from '../base/wvm-error.ts';
import { DirectoryFile } from './directory-file.ts';
import { EpollFile } from './epoll-file.ts';
import { EventFile } from './event-file.ts';
import { FileLocks } from './file-locks.ts';
import { HostFile } from './host-file.ts';
import type { KernelState, RestoreOptions } from './kernel.ts';
import { NullFile } from './null-file.ts';
import type { OpenFile, OpenFileState } from './open-file.ts';
import type { DetachedFileState, HostFileState, StreamFileState } from './open-file-state.ts';
import { Pipe } from './pipe.ts';
import { PipeFile } from './pipe-file.ts';
import { type Grant, HostFileType, type Ports } from './ports.ts';
import { SocketFile } from './socket-file.ts';
import { StaleFile } from './stale-file.ts';
import { StreamFile } from './stream-file.ts';
import { DETACHED_GRANT, DetachedInode } from './vfs/detached-files.ts';
import { HostNode } from './vfs/host-node.ts';
import { reopenNode } from './vfs/saved-node.ts';
import type { Vfs } from './vfs/vfs.ts';

/** Open files by their index, and the locks on them. */
export interface ReopenedFiles {
  readonly files: readonly OpenFile[];
  readonly locks: FileLocks;
}

export function reopenFiles(vfs: Vfs, ports: Ports, options: RestoreOptions, state: KernelState): ReopenedFiles {
  const grants = state.grants.map(({ guestPath }) => findGrant(options.grants, guestPath));
  for (const file of state.openFiles) if (file.kind === 'file') checkWritable(file, grants[file.grant]!);
  const inodes = state.detached.map((record) => new DetachedInode(record));
  const pipes = state.pipes.map((record) => Pipe.restore(record));
  const files: OpenFile[] = [];
  const reopen = (file: OpenFileState, index: number): OpenFile => {
    const { flags } = file;
    switch (file.kind) {
      case 'stream':
        return restoreStream(ports, file);
      case 'detached':
        return restoreDetached(vfs, inodes[file.inode]!, file);
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
      case 'epoll':
        return EpollFile.restore(file, files);
      default:
        return restoreHostFile(vfs, grants[file.grant]!, file, options.files ?? 'check', () => holderOf(state, index));
    }
  };
  try {
    for (const [index, file] of state.openFiles.entries()) files.push(reopen(file, index));
    return { files, locks: FileLocks.restore(state.locks, files) };
  } catch (error) {
    for (const file of files) file.close();
    throw error;
  }
}

function findGrant(grants: readonly Grant[], guestPath: string): Grant {
  const grant = grants.find((candidate) => candidate.guestPath === guestPath);
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

function restoreDetached(vfs: Vfs, inode: DetachedInode, state: DetachedFileState): OpenFile {
  const node = new HostNode(vfs.detached, vfs.detached.open(inode), DETACHED_GRANT, null, inode.type);
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
