// How wvm processes of one user find each other: a private directory with, per running machine,
//
//   ID.sock        control socket (mode 0600), listening as long as the machine lives
//   ID.json        what the machine is (MachineEntry); written after the socket listens
//   names/NAME/ID  the claim of a name: a directory that holds one empty file
//
// - A machine is alive if and only if its socket accepts connections. The kernel sees to that even after kill -9, and
//   neither a reused pid nor another pid namespace can fool it. Anyone may remove what a dead machine left.
// - Names are unique among the living. A claim is the rename of a prepared directory onto names/NAME, which the
//   kernel refuses while another claim is in there; a dead claim is emptied first. So no lock is needed, and two
//   processes that clean up at the same time cannot remove the claim of a third.

import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { WvmError } from '../../base/wvm-error.ts';
import { namesIn } from '../names-in.ts';

export interface MachineEntry {
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  /** The program as it was named on the command line. */
  readonly program: string;
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
}

/** `sockaddr_un.sun_path` is 108 bytes on Linux and 104 on macOS, with its final zero. */
const maxSocketPathBytes = 103;
/** A socket without ID.json younger than this may belong to a machine that is just starting. */
const startupGraceMs = 10_000;
const namePattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;
const idPattern = /^[a-f][0-9a-f]{7}$/;

/**
 * Eight hexadecimal digits that begin with a letter, so that an id is never mistaken for a pid. No secret: Math.random(),
 * which V8 seeds anew in each process, is enough, and node:crypto takes a tenth of the start of a small program.
 */
export function newMachineId(): string {
  const letter = 'abcdef'[Math.floor(Math.random() * 6)]!;
  return (
    letter +
    Math.floor(Math.random() * 16 ** 7)
      .toString(16)
      .padStart(7, '0')
  );
}

/** Refuses what could not be told from a pid or is no plain file name. */
export function checkMachineName(name: string): void {
  if (!namePattern.test(name) || /^[0-9]+$/.test(name)) {
    throw new WvmError('WVM_USAGE', `--name: '${name}' cannot be the name of a machine`, {
      hint: 'use up to 64 letters, digits, dots, dashes and underscores, not digits alone, not beginning with a dot or dash',
    });
  }
}

/** A valid machine name made of a program's file name. */
export function defaultMachineName(program: string): string {
  const stem = basename(program).replace(/\.(wasm|wat|wvm)$/i, '');
  const name = stem
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 50);
  return /^[0-9]*$/.test(name) ? `m-${name || 'guest'}` : name;
}

