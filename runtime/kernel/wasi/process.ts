// proc_* and sched_yield.

import { Errno } from '../../../abi/errno.ts';
import { SignalCode } from '../../../abi/signals.ts';
import { WASI_SIGCHLD, WASI_SIGNAL_LAST } from '../../../abi/wasi-preview1.ts';
import { Completed, Exited, type SystemCallResult } from '../blocked.ts';
import { sendToProcess } from '../signals/send.ts';
import { fail } from '../sys-error.ts';
import type { WasiContext } from './context.ts';

/** Ends the process with `status`. See: _exit(2). */
export function proc_exit(_context: WasiContext, status: number): SystemCallResult {
  return new Exited(status >>> 0);
}

/** The caller sends itself a signal, by WASI's number, which is not Linux's. Errors: EINVAL. See: raise(3), signal(7). */
export function proc_raise(context: WasiContext, signal: number): SystemCallResult {
  if (signal < 0 || signal > WASI_SIGNAL_LAST) fail(Errno.EINVAL);
  if (signal === 0) return Errno.ESUCCESS;
  const { process } = context;
  const linux = signal >= WASI_SIGCHLD ? signal + 1 : signal;
  sendToProcess(process, { signal: linux, code: SignalCode.SI_USER, pid: process.pid, value: 0 });
  return new Completed(Errno.ESUCCESS);
}

/** The other threads of its rank that can run do so first. See: sched_yield(2). */
export function sched_yield({ kernel }: WasiContext): SystemCallResult {
  if (kernel.scheduler.isAlone) return Errno.ESUCCESS;
  kernel.scheduler.rotate(kernel.current);
  return new Completed(Errno.ESUCCESS);
}
