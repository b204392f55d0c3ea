// The host's errors as negative Linux errno numbers, which is what the kernel's ports speak. On Linux Node's
// own number is already that; elsewhere numbers differ (EAGAIN is 35 on macOS), so they are mapped by name.

/** Linux errno numbers (include/uapi/asm-generic/errno*.h), by the name Node gives in `error.code`. */
export const LinuxErrno = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENFILE: 23,
  EMFILE: 24,
  ENOTTY: 25,
  ETXTBSY: 26,
  EFBIG: 27,
  ENOSPC: 28,
  ESPIPE: 29,
  EROFS: 30,
  EMLINK: 31,
  EPIPE: 32,
  ERANGE: 34,
  EDEADLK: 35,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ELOOP: 40,
  EOVERFLOW: 75,
  EILSEQ: 84,
  EOPNOTSUPP: 95,
  ENOTSUP: 95,
  ECONNRESET: 104,
  ETIMEDOUT: 110,
  ESTALE: 116,
  EDQUOT: 122,
} as const;

/** Stops a host operation with an errno of our own choosing; never leaves runtime/host. */
export class Refusal extends Error {
  readonly linuxErrno: number;
  constructor(name: keyof typeof LinuxErrno) {
    super(name);
    this.linuxErrno = LinuxErrno[name];
  }
}

const byName: ReadonlyMap<string, number> = new Map(Object.entries(LinuxErrno));
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
