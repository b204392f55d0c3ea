// Open descriptors and waiting calls out of the kernel's record. Inspecting validates nothing: what has not the shape of
// a KernelState is left out, never an error.

import type { FdState } from '../kernel/fd-table.ts';
import type { KernelState } from '../kernel/kernel.ts';
import type { HostFileState, MemoryFileState } from '../kernel/open-file-state.ts';
import { HostFileType } from '../kernel/ports.ts';
import type { ProcessState } from '../kernel/process.ts';
import { type Scheduling, schedulingText } from '../kernel/scheduling.ts';
import type { ThreadState } from '../kernel/thread.ts';
import type { FileSystemState, InodeState } from '../kernel/vfs/file-system-state.ts';
import { type JsonData, jsonData } from './value-text.ts';

export interface FdDescription {
  readonly fd: number;
  /** Guest path of a preopened directory. */
  readonly preopen: string | null;
  /** "file", "directory", "stream", … */
  readonly kind: string;
  /** Guest path of a host file; null if there is none. */
  readonly path: string | null;
  readonly offset: string | null;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  /** The whole record of the open file; descriptors of the same one share it. */
  readonly file: JsonData;
}

/** A file system that lives in the machine. */
export interface FileSystemDescription {
  /** 'tmpfs' or 'overlay': an overlay needs its lower directory again to be resumed. */
  readonly kind: string;
  readonly guestPath: string;
  readonly maxBytes: number;
  /** Files that are in the image, and the sum of their sizes; of an overlay those that the guest has changed. */
  readonly fileCount: number;
  readonly fileBytes: number;
}

/** A value that should be a T but was never checked. */
type Unchecked<T> = { readonly [Key in keyof T]?: unknown } | null | undefined;

export function describeFds(kernel: unknown, pid: number): FdDescription[] {
  const { grants, fileSystems, devices, openFiles } = (kernel ?? {}) as NonNullable<Unchecked<KernelState>>;
  return listOf<FdState>(findProcess(kernel, pid)?.fds).flatMap((entry) => {
    const file = listOf<Omit<HostFileState, 'kind'> & Omit<MemoryFileState, 'kind'> & { kind: string }>(openFiles)[
      Number(entry?.file)
    ];
    if (typeof entry?.fd !== 'number' || typeof file?.kind !== 'string') return [];
    const isInMemory = file.kind === 'memory';
    const mounts = listOf<{ guestPath: string }>(isInMemory ? fileSystems : grants);
    const grant = mounts[Number(isInMemory ? file.fileSystem : file.grant)]?.guestPath;
    return [
      {
        fd: entry.fd,
        preopen: typeof entry.preopen === 'string' ? entry.preopen : null,
        kind: isInMemory
          ? kindInMemory(listOf<FileSystemState>(fileSystems)[Number(file.fileSystem)], file)
          : file.kind.replace('device-', ''),
        path: pathOf(file, file.kind.startsWith('device') ? devices : grant),
        offset: typeof file.offset === 'bigint' ? String(file.offset) : null,
        canRead: file.canRead === true,
        canWrite: file.canWrite === true,
        file: jsonData(file),
      },
    ];
  });
}

/** `root`: guest path of the directory that it was opened through, or of the devices. */
function pathOf(file: { readonly path?: unknown; readonly device?: unknown }, root: unknown): string | null {
  const below = file.device ?? file.path;
  return typeof below === 'string' && typeof root === 'string' ? joinPath(root, below) : null;
}

/** As the kind of a file of the host would be. */
function kindInMemory(system: Unchecked<FileSystemState>, { inode }: { readonly inode?: unknown }): string {
  return listOf<InodeState>(system?.inodes)[Number(inode)]?.type === HostFileType.directory ? 'directory' : 'file';
}

export function describeFileSystems(kernel: unknown): FileSystemDescription[] {
  const { fileSystems } = (kernel ?? {}) as NonNullable<Unchecked<KernelState>>;
  return listOf<FileSystemState>(fileSystems).flatMap((system) => {
    if (typeof system?.kind !== 'string' || typeof system.guestPath !== 'string') return [];
    const sizes = listOf<InodeState>(system.inodes).flatMap((inode) => {
      const contents = inode?.contents as Unchecked<{ kind: string; sizeBytes: number }>;
      return contents?.kind === 'file' ? [Number(contents.sizeBytes)] : [];
    });
    const { kind, guestPath, maxBytes } = system;
    const fileBytes = sizes.reduce((sum, size) => sum + size, 0);
    return [{ kind, guestPath, maxBytes: Number(maxBytes), fileCount: sizes.length, fileBytes }];
  });
}

/** The call that a thread waits in, and how far it is: `{ call, restart, … }`; null if it waits in none. */
export function describeCall(kernel: unknown, pid: number, tid: number): JsonData {
  const thread = listOf<ThreadState>(findProcess(kernel, pid)?.threads).find((entry) => entry?.tid === tid);
  return thread?.call == null ? null : jsonData(thread);
}

/** "nice 5", "FIFO 50"; '' if nothing is special about the thread. */
export function describeScheduling(kernel: unknown, pid: number, tid: number): string {
  const thread = listOf<ThreadState>(findProcess(kernel, pid)?.threads).find((entry) => entry?.tid === tid);
  const { policy, priority, nice } = (thread?.scheduling ?? {}) as NonNullable<Unchecked<Scheduling>>;
  if (typeof policy !== 'number' || typeof priority !== 'number' || typeof nice !== 'number') return '';
  return schedulingText({ policy, priority, nice });
}

function findProcess(kernel: unknown, pid: number): Unchecked<ProcessState> {
  const { processes } = (kernel ?? {}) as NonNullable<Unchecked<KernelState>>;
  return listOf<ProcessState>(processes).find((entry) => entry?.pid === pid);
}

function listOf<T>(value: unknown): readonly Unchecked<T>[] {
  return Array.isArray(value) ? value : [];
}

function joinPath(grant: string, path: string): string {
  if (path === '') return grant;
  return grant.endsWith('/') ? `${grant}${path}` : `${grant}/${path}`;
}
