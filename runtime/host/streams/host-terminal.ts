// What a terminal is asked beside reading and writing: its size and its mode. Each question opens the terminal anew, because Node's
// terminal streams take the descriptor that they are given for their own.

import type * as tty from 'node:tty';
import { lateTty } from '../late-modules.ts';
import { reopenNonBlocking } from './host-fd.ts';

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** The size that the terminal has now; undefined where it cannot be asked. */
export function terminalSizeOf(fd: number): TerminalSize | undefined {
  const opened = reopenNonBlocking(fd, 'write');
  if (opened === undefined) return undefined;
  const stream = new (lateTty().WriteStream)(opened);
  const { columns, rows } = stream;
  stream.destroy();
  return columns > 0 && rows > 0 ? { columns, rows } : undefined;
}

/** The mode of a terminal, which is as it was again after close(), or at the end of wvm. */
export class TerminalMode {
  readonly #fd: number;
  #stream: tty.ReadStream | undefined;

  constructor(fd: number) {
    this.#fd = fd;
  }

  setRaw(isRaw: boolean): void {
    if (!isRaw && this.#stream === undefined) return;
    const opened = this.#stream === undefined ? reopenNonBlocking(this.#fd, 'read') : undefined;
    if (opened !== undefined) {
      this.#stream = new (lateTty().ReadStream)(opened);
      this.#stream.unref();
    }
    this.#stream?.setRawMode(isRaw);
  }

  close(): void {
    this.#stream?.setRawMode(false);
    this.#stream?.destroy();
    this.#stream = undefined;
  }
}
