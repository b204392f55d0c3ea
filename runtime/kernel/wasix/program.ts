// Running another program: exec and spawn, WASIX's and wvm's own. The program is found and read here (../programs.ts); the engine compiles it
// and makes the change, or answers ENOEXEC.
//
// - WASIX's lists of strings are one string with line feeds between its elements; '' is an empty list. wvm's are C's: arrays of
//   addresses, so that a string may hold everything but NUL. In an environment, what has no '=' is left out.
// - Errors of all: EFAULT, EILSEQ, EINVAL (holds NUL), E2BIG, ENOENT, EACCES, ENOEXEC, and those of a walk.

import { Errno } from '../../../abi/errno.ts';
import { SIG_DFL, SIG_IGN, SIGNAL_LAST } from '../../../abi/signals.ts';
import { LOOKUPFLAGS_SYMLINK_FOLLOW } from '../../../abi/wasi-preview1.ts';
import {
  FdFlagsExt,
  OPTION_FD,
  OptionTag,
  PROCESS_HANDLES,
  SIGNAL_DISPOSITION,
  SignalDisposition,
  SPAWN_FD_OP,
  SpawnFdCommand,
  StdioMode,
} from '../../../abi/wasix.ts';
import { ExecWanted, Exited, type ProgramFile, Spawned, type SystemCallResult } from '../blocked.ts';
import { DirectoryFile } from '../directory-file.ts';
import { FdEntry } from '../fd-table.ts';
import { checkRange, loadPath, storeU32 } from '../guest-access.ts';
import type { GuestMemory } from '../guest-memory.ts';
import { NullFile } from '../null-file.ts';
import { decodeRights, openEntry } from '../open-entry.ts';
import { Pipe } from '../pipe.ts';
import { PipeFile } from '../pipe-file.ts';
import type { Process } from '../process.ts';
import { findProgram, searchProgram } from '../programs.ts';
import { FILE_RIGHTS, STREAM_RIGHTS } from '../rights.ts';
import { hasSignal, UNBLOCKABLE } from '../signals/signal-set.ts';
import { fail, SysError } from '../sys-error.ts';
import { decodeUtf8 } from '../utf8.ts';
import type { WasiContext } from '../wasi/context.ts';
import { changeDirectory, enterDirectory, resolvePath } from '../working-directory.ts';

type Environment = Readonly<Record<string, string>>;

/** Arguments and environment: Linux's ARG_MAX of common stack limits. */
const STRINGS_MAX_BYTES: number = 2 ** 21;
/** Exit status of a command that is not found, and of one that cannot be run, as shells have it. */
const NOT_FOUND = 127;
const NOT_RUNNABLE = 126;
const STDIO_FDS: readonly number[] = [0, 1, 2];

// exec

/** Does not return: if the program cannot be run, the process ends with 127 (not found) or 126. See: execv(3). */
export function proc_exec(
  context: WasiContext,
  name: number,
  nameLength: number,
  args: number,
  argsLength: number,
): SystemCallResult {
  return execOrEnd(context, () => {
    const { memory, env } = context.process;
    const path = loadPath(memory, name, nameLength);
    const list = loadStrings(memory, args, argsLength);
    return new ExecWanted(findProgram(context.process, path), list, env);
  });
}

/** The same with an environment. See: execve(2). */
export function proc_exec2(
  context: WasiContext,
  name: number,
  nameLength: number,
  args: number,
  argsLength: number,
  envs: number,
  envsLength: number,
): SystemCallResult {
  return execOrEnd(context, () => {
    const { memory } = context.process;
    const path = loadPath(memory, name, nameLength);
    const list = loadStrings(memory, args, argsLength);
    const env = loadEnvironment(memory, envs, envsLength);
    return new ExecWanted(findProgram(context.process, path), list, env);
  });
}

/** The same, looking through the directories of `path` (the caller's PATH if that is empty) if asked to. See: execvpe(3). */
export function proc_exec3(
  context: WasiContext,
  name: number,
  nameLength: number,
  args: number,
  argsLength: number,
  envs: number,
  envsLength: number,
  searches: number,
  path: number,
  pathLength: number,
): SystemCallResult {
  const { process } = context;
  const { memory } = process;
  const file = loadPath(memory, name, nameLength);
  const list = loadStrings(memory, args, argsLength);
  const env = loadEnvironment(memory, envs, envsLength);
  return new ExecWanted(program(process, file, searches, loadPath(memory, path, pathLength)), list, env);
}

