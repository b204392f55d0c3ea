// Output to a descriptor of the host: synchronous writes, straight from the guest's memory, of whatever the
// descriptor takes. A full pipe is -EAGAIN and not a block, so a machine whose reader has stopped can still be
// stopped and saved. Node offers no way to wait until a descriptor takes data without giving it data, so waiting is a timer
// that starts at a millisecond and doubles; a wake-up that came too early only makes the guest's call block again.

import * as fs from 'node:fs';
import { LinuxErrno } from '../../../abi/errno.ts';
import type { HostResult, StreamKind } from '../../kernel/ports.ts';
import { errnoOf } from '../files/host-errno.ts';
import { lateNet } from '../late-modules.ts';
import { reopenNonBlocking, streamKindOf } from './host-fd.ts';
import type { HostStream } from './host-stream.ts';
import { type TerminalSize, terminalSizeOf } from './host-terminal.ts';

/** Pauses between two attempts to write to a full pipe: a reader that is alive empties it within the first ones. */
const shortestPauseMs = 1;
const longestPauseMs = 16;

export class HostOutput implements HostStream {
  readonly kind: StreamKind;
  readonly #fd: number;
  readonly #ownsFd: boolean;
  #closed = false;
  #pauseMs = shortestPauseMs;
  readonly #timers: Set<NodeJS.Timeout> = new Set();

  constructor(fd: number) {
    this.kind = streamKindOf(fd);
    const canFill = this.kind === 'pipe' || this.kind === 'tty' || this.kind === 'socket';
    const reopened = canFill ? reopenNonBlocking(fd, 'write') : undefined;
    this.#ownsFd = reopened !== undefined;
    this.#fd = reopened ?? fd;
    // Making a socket of the descriptor sets O_NONBLOCK; Node takes it back at exit. The object is not used further.
    if (this.kind === 'socket') new (lateNet().Socket)({ fd, readable: false, writable: true }).unref();
  }

  read(): HostResult {
    return -LinuxErrno.EBADF;
  }

  write(source: Uint8Array): HostResult {
    if (this.#closed) return -LinuxErrno.EBADF;
    if (source.length === 0) return 0;
    try {
      const count = fs.writeSync(this.#fd, source, 0, source.length);
      this.#pauseMs = shortestPauseMs;
      return count;
    } catch (error) {
      return errnoOf(error);
    }
  }

  readableBytes(): number {
    return -1;
  }

  onceReadable(wake: () => void): void {
    setImmediate(wake);
  }

  onceWritable(wake: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      wake();
    }, this.#pauseMs);
    this.#timers.add(timer);
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
  }

  terminalSize(): TerminalSize | undefined {
    return this.kind === 'tty' ? terminalSizeOf(this.#fd) : undefined;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    if (this.#ownsFd) fs.closeSync(this.#fd);
  }
}