/** `$XDG_RUNTIME_DIR/wvm`, or `wvm-UID` in the temporary directory: created, and checked to be this user's alone. */
export function openRegistryDirectory(): string {
  const { uid } = userInfo();
  const base = process.env['XDG_RUNTIME_DIR'];
  const directory =
    base?.startsWith('/') && isOwnDirectory(base, uid) ? join(base, 'wvm') : join(tmpdir(), `wvm-${uid}`);
  if (Buffer.byteLength(join(directory, 'f0000000.sock')) > maxSocketPathBytes) {
    throw new WvmError('WVM_FILE', `${directory}: too long for the path of a socket`, {
      hint: 'set XDG_RUNTIME_DIR to a shorter path',
    });
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const stat = lstatSync(directory);
  if (!stat.isDirectory() || stat.uid !== uid) {
    throw new WvmError('WVM_FILE', `${directory}: is not a directory of user ${uid}`, {
      hint: 'remove it, or set XDG_RUNTIME_DIR to a directory of your own',
    });
  }
  if ((stat.mode & 0o077) !== 0) chmodSync(directory, 0o700);
  return directory;
}

export function socketPathOf(directory: string, id: string): string {
  return join(directory, `${id}.sock`);
}

/** Whether a machine listens there. */
export function isListening(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // EAGAIN (its queue is full) is a sign of life; only these two are death.
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}

/** Makes a machine known whose socket listens already. The name must have been claimed. */
export function writeEntry(directory: string, entry: MachineEntry): void {
  const temporary = join(directory, `${entry.id}.tmp`);
  writeFileSync(temporary, JSON.stringify(entry), { mode: 0o600 });
  renameSync(temporary, join(directory, `${entry.id}.json`));
}

/** Removes everything of one machine; what is gone already is no error. */
export function removeEntry(directory: string, id: string, name: string | undefined): void {
  for (const suffix of ['json', 'tmp', 'sock']) ignoreMissing(() => unlinkSync(join(directory, `${id}.${suffix}`)));
  if (name !== undefined) releaseName(directory, name, id);
}

/** Claims `name` for `id`; returns the id of the living machine that has it, or undefined on success. */
export async function claimName(directory: string, name: string, id: string): Promise<string | undefined> {
  const names = join(directory, 'names');
  const claim = join(names, name);
  const prepared = join(names, `.${id}`);
  mkdirSync(prepared, { recursive: true, mode: 0o700 });
  writeFileSync(join(prepared, id), '');
  for (;;) {
    try {
      renameSync(prepared, claim);
      return undefined;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    }
    for (const holder of namesIn(claim)) {
      if (await isListening(socketPathOf(directory, holder))) {
        unlinkSync(join(prepared, id));
        rmdirSync(prepared);
        return holder;
      }
      ignoreMissing(() => unlinkSync(join(claim, holder)));
    }
  }
}

function releaseName(directory: string, name: string, id: string): void {
  const claim = join(directory, 'names', name);
  ignoreMissing(() => unlinkSync(join(claim, id)));
  ignoreMissing(() => rmdirSync(claim));
}

/** Every entry, of the living and of the dead, oldest first. */
function readEntries(directory: string): MachineEntry[] {
  const entries: MachineEntry[] = [];
  for (const file of namesIn(directory)) {
    if (!file.endsWith('.json')) continue;
    const entry = readEntry(join(directory, file), file.slice(0, -'.json'.length));
    if (entry !== undefined) entries.push(entry);
  }
  return entries.sort((a, b) => a.startedAtMs - b.startedAtMs || (a.id < b.id ? -1 : 1));
}

/** The living machines, oldest first. Removes what dead ones left. */
export async function listMachines(directory: string): Promise<MachineEntry[]> {
  const living: MachineEntry[] = [];
  const entries = readEntries(directory);
  const listening = await Promise.all(entries.map((entry) => isListening(socketPathOf(directory, entry.id))));
  for (const [index, entry] of entries.entries()) {
    if (listening[index]) living.push(entry);
    else removeEntry(directory, entry.id, entry.name);
  }
  await removeOrphans(directory, new Set(entries.map((entry) => entry.id)));
  return living;
}

/** The one living machine that `query` names: a name, an id or the unambiguous beginning of one, or a pid. */
export async function findMachine(directory: string, query: string): Promise<MachineEntry> {
  const living = await listMachines(directory);
  const tests: ((entry: MachineEntry) => boolean)[] = [
    (entry) => entry.name === query || entry.id === query,
    (entry) => String(entry.pid) === query,
    (entry) => query.length >= 2 && entry.id.startsWith(query.toLowerCase()),
  ];
  for (const test of tests) {
    const [found, second] = living.filter(test);
    if (found !== undefined && second === undefined) return found;
    if (found !== undefined) {
      throw new WvmError('WVM_USAGE', `${query}: names several machines: ${describe(living.filter(test))}`, {
        hint: 'give more of the id',
      });
    }
  }
  throw new WvmError('WVM_NO_SUCH_MACHINE', `${query}: no running machine has this id, name or pid`, {
    hint: living.length === 0 ? 'none is running' : `running: ${describe(living)}`,
  });
}

function describe(entries: readonly MachineEntry[]): string {
  const shown = entries.slice(0, 8).map((entry) => `${entry.id} (${entry.name}, pid ${entry.pid})`);
  return entries.length > shown.length
    ? `${shown.join(', ')} and ${entries.length - shown.length} more`
    : shown.join(', ');
}

/** Sockets, claims and half-written entries of machines that died before ID.json was there. */
async function removeOrphans(directory: string, known: ReadonlySet<string>): Promise<void> {
  for (const file of namesIn(directory)) {
    const [id = '', suffix] = file.split('.');
    if (!idPattern.test(id) || known.has(id) || (suffix !== 'sock' && suffix !== 'tmp')) continue;
    const path = join(directory, file);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined || Date.now() - stat.mtimeMs < startupGraceMs) continue;
    if (suffix === 'tmp' || !(await isListening(path))) ignoreMissing(() => unlinkSync(path));
  }
  const names = join(directory, 'names');
  for (const name of namesIn(names)) {
    const stat = statSync(join(names, name), { throwIfNoEntry: false });
    if (stat === undefined || Date.now() - stat.mtimeMs < startupGraceMs) continue;
    for (const id of namesIn(join(names, name))) {
      if (!known.has(id) && !(await isListening(socketPathOf(directory, id)))) releaseName(directory, name, id);
    }
  }
}

function readEntry(path: string, id: string): MachineEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined; // Removed meanwhile, or not ours: entries appear by rename, so never half-written.
  }
  if (typeof value !== 'object' || value === null || !idPattern.test(id)) return undefined;
  const { name, pid, program, startedAtMs } = value as Readonly<Record<string, unknown>>;
  if (typeof name !== 'string' || !namePattern.test(name) || typeof program !== 'string') return undefined;
  if (typeof pid !== 'number' || typeof startedAtMs !== 'number') return undefined;
  return { id, name, pid, program, startedAtMs };
}

function isOwnDirectory(path: string, uid: number): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.uid === uid;
}

/** For clean-up that several processes may do at once. */
function ignoreMissing(action: () => void): void {
  try {
    action();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
}
