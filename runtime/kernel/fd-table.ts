// File descriptors of a process: number -> entry (rights, preopen name, close-on-exec) -> shared open file description.
//
// Invariants: a new descriptor gets the lowest free number; an open file description is closed with its last entry. The table of
// a forked process has entries of its own that share the descriptions.

import { Errno } from '../../abi/errno.ts';
import { ALL_RIGHTS } from '../../abi/wasi-preview1.ts';
import type { FateTable } from './fate.ts';
import type { OpenFile } from './open-file.ts';
import { fail } from './sys-error.ts';
import { badRecord, checkArray, checkBoolean, checkInteger, checkRecord, checkString } from './validate.ts';

/** As Linux's RLIMIT_NOFILE is often set for servers; a guest that leaks descriptors gets EMFILE. */
const FD_LIMIT = 65_536;
const GUEST_PATH_MAX = 4096;

export interface FdState {
  readonly fd: number;
  /** Index in KernelState.openFiles. */
  readonly file: number;
  readonly rights: number;
  readonly inheriting: number;
  /** Guest path of a preopened directory. */
  readonly preopen: string | null;
  readonly closesOnExec: boolean;
}

export class FdEntry {
  static readonly fates: FateTable = {
    file: 'saved',
    rights: 'saved',
    inheriting: 'saved',
    preopen: 'saved',
    closesOnExec: 'saved',
  };

  readonly file: OpenFile;
  rights: number;
  inheriting: number;
  readonly preopen: string | null;
  /** FD_CLOEXEC: of the descriptor, not of the open file. */
  closesOnExec: boolean;

  constructor(file: OpenFile, rights: number, inheriting: number, preopen: string | null = null, closesOnExec = false) {
    this.file = file;
    this.rights = rights;
    this.inheriting = inheriting;
    this.preopen = preopen;
    this.closesOnExec = closesOnExec;
  }

  /** Another descriptor of the same open file. */
  copy(closesOnExec: boolean): FdEntry {
    return new FdEntry(this.file, this.rights, this.inheriting, this.preopen, closesOnExec);
  }
}

/** What a process is told of a descriptor that goes: locks go with it. */
export type DescriptorClosed = (file: OpenFile, isLast: boolean) => void;

export class FdTable {
  static readonly fates: FateTable = {
    entries: 'saved',
    lowestFree: 'derived',
    count: 'derived',
    onClosed: 'derived',
  };

  readonly entries: (FdEntry | undefined)[] = [];
  /** Derived: every number below is taken. */
  lowestFree = 0;
  /** Derived: open descriptors. */
  count = 0;
  /** Derived: its process sets it. */
  onClosed: DescriptorClosed | undefined = undefined;

  /** The entry of a guest's fd; EBADF. */
  get(fd: number): FdEntry {
    const entry = this.entries[fd];
    if (entry === undefined) fail(Errno.EBADF);
    return entry;
  }

  /** EMFILE before anything is opened that would then have no number. */
  checkSpace(needed = 1): void {
    if (this.count + needed > FD_LIMIT) fail(Errno.EMFILE);
  }

  /** Gives `entry` the lowest free number. */
  add(entry: FdEntry): number {
    this.checkSpace();
    let fd = this.lowestFree;
    while (this.entries[fd] !== undefined) fd++;
    this.set(fd, entry);
    this.lowestFree = fd + 1;
    return fd;
  }

  /** F_DUPFD: the lowest free number from `min` on. EBADF, EINVAL, EMFILE. */
  dup(fd: number, min = 0, closesOnExec = false): number {
    const entry = this.get(fd);
    if (min < 0 || min >= FD_LIMIT) fail(Errno.EINVAL);
    if (min <= this.lowestFree) return this.add(entry.copy(closesOnExec));
    let to = min;
    while (this.entries[to] !== undefined) to++;
    if (to >= FD_LIMIT) fail(Errno.EMFILE);
    this.set(to, entry.copy(closesOnExec));
    return to;
  }

