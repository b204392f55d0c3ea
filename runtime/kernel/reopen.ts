// Opens the files of a saved kernel again, through the grants of the resuming command line: all of them, or none stays open
// and the error names what is missing or has changed.

import { WvmError } from '../base/wvm-error.ts';
import { DirectoryFile } from './directory-file.ts';
import { HostFile } from './host-file.ts';
import type { KernelState, RestoreOptions } from './kernel.ts';
import type { OpenFile } from './open-file.ts';
import type { DetachedFileState, HostFileState, StreamFileState } from './open-file-state.ts';
import { type Grant, HostFileType, type Ports } from './ports.ts';
import { StaleFile } from './stale-file.ts';
import { StreamFile } from './stream-file.ts';
import { DETACHED_GRANT, DetachedInode } from './vfs/detached-files.ts';
import { HostNode } from './vfs/host-node.ts';
import { reopenNode } from './vfs/saved-node.ts';
import type { Vfs } from './vfs/vfs.ts';

export function reopenFiles(vfs: Vfs, ports: Ports, options: RestoreOptions, state: KernelState): OpenFile[] {
  const grants = state.grants.map(({ guestPath }) => findGrant(options.grants, guestPath));
  for (const file of state.openFiles) if (file.kind === 'file') checkWritable(file, grants[file.grant]!);
  const inodes = state.detached.map((record) => new DetachedInode(record));
  const files: OpenFile[] = [];
  try {
    for (const file of state.openFiles) {
      if (file.kind === 'stream') files.push(restoreStream(ports, file));
      else if (file.kind === 'detached') files.push(restoreDetached(vfs, inodes[file.inode]!, file));
      else files.push(restoreHostFile(vfs, grants[file.grant]!, file, options.files ?? 'check'));
    }
    return files;
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

function restoreHostFile(vfs: Vfs, grant: Grant, state: HostFileState, policy: 'check' | 'ignore'): OpenFile {
  const handle = reopenNode(vfs.files, grant, state, policy === 'check');
  if (typeof handle === 'string') {
    if (policy === 'ignore') return new StaleFile(state, grant);
    throw new WvmError('WVM_FILE_CHANGED', `resume: ${guestName(grant, state)} ${handle}`, {
      hint: 'restore the file as it was, or resume with --files=ignore',
    });
  }
  const node = new HostNode(vfs.files, handle, grant, state.path, state.type);
  if (state.kind === 'directory') return new DirectoryFile(vfs, node, state.flags, state.canRead, state.listing);
  return new HostFile(vfs, node, state.flags, state.canRead, state.canWrite, state.offset);
}

function guestName(grant: Grant, state: HostFileState): string {
  return grant.guestPath.endsWith('/') ? grant.guestPath + state.path : `${grant.guestPath}/${state.path}`;
}
