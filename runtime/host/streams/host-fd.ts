// A descriptor that wvm was started with, made non-blocking for wvm alone. O_NONBLOCK belongs to the open
// file, which the shell and other programs share: setting it there breaks them. Linux lets us open the same pipe or terminal
// once more through /proc/self/fd/N, with flags of our own.

import * as fs from 'node:fs';
import type { StreamKind } from '../../kernel/ports.ts';
import { lateTty } from '../late-modules.ts';

const { O_NOCTTY = 0, O_NONBLOCK = 0 } = fs.constants;
/** makedev(1, 3), Linux Documentation/admin-guide/devices.txt. */
const devNull = 0x103;

/** What kind of stream the descriptor is; devices without readiness (/dev/zero) count as files. */
export function streamKindOf(fd: number): StreamKind {
  const stat = fs.fstatSync(fd);
  if (stat.isFIFO()) return 'pipe';
  if (stat.isSocket()) return 'socket';
  if (!stat.isCharacterDevice()) return 'file';
  if (process.platform === 'linux' && stat.rdev === devNull) return 'null';
  return lateTty().isatty(fd) ? 'tty' : 'file';
}

/**
 * A second, non-blocking opening of what `fd` is, or undefined where the host has none: sockets, no /proc, a pipe
 * of another user.
 */
export function reopenNonBlocking(fd: number, access: 'read' | 'write'): number | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const flags = access === 'read' ? fs.constants.O_RDONLY : fs.constants.O_WRONLY;
    return fs.openSync(`/proc/self/fd/${fd}`, flags | O_NONBLOCK | O_NOCTTY);
  } catch {
    return undefined;
  }
}
