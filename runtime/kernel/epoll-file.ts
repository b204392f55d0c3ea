// An epoll set: open files with what is to be told of them. See: epoll(7).
//
// - An interest belongs to an open file, not to a descriptor: it goes when the last descriptor of that file has gone (its refs
//   are 0), which is noticed when the set is looked at the next time.
// - Level-triggered: told as long as it is so. Edge-triggered: told when the file has counted an event since (OpenFile.readEdges).
//   One-shot: told once, then disarmed until it is modified.
// - Interests that were told go to the end, so that a caller with room for few events gets to see all.
// - Sets may be nested once: a set that holds sets is in none (ELOOP; Linux allows a few levels more). So there are no loops.

import { Errno } from '../../abi/errno.ts';
import { Filetype } from '../../abi/wasi-preview1.ts';
import { EpollType } from '../../abi/wasix.ts';
import { anonymousStat } from './anonymous-stat.ts';
import type { WaitFor } from './blocked.ts';
import type { FateTable } from './fate.ts';
import { type FileSaver, OpenFile, type Readiness } from './open-file.ts';
import type { EpollFileState, EpollInterestState } from './open-file-state.ts';
import type { HostStat } from './ports.ts';
import { fail } from './sys-error.ts';
import { WaitQueue } from './wait-queue.ts';

const { IN, OUT, RDHUP, ERR, HUP, ET, ONESHOT } = EpollType;
/** Told whether asked for or not. */
const ALWAYS = ERR | HUP;
/** An edge that no file has counted: what comes next is told. */
const NO_EDGE = -1;

/** What the guest says of an interest, in the words of WASIX's epoll_event. */
export interface EpollRequest {
  readonly events: number;
  readonly ptr: number;
  readonly dataFd: number;
  readonly data1: number;
  readonly data2: bigint;
}

export class EpollInterest {
  static readonly fates: FateTable = {
    fd: 'saved',
    file: 'saved',
    request: 'saved',
    isArmed: 'saved',
    seenReadEdge: 'saved',
    seenWriteEdge: 'saved',
  };

  readonly fd: number;
  readonly file: OpenFile;
  request: EpollRequest;
  isArmed = true;
  /** The file's count when its events were told last. */
  seenReadEdge: number = NO_EDGE;
  seenWriteEdge: number = NO_EDGE;

  constructor(fd: number, file: OpenFile, request: EpollRequest) {
    this.fd = fd;
    this.file = file;
    this.request = request;
  }

  modify(request: EpollRequest): void {
    this.request = request;
    this.isArmed = true;
    this.seenReadEdge = this.seenWriteEdge = NO_EDGE;
  }

  /** EpollType bits to be told now; 0: none. */
  look(): number {
    if (!this.isArmed) return 0;
    const { file, request } = this;
    const wanted = request.events | ALWAYS;
    const isEdge = (request.events & ET) !== 0;
    let bits = isEdge && file.readEdges === this.seenReadEdge ? 0 : readBits(file);
    if (!isEdge || file.writeEdges !== this.seenWriteEdge) bits |= writeBits(file);
    return bits & wanted;
  }

  /** The events that look() gave have been told. */
  told(): void {
    if ((this.request.events & ONESHOT) !== 0) this.isArmed = false;
    if ((this.request.events & ET) === 0) return;
    if (readBits(this.file) !== 0) this.seenReadEdge = this.file.readEdges ?? NO_EDGE;
    if (writeBits(this.file) !== 0) this.seenWriteEdge = this.file.writeEdges ?? NO_EDGE;
  }

  /** What may change look()'s answer. A host stream that is ready, but told already, is left out: waiting for it would spin. */
  addWaits(waits: WaitFor[]): void {
    if (!this.isArmed) return;
    const { file } = this;
    const { events } = this.request;
    const from = waits.length;
    if (file.canRead && (file.readReadiness() === undefined || (events & ET) !== 0)) file.addReadWaits(waits);
    const isWritable = file.canWrite && file.writeReadiness() !== undefined;
    if (file.canWrite && (!isWritable || (events & ET) !== 0)) waits.push(file.writeWait());
    for (let i = waits.length - 1; i >= from; i--) {
      const { kind } = waits[i]!;
      if (kind === 'readable' && ((events & IN) === 0 || file.readReadiness() !== undefined)) waits.splice(i, 1);
      if (kind === 'writable' && ((events & OUT) === 0 || isWritable)) waits.splice(i, 1);
    }
  }
}

function readBits(file: OpenFile): number {
  const readiness = file.canRead ? file.readReadiness() : undefined;
  if (readiness === undefined) return 0;
  const { bytes, hangup } = readiness;
  if (!hangup) return IN;
  if (!file.isSocket) return bytes > 0n ? IN | HUP : HUP;
  return IN | RDHUP | (file.isHungUp ? HUP : 0);
}

function writeBits(file: OpenFile): number {
  const readiness = file.canWrite ? file.writeReadiness() : undefined;
  if (readiness === undefined) return 0;
  return readiness.hangup && !file.isSocket ? OUT | ERR : OUT;
}

export class EpollFile extends OpenFile {
  static readonly fates: FateTable = {
    refs: 'derived',
    flags: 'saved',
    canRead: 'saved',
    canWrite: 'saved',
    ino: 'saved',
    interests: 'saved',
    byFd: 'derived',
    parentCount: 'derived',
    changes: 'derived',
  };

