// Strace-like lines: `[1] path_open(3, 0, "a.txt", O_CREAT|O_TRUNC, 0x42, 0x0, 0) = 4`. What a parameter means comes
// from the table of functions in abi; paths, written data and results are read from guest memory.

import { errnoName } from '../../abi/errno.ts';
import { FUTEX_CLOCK_REALTIME, FUTEX_PRIVATE_FLAG, FutexOp } from '../../abi/futex.ts';
import { signatureOf } from '../../abi/imports.ts';
import { SIGNAL_LAST, signalName } from '../../abi/signals.ts';
import type { Parameter } from '../../abi/signature.ts';
import { IOVEC } from '../../abi/wasi-preview1.ts';
import {
  Blocked,
  ContextCreated,
  ContextDestroyed,
  ContextSwitched,
  ExecWanted,
  Exited,
  Forked,
  SnapshotWanted,
  Spawned,
  StackRestored,
  StackSaved,
  type SystemCallResult,
  ThreadEnded,
  Trapped,
} from './blocked.ts';
import type { GuestMemory } from './guest-memory.ts';
import type { GuestNumber } from './thread.ts';
import { decodeUtf8 } from './utf8.ts';

/** Bytes of text or data that a line shows, as strace does. */
const TEXT_MAX = 32;
const PATH_TEXT_MAX = 256;

const FLAG_NAMES: Partial<Record<Parameter['kind'], readonly string[]>> = {
  oflags: ['O_CREAT', 'O_DIRECTORY', 'O_EXCL', 'O_TRUNC'],
  fdflags: ['APPEND', 'DSYNC', 'NONBLOCK', 'RSYNC', 'SYNC'],
  fstflags: ['ATIM', 'ATIM_NOW', 'MTIM', 'MTIM_NOW'],
  fdflagsext: ['CLOEXEC'],
  lookupflags: ['SYMLINK_FOLLOW'],
};
const VALUE_NAMES: Partial<Record<Parameter['kind'], readonly string[]>> = {
  whence: ['SEEK_SET', 'SEEK_CUR', 'SEEK_END'],
  clockid: ['CLOCK_REALTIME', 'CLOCK_MONOTONIC', 'CLOCK_PROCESS_CPUTIME_ID', 'CLOCK_THREAD_CPUTIME_ID'],
};

const FUTEX_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(FutexOp).map(([name, value]) => [value, name]));
/** What these return is a number and no errno; what belongs to no table neither. */
const NUMBERS: ReadonlySet<string> = new Set(['wvm.snapshot', 'wasi.thread-spawn']);

/** One line for a call and its result, without a line end. */
export function formatCall(
  pid: number,
  module: string,
  name: string,
  args: readonly GuestNumber[],
  result: SystemCallResult,
  memory: GuestMemory,
): string {
  const signature = signatureOf(module, name);
  const parameters = signature?.parameters ?? [];
  const isErrno = signature !== undefined && !NUMBERS.has(`${module}.${name}`);
  const inputs: string[] = [];
  const outputs: [name: string, value: string][] = [];
  for (let i = 0; i < args.length; i++) {
    const parameter = parameters[i];
    const value = args[i]!;
    switch (parameter?.kind) {
      case 'path':
        inputs.push(quote(memory, Number(value), Number(args[i + 1]), PATH_TEXT_MAX));
        i++;
        break;
      case 'string':
      case 'buffer':
        inputs.push(quote(memory, Number(value), Number(args[i + 1]), TEXT_MAX));
        i++;
        break;
      case 'ciovecs':
        inputs.push(formatVector(memory, Number(value), Number(args[i + 1])));
        break;
      case 'out-u32':
      case 'out-u64':
        if (result === 0) outputs.push([parameter.name, loadResult(memory, Number(value), parameter.kind)]);
        break;
      case 'iovecs':
      case 'in':
      case 'out':
        inputs.push(`0x${(Number(value) >>> 0).toString(16)}`);
        break;
      default:
        inputs.push(formatValue(parameter, value));
    }
  }
  // One result stands for itself, as in strace; several are named.
  const [only] = outputs;
  const shown =
    outputs.length === 1
      ? only![1]
      : [formatResult(result, isErrno), ...outputs.map(([output, value]) => `${output}=${value}`)].join(', ');
  return `[${pid}] ${name}(${inputs.join(', ')}) = ${shown}`;
}

