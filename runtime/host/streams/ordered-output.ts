// An output of the guest that appears after everything the guest wrote to files before: small writes to files are held
// back for a moment (write-tail.ts), and whoever reads "done" on stdout may look into the file at once.

import { LinuxErrno } from '../../../abi/errno.ts';
import type { HostResult, StreamKind } from '../../kernel/ports.ts';
import type { HostStream } from './host-stream.ts';

export class OrderedOutput implements HostStream {
  readonly kind: StreamKind;
  readonly #output: HostStream;
  readonly #before: () => void;

  constructor(output: HostStream, before: () => void) {
    this.kind = output.kind;
    this.#output = output;
    this.#before = before;
  }

  write(source: Uint8Array): HostResult {
    this.#before();
    return this.#output.write(source);
  }

  read(target: Uint8Array): HostResult {
    return this.#output.read(target);
  }

  readableBytes(): number {
    return this.#output.readableBytes();
  }

  isWritable(): boolean {
    return this.#output.isWritable?.() ?? true;
  }

  shutdown(read: boolean, write: boolean): HostResult {
    this.#before();
    return this.#output.shutdown?.(read, write) ?? -LinuxErrno.ENOTSUP;
  }

  onceReadable(wake: () => void): void {
    this.#output.onceReadable(wake);
  }

  onceWritable(wake: () => void): void {
    this.#output.onceWritable(wake);
  }

  close(): void {
    this.#output.close();
  }
}