  readonly ino: number;
  /** In the order in which they are looked at. */
  readonly interests: Set<EpollInterest> = new Set();
  /** Derived: interests by the number under which they were added. */
  readonly byFd: Map<number, EpollInterest[]> = new Map();
  /** Derived: sets that this one is in. */
  parentCount = 0;
  /** Derived: threads that wait for an event; woken when the set changes. */
  readonly changes: WaitQueue = new WaitQueue();

  constructor(ino: number, flags: number) {
    super(flags, true, false);
    this.ino = ino;
  }

  override get isStream(): boolean {
    return true;
  }

  /** NaN differs from every count: a set within a set is always looked at anew. */
  override get readEdges(): number {
    return Number.NaN;
  }

  override get writeEdges(): number {
    return 0;
  }

  override get filetype(): number {
    return Filetype.UNKNOWN;
  }

  override stat(): HostStat {
    return anonymousStat(this.ino, this.filetype);
  }

  override close(): void {
    for (const interest of [...this.interests]) this.#drop(interest);
  }

  override descriptorClosed(): void {
    this.changes.wakeAll();
  }

  override read(_target: Uint8Array): number {
    fail(Errno.EINVAL);
  }

  /** EEXIST, EPERM (a file that is always ready), EINVAL (itself), ELOOP. */
  add(fd: number, file: OpenFile, request: EpollRequest): void {
    if (file === this) fail(Errno.EINVAL);
    if (file.readEdges === undefined) fail(Errno.EPERM);
    if (file instanceof EpollFile && (file.holdsSets || this.parentCount > 0)) fail(Errno.ELOOP);
    if (this.#find(fd, file) !== undefined) fail(Errno.EEXIST);
    this.#insert(new EpollInterest(fd, file, request));
    this.changes.wakeAll();
  }

  /** ENOENT. */
  modify(fd: number, file: OpenFile, request: EpollRequest): void {
    const interest = this.#find(fd, file);
    if (interest === undefined) fail(Errno.ENOENT);
    interest.modify(request);
    this.changes.wakeAll();
  }

  /** ENOENT. */
  remove(fd: number, file: OpenFile): void {
    const interest = this.#find(fd, file);
    if (interest === undefined) fail(Errno.ENOENT);
    this.#drop(interest);
  }

  /** Tells `tell` of up to `max` interests with events. */
  take(max: number, tell: (interest: EpollInterest, events: number) => void): number {
    let count = 0;
    for (const interest of [...this.interests]) {
      if (count >= max) break;
      if (interest.file.refs === 0) {
        this.#drop(interest);
        continue;
      }
      const events = interest.look();
      if (events === 0) continue;
      count++;
      interest.told();
      this.interests.delete(interest);
      this.interests.add(interest);
      tell(interest, events);
    }
    return count;
  }

  get holdsSets(): boolean {
    for (const { file } of this.interests) if (file instanceof EpollFile && file.refs > 0) return true;
    return false;
  }

  override readReadiness(): Readiness | undefined {
    for (const interest of this.interests) {
      if (interest.file.refs > 0 && interest.look() !== 0) return { bytes: 1n, hangup: false };
    }
    return undefined;
  }

  override readWait(): WaitFor {
    return { kind: 'queue', queue: this.changes };
  }

  override addReadWaits(waits: WaitFor[]): void {
    waits.push(this.readWait());
    for (const interest of this.interests) if (interest.file.refs > 0) interest.addWaits(waits);
  }

  override save(saver: FileSaver): EpollFileState {
    const { flags, canRead, canWrite, ino } = this;
    const interests: EpollInterestState[] = [];
    for (const interest of this.interests) {
      const { fd, file, request, isArmed, seenReadEdge, seenWriteEdge } = interest;
      if (file.refs === 0) continue;
      interests.push({
        fd,
        file: saver.fileIndex(file),
        ...request,
        isArmed,
        hasReadEdge: file.readEdges !== seenReadEdge,
        hasWriteEdge: file.writeEdges !== seenWriteEdge,
      });
    }
    return { kind: 'epoll', flags, canRead, canWrite, ino, interests };
  }

  static restore(state: EpollFileState, files: readonly OpenFile[]): EpollFile {
    const set = new EpollFile(state.ino, state.flags);
    for (const { fd, file, events, ptr, dataFd, data1, data2, ...rest } of state.interests) {
      const interest = new EpollInterest(fd, files[file]!, { events, ptr, dataFd, data1, data2 });
      interest.isArmed = rest.isArmed;
      if (!rest.hasReadEdge) interest.seenReadEdge = interest.file.readEdges ?? NO_EDGE;
      if (!rest.hasWriteEdge) interest.seenWriteEdge = interest.file.writeEdges ?? NO_EDGE;
      set.#insert(interest);
    }
    return set;
  }

  #find(fd: number, file: OpenFile): EpollInterest | undefined {
    return this.byFd.get(fd)?.find((interest) => interest.file === file);
  }

  #insert(interest: EpollInterest): void {
    this.interests.add(interest);
    const others = this.byFd.get(interest.fd);
    if (others === undefined) this.byFd.set(interest.fd, [interest]);
    else others.push(interest);
    if (interest.file instanceof EpollFile) interest.file.parentCount++;
  }

  #drop(interest: EpollInterest): void {
    this.interests.delete(interest);
    const others = this.byFd.get(interest.fd)!.filter((other) => other !== interest);
    if (others.length === 0) this.byFd.delete(interest.fd);
    else this.byFd.set(interest.fd, others);
    if (interest.file instanceof EpollFile) interest.file.parentCount--;
  }
}