/** wvm's: see abi/wvm.ts. See: execve(2), execvpe(3). */
export function exec(
  context: WasiContext,
  name: number,
  nameLength: number,
  argv: number,
  envp: number,
  searchPath: number,
): SystemCallResult {
  const { process } = context;
  const { memory } = process;
  const file = loadPath(memory, name, nameLength);
  const list = loadStringArray(memory, argv);
  const env = envp === 0 ? process.env : environmentOf(loadStringArray(memory, envp));
  const path = searchPath === 0 ? '' : loadCString(memory, searchPath >>> 0);
  return new ExecWanted(program(process, file, searchPath, path), list, env);
}

function execOrEnd(_context: WasiContext, exec: () => ExecWanted): SystemCallResult {
  try {
    return exec();
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
    return new Exited(error.errno === Errno.ENOENT ? NOT_FOUND : NOT_RUNNABLE);
  }
}

// spawn

/**
 * A child with the caller's environment. Parameters: `preopens`, guest paths of the preopened directories that it keeps, '' for
 * all; `stdin`, `stdout`, `stderr`, StdioMode (LOG is as INHERIT). Result: PROCESS_HANDLES, with the caller's ends of PIPED streams.
 * Errors also: ENOTSUP (chroot), ENOENT (no such preopened directory), EMFILE, EAGAIN.
 */
export function proc_spawn(
  context: WasiContext,
  name: number,
  nameLength: number,
  chroot: number,
  args: number,
  argsLength: number,
  preopens: number,
  preopensLength: number,
  stdin: number,
  stdout: number,
  stderr: number,
  directory: number,
  directoryLength: number,
  handles: number,
): SystemCallResult {
  const { process } = context;
  const { memory } = process;
  const file = loadPath(memory, name, nameLength);
  const list = loadStrings(memory, args, argsLength);
  const kept = loadStrings(memory, preopens, preopensLength);
  const workingDirectory = loadPath(memory, directory, directoryLength);
  const addr = checkRange(memory, handles, PROCESS_HANDLES.size);
  if (chroot !== 0) fail(Errno.ENOTSUP);
  const modes = [stdin, stdout, stderr];
  if (modes.some((mode) => mode < StdioMode.PIPED || mode > StdioMode.LOG)) fail(Errno.EINVAL);
  process.fds.checkSpace(STDIO_FDS.length);
  const given: (number | undefined)[] = [];
  const spawned = spawnChild(context, list, process.env, (child) => {
    if (workingDirectory !== '') changeDirectory(child, workingDirectory);
    const found = searchProgram(child, file, '');
    keepPreopens(child, kept);
    for (const [fd, mode] of modes.entries()) given.push(connect(context, child, fd, mode));
    return found;
  });
  context.kernel.tree.givesParent(
    spawned.child,
    given.filter((fd) => fd !== undefined),
  );
  memory.bytes.fill(0, addr, addr + PROCESS_HANDLES.size);
  storeU32(memory, addr + PROCESS_HANDLES.pid, spawned.child.pid);
  for (const [index, at] of [PROCESS_HANDLES.stdin, PROCESS_HANDLES.stdout, PROCESS_HANDLES.stderr].entries()) {
    const fd = given[index];
    if (fd === undefined) continue;
    memory.bytes[addr + at + OPTION_FD.tag] = OptionTag.SOME;
    storeU32(memory, addr + at + OPTION_FD.fd, fd);
  }
  return spawned;
}

/**
 * A child with changed descriptors, directory and signals. Parameters: `operations`, SPAWN_FD_OPs, done in their order; `signals`,
 * SIGNAL_DISPOSITIONs; search as in proc_exec3, from the child's directory. Result: the child's pid.
 * Errors also: those of the operations, EAGAIN. See: posix_spawn(3).
 */
export function proc_spawn2(
  context: WasiContext,
  name: number,
  nameLength: number,
  args: number,
  argsLength: number,
  envs: number,
  envsLength: number,
  operations: number,
  operationCount: number,
  signals: number,
  signalCount: number,
  searches: number,
  path: number,
  pathLength: number,
  pid: number,
): SystemCallResult {
  const { memory } = context.process;
  const file = loadPath(memory, name, nameLength);
  const list = loadStrings(memory, args, argsLength);
  const env = loadEnvironment(memory, envs, envsLength);
  const searchPath = loadPath(memory, path, pathLength);
  const firstOperation = checkRange(memory, operations, (operationCount >>> 0) * SPAWN_FD_OP.size);
  const firstSignal = checkRange(memory, signals, (signalCount >>> 0) * SIGNAL_DISPOSITION.size);
  const pidAddr = checkRange(memory, pid, 4);
  const spawned = spawnChild(context, list, env, (child) => {
    for (let i = 0; i < operationCount >>> 0; i++) operate(child, memory, firstOperation + i * SPAWN_FD_OP.size);
    for (let i = 0; i < signalCount >>> 0; i++) dispose(child, memory, firstSignal + i * SIGNAL_DISPOSITION.size);
    return program(child, file, searches, searchPath);
  });
  storeU32(memory, pidAddr, spawned.child.pid);
  return spawned;
}

