// A pin is one directory entry held fast: what it was when it was pinned, it stays, whatever happens to the name.
// Everything the guest opens is pinned first, looked at, and only then opened, so a link or a device is
// refused without ever having been followed or opened (opening a device can already rewind a tape).
//
// ProcPinner (Linux): open(O_PATH | O_NOFOLLOW) yields a descriptor of the inode itself, and
//   /proc/self/fd/N/name is then what openat(N, name) is in C. No rename or link race exists.
// PathPinner (macOS, Windows, Linux without /proc): Node gives no openat, so directories are remembered by
//   real path and identity (device, inode), compared before each use. Between the comparison and the use
//   another process may still swap a directory for a link: weaker, and said so by `weakness`. The
//   guest alone cannot do it: it does nothing while wvm serves its call.

import * as fs from 'node:fs';
import { LinuxErrno } from '../../../abi/errno.ts';
import { Refusal } from './host-errno.ts';

const { O_DIRECTORY = 0, O_NOFOLLOW = 0 } = fs.constants;
/** Linux include/uapi/asm-generic/fcntl.h; Node does not name it but passes it on. */
const O_PATH = 0o10000000;

/** A pinned entry: a directory stays pinned as long as it is open. */
export interface Pin {
  /** The O_PATH descriptor, -1 where there is none. */
  readonly fd: number;
  /** A path that names the pinned thing: /proc/self/fd/N or the real path. */
  readonly path: string;
  readonly dev: number;
  readonly ino: number;
}

export interface Pinner {
  /** Why this way is not proof against other processes, or undefined if it is. */
  readonly weakness: string | undefined;
  /** Pins what `path` names; a symbolic link is pinned itself unless `follow`. Throws system errors. */
  pin(path: string, follow: boolean): { pin: Pin; stat: fs.Stats };
  /** Pins `path` if it is a directory (not a link to one): one system call on Linux. */
  pinDirectory(path: string): Pin;
  /** Opens what was pinned, whatever its name leads to by now. The pin stays. */
  open(pin: Pin, flags: number): number;
  /** A path that names the pinned directory; throws ESTALE where that is known to be another one now. */
  self(directory: Pin): string;
  release(pin: Pin): void;
}

export class ProcPinner implements Pinner {
  readonly weakness: string | undefined = undefined;

  /** Whether /proc is there and shows this process. */
  static works(): boolean {
    if (process.platform !== 'linux') return false;
    try {
      const fd = fs.openSync('/', O_PATH | O_DIRECTORY);
      try {
        const [root, seen] = [fs.fstatSync(fd), fs.statSync(`/proc/self/fd/${fd}`)];
        return root.dev === seen.dev && root.ino === seen.ino;
      } finally {
        fs.closeSync(fd);
      }
    } catch {
      return false;
    }
  }

  pin(path: string, follow: boolean): { pin: Pin; stat: fs.Stats } {
    const fd = fs.openSync(path, O_PATH | (follow ? 0 : O_NOFOLLOW));
    const stat = fs.fstatSync(fd);
    return { pin: { fd, path: `/proc/self/fd/${fd}`, dev: stat.dev, ino: stat.ino }, stat };
  }

  pinDirectory(path: string): Pin {
    const fd = fs.openSync(path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
    return { fd, path: `/proc/self/fd/${fd}`, dev: 0, ino: 0 };
  }

  open(pin: Pin, flags: number): number {
    return fs.openSync(pin.path, flags);
  }

  self(directory: Pin): string {
    return directory.path;
  }

  release(pin: Pin): void {
    fs.closeSync(pin.fd);
  }
}

export class PathPinner implements Pinner {
  readonly weakness: string | undefined =
    'without /proc this fallback is weaker against rename races by other host processes; on Linux mount /proc';

  pin(path: string, follow: boolean): { pin: Pin; stat: fs.Stats } {
    const real = follow ? fs.realpathSync.native(path) : path;
    const stat = fs.lstatSync(real);
    return { pin: { fd: -1, path: real, dev: stat.dev, ino: stat.ino }, stat };
  }

  pinDirectory(path: string): Pin {
    const { pin, stat } = this.pin(path, false);
    if (!stat.isDirectory()) throw new Refusal('ENOTDIR');
    return pin;
  }

  open(pin: Pin, flags: number): number {
    const fd = fs.openSync(pin.path, flags | O_NOFOLLOW);
    const stat = fs.fstatSync(fd);
    if (stat.dev === pin.dev && stat.ino === pin.ino) return fd;
    fs.closeSync(fd);
    throw new Refusal('ESTALE');
  }

  self(directory: Pin): string {
    const stat = fs.lstatSync(directory.path, { throwIfNoEntry: false });
    if (stat?.dev !== directory.dev || stat.ino !== directory.ino) throw new Refusal('ESTALE');
    return directory.path;
  }

  release(): void {}
}

const windowsReserved = /[\\:*?"<>|]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** 0 if `name` may name one directory entry on this host, else -errno. */
export function checkName(name: string): number {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0')) {
    return -LinuxErrno.EINVAL;
  }
  if (!name.isWellFormed()) return -LinuxErrno.EILSEQ;
  return process.platform === 'win32' && windowsReserved.test(name) ? -LinuxErrno.EINVAL : 0;
}
