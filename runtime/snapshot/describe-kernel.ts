// Open descriptors and waiting calls out of the kernel's record. Inspecting validates nothing: what has not the shape of
// a KernelState is left out, never an error.

import type { FdState } from '../kernel/fd-table.ts';
import type { KernelState } from '../kernel/kernel.ts';
import type { HostFileState } from '../kernel/open-file-state.ts';
import type { ProcessState } from '../kernel/process.ts';
import type { ThreadState } from '../kernel/thread.ts';
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

/** A value that should be a T but was never checked. */
type Unchecked<T> = { readonly [Key in keyof T]?: unknown } | null | undefined;

export function describeFds(kernel: unknown, pid: number): FdDescription[] {
  const { grants, openFiles } = (kernel ?? {}) as NonNullable<Unchecked<KernelState>>;
  return listOf<FdState>(findProcess(kernel, pid)?.fds).flatMap((entry) => {
    const file = listOf<HostFileState>(openFiles)[Number(entry?.file)];
    if (typeof entry?.fd !== 'number' || typeof file?.kind !== 'string') return [];
    const grant = listOf<{ guestPath: string }>(grants)[Number(file.grant)]?.guestPath;
    return [
      {
        fd: entry.fd,
        preopen: typeof entry.preopen === 'string' ? entry.preopen : null,
        kind: file.kind,
        path: typeof file.path === 'string' && typeof grant === 'string' ? joinPath(grant, file.path) : null,
        offset: typeof file.offset === 'bigint' ? String(file.offset) : null,
        canRead: file.canRead === true,
        canWrite: file.canWrite === true,
        file: jsonData(file),
      },
    ];
  });
}

/** The call that a thread waits in, and how far it is: `{ call, restart, … }`; null if it waits in none. */
export function describeCall(kernel: unknown, pid: number, tid: number): JsonData {
  const thread = listOf<ThreadState>(findProcess(kernel, pid)?.threads).find((entry) => entry?.tid === tid);
  return thread?.call == null ? null : jsonData(thread);
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
