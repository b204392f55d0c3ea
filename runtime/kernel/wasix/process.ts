// Processes: identity, fork, waiting, groups and sessions, names. WASIX's proc_* and wvm's counterparts of Linux calls.
// Running another program is in program.ts, signals are in signal.ts.
//
// Errors of all: EFAULT (an address outside of memory).

import { Errno } from '../../../abi/errno.ts';
import { JOIN_STATUS, JoinFlags, JoinStatus, OPTION_PID, OptionTag } from '../../../abi/wasix.ts';
import type { Pid } from '../../base/ids.ts';
import { Blocked, Exited, Forked, SnapshotWanted, type SystemCallResult } from '../blocked.ts';
import { MAIN_CONTEXT } from '../contexts.ts';
import { checkRange, loadPath, storeU32 } from '../guest-access.ts';
import type { GuestMemory } from '../guest-memory.ts';
import type { Process } from '../process.ts';
import { fail } from '../sys-error.ts';
import { THREAD_NAME_MAX } from '../thread.ts';
import { decodeUtf8, encodeUtf8 } from '../utf8.ts';
import { type ChildReport, linuxWaitStatus, waitForChild } from '../wait-for-child.ts';
import type { WasiContext } from '../wasi/context.ts';

const WNOHANG = 1;
const WUNTRACED = 2;
const WCONTINUED = 8;
/** Buffer of prctl(PR_GET_NAME). */
const NAME_SIZE = 16;
const ANY_CHILD = -1;

/** Result: the caller's pid. See: getpid(2). */
export function proc_id(context: WasiContext, pid: number): SystemCallResult {
  return storeResult(context, pid, context.process.pid);
}

/** Result: the pid of the parent of `pid`, 0 if it has none. Errors: ESRCH. See: getppid(2). */
export function proc_parent(context: WasiContext, pid: number, result: number): SystemCallResult {
  return storeResult(context, result, processOf(context, pid).parentPid);
}

/**
 * Result: at `pid`, the child's in the caller, 0 in the child. The child's memory is a copy in any case: a child that borrows
 * its parent's (`copyMemory` 0) may not change what the parent sees. Of the caller's contexts it has the running one, which must be the
 * first. Errors: EAGAIN (too many processes), ENOTSUP (another context). See: fork(2).
 */
export function proc_fork(context: WasiContext, _copyMemory: number, pid: number): SystemCallResult {
  return fork(context, pid);
}

/** The same; the child has the environment anyway. */
export function proc_fork_env(context: WasiContext, pid: number): SystemCallResult {
  return fork(context, pid);
}

function fork(context: WasiContext, pid: number): SystemCallResult {
  const pidAddr = checkRange(context.process.memory, pid, 4);
  if (context.kernel.current.contexts.current !== MAIN_CONTEXT) fail(Errno.ENOTSUP);
  return new Forked(context.kernel.tree.fork(context.kernel.current), pidAddr);
}

/** As proc_exit. */
export function proc_exit2(_context: WasiContext, status: number): SystemCallResult {
  return new Exited(status >>> 0);
}

/**
 * Waits for a child to end, or (WAKE_STOPPED) to stop. Parameters: `pid`, OPTION_PID: which one, none for any.
 * Result: the child at `pid`, JOIN_STATUS at `status`; NOTHING and no child if NON_BLOCKING and there is none now.
 * Errors: ECHILD, EINVAL (flags). See: waitpid(2).
 */
export function proc_join(context: WasiContext, pid: number, flags: number, status: number): SystemCallResult {
  const { memory } = context.process;
  const pidAddr = checkRange(memory, pid, OPTION_PID.size);
  const statusAddr = checkRange(memory, status, JOIN_STATUS.size);
  if ((flags & ~(JoinFlags.NON_BLOCKING | JoinFlags.WAKE_STOPPED)) !== 0) fail(Errno.EINVAL);
  const hasPid = memory.bytes[pidAddr + OPTION_PID.tag] !== OptionTag.NONE;
  const wanted = hasPid ? memory.view.getInt32(pidAddr + OPTION_PID.pid, true) : ANY_CHILD;
  const report = waitForChild(context.process, {
    pid: wanted,
    mayBlock: (flags & JoinFlags.NON_BLOCKING) === 0,
    ofStopped: (flags & JoinFlags.WAKE_STOPPED) !== 0,
    ofContinued: false,
  });
  if (report instanceof Blocked) return report;
  memory.bytes.fill(0, pidAddr, pidAddr + OPTION_PID.size);
  if (report !== undefined) {
    memory.bytes[pidAddr + OPTION_PID.tag] = OptionTag.SOME;
    storeU32(memory, pidAddr + OPTION_PID.pid, report.pid);
  }
  storeJoinStatus(memory, statusAddr, report);
  return Errno.ESUCCESS;
}

function storeJoinStatus(memory: GuestMemory, addr: number, report: ChildReport | undefined): void {
  memory.bytes.fill(0, addr, addr + JOIN_STATUS.size);
  if (report?.kind === 'stopped') {
    memory.bytes[addr + JOIN_STATUS.tag] = JoinStatus.STOPPED;
    memory.bytes[addr + JOIN_STATUS.payload] = report.signal;
  } else if (report?.kind === 'ended') {
    const { status, signal } = report.end;
    memory.bytes[addr + JOIN_STATUS.tag] = signal === 0 ? JoinStatus.EXIT_NORMAL : JoinStatus.EXIT_SIGNAL;
    memory.view.setUint16(addr + JOIN_STATUS.payload, status & 0xffff, true);
    memory.bytes[addr + JOIN_STATUS.signal] = signal;
  }
}