function formatResult(result: SystemCallResult, isErrno: boolean): string {
  if (result instanceof Blocked) return '? BLOCKED';
  if (result instanceof Exited) return `? EXITED ${result.status}`;
  if (result instanceof Trapped) return `? TRAP ${result.message}`;
  if (result instanceof SnapshotWanted) return '? SNAPSHOT';
  if (result instanceof ExecWanted) return `? EXEC ${result.program.name}`;
  if (result instanceof Forked) return `? FORKED ${result.child.pid}`;
  if (result instanceof Spawned) return `? SPAWNED ${result.child.pid}`;
  if (result instanceof ThreadEnded) return '? THREAD ENDED';
  if (result instanceof StackSaved) return `? STACK ${result.id} SAVED`;
  if (result instanceof StackRestored) return `? STACK ${result.id} RESTORED`;
  if (result instanceof ContextCreated) return '? CONTEXT CREATED';
  if (result instanceof ContextSwitched) return `? CONTEXT ${result.id}`;
  if (result instanceof ContextDestroyed) return `? CONTEXT ${result.id} DESTROYED`;
  if (typeof result !== 'number') return formatResult(result.value, isErrno);
  return result === 0 || !isErrno ? String(result) : (errnoName(result) ?? String(result));
}

function formatValue(parameter: Parameter | undefined, value: GuestNumber): string {
  if (parameter === undefined) return String(value);
  const flags = FLAG_NAMES[parameter.kind];
  if (flags !== undefined) return formatFlags(flags, Number(value));
  const named = VALUE_NAMES[parameter.kind]?.[Number(value)];
  if (named !== undefined) return named;
  const special = FORMATS[parameter.kind];
  if (special !== undefined) return special(value);
  if (parameter.kind === 'rights') return `0x${BigInt.asUintN(64, BigInt(value)).toString(16)}`;
  if (parameter.kind === 'u64') return String(BigInt.asUintN(64, BigInt(value)));
  if (parameter.kind === 'size') return String(Number(value) >>> 0);
  return String(value);
}

/** Kinds with a notation of their own. */
const FORMATS: Partial<Record<Parameter['kind'], (value: GuestNumber) => string>> = {
  bool: (value) => String(value !== 0),
  signal: (value) => signalName(Number(value)),
  sigset: (value) => formatSignalSet(BigInt.asUintN(64, BigInt(value))),
  futexop: (value) => formatFutexOperation(Number(value)),
};

/** As strace: [INT TERM], and ~[] for the complement when that is shorter. */
function formatSignalSet(set: bigint): string {
  const all = Array.from({ length: SIGNAL_LAST }, (_, index) => index + 1);
  const members = all.filter((signal) => (set >> BigInt(signal - 1)) % 2n === 1n);
  const isInverted = members.length > SIGNAL_LAST / 2;
  const shown = isInverted ? all.filter((signal) => !members.includes(signal)) : members;
  return `${isInverted ? '~' : ''}[${shown.map((signal) => signalName(signal).replace(/^SIG/, '')).join(' ')}]`;
}

function formatFutexOperation(value: number): string {
  const flags = [
    ...((value & FUTEX_PRIVATE_FLAG) !== 0 ? ['FUTEX_PRIVATE_FLAG'] : []),
    ...((value & FUTEX_CLOCK_REALTIME) !== 0 ? ['FUTEX_CLOCK_REALTIME'] : []),
  ];
  const operation = value & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
  return [FUTEX_NAMES.get(operation) ?? String(operation), ...flags].join('|');
}

function formatFlags(names: readonly string[], value: number): string {
  const set = names.filter((_, bit) => (value & (1 << bit)) !== 0);
  const rest = value & ~((1 << names.length) - 1);
  if (rest !== 0) set.push(`0x${(rest >>> 0).toString(16)}`);
  return set.length === 0 ? '0' : set.join('|');
}

function formatVector(memory: GuestMemory, addr: number, count: number): string {
  const start = addr >>> 0;
  if (count >>> 0 === 0) return '[]';
  if (start + IOVEC.size > memory.bytes.length) return `0x${start.toString(16)}`;
  const buffer = memory.view.getUint32(start + IOVEC.buf, true);
  const size = memory.view.getUint32(start + IOVEC.len, true);
  return `[${quote(memory, buffer, size, TEXT_MAX)}${count >>> 0 > 1 ? ', ...' : ''}]`;
}

function quote(memory: GuestMemory, addr: number, length: number, max: number): string {
  const start = addr >>> 0;
  const size = length >>> 0;
  if (start + size > memory.bytes.length) return `0x${start.toString(16)}`;
  const end = start + Math.min(size, max);
  // Cutting may split a character; data need not be text at all. Then each byte is one character.
  const text = decodeUtf8(memory.bytes, start, end) ?? String.fromCharCode(...memory.bytes.subarray(start, end));
  return JSON.stringify(text) + (size > max ? '...' : '');
}

function loadResult(memory: GuestMemory, addr: number, kind: 'out-u32' | 'out-u64'): string {
  const start = addr >>> 0;
  if (start + 4 > memory.bytes.length) return '?';
  if (kind === 'out-u32') return String(memory.view.getUint32(start, true));
  return start + 8 > memory.bytes.length ? '?' : String(memory.view.getBigUint64(start, true));
}
