// One end of a pipe as an open file. The end is open as long as this is: pipe.ts is told when it comes and goes.

import { Filetype } from '../../abi/wasi-preview1.ts';
import { anonymousStat } from './anonymous-stat.ts';
import type { WaitFor } from './blocked.ts';
import type { FateTable } from './fate.ts';
import { type FileSaver, OpenFile, type Readiness } from './open-file.ts';
import type { PipeFileState } from './open-file-state.ts';
import { PIPE_BUF, type Pipe } from './pipe.ts';
import type { HostStat } from './ports.ts';

export type PipeEnd = 'reader' | 'writer';

export class PipeFile extends OpenFile {
  static readonly fates: FateTable = {
    refs: 'derived',
    flags: 'saved',
    canRead: 'saved',
    canWrite: 'saved',
    pipe: 'saved',
  };

  readonly pipe: Pipe;

  constructor(pipe: Pipe, end: PipeEnd, flags: number) {
    super(flags, end === 'reader', end === 'writer');
    this.pipe = pipe;
    if (end === 'reader') pipe.hasReader = true;
    else pipe.hasWriter = true;
  }

  override get isStream(): boolean {
    return true;
  }

  override get writesAll(): boolean {
    return true;
  }

  override get readEdges(): number {
    return this.pipe.dataEdges;
  }

  override get writeEdges(): number {
    return this.pipe.roomEdges;
  }

  override get filetype(): number {
    return Filetype.UNKNOWN;
  }

  override stat(): HostStat {
    return anonymousStat(this.pipe.ino, this.filetype);
  }

  override close(): void {
    if (this.canRead) this.pipe.closeReader();
    else this.pipe.closeWriter();
  }

  override descriptorClosed(): void {
    (this.canRead ? this.pipe.dataQueue : this.pipe.roomQueue).wakeAll();
  }

  override read(target: Uint8Array): number {
    return this.canRead ? this.pipe.read(target) : super.read(target);
  }

  override write(source: Uint8Array): number {
    return this.canWrite ? this.pipe.write(source) : super.write(source);
  }

  override readReadiness(): Readiness | undefined {
    const { size, hasWriter } = this.pipe;
    return size === 0 && hasWriter ? undefined : { bytes: BigInt(size), hangup: !hasWriter };
  }

  override writeReadiness(): Readiness | undefined {
    const { room, hasReader } = this.pipe;
    return room < PIPE_BUF && hasReader ? undefined : { bytes: BigInt(room), hangup: !hasReader };
  }

  override readWait(): WaitFor {
    return this.pipe.dataWait;
  }

  override writeWait(): WaitFor {
    return this.pipe.roomWait;
  }

  override save(saver: FileSaver): PipeFileState {
    const { flags, canRead, canWrite } = this;
    return { kind: 'pipe', flags, canRead, canWrite, pipe: saver.pipeIndex(this.pipe) };
  }
}
