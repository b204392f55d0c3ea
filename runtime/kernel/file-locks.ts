// Advisory locks on files: flock(2), held by open files, and record locks (fcntl(2)), held by processes. Both are the machine's
// own: they hold between its processes, and the host is not told, so that an image can carry them and they never depend on who
// else runs there.
//
// - Locks belong to the inode (OpenFile.inodeKey), whatever names it is opened by; the two kinds do not see one another.
// - Who cannot have a lock waits in the inode's queue, and is woken in order whenever a lock there goes.
// - flock: gone with the last descriptor of its open file. Changing the kind is not atomic, as on Linux: the old one goes first.
// - Record locks: gone when their process closes any descriptor of the inode, as POSIX has it. A process that would wait for
//   itself, through others, gets EDEADLK.

import { Errno } from '../../abi/errno.ts';
import type { WaitFor } from './blocked.ts';
import type { FateTable } from './fate.ts';
import type { KernelState } from './kernel.ts';
import type { OpenFile } from './open-file.ts';
import type { Process } from './process.ts';
import { RecordLocks } from './record-locks.ts';
import { fail } from './sys-error.ts';
import type { Thread } from './thread.ts';
import { badRecord, checkArray, checkBigint, checkBoolean, checkInteger, checkRecord, INT64_MAX } from './validate.ts';
import { WaitQueue } from './wait-queue.ts';

/** Linux has no limit of its own; a guest that leaks locks gets ENOLCK. */
const LOCKS_MAX = 1_000_000;

export interface LockState {
  readonly kind: 'flock' | 'record';
  /** Index in KernelState.openFiles: of a flock the holder, of a record lock any open file of the inode that its process has. */
  readonly file: number;
  /** Holder of a record lock; 0 for a flock. */
  readonly pid: number;
  readonly isExclusive: boolean;
  /** First and last byte; all of it for a flock. */
  readonly first: bigint;
  readonly last: bigint;
}

/** Bytes of a file; `last` INT64_MAX: to its end, wherever that is. */
export interface ByteRange {
  readonly first: bigint;
  readonly last: bigint;
}

export interface RecordLock extends ByteRange {
  readonly pid: number;
  readonly isExclusive: boolean;
}

const LOCKABLE: ReadonlySet<string> = new Set(['file', 'directory', 'detached', 'memory']);
const WHOLE_FILE: ByteRange = { first: 0n, last: INT64_MAX };

export class LockedInode {
  static readonly fates: FateTable = { key: 'derived', flocks: 'saved', records: 'saved', queue: 'derived' };

  /** Derived: where it is in FileLocks.inodes. */
  readonly key: string;
  /** Holders, and whether theirs is exclusive. */
  readonly flocks: Map<OpenFile, boolean> = new Map();
  readonly records: RecordLocks = new RecordLocks();
  /** Derived: threads that wait for a lock of either kind. */
  readonly queue: WaitQueue = new WaitQueue();

  constructor(key: string) {
    this.key = key;
  }

  get isFree(): boolean {
    return this.flocks.size === 0 && this.records.locks.length === 0;
  }
}

export class FileLocks {
  static readonly fates: FateTable = { inodes: 'saved', count: 'derived', waiting: 'derived' };

  /** Inodes that are locked, by OpenFile.inodeKey. */
  readonly inodes: Map<string, LockedInode> = new Map();
  /** Derived: locks of both kinds, so that closing costs nothing while there are none. */
  count = 0;
  /** Derived: what threads that wait for a record lock have asked for; an entry of a thread that waits no more means nothing. */
  readonly waiting: Map<Thread, { readonly inode: LockedInode; readonly wanted: RecordLock }> = new Map();

  /** Takes or changes the lock of an open file: undefined, or what to wait for. ENOLCK, ENOTSUP. */
  flock(file: OpenFile, isExclusive: boolean): WaitFor | undefined {
    const inode = this.#inodeOf(file);
    const held = inode.flocks.get(file);
    if (held === isExclusive) return undefined;
    if (held !== undefined) this.unflock(file);
    for (const [holder, isOthersExclusive] of inode.flocks) {
      if (holder !== file && (isExclusive || isOthersExclusive)) return { kind: 'queue', queue: inode.queue };
    }
    inode.flocks.set(file, isExclusive);
    this.inodes.set(inode.key, inode);
    this.#recount();
    return undefined;
  }

  unflock(file: OpenFile): void {
    const inode = this.#inodeOf(file);
    if (inode.flocks.delete(file)) this.#changed(inode);
  }

  /** The lock that stands in the way of `wanted`: F_GETLK. */
  conflict(file: OpenFile, wanted: RecordLock): RecordLock | undefined {
    return this.#inodeOf(file).records.conflict(wanted);
  }

