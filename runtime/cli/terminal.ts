// stdout and stderr of wvm itself. Written to directly and at once: process.stdout and process.stderr would make a pipe
// non-blocking under the guest that shares it, and lose what they hold when the process exits.

import { writeSync } from 'node:fs';
import { styleText } from 'node:util';

export const stdoutFd = 1;
export const stderrFd = 2;

/** How long to wait for a full pipe that somebody else has made non-blocking. */
const retryMs = 5;

/** Writes all of `text`. A reader that has gone away has seen enough: that is no error. */
export function writeText(fd: number, text: string): void {
  let rest: Uint8Array = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
    }
  }
}

export function isTerminal(fd: number): boolean {
  // It takes milliseconds to load, and most runs say nothing of their own.
  return process.getBuiltinModule('node:tty').isatty(fd);
}

export type Style = (format: 'bold' | 'dim' | 'red' | 'yellow', text: string) => string;

/** Colours on a terminal only, and not where NO_COLOR asks for none. */
export function styleOf(fd: number): Style {
  if (!isTerminal(fd) || process.env['NO_COLOR'] || process.env['TERM'] === 'dumb') return (_format, text) => text;
  return (format, text) => styleText(format, text, { validateStream: false });
}
