// The host's errors as negative Linux errno numbers, which is what the kernel's ports speak. On Linux Node's
// own number is already that; elsewhere numbers differ (EAGAIN is 35 on macOS), so they are mapped by name.

import { LinuxErrno } from '../../../abi/errno.ts';

/** Stops a host operation with an errno of our own choosing; never leaves runtime/host. */
export class Refusal extends Error {
  readonly linuxErrno: number;
  constructor(name: keyof typeof LinuxErrno) {
    super(name);
    this.linuxErrno = LinuxErrno[name];
  }
}

/** Two names of one number on Linux, of two elsewhere. */
const byName: ReadonlyMap<string, number> = new Map([
  ...Object.entries(LinuxErrno),
  ['EOPNOTSUPP', LinuxErrno.ENOTSUP],
]);
const hostIsLinux: boolean = process.platform === 'linux';

/**
 * -errno for a system error of Node or a Refusal. Anything else (a TypeError, ERR_INVALID_ARG_TYPE) is a bug of
 * ours and is thrown on: an unknown exception never becomes an errno.
 */
export function errnoOf(error: unknown): number {
  if (error instanceof Refusal) return -error.linuxErrno;
  const { errno, code } = error as NodeJS.ErrnoException;
  if (typeof errno !== 'number' || typeof code !== 'string') throw error;
  if (hostIsLinux) return errno;
  return -(byName.get(code) ?? LinuxErrno.EIO);
}