  /**
   * Takes a record lock for the process of `thread`: undefined, or what to wait for. With `willWait`, EDEADLK if it would wait for
   * a process that waits for it. ENOLCK, ENOTSUP.
   */
  lockRecord(file: OpenFile, wanted: RecordLock, thread: Thread, willWait: boolean): WaitFor | undefined {
    const inode = this.#inodeOf(file);
    this.waiting.delete(thread);
    if (inode.records.conflict(wanted) !== undefined) {
      if (!willWait) return { kind: 'queue', queue: inode.queue };
      if (this.#waitsFor(inode, wanted, wanted.pid, new Set())) fail(Errno.EDEADLK);
      this.waiting.set(thread, { inode, wanted });
      return { kind: 'queue', queue: inode.queue };
    }
    if (this.count >= LOCKS_MAX) fail(Errno.ENOLCK);
    const isChanged = inode.records.place(wanted);
    this.inodes.set(inode.key, inode);
    this.#recount();
    // It may be weaker than what it replaces.
    if (isChanged) inode.queue.wakeAll();
    return undefined;
  }

  unlockRecord(file: OpenFile, range: ByteRange, pid: number): void {
    const inode = this.#inodeOf(file);
    if (inode.records.clear(range, pid)) this.#changed(inode);
  }

  /** A descriptor of the process is gone, and the open file with it if it was the last one. */
  descriptorClosed(process: Process, file: OpenFile, isLast: boolean): void {
    if (this.count === 0) return;
    const key = file.inodeKey;
    const inode = key === undefined ? undefined : this.inodes.get(key);
    if (inode === undefined) return;
    const wasHeld = isLast && inode.flocks.delete(file);
    if (inode.records.clear(WHOLE_FILE, process.pid) || wasHeld) this.#changed(inode);
  }

  /** Locks of open files in the order of their inodes; record locks by their place. */
  save(fileIndex: (file: OpenFile) => number, processes: ReadonlyMap<number, Process>): LockState[] {
    const states: LockState[] = [];
    for (const inode of this.inodes.values()) {
      for (const [file, isExclusive] of inode.flocks) {
        states.push({ kind: 'flock', file: fileIndex(file), pid: 0, isExclusive, ...WHOLE_FILE });
      }
      for (const { pid, isExclusive, first, last } of inode.records.locks) {
        const { fds } = processes.get(pid)!;
        const entry = fds.entries.find((candidate) => candidate?.file.inodeKey === inode.key)!;
        states.push({ kind: 'record', file: fileIndex(entry.file), pid, isExclusive, first, last });
      }
    }
    return states;
  }

  static check(state: Pick<KernelState, 'openFiles' | 'processes' | 'locks'>, where: string): void {
    const { openFiles, processes, locks } = state;
    for (const [index, lock] of checkArray(locks, LOCKS_MAX, where).entries()) {
      const place = `${where}[${index}]`;
      checkRecord(lock, place);
      if (lock.kind !== 'flock' && lock.kind !== 'record') badRecord(`${place}.kind`, 'unknown kind');
      checkInteger(lock.file, 0, openFiles.length - 1, `${place}.file`);
      if (!LOCKABLE.has(openFiles[lock.file]!.kind)) badRecord(`${place}.file`, 'cannot be locked');
      checkBoolean(lock.isExclusive, `${place}.isExclusive`);
      checkBigint(lock.first, 0n, INT64_MAX, `${place}.first`);
      checkBigint(lock.last, lock.first, INT64_MAX, `${place}.last`);
      if (lock.kind === 'record') {
        const holder = processes.find(({ pid }) => pid === lock.pid);
        if (holder === undefined || !holder.fds.some(({ file }) => file === lock.file)) {
          badRecord(`${place}.pid`, `process ${String(lock.pid)} does not have the file open`);
        }
      } else if (lock.pid !== 0 || lock.first !== 0n || lock.last !== INT64_MAX) {
        badRecord(place, 'a flock holds the whole file');
      }
    }
  }

  /** WVM_IMAGE_BAD_RECORD if two of the locks cannot be held at once. */
  static restore(states: readonly LockState[], files: readonly OpenFile[]): FileLocks {
    const locks = new FileLocks();
    for (const [index, { kind, file, pid, isExclusive, first, last }] of states.entries()) {
      const inode = locks.#inodeOf(files[file]!);
      locks.inodes.set(inode.key, inode);
      const place = `locks[${index}]`;
      if (kind === 'flock') {
        const others = [...inode.flocks.values()];
        if (inode.flocks.has(files[file]!) || others.some((isOthersExclusive) => isExclusive || isOthersExclusive)) {
          badRecord(place, 'another lock stands in its way');
        }
        inode.flocks.set(files[file]!, isExclusive);
      } else {
        const lock: RecordLock = { pid, isExclusive, first, last };
        if (inode.records.overlaps(lock)) badRecord(place, 'another lock stands in its way');
        inode.records.locks.push(lock);
      }
    }
    locks.#recount();
    return locks;
  }

  /** The record of an inode; a new one if nothing there is locked. */
  #inodeOf(file: OpenFile): LockedInode {
    const key = file.inodeKey;
    if (key === undefined) fail(Errno.ENOTSUP);
    return this.inodes.get(key) ?? new LockedInode(key);
  }

  #changed(inode: LockedInode): void {
    if (inode.isFree) this.inodes.delete(inode.key);
    this.#recount();
    inode.queue.wakeAll();
  }

  #recount(): void {
    this.count = 0;
    for (const { flocks, records } of this.inodes.values()) this.count += flocks.size + records.locks.length;
  }

  /** Whether `pid` would, by waiting for `wanted`, wait for itself. */
  #waitsFor(inode: LockedInode, wanted: RecordLock, pid: number, seen: Set<number>): boolean {
    for (const holder of inode.records.holdersAgainst(wanted)) {
      if (holder === pid) return true;
      if (seen.has(holder)) continue;
      seen.add(holder);
      for (const [thread, request] of this.waiting) {
        if (!request.inode.queue.waiters.has(thread)) this.waiting.delete(thread);
        else if (thread.process.pid === holder && this.#waitsFor(request.inode, request.wanted, pid, seen)) return true;
      }
    }
    return false;
  }
}
