// Finding and reading a program for exec and spawn: one that the user has mapped to a name, or a file below the process's
// preopened directories. Only WebAssembly modules are programs; scripts are not run (ENOEXEC).
//
//   name has a slash, or no search:  mapped name -> path, relative to the working directory
//   search:                          mapped name -> each directory of the search path in turn, mapped or in files
// See: execve(2), execvp(3).

import { Errno } from '../../abi/errno.ts';
import { Rights } from '../../abi/wasi-preview1.ts';
import { WvmError } from '../base/wvm-error.ts';
import type { ProgramFile } from './blocked.ts';
import { HostFileType } from './ports.ts';
import type { Process } from './process.ts';
import { fail, SysError, succeed } from './sys-error.ts';
import { badRecord, checkArray, checkString } from './validate.ts';
import type { HostNode } from './vfs/host-node.ts';
import { resolvePath } from './working-directory.ts';

/** Programs that the user has mapped to names: bytes by name. */
export type ProgramMap = ReadonlyMap<string, Uint8Array>;

/** Where execvp looks if there is no PATH: glibc's confstr(_CS_PATH). */
const DEFAULT_SEARCH_PATH = '/bin:/usr/bin';
/** More than any engine compiles. */
const PROGRAM_MAX: bigint = 2n ** 30n;
/** "\0asm" and version 1. */
const MAGIC: readonly number[] = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const PROGRAMS_MAX = 100_000;
const NAME_MAX = 4096;

/** Errors: ENOENT, EACCES (no file that can be run), ENOEXEC (no module), and those of a walk. */
export function findProgram(process: Process, name: string): ProgramFile {
  if (name === '') fail(Errno.ENOENT);
  const mapped = process.kernel.programs.get(name);
  return checkMagic(mapped === undefined ? { name, bytes: readFile(process, name) } : { name, bytes: mapped });
}

/** `path`: directories with colons between them; '' for the caller's PATH. Errors as findProgram. */
export function searchProgram(process: Process, name: string, path: string): ProgramFile {
  if (name.includes('/') || name === '' || process.kernel.programs.has(name)) return findProgram(process, name);
  let denied = false;
  for (const directory of (path || (process.env['PATH'] ?? DEFAULT_SEARCH_PATH)).split(':')) {
    try {
      // An empty element is the working directory.
      return findProgram(process, directory === '' ? `./${name}` : `${directory.replace(/\/+$/, '')}/${name}`);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      if (error.errno === Errno.EACCES || error.errno === Errno.ENOTCAPABLE) denied = true;
      else if (error.errno !== Errno.ENOENT && error.errno !== Errno.ENOTDIR) throw error;
    }
  }
  fail(denied ? Errno.EACCES : Errno.ENOENT);
}

function checkMagic(program: ProgramFile): ProgramFile {
  if (MAGIC.some((byte, index) => program.bytes[index] !== byte)) fail(Errno.ENOEXEC);
  return program;
}

function readFile(process: Process, name: string): Uint8Array {
  const { entry, node: base, path } = resolvePath(process, name);
  if ((entry.rights & Rights.PATH_OPEN) === 0 || (entry.inheriting & Rights.FD_READ) === 0) fail(Errno.ENOTCAPABLE);
  const { vfs } = process.kernel;
  const node = vfs.open(base, path, {
    follow: true,
    create: false,
    exclusive: false,
    truncate: false,
    directory: false,
    read: true,
    write: false,
  });
  vfs.retain(node);
  try {
    return readAll(node);
  } finally {
    vfs.release(node);
  }
}

function readAll(node: HostNode): Uint8Array {
  if (node.type !== HostFileType.regularFile) fail(Errno.EACCES);
  const { size } = node.stat();
  if (size > PROGRAM_MAX) fail(Errno.ENOEXEC);
  const bytes = new Uint8Array(Number(size));
  let done = 0;
  while (done < bytes.length) {
    const count = succeed(node.files.read(node.handle, bytes.subarray(done), BigInt(done)));
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

/** The names in an image. */
export function checkProgramNames(names: readonly string[], where: string): void {
  for (const name of checkArray(names, PROGRAMS_MAX, where)) {
    if (checkString(name, NAME_MAX, where) === '') badRecord(where, 'an empty name');
  }
  if (new Set(names).size !== names.length) badRecord(where, 'a name stands twice');
}

/** What processes may run by name must be mapped again by the resuming command line: WVM_CAPABILITY_MISSING. */
export function requirePrograms(names: readonly string[], programs: ProgramMap): void {
  for (const name of names) {
    if (programs.has(name)) continue;
    throw new WvmError('WVM_CAPABILITY_MISSING', `resume: program ${name} is missing`, {
      hint: `give it with --map ${name}=FILE.wasm`,
    });
  }
}
