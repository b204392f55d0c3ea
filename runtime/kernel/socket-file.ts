// One of a pair of connected stream sockets (socketpair(2)): it reads from one pipe and writes to another, which its peer holds
// the other way round. shutdown() closes one of the ends early; the pair has no addresses and sends no messages but bytes.

import { Filetype } from '../../abi/wasi-preview1.ts';
import { anonymousStat } from './anonymous-stat.ts';
import type { WaitFor } from './blocked.ts';
import type { FateTable } from './fate.ts';
import { BROKEN_PIPE, type FileSaver, OpenFile, type Readiness } from './open-file.ts';
import type { SocketFileState } from './open-file-state.ts';
import { PIPE_BUF, type Pipe } from './pipe.ts';
import type { HostStat } from './ports.ts';

export class SocketFile extends OpenFile {
  static readonly fates: FateTable = {
    refs: 'derived',
    flags: 'saved',
    canRead: 'saved',
    canWrite: 'saved',
    incoming: 'saved',
    outgoing: 'saved',
    isReadShut: 'saved',
    isWriteShut: 'saved',
  };

  readonly incoming: Pipe;
  readonly outgoing: Pipe;
  isReadShut: boolean;
  isWriteShut: boolean;

  constructor(incoming: Pipe, outgoing: Pipe, flags: number, isReadShut = false, isWriteShut = false) {
    super(flags, true, true);
    this.incoming = incoming;
    this.outgoing = outgoing;
    this.isReadShut = isReadShut;
    this.isWriteShut = isWriteShut;
    if (!isReadShut) incoming.hasReader = true;
    if (!isWriteShut) outgoing.hasWriter = true;
  }

  override get isStream(): boolean {
    return true;
  }

  override get isSocket(): boolean {
    return true;
  }

  override get writesAll(): boolean {
    return true;
  }

  override get readEdges(): number {
    return this.incoming.dataEdges;
  }

  override get writeEdges(): number {
    return this.outgoing.roomEdges;
  }

  override get filetype(): number {
    return Filetype.SOCKET_STREAM;
  }

  /** Inode numbers of the two are those of the pipes that they read from. */
  override stat(): HostStat {
    return anonymousStat(this.incoming.ino, this.filetype);
  }

  override get isHungUp(): boolean {
    return (this.isReadShut || !this.incoming.hasWriter) && (this.isWriteShut || !this.outgoing.hasReader);
  }

  override close(): void {
    this.shutdown(true, true);
  }

  override descriptorClosed(): void {
    this.incoming.dataQueue.wakeAll();
    this.outgoing.roomQueue.wakeAll();
  }

  override shutdown(read: boolean, write: boolean): void {
    if (read && !this.isReadShut) {
      this.isReadShut = true;
      this.incoming.closeReader();
      this.incoming.dataEdges++;
      this.incoming.dataQueue.wakeAll();
    }
    if (write && !this.isWriteShut) {
      this.isWriteShut = true;
      this.outgoing.closeWriter();
      this.outgoing.roomEdges++;
      this.outgoing.roomQueue.wakeAll();
    }
  }

  override read(target: Uint8Array): number {
    return this.isReadShut ? 0 : this.incoming.read(target);
  }

  override write(source: Uint8Array): number {
    return this.isWriteShut ? BROKEN_PIPE : this.outgoing.write(source);
  }

  override readReadiness(): Readiness | undefined {
    const { size, hasWriter } = this.incoming;
    const isAtEnd = this.isReadShut || !hasWriter;
    return size === 0 && !isAtEnd ? undefined : { bytes: BigInt(size), hangup: isAtEnd };
  }

  override writeReadiness(): Readiness | undefined {
    const { room, hasReader } = this.outgoing;
    const isBroken = this.isWriteShut || !hasReader;
    return room < PIPE_BUF && !isBroken ? undefined : { bytes: BigInt(room), hangup: isBroken };
  }

  override readWait(): WaitFor {
    return this.incoming.dataWait;
  }

  override writeWait(): WaitFor {
    return this.outgoing.roomWait;
  }

  override save(saver: FileSaver): SocketFileState {
    return {
      kind: 'socket',
      flags: this.flags,
      canRead: this.canRead,
      canWrite: this.canWrite,
      incoming: saver.pipeIndex(this.incoming),
      outgoing: saver.pipeIndex(this.outgoing),
      isReadShut: this.isReadShut,
      isWriteShut: this.isWriteShut,
    };
  }
}