/**
 * Result: the child's pid at `waited` (0 with WNOHANG and nothing to report), Linux's wait status at `status`; either may be 0.
 * Errors: ECHILD, EINVAL (options). See: wait4(2).
 */
export function waitpid(
  context: WasiContext,
  pid: number,
  status: number,
  options: number,
  waited: number,
): SystemCallResult {
  const { memory } = context.process;
  if (status !== 0) checkRange(memory, status, 4);
  if (waited !== 0) checkRange(memory, waited, 4);
  if ((options & ~(WNOHANG | WUNTRACED | WCONTINUED)) !== 0) fail(Errno.EINVAL);
  const report = waitForChild(context.process, {
    pid: pid | 0,
    mayBlock: (options & WNOHANG) === 0,
    ofStopped: (options & WUNTRACED) !== 0,
    ofContinued: (options & WCONTINUED) !== 0,
  });
  if (report instanceof Blocked) return report;
  if (report !== undefined && status !== 0) storeU32(memory, status >>> 0, linuxWaitStatus(report));
  if (waited !== 0) storeU32(memory, waited >>> 0, report?.pid ?? 0);
  return Errno.ESUCCESS;
}

/**
 * Moves the caller or a child (0: the caller) into a group of its session (0: its own).
 * Errors: EINVAL, ESRCH (neither), EPERM (another session, its leader, no such group), EACCES (the child has called exec).
 * See: setpgid(2).
 */
export function setpgid(context: WasiContext, pid: number, pgid: number): SystemCallResult {
  const { process: caller, kernel } = context;
  if ((pgid | 0) < 0) fail(Errno.EINVAL);
  const target = pid === 0 ? caller : kernel.processes.get(pid as Pid);
  if (target === undefined || (target !== caller && target.parentPid !== caller.pid)) fail(Errno.ESRCH);
  if (target.sid !== caller.sid || target.sid === target.pid) fail(Errno.EPERM);
  if (target !== caller && target.hasExecuted) fail(Errno.EACCES);
  const wanted = pgid === 0 ? target.pid : pgid;
  if (wanted !== target.pid && !kernel.tree.groupOf(wanted).some(({ sid }) => sid === caller.sid)) fail(Errno.EPERM);
  target.pgid = wanted;
  return Errno.ESUCCESS;
}

/** Errors: ESRCH. See: getpgid(2). */
export function getpgid(context: WasiContext, pid: number, pgid: number): SystemCallResult {
  return storeResult(context, pgid, processOf(context, pid).pgid);
}

/** Errors: EPERM (the caller leads a group). See: setsid(2). */
export function setsid(context: WasiContext, sid: number): SystemCallResult {
  const { process, kernel } = context;
  const addr = checkRange(process.memory, sid, 4);
  if (kernel.tree.groupOf(process.pid).length > 0) fail(Errno.EPERM);
  process.sid = process.pid;
  process.pgid = process.pid;
  storeU32(process.memory, addr, process.sid);
  return Errno.ESUCCESS;
}

/** Errors: ESRCH. See: getsid(2). */
export function getsid(context: WasiContext, pid: number, sid: number): SystemCallResult {
  return storeResult(context, sid, processOf(context, pid).sid);
}

/** Cut off after 15 bytes. Errors: EILSEQ, EINVAL. See: prctl(2), PR_SET_NAME. */
export function thread_set_name(context: WasiContext, name: number, length: number): SystemCallResult {
  const bytes = encodeUtf8(loadPath(context.process.memory, name, length));
  let size = Math.min(bytes.length, THREAD_NAME_MAX);
  let text = decodeUtf8(bytes, 0, size);
  // Not in the middle of a character.
  while (text === undefined) text = decodeUtf8(bytes, 0, --size);
  context.kernel.current.name = text;
  return Errno.ESUCCESS;
}

/** Result: 16 bytes at `name`, filled up with NUL. See: prctl(2), PR_GET_NAME. */
export function thread_get_name(context: WasiContext, name: number): SystemCallResult {
  const { memory } = context.process;
  const addr = checkRange(memory, name, NAME_SIZE);
  memory.bytes.fill(0, addr, addr + NAME_SIZE);
  memory.bytes.set(encodeUtf8(context.kernel.current.name).subarray(0, THREAD_NAME_MAX), addr);
  return Errno.ESUCCESS;
}

/** Takes a snapshot of the machine; ESUCCESS in the original and in the resumed copy. */
export function proc_snapshot(_context: WasiContext): SystemCallResult {
  return new SnapshotWanted(false);
}

/** The machine cannot be saved while the caller lives, for this reason; an empty one takes it back. */
export function snapshot_forbid(context: WasiContext, reason: number, length: number): SystemCallResult {
  context.process.forbidsSnapshot = loadPath(context.process.memory, reason, length);
  return Errno.ESUCCESS;
}

/** 0: the caller. */
function processOf(context: WasiContext, pid: number): Process {
  const process = pid === 0 ? context.process : context.kernel.processes.get(pid as Pid);
  return process ?? fail(Errno.ESRCH);
}

function storeResult(context: WasiContext, addr: number, value: number): SystemCallResult {
  const { memory } = context.process;
  storeU32(memory, checkRange(memory, addr, 4), value);
  return Errno.ESUCCESS;
}