/** wvm's: see abi/wvm.ts. See: posix_spawn(3). */
export function spawn(
  context: WasiContext,
  name: number,
  nameLength: number,
  argv: number,
  envp: number,
  searchPath: number,
  operations: number,
  operationCount: number,
  pid: number,
): SystemCallResult {
  const { memory } = context.process;
  const file = loadPath(memory, name, nameLength);
  const list = loadStringArray(memory, argv);
  const env = envp === 0 ? context.process.env : environmentOf(loadStringArray(memory, envp));
  const path = searchPath === 0 ? '' : loadCString(memory, searchPath >>> 0);
  const first = checkRange(memory, operations, (operationCount >>> 0) * SPAWN_FD_OP.size);
  const pidAddr = checkRange(memory, pid, 4);
  const spawned = spawnChild(context, list, env, (child) => {
    for (let i = 0; i < operationCount >>> 0; i++) operate(child, memory, first + i * SPAWN_FD_OP.size);
    return program(child, file, searchPath, path);
  });
  storeU32(memory, pidAddr, spawned.child.pid);
  return spawned;
}

/** `prepare` changes the child and finds its program; if it throws, there has been no child. */
function spawnChild(
  context: WasiContext,
  args: readonly string[],
  env: Environment,
  prepare: (child: Process) => ProgramFile,
): Spawned {
  const { kernel } = context;
  const child = kernel.tree.spawn(kernel.current, args, env);
  try {
    const found = prepare(child);
    child.fds.closeOnExec();
    return new Spawned(child, found, Errno.ESUCCESS);
  } catch (error) {
    kernel.tree.abandon(child);
    throw error;
  }
}

function program(process: Process, name: string, searches: number, path: string): ProgramFile {
  return searches === 0 ? findProgram(process, name) : searchProgram(process, name, path);
}

/** The child keeps the preopened directories of these names only; none named: all. */
function keepPreopens(child: Process, names: readonly string[]): void {
  if (names.length === 0) return;
  const missing = new Set(names);
  for (const [fd, entry] of child.fds.entries.entries()) {
    if (entry === undefined || entry.preopen === null) continue;
    if (!names.includes(entry.preopen)) child.fds.close(fd);
    missing.delete(entry.preopen);
  }
  if (missing.size > 0) fail(Errno.ENOENT);
}

/** Makes standard stream `fd` of the child what `mode` says; the caller's end of a pipe. */
function connect({ kernel, process }: WasiContext, child: Process, fd: number, mode: number): number | undefined {
  if (mode === StdioMode.INHERIT || mode === StdioMode.LOG) return undefined;
  const rights = STREAM_RIGHTS.common | (fd === 0 ? STREAM_RIGHTS.input : STREAM_RIGHTS.output);
  if (mode === StdioMode.NULL) {
    child.fds.put(fd, new FdEntry(new NullFile(kernel.allocateInode(), 0), FILE_RIGHTS, 0));
    return undefined;
  }
  const pipe = new Pipe(kernel.allocateInode());
  const [reader, writer] = [new PipeFile(pipe, 'reader', 0), new PipeFile(pipe, 'writer', 0)];
  child.fds.put(fd, new FdEntry(fd === 0 ? reader : writer, rights, 0));
  const parentRights = STREAM_RIGHTS.common | (fd === 0 ? STREAM_RIGHTS.output : STREAM_RIGHTS.input);
  return process.fds.add(new FdEntry(fd === 0 ? writer : reader, parentRights, 0, null, true));
}

