// A pipe: bytes on their way from one open file to another (pipe-file.ts; two of them make a pair of sockets, socket-file.ts).
//
//   buffer  |....XXXXXXXX......|      start, size; wraps around; grows up to CAPACITY, so a pipe that carries little is small
//
// - A write of at most PIPE_BUF bytes is whole or waits. A longer one takes what there is room for, but only when that is at
//   least PIPE_BUF bytes: so a thread that waits for room is woken by exactly what lets it go on, and a call that is made again
//   when nothing has changed changes nothing.
// - Readers wait for the first byte or for the end (no writer); writers for room or for the end (no reader).
// - Each end is held by one open file at most. What is in it when the reader goes is lost.
// See: pipe(7).

import type { WaitFor } from './blocked.ts';
import type { FateTable } from './fate.ts';
import { BROKEN_PIPE, WOULD_BLOCK } from './open-file.ts';
import { badRecord, checkArray, checkInteger, checkRecord } from './validate.ts';
import { WaitQueue } from './wait-queue.ts';

/** Linux's default: 16 pages. */
export const PIPE_CAPACITY = 65_536;
/** Linux's PIPE_BUF. */
export const PIPE_BUF = 4096;

/** Below this, a loop is faster than making views. */
const LOOP_MAX = 48;
const PIPES_MAX = 1_000_000;
const INODE_MAX: number = 2 ** 48;
const NOTHING: Uint8Array = new Uint8Array(0);

export interface PipeState {
  /** Inode number that fstat tells. */
  readonly ino: number;
  readonly data: Uint8Array;
}

export class Pipe {
  static readonly fates: FateTable = {
    ino: 'saved',
    buffer: 'saved',
    start: 'derived',
    size: 'saved',
    hasReader: 'derived',
    hasWriter: 'derived',
    dataQueue: 'derived',
    roomQueue: 'derived',
    dataWait: 'derived',
    roomWait: 'derived',
    wantedBytes: 'derived',
    dataEdges: 'derived',
    roomEdges: 'derived',
  };

  readonly ino: number;
  buffer: Uint8Array = NOTHING;
  /** Derived: where the oldest byte is; 0 after a restore. */
  start = 0;
  size = 0;
  /** Derived: set by the open files of the ends. */
  hasReader = false;
  hasWriter = false;
  /** Derived: threads that wait for something to read. */
  readonly dataQueue: WaitQueue = new WaitQueue();
  /** Derived: threads that wait for room. */
  readonly roomQueue: WaitQueue = new WaitQueue();
  /** Derived: made once, for every Blocked. */
  readonly dataWait: WaitFor = { kind: 'queue', queue: this.dataQueue };
  readonly roomWait: WaitFor = { kind: 'queue', queue: this.roomQueue };
  /** Derived: the least room that a waiting writer asked for when its call was made. */
  wantedBytes: number = PIPE_BUF;
  /** Derived: see OpenFile.readEdges. */
  dataEdges = 0;
  roomEdges = 0;

  constructor(ino: number) {
    this.ino = ino;
  }

  get room(): number {
    return PIPE_CAPACITY - this.size;
  }

  /** Bytes read; 0 at the end; WOULD_BLOCK. */
  read(target: Uint8Array): number {
    const count = Math.min(target.length, this.size);
    if (count === 0) return this.hasWriter && target.length > 0 ? WOULD_BLOCK : 0;
    const { buffer, start } = this;
    if (count <= LOOP_MAX) {
      const mask = buffer.length - 1;
      for (let i = 0; i < count; i++) target[i] = buffer[(start + i) & mask]!;
    } else {
      const first = Math.min(count, buffer.length - start);
      target.set(buffer.subarray(start, start + first));
      if (first < count) target.set(buffer.subarray(0, count - first), first);
    }
    const wasFull = this.room < PIPE_BUF;
    this.size -= count;
    this.start = this.size === 0 ? 0 : (start + count) & (buffer.length - 1);
    if (wasFull && this.room >= PIPE_BUF) this.roomEdges++;
    if (this.room >= this.wantedBytes) this.#wakeWriters();
    return count;
  }

  /** Bytes written; WOULD_BLOCK; BROKEN_PIPE. */
  write(source: Uint8Array): number {
    if (!this.hasReader) return BROKEN_PIPE;
    const { room } = this;
    const wanted = Math.min(source.length, PIPE_BUF);
    if (room < wanted) {
      if (wanted < this.wantedBytes) this.wantedBytes = wanted;
      return WOULD_BLOCK;
    }
    const count = Math.min(source.length, room);
    if (count === 0) return 0;
    if (this.size + count > this.buffer.length) this.#grow(this.size + count);
    const { buffer } = this;
    const mask = buffer.length - 1;
    const at = (this.start + this.size) & mask;
    if (count <= LOOP_MAX) {
      for (let i = 0; i < count; i++) buffer[(at + i) & mask] = source[i]!;
    } else {
      const first = Math.min(count, buffer.length - at);
      buffer.set(first === source.length ? source : source.subarray(0, first), at);
      if (first < count) buffer.set(source.subarray(first, count));
    }
    this.size += count;
    this.dataEdges++;
    this.dataQueue.wakeAll();
    return count;
  }

  /** The reading end is gone: writers get BROKEN_PIPE from now on. */
  closeReader(): void {
    this.hasReader = false;
    this.buffer = NOTHING;
    this.start = this.size = 0;
    this.roomEdges++;
    this.#wakeWriters();
  }

  /** The writing end is gone: readers get what there is, and then the end. */
  closeWriter(): void {
    this.hasWriter = false;
    this.dataEdges++;
    this.dataQueue.wakeAll();
  }

  save(): PipeState {
    const data = new Uint8Array(this.size);
    const first = Math.min(this.size, this.buffer.length - this.start);
    data.set(this.buffer.subarray(this.start, this.start + first));
    data.set(this.buffer.subarray(0, this.size - first), first);
    return { ino: this.ino, data };
  }

  static check(states: readonly PipeState[], lastInode: number, where: string): void {
    checkInteger(lastInode, 0, INODE_MAX, 'lastInode');
    const inodes = new Set<number>();
    for (const [index, state] of checkArray(states, PIPES_MAX, where).entries()) {
      const place = `${where}[${index}]`;
      checkRecord(state, place);
      checkInteger(state.ino, 1, lastInode, `${place}.ino`);
      if (inodes.has(state.ino)) badRecord(`${place}.ino`, `${state.ino} stands twice`);
      inodes.add(state.ino);
      if (!(state.data instanceof Uint8Array)) badRecord(`${place}.data`, 'not bytes');
      checkInteger(state.data.length, 0, PIPE_CAPACITY, `${place}.data.length`);
    }
  }

  static restore(state: PipeState): Pipe {
    const pipe = new Pipe(state.ino);
    if (state.data.length === 0) return pipe;
    pipe.#grow(state.data.length);
    pipe.buffer.set(state.data);
    pipe.size = state.data.length;
    return pipe;
  }

  #wakeWriters(): void {
    this.wantedBytes = PIPE_BUF;
    this.roomQueue.wakeAll();
  }

  /** To a power of two that holds `sizeBytes`, with the oldest byte first. */
  #grow(sizeBytes: number): void {
    let length = PIPE_BUF;
    while (length < sizeBytes) length *= 2;
    const grown = new Uint8Array(length);
    const first = Math.min(this.size, this.buffer.length - this.start);
    grown.set(this.buffer.subarray(this.start, this.start + first));
    grown.set(this.buffer.subarray(0, this.size - first), first);
    this.buffer = grown;
    this.start = 0;
  }
}
