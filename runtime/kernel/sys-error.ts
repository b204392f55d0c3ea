// The guest's errors inside the kernel: one preallocated SysError per errno, thrown before any mutation. A front door
// turns it into its own number space (WASI: the errno itself; Linux: minus the Linux number) and lets every other
// exception pass, because that is a bug of ours.

import { Errno, type ErrnoName, errnoFromLinux, errnoName } from '../../abi/errno.ts';

/** A guest error on its way to a front door. Not an Error: it has no stack and is made once per errno. */
export class SysError {
  readonly errno: Errno;
  readonly name: ErrnoName;
  constructor(errno: Errno, name: ErrnoName) {
    this.errno = errno;
    this.name = name;
  }
}

const SYS_ERRORS: readonly SysError[] = Object.values(Errno).map(
  (errno) => new SysError(errno, errnoName(errno) as ErrnoName),
);

/** Ends the system call with `errno`. */
export function fail(errno: Errno): never {
  throw SYS_ERRORS[errno];
}

/** Ends the system call with the errno of a host result below 0. */
export function failHost(result: number): never {
  throw SYS_ERRORS[errnoFromLinux(-result)];
}

/** A host result that is not an error. */
export function succeed(result: number): number {
  if (result < 0) failHost(result);
  return result;
}

/** A host value that is not an error. */
export function resultOf<T extends object | string>(result: T | number): T {
  if (typeof result === 'number') failHost(result);
  return result;
}
