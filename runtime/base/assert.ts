// Our own bugs: a broken invariant stops the machine and says how to report it. Never used for
// guest input (errno, trap) nor for the host's failures (WvmError).

/** A broken invariant of wvm itself; nothing catches it. */
export class BugError extends Error {
  constructor(message: string) {
    super(`${message} (this is a bug in wvm; please report it with the command line and, if you can, the module)`);
    this.name = 'BugError';
  }
}

/** Throws BugError unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new BugError(`assertion failed: ${message}`);
}

/** Marks a case the type system has excluded. */
export function unreachable(value: never, where: string): never {
  throw new BugError(`${where}: unexpected ${String(value)}`);
}
