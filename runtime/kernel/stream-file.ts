// A host stream (stdin, stdout, stderr) as an open file. It never seeks; data that is not there yet makes the caller wait
// on the stream. What the guest has read or written is gone: a resumed machine goes on with the streams it is given.

import { Errno } from '../../abi/errno.ts';
import { Filetype } from '../../abi/wasi-preview1.ts';
import type { WaitFor } from './blocked.ts';
import type { FateTable } from './fate.ts';
import { OpenFile, type Readiness, WOULD_BLOCK } from './open-file.ts';
import type { StreamFileState } from './open-file-state.ts';
import type { HostStat, StreamPort } from './ports.ts';
import { fail, failHost, succeed } from './sys-error.ts';

const FILETYPES: Readonly<Record<StreamPort['kind'], number>> = {
  file: Filetype.REGULAR_FILE,
  pipe: Filetype.UNKNOWN,
  tty: Filetype.CHARACTER_DEVICE,
  socket: Filetype.SOCKET_STREAM,
  null: Filetype.CHARACTER_DEVICE,
};

export class StreamFile extends OpenFile {
  static readonly fates: FateTable = {
    refs: 'derived',
    flags: 'saved',
    canRead: 'saved',
    canWrite: 'saved',
    stream: 'saved',
    port: 'host',
    drainCount: 'derived',
    fillCount: 'derived',
  };

  /** Number of the stream among the ports. */
  readonly stream: number;
  /** Host: not part of the image. */
  readonly port: StreamPort;
  /** Derived: reads that took all there was, and writes that found no room; what comes after one is a new event to epoll. */
  drainCount = 0;
  fillCount = 0;

  constructor(stream: number, port: StreamPort, flags: number, canRead: boolean, canWrite: boolean) {
    super(flags, canRead, canWrite);
    this.stream = stream;
    this.port = port;
  }

  override get isStream(): boolean {
    return true;
  }

  override get isSocket(): boolean {
    return this.port.kind === 'socket';
  }

  override get writesAll(): boolean {
    return true;
  }

  override get readEdges(): number {
    return this.drainCount;
  }

  override get writeEdges(): number {
    return this.fillCount;
  }

  override get filetype(): number {
    return FILETYPES[this.port.kind];
  }

  override stat(): HostStat {
    return {
      dev: 0n,
      // Distinct for each stream, and never 0, which readers take for "unknown".
      ino: BigInt(this.stream + 1),
      type: this.filetype,
      nlink: 1n,
      size: 0n,
      atimeNs: 0n,
      mtimeNs: 0n,
      ctimeNs: 0n,
    };
  }

  override close(): void {}

  override read(target: Uint8Array): number {
    const count = this.port.read(target);
    if (count < target.length) this.drainCount++;
    if (count < 0 && count !== WOULD_BLOCK) failHost(count);
    return count;
  }

  override write(source: Uint8Array): number {
    const count = this.port.write(source);
    if (count < source.length) this.fillCount++;
    if (count < 0 && count !== WOULD_BLOCK) failHost(count);
    return count;
  }

  /** ENOTSUP if the host's stream cannot. */
  override shutdown(read: boolean, write: boolean): void {
    if (!this.isSocket) fail(Errno.ENOTSOCK);
    if (this.port.shutdown === undefined) fail(Errno.ENOTSUP);
    succeed(this.port.shutdown(read, write));
  }

  /** Only the null device seeks, and stays at 0. */
  override seek(_offset: bigint, _whence: number): bigint {
    if (this.port.kind === 'null') return 0n;
    fail(Errno.ESPIPE);
  }

  override readReadiness(): Readiness | undefined {
    const count = this.port.readableBytes();
    if (count === 0) return undefined;
    return count < 0 ? { bytes: 0n, hangup: this.port.kind !== 'null' } : { bytes: BigInt(count), hangup: false };
  }

  override writeReadiness(): Readiness | undefined {
    if (this.port.isWritable?.() === false) return undefined;
    return { bytes: 0n, hangup: false };
  }

  override readWait(): WaitFor {
    return { kind: 'readable', stream: this.stream };
  }

  override writeWait(): WaitFor {
    return { kind: 'writable', stream: this.stream };
  }

  override save(): StreamFileState {
    return {
      kind: 'stream',
      flags: this.flags,
      canRead: this.canRead,
      canWrite: this.canWrite,
      stream: this.stream,
    };
  }
}
