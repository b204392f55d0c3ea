// An eventfd: a counter of 64 bits. A write of 8 bytes adds to it, a read takes it all, or 1 of it with EFD_SEMAPHORE; a read of 0
// waits, and so does a write that would pass the maximum. See: eventfd(2).

import { Errno } from '../../abi/errno.ts';
import { Filetype } from '../../abi/wasi-preview1.ts';
import { anonymousStat } from './anonymous-stat.ts';
import type { WaitFor } from './blocked.ts';
import type { FateTable } from './fate.ts';
import { OpenFile, type Readiness, WOULD_BLOCK } from './open-file.ts';
import type { EventFileState } from './open-file-state.ts';
import type { HostStat } from './ports.ts';
import { fail } from './sys-error.ts';
import { UINT64_MAX } from './validate.ts';
import { WaitQueue } from './wait-queue.ts';

/** The largest value of the counter; 2^64 - 1 cannot be written. */
export const EVENT_MAX: bigint = UINT64_MAX - 1n;
const VALUE_SIZE = 8;

export class EventFile extends OpenFile {
  static readonly fates: FateTable = {
    refs: 'derived',
    flags: 'saved',
    canRead: 'saved',
    canWrite: 'saved',
    ino: 'saved',
    count: 'saved',
    isSemaphore: 'saved',
    countQueue: 'derived',
    roomQueue: 'derived',
    countEdges: 'derived',
    roomEdges: 'derived',
  };

  readonly ino: number;
  count: bigint;
  readonly isSemaphore: boolean;
  /** Derived: threads that wait for a count above 0. */
  readonly countQueue: WaitQueue = new WaitQueue();
  /** Derived: threads whose value does not fit yet. */
  readonly roomQueue: WaitQueue = new WaitQueue();
  /** Derived: see OpenFile.readEdges. */
  countEdges = 0;
  roomEdges = 0;

  constructor(ino: number, count: bigint, isSemaphore: boolean, flags: number) {
    super(flags, true, true);
    this.ino = ino;
    this.count = count;
    this.isSemaphore = isSemaphore;
  }

  override get isStream(): boolean {
    return true;
  }

  override get readEdges(): number {
    return this.countEdges;
  }

  override get writeEdges(): number {
    return this.roomEdges;
  }

  override get filetype(): number {
    return Filetype.UNKNOWN;
  }

  override stat(): HostStat {
    return anonymousStat(this.ino, this.filetype);
  }

  override close(): void {}

  override descriptorClosed(): void {
    this.countQueue.wakeAll();
    this.roomQueue.wakeAll();
  }

  override read(target: Uint8Array): number {
    if (target.length < VALUE_SIZE) fail(Errno.EINVAL);
    if (this.count === 0n) return WOULD_BLOCK;
    const taken = this.isSemaphore ? 1n : this.count;
    new DataView(target.buffer, target.byteOffset, VALUE_SIZE).setBigUint64(0, taken, true);
    if (this.count === EVENT_MAX) this.roomEdges++;
    this.count -= taken;
    this.roomQueue.wakeAll();
    return VALUE_SIZE;
  }

  override write(source: Uint8Array): number {
    if (source.length < VALUE_SIZE) fail(Errno.EINVAL);
    const value = new DataView(source.buffer, source.byteOffset, VALUE_SIZE).getBigUint64(0, true);
    if (value > EVENT_MAX) fail(Errno.EINVAL);
    if (value > EVENT_MAX - this.count) return WOULD_BLOCK;
    this.count += value;
    this.countEdges++;
    this.countQueue.wakeAll();
    return VALUE_SIZE;
  }

  override readReadiness(): Readiness | undefined {
    return this.count === 0n ? undefined : { bytes: BigInt(VALUE_SIZE), hangup: false };
  }

  /** Ready when 1 can be added. */
  override writeReadiness(): Readiness | undefined {
    return this.count === EVENT_MAX ? undefined : { bytes: BigInt(VALUE_SIZE), hangup: false };
  }

  override readWait(): WaitFor {
    return { kind: 'queue', queue: this.countQueue };
  }

  override writeWait(): WaitFor {
    return { kind: 'queue', queue: this.roomQueue };
  }

  override save(): EventFileState {
    const { flags, canRead, canWrite, ino, count, isSemaphore } = this;
    return { kind: 'event', flags, canRead, canWrite, ino, count, isSemaphore };
  }
}
