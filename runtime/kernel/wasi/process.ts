// proc_* and sched_yield.

import { Errno } from '../../../abi/errno.ts';
import {
  WASI_SIGCHLD,
  WASI_SIGCONT,
  WASI_SIGNAL_LAST,
  WASI_SIGSTOP,
  WASI_SIGTTOU,
  WASI_SIGURG,
  WASI_SIGWINCH,
} from '../../../abi/wasi-preview1.ts';
import { Exited, type SystemCallResult } from '../blocked.ts';
import { fail } from '../sys-error.ts';
import type { WasiContext } from './context.ts';

/** Exit status of a process that a signal ended, as shells count. */
const SIGNAL_STATUS = 128;

/** Ends the process with `status`. See: _exit(2). */
export function proc_exit(_context: WasiContext, status: number): SystemCallResult {
  return new Exited(status >>> 0);
}

/**
 * The signal's default action, because preview1 has no handlers: most end the process, some do nothing.
 * Errors: EINVAL (no such signal), ENOTSUP (a signal that stops). See: raise(3), signal(7).
 */
export function proc_raise(_context: WasiContext, signal: number): SystemCallResult {
  if (signal < 0 || signal > WASI_SIGNAL_LAST) fail(Errno.EINVAL);
  if (signal === 0 || IGNORED.has(signal)) return Errno.ESUCCESS;
  if (signal >= WASI_SIGSTOP && signal <= WASI_SIGTTOU) fail(Errno.ENOTSUP);
  const linux = signal >= WASI_SIGCHLD ? signal + 1 : signal;
  return new Exited(SIGNAL_STATUS + linux, linux);
}

const IGNORED: ReadonlySet<number> = new Set([WASI_SIGCHLD, WASI_SIGCONT, WASI_SIGURG, WASI_SIGWINCH]);

/** See: sched_yield(2). */
export function sched_yield(_context: WasiContext): SystemCallResult {
  return Errno.ESUCCESS;
}
