// What a machine tells of itself: its figures, its processes, and how it and they have ended.

import { type BacktraceFrame, backtraceOf } from '../../engine/backtrace.ts';
import type { GuestMachine } from '../../engine/guest-machine.ts';
import type { GuestProcess } from '../../engine/guest-process.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Process } from '../../kernel/process.ts';

export type MachineExit =
  | { kind: 'exit'; code: number; signal?: number }
  | { kind: 'trap'; message: string; backtrace: readonly BacktraceFrame[] }
  | { kind: 'stopped'; reason: 'fuel' | 'timeout' | 'snapshot' | 'kill' };

export interface ProcessInfo {
  readonly pid: number;
  /** 0 for the first process. */
  readonly parentPid: number;
  readonly processGroup: number;
  readonly session: number;
  /** The program name first. */
  readonly args: readonly string[];
  /** 'running': at least one of its threads can run. */
  readonly state: 'running' | 'blocked' | 'stopped' | 'zombie';
  readonly threadCount: number;
  /** What is special about the policies, priorities and nice values of its threads, as "nice 5" or "FIFO 50, nice 5"; or ''. */
  readonly scheduling: string;
  readonly fdCount: number;
  readonly memoryBytes: number;
}

/** The end of a process other than the first. */
export interface ProcessEnd {
  readonly pid: number;
  /** What it gave to exit, or 128 + signal. */
  readonly status: number;
  /** Linux's number of the signal that ended it; 0: none did. */
  readonly signal: number;
}

/** A process other than the first that ended by a trap. */
export interface ProcessTrap {
  readonly pid: number;
  /** argv[0]. */
  readonly program: string;
  readonly message: string;
  readonly backtrace: readonly BacktraceFrame[];
}

export interface MachineStats {
  readonly fuelUsed: bigint;
  readonly memoryBytes: number;
  readonly state: 'loaded' | 'running' | 'blocked' | 'frozen' | 'ended';
}

/** Threads that the report of a deadlock names. */
const DEADLOCK_NAMED = 8;

/** By pid. `hasMemory`: false once its memory is handed on. */
export function listProcesses(guest: GuestMachine, hasMemory: boolean): ProcessInfo[] {
  const { kernel, processes } = guest;
  return [...kernel.processes.values()]
    .sort((a, b) => a.pid - b.pid)
    .map((process) => ({
      pid: process.pid,
      parentPid: process.parentPid,
      processGroup: process.pgid,
      session: process.sid,
      args: process.args,
      state: stateOf(process, kernel),
      threadCount: process.threads.size,
      scheduling: process.schedulingText,
      fdCount: process.fds.count,
      memoryBytes: hasMemory ? (processes.get(process.pid)?.memoryBytes ?? 0) : 0,
    }));
}

function stateOf(process: Process, { scheduler }: Kernel): ProcessInfo['state'] {
  if (process.end !== undefined) return 'zombie';
  if (process.isStopped) return 'stopped';
  for (const thread of process.threads.values()) if (scheduler.isReady(thread)) return 'running';
  return 'blocked';
}

export function processTrap(process: GuestProcess, error: Error): ProcessTrap {
  const { pid, args } = process.process;
  return { pid, program: args[0] ?? '', ...backtraceOf(error, process.compiled, process.instance) };
}

/** Who waits for what, when nothing can happen any more. */
export function deadlockText({ processes, scheduler }: Kernel): string {
  const waiting = [...scheduler.blocked].map(
    ({ tid, process, call }) => `${call!.name} (process ${process.pid}, thread ${tid})`,
  );
  const stopped = [...processes.values()]
    .filter(({ isStopped }) => isStopped)
    .map(({ pid }) => `process ${pid} is stopped`);
  const first = [...waiting, ...stopped].slice(0, DEADLOCK_NAMED);
  const more = waiting.length + stopped.length - first.length;
  return `deadlock: all threads wait for each other: ${first.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
