// Waiting for children: what the parent is told of each end, stop and continuation, once. wait4(2) and proc_join decode their
// arguments and store what this finds.

import { Errno } from '../../abi/errno.ts';
import { Blocked } from './blocked.ts';
import type { ExitStatus, Process } from './process.ts';
import { fail } from './sys-error.ts';

export interface WaitOptions {
  /** wait4's: a pid, -1 for any child, 0 for the caller's group, -n for group n. */
  readonly pid: number;
  readonly mayBlock: boolean;
  readonly ofStopped: boolean;
  readonly ofContinued: boolean;
}

export type ChildReport =
  | { readonly kind: 'ended'; readonly pid: number; readonly end: ExitStatus }
  | { readonly kind: 'stopped'; readonly pid: number; readonly signal: number }
  | { readonly kind: 'continued'; readonly pid: number };

/** The first child that has something to report, which it then has no more; undefined: none now. Errors: ECHILD. */
export function waitForChild(parent: Process, options: WaitOptions): ChildReport | Blocked | undefined {
  const { tree } = parent.kernel;
  let hasChildren = false;
  for (const child of parent.kernel.processes.values()) {
    if (child.parentPid !== parent.pid || !isMeant(child, parent, options.pid)) continue;
    hasChildren = true;
    const { pid, end, stateChange, stopSignal } = child;
    if (end !== undefined) {
      tree.reap(child);
      return { kind: 'ended', pid, end };
    }
    if (stateChange === 'stopped' ? options.ofStopped : stateChange === 'continued' && options.ofContinued) {
      child.stateChange = undefined;
      return stateChange === 'stopped' ? { kind: 'stopped', pid, signal: stopSignal } : { kind: 'continued', pid };
    }
  }
  if (!hasChildren) fail(Errno.ECHILD);
  return options.mayBlock ? new Blocked([{ kind: 'queue', queue: parent.childEvents }]) : undefined;
}

function isMeant(child: Process, parent: Process, pid: number): boolean {
  if (pid > 0) return child.pid === pid;
  if (pid === -1) return true;
  return child.pgid === (pid === 0 ? parent.pgid : -pid);
}

const STATUS_CONTINUED = 0xffff;
const STATUS_STOPPED = 0x7f;
const STATUS_CORE = 0x80;

/** What WIFEXITED, WTERMSIG and the others take apart. */
export function linuxWaitStatus(report: ChildReport): number {
  switch (report.kind) {
    case 'continued':
      return STATUS_CONTINUED;
    case 'stopped':
      return (report.signal << 8) | STATUS_STOPPED;
    case 'ended': {
      const { status, signal, coreDumped } = report.end;
      if (signal === 0) return (status & 0xff) << 8;
      return signal | (coreDumped ? STATUS_CORE : 0);
    }
  }
}
