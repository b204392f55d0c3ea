// The saved form of an open host file: where it is found again and how it is recognised.
//
//   save    grant (by guest path), path below it, identity: dev, ino, size, mtime; of a directory only dev and ino, and of
//           the root of a grant nothing, so that an image holds no more of the host than what resume compares
//   resume  1. the grant must be on the command line, read-write if the file was open for writing
//           2. walk the path without following any link; never create or truncate
//           3. compare the identity (the contents of a directory are free to change)

import type { FileSaver } from '../open-file.ts';
import type { FileIdentity, HostFileState } from '../open-file-state.ts';
import { type FilesPort, type Grant, HostFileType, type HostHandle, HostOpen, type HostStat } from '../ports.ts';
import type { HostNode } from './host-node.ts';

export type SavedNode = Pick<HostFileState, 'grant' | 'path' | 'type' | 'identity'>;

export function saveNode(node: HostNode, path: string, saver: FileSaver): SavedNode {
  return { grant: saver.grantIndex(node.grant.guestPath), path, type: node.type, identity: identityOf(node, path) };
}

function identityOf(node: HostNode, path: string): FileIdentity {
  const nothing = { dev: 0n, ino: 0n, sizeBytes: 0n, mtimeNs: 0n, digest: null };
  if (path === '') return nothing;
  const { dev, ino, size, mtimeNs } = node.stat();
  if (node.type === HostFileType.directory) return { ...nothing, dev, ino };
  return { dev, ino, sizeBytes: size, mtimeNs, digest: null };
}

/**
 * Opens the file of `state` again, or says why not: a message for WVM_FILE_CHANGED. Without `checkIdentity` another file of
 * the same name and type will do. The root of a grant is what the command line says it is.
 */
export function reopenNode(
  files: FilesPort,
  grant: Grant,
  state: HostFileState,
  checkIdentity: boolean,
): HostHandle | string {
  if (state.path === '') return grant.handle;
  const names = state.path.split('/');
  const last = names.pop()!;
  let directory = grant.handle;
  try {
    for (const name of names) {
      const next = files.openAt(directory, name, HostOpen.directory);
      if (directory !== grant.handle) files.close(directory);
      directory = next;
      if (next < 0) return `is missing (directory ${name}: error ${-next})`;
    }
    const handle = files.openAt(directory, last, openFlags(state));
    if (handle < 0) return handle === -2 ? 'is missing' : `cannot be opened (error ${-handle})`;
    const stat = files.stat(handle);
    const change =
      typeof stat === 'number' ? `cannot be read (error ${-stat})` : describeChange(state, stat, checkIdentity);
    if (change === undefined) return handle;
    files.close(handle);
    return change;
  } finally {
    if (directory !== grant.handle && directory >= 0) files.close(directory);
  }
}

function openFlags(state: HostFileState): number {
  let flags: number = HostOpen.nonblock;
  if (state.canRead) flags |= HostOpen.read;
  if (state.canWrite) flags |= HostOpen.write;
  if (state.type === HostFileType.directory) flags |= HostOpen.directory;
  return flags;
}

function describeChange(state: HostFileState, stat: HostStat, checkIdentity: boolean): string | undefined {
  const old: FileIdentity = state.identity;
  if (stat.type !== state.type) return `is of another type (${stat.type}, was ${state.type})`;
  if (!checkIdentity) return undefined;
  if (stat.ino !== old.ino || stat.dev !== old.dev) {
    return `is another file (inode ${stat.dev}:${stat.ino}, was ${old.dev}:${old.ino})`;
  }
  if (state.type !== HostFileType.regularFile) return undefined;
  if (stat.size !== old.sizeBytes) return `has changed (${stat.size} bytes, were ${old.sizeBytes})`;
  if (stat.mtimeNs !== old.mtimeNs) return `has changed (modified at ${stat.mtimeNs} ns, was ${old.mtimeNs} ns)`;
  return undefined;
}