  /** dup2: `to` becomes a descriptor of what `from` is; what it was is closed. EBADF for a number that cannot be. */
  dupTo(from: number, to: number, closesOnExec = false): void {
    const entry = this.get(from);
    if (to < 0 || to >= FD_LIMIT) fail(Errno.EBADF);
    if (from === to) return;
    this.put(to, entry.copy(closesOnExec));
  }

  /** Gives `entry` this number; what had it is closed. EBADF for a number that cannot be. */
  put(fd: number, entry: FdEntry): void {
    if (fd < 0 || fd >= FD_LIMIT) fail(Errno.EBADF);
    const old = this.entries[fd];
    if (old !== undefined) this.remove(fd);
    this.set(fd, entry);
    if (old !== undefined) this.dropReference(old.file);
  }

  close(fd: number): void {
    const entry = this.get(fd);
    this.remove(fd);
    this.dropReference(entry.file);
  }

  /** Moves `from` to `to`, which must be open and is closed. */
  renumber(from: number, to: number): void {
    const entry = this.get(from);
    const old = this.get(to);
    if (from === to) return;
    this.remove(from);
    this.entries[to] = entry;
    this.dropReference(old.file);
  }

  /** For a fork: the same numbers for the same open file descriptions. */
  clone(): FdTable {
    const table = new FdTable();
    for (const [fd, entry] of this.entries.entries()) {
      if (entry !== undefined) table.set(fd, entry.copy(entry.closesOnExec));
    }
    return table;
  }

  /** exec: the descriptors that are marked go. */
  closeOnExec(): void {
    for (const [fd, entry] of this.entries.entries()) if (entry?.closesOnExec === true) this.close(fd);
  }

  closeAll(): void {
    for (let fd = 0; fd < this.entries.length; fd++) if (this.entries[fd] !== undefined) this.close(fd);
  }

  save(fileIndex: (file: OpenFile) => number): FdState[] {
    return this.entries.flatMap((entry, fd) =>
      entry === undefined
        ? []
        : [
            {
              fd,
              file: fileIndex(entry.file),
              rights: entry.rights,
              inheriting: entry.inheriting,
              preopen: entry.preopen,
              closesOnExec: entry.closesOnExec,
            },
          ],
    );
  }

  static check(states: readonly FdState[], fileCount: number, where: string): void {
    let last = -1;
    for (const [index, state] of checkArray(states, FD_LIMIT, where).entries()) {
      const place = `${where}[${index}]`;
      checkRecord(state, place);
      checkInteger(state.fd, 0, FD_LIMIT - 1, `${place}.fd`);
      if (state.fd <= last) badRecord(`${place}.fd`, `${state.fd} does not follow ${last}`);
      last = state.fd;
      checkInteger(state.file, 0, fileCount - 1, `${place}.file`);
      checkInteger(state.rights, 0, ALL_RIGHTS, `${place}.rights`);
      checkInteger(state.inheriting, 0, ALL_RIGHTS, `${place}.inheriting`);
      checkBoolean(state.closesOnExec, `${place}.closesOnExec`);
      if (state.preopen !== null) checkString(state.preopen, GUEST_PATH_MAX, `${place}.preopen`);
    }
  }

  static restore(states: readonly FdState[], files: readonly OpenFile[]): FdTable {
    const table = new FdTable();
    for (const { fd, file, rights, inheriting, preopen, closesOnExec } of states) {
      table.set(fd, new FdEntry(files[file]!, rights, inheriting, preopen, closesOnExec));
    }
    return table;
  }

  private set(fd: number, entry: FdEntry): void {
    while (this.entries.length < fd) this.entries.push(undefined);
    this.entries[fd] = entry;
    this.count++;
    entry.file.refs++;
  }

  private remove(fd: number): void {
    this.entries[fd] = undefined;
    this.count--;
    if (fd < this.lowestFree) this.lowestFree = fd;
  }

  private dropReference(file: OpenFile): void {
    const isLast = --file.refs === 0;
    this.onClosed?.(file, isLast);
    file.descriptorClosed();
    if (isLast) file.close();
  }
}