/** One SPAWN_FD_OP. */
function operate(child: Process, memory: GuestMemory, addr: number): void {
  const { view, bytes } = memory;
  const fd = view.getUint32(addr + SPAWN_FD_OP.fd, true);
  const path = (): string =>
    loadPath(memory, view.getUint32(addr + SPAWN_FD_OP.path, true), view.getUint32(addr + SPAWN_FD_OP.pathLen, true));
  switch (bytes[addr + SPAWN_FD_OP.command]) {
    case SpawnFdCommand.CLOSE:
      child.fds.close(fd);
      break;
    case SpawnFdCommand.DUP2: {
      const source = view.getUint32(addr + SPAWN_FD_OP.sourceFd, true);
      // To itself: it survives the exec.
      if (source === fd) child.fds.get(fd).closesOnExec = false;
      else child.fds.dupTo(source, fd);
      break;
    }
    case SpawnFdCommand.OPEN:
      open(child, memory, addr, fd, path());
      break;
    case SpawnFdCommand.CHDIR:
      changeDirectory(child, path());
      break;
    case SpawnFdCommand.FCHDIR: {
      const { file } = child.fds.get(fd);
      if (!(file instanceof DirectoryFile)) fail(Errno.ENOTDIR);
      enterDirectory(child, file.node);
      break;
    }
    default:
      fail(Errno.EINVAL);
  }
}

/** Opens a path, from the working directory if it is relative, as descriptor `fd`. */
function open(child: Process, { view }: GuestMemory, addr: number, fd: number, path: string): void {
  const { entry, path: below } = resolvePath(child, path);
  const options = {
    follow: (view.getUint32(addr + SPAWN_FD_OP.dirflags, true) & LOOKUPFLAGS_SYMLINK_FOLLOW) !== 0,
    openFlags: view.getUint16(addr + SPAWN_FD_OP.oflags, true),
    rights: decodeRights(view.getBigUint64(addr + SPAWN_FD_OP.rightsBase, true)) & entry.inheriting,
    inheriting: decodeRights(view.getBigUint64(addr + SPAWN_FD_OP.rightsInheriting, true)) & entry.inheriting,
    fdFlags: view.getUint16(addr + SPAWN_FD_OP.fdflags, true),
  };
  const opened = openEntry(child.kernel.vfs, entry, below, options, child.fds);
  opened.closesOnExec = (view.getUint16(addr + SPAWN_FD_OP.fdflagsext, true) & FdFlagsExt.CLOEXEC) !== 0;
  child.fds.put(fd, opened);
}

/** One SIGNAL_DISPOSITION. */
function dispose(child: Process, { bytes }: GuestMemory, addr: number): void {
  const signal = bytes[addr + SIGNAL_DISPOSITION.signal]!;
  const disposition = bytes[addr + SIGNAL_DISPOSITION.disposition]!;
  if (signal < 1 || signal > SIGNAL_LAST || hasSignal(UNBLOCKABLE, signal)) fail(Errno.EINVAL);
  if (disposition > SignalDisposition.IGNORE) fail(Errno.EINVAL);
  const handler = disposition === SignalDisposition.IGNORE ? SIG_IGN : SIG_DFL;
  child.actions.set(signal, { handler, flags: 0, mask: 0n });
}

function loadStrings(memory: GuestMemory, addr: number, length: number): string[] {
  const size = length >>> 0;
  const start = checkRange(memory, addr, size);
  if (size > STRINGS_MAX_BYTES) fail(Errno.E2BIG);
  const text = decodeUtf8(memory.bytes, start, start + size);
  if (text === undefined) fail(Errno.EILSEQ);
  if (text.includes('\0')) fail(Errno.EINVAL);
  return text === '' ? [] : text.split('\n');
}

function loadEnvironment(memory: GuestMemory, addr: number, length: number): Environment {
  return environmentOf(loadStrings(memory, addr, length));
}

function environmentOf(strings: readonly string[]): Environment {
  const variables = strings.flatMap((variable) => {
    const end = variable.indexOf('=');
    return end > 0 ? [[variable.slice(0, end), variable.slice(end + 1)] as const] : [];
  });
  return Object.fromEntries(variables);
}

/** C's `char *const list[]`; an address of 0 is an empty list. */
function loadStringArray(memory: GuestMemory, addr: number): string[] {
  const strings: string[] = [];
  if (addr === 0) return strings;
  let total = 0;
  for (let at = addr >>> 0; ; at += 4) {
    const text = memory.view.getUint32(checkRange(memory, at, 4), true);
    if (text === 0) return strings;
    const string = loadCString(memory, text);
    strings.push(string);
    total += string.length + 5;
    if (total > STRINGS_MAX_BYTES) fail(Errno.E2BIG);
  }
}

function loadCString(memory: GuestMemory, addr: number): string {
  const end = memory.bytes.subarray(0, addr + STRINGS_MAX_BYTES).indexOf(0, addr);
  if (end < 0) fail(addr + STRINGS_MAX_BYTES < memory.bytes.length ? Errno.E2BIG : Errno.EFAULT);
  const text = decodeUtf8(memory.bytes, addr, end);
  if (text === undefined) fail(Errno.EILSEQ);
  return text;
}
