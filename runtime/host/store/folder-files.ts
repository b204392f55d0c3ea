// A store in a folder: files that are there whole or not at all, and durable when they are there.
//
// prepare(): 1. a new file in tmp/, named after its writer; 2. all bytes; 3. fsync, which goes on while more is prepared.
// publish(): 4. wait for the fsync; 5. rename to its place; 6. fsync of the directory.
// A writer that dies leaves its file in tmp/; removeAbandoned() of anybody takes it away.

import { join } from 'node:path';
import { WvmError } from '../../base/wvm-error.ts';
import type { FileEnd, PreparedFile, StoreFiles, StoreFolder } from '../../snapshot/store/ports.ts';
import { keepAtExit, removeAtExit } from '../files-at-exit.ts';
import { newOwnerName, ownerState } from './owner.ts';
import type { StoreFile, SystemCalls } from './system-calls.ts';

/** Packs that stay open because more of them will be read. */
const OPEN_FILES = 32;
/** How old a temporary file of another host must be before it counts as left behind. */
const FOREIGN_AGE_MS = 24 * 3_600_000;
const VERSION_FILE = 'wvm-store';
const folders: readonly StoreFolder[] = ['packs', 'snapshots', 'tags'];

export class FolderFiles implements StoreFiles {
  readonly place: string;
  readonly #calls: SystemCalls;
  /** The least recently used first. */
  readonly #open: Map<string, Promise<StoreFile>> = new Map();
  #ended = false;

  private constructor(directory: string, calls: SystemCalls) {
    this.place = directory;
    this.#calls = calls;
  }

  /** `create`: makes a store if there is none. `keyCheck`: of the key that it is encrypted with; null: with none. */
  static async open(
    directory: string,
    calls: SystemCalls,
    create: boolean,
    keyCheck: string | null,
  ): Promise<FolderFiles> {
    const files = new FolderFiles(directory, calls);
    await files.#guard(async () => {
      const version = await files.#readVersion();
      if (version === undefined && !create) {
        throw new WvmError('WVM_FILE', `${directory}: there is no store`, {
          hint: 'wvm snapshot or wvm import makes it',
        });
      }
      const expected = versionText(keyCheck);
      const found = version ?? (await files.#create(expected));
      if (found !== expected) throw versionProblem(directory, found, keyCheck);
    });
    return files;
  }

  async #readVersion(): Promise<string | undefined> {
    const bytes = await orMissing(this.#calls.readFile(join(this.place, VERSION_FILE)));
    return bytes === undefined ? undefined : Buffer.from(bytes).toString();
  }

  /**
   * The version file comes last: a store without one is made anew, which changes nothing that is there. Of several processes
   * that do so at once, one makes that file; the result is what it says.
   */
  async #create(versionText: string): Promise<string> {
    await this.#calls.mkdir(this.place);
    const names = await this.#calls.readdir(this.place);
    const own: readonly string[] = [...folders, 'tmp', 'leases'];
    const other = names.find((name) => !own.includes(name) && name !== VERSION_FILE);
    if (other !== undefined) {
      throw new WvmError('WVM_STORE_VERSION', `${this.place}: is not a store: it holds ${other}`, {
        hint: 'name a folder that is empty or does not exist yet',
      });
    }
    for (const name of own) await this.#calls.mkdir(join(this.place, name));
    const version = await this.#writeFile([Buffer.from(versionText)]);
    const isFirst = await version.linkTo(join(this.place, VERSION_FILE));
    await this.#calls.syncDirectory(this.place);
    await this.#calls.syncDirectory(join(this.place, '..'));
    return isFirst ? versionText : ((await this.#readVersion()) ?? '');
  }

  list(folder: StoreFolder): Promise<string[]> {
    return this.#guard(() => this.#calls.readdir(join(this.place, folder)));
  }

  read(folder: StoreFolder, name: string): Promise<Uint8Array | undefined> {
    return this.#guard(() => orMissing(this.#calls.readFile(join(this.place, folder, name))));
  }

  readEnd(folder: StoreFolder, name: string, sizeBytes: number): Promise<FileEnd | undefined> {
    return this.#guard(async () => {
      const file = await orMissing(this.#calls.open(join(this.place, folder, name)));
      if (file === undefined) return undefined;
      try {
        const fileBytes = await file.size();
        const offset = Math.max(0, fileBytes - sizeBytes);
        return { bytes: await readFully(file, offset, freshRoom(fileBytes - offset)), fileBytes };
      } finally {
        await file.close();
      }
    });
  }

  readPart(
    folder: StoreFolder,
    name: string,
    offset: number,
    sizeBytes: number,
    room?: Uint8Array,
  ): Promise<Uint8Array | undefined> {
    return this.#guard(async () => {
      const file = await orMissing(this.#opened(join(this.place, folder, name)));
      if (file === undefined) return undefined;
      const isRoomy = room !== undefined && room.length >= sizeBytes;
      return await readFully(file, offset, isRoomy ? room.subarray(0, sizeBytes) : freshRoom(sizeBytes));
    });
  }

  withDescriptor<Value>(
    folder: StoreFolder,
    name: string,
    use: (descriptor: number) => Promise<Value>,
  ): Promise<Value | undefined> {
    return this.#guard(async () => {
      const file = await orMissing(this.#opened(join(this.place, folder, name)));
      return file === undefined ? undefined : await use(file.descriptor);
    });
  }

  async prepare(folder: StoreFolder, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<PreparedFile> {
    const written = await this.#guard(() => this.#writeFile(chunks));
    return {
      discard: written.discard,
      publish: (name) =>
        this.#guard(async () => {
          await written.moveTo(join(this.place, folder, name));
          await this.#calls.syncDirectory(join(this.place, folder));
        }),
    };
  }

  /** All bytes are written; the disk is told to keep them, and moveTo() waits until it has. */
  async #writeFile(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<TemporaryFile> {
    const temporary = join(this.place, 'tmp', newOwnerName());
    removeAtExit(temporary);
    const discard = async (): Promise<void> => {
      await this.#calls.unlink(temporary).catch(() => {});
      keepAtExit(temporary);
    };
    try {
      const file = await this.#calls.create(temporary);
      try {
        for await (const chunk of chunks) await writeFully(file, chunk);
      } catch (error) {
        await file.close();
        throw error;
      }
      const synced = file.sync().finally(() => file.close());
      // It may fail before anybody waits for it.
      synced.catch(() => {});
      const moveTo = async (path: string): Promise<void> => {
        try {
          await synced;
          await this.#calls.rename(temporary, path);
          keepAtExit(temporary);
        } catch (error) {
          await discard();
          throw error;
        }
      };
      const linkTo = async (path: string): Promise<boolean> => {
        try {
          await synced;
          await this.#calls.link(temporary, path);
          return true;
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === 'EEXIST') return false;
          // A file system without links: the last one to come wins, as it does everywhere else in the store.
          if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS' && code !== 'EMLINK') throw error;
          await this.#calls.rename(temporary, path);
          return true;
        } finally {
          await discard();
        }
      };
      return { moveTo, linkTo, discard: () => synced.catch(() => {}).then(discard) };
    } catch (error) {
      await discard();
      throw error;
    }
  }

  remove(folder: StoreFolder, names: readonly string[]): Promise<void> {
    return this.#guard(async () => {
      if (names.length === 0) return;
      for (const name of names) {
        const path = join(this.place, folder, name);
        await this.#closePath(path);
        await orMissing(this.#calls.unlink(path));
      }
      await this.#calls.syncDirectory(join(this.place, folder));
    });
  }

  removeAbandoned(): Promise<void> {
    return this.#guard(async () => {
      const directory = join(this.place, 'tmp');
      for (const name of await this.#calls.readdir(directory)) {
        const path = join(directory, name);
        const state = ownerState(name);
        if (state === 'alive') continue;
        if (state !== 'dead') {
          const modifiedMs = await orMissing(this.#calls.modifiedMs(path));
          if (modifiedMs === undefined || Date.now() - modifiedMs < FOREIGN_AGE_MS) continue;
        }
        await orMissing(this.#calls.unlink(path));
      }
    });
  }

  async close(): Promise<void> {
    this.#ended = true;
    for (const path of [...this.#open.keys()]) await this.#closePath(path);
  }

  #opened(path: string): Promise<StoreFile> {
    let file = this.#open.get(path);
    if (file === undefined) {
      file = this.#calls.open(path);
      file.catch(() => this.#open.delete(path));
    } else {
      this.#open.delete(path);
    }
    this.#open.set(path, file);
    return file;
  }

  /** Not while reads are under way: their files must stay open. */
  async #trim(): Promise<void> {
    while (this.#open.size > OPEN_FILES) await this.#closePath(this.#open.keys().next().value!);
  }

  async #closePath(path: string): Promise<void> {
    const file = this.#open.get(path);
    this.#open.delete(path);
    await file?.then(
      (opened) => opened.close(),
      () => {},
    );
  }

  #active = 0;

  /** Every call of this class: gives failures of the system the place and a hint. */
  async #guard<Value>(action: () => Promise<Value>): Promise<Value> {
    if (this.#ended) throw new WvmError('WVM_FILE', `${this.place}: the store is closed`);
    this.#active++;
    try {
      return await action();
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (cause instanceof WvmError || typeof code !== 'string' || code.startsWith('ERR_')) throw cause;
      const hint = code === 'ENOSPC' ? 'free some space, or let wvm gc do it' : undefined;
      throw new WvmError('WVM_FILE', `store ${this.place}: ${message}`, { cause, ...(hint ? { hint } : {}) });
    } finally {
      if (--this.#active === 0 && this.#open.size > OPEN_FILES) await this.#trim();
    }
  }
}

function versionText(keyCheck: string | null): string {
  return keyCheck === null ? 'wvm store 1\n' : `wvm store 1 encrypted ${keyCheck}\n`;
}

function versionProblem(directory: string, version: string, keyCheck: string | null): WvmError {
  const isEncrypted = version.startsWith('wvm store 1 encrypted ');
  if (isEncrypted && keyCheck === null) {
    return new WvmError('WVM_KEY', `${directory}: the store is encrypted`, {
      hint: 'give the key: --store-key FILE, or WVM_STORE_KEY',
    });
  }
  if (isEncrypted) return new WvmError('WVM_KEY', `${directory}: the store is encrypted with another key`);
  if (version === versionText(null)) {
    return new WvmError('WVM_KEY', `${directory}: the store is not encrypted, but a key was given`);
  }
  return new WvmError('WVM_STORE_VERSION', `${directory}: is not a store of this version: ${version.trim()}`);
}

interface TemporaryFile {
  moveTo(path: string): Promise<void>;
  /** False if another file has that name, which it keeps. Afterwards the temporary name is gone. */
  linkTo(path: string): Promise<boolean>;
  discard(): Promise<void>;
}

async function writeFully(file: StoreFile, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0; ) {
    const written = await file.write(rest);
    if (written === 0) throw Object.assign(new Error('ENOSPC: nothing was written'), { code: 'ENOSPC' });
    rest = rest.subarray(written);
  }
}

/** Not filled with zeros: it is filled with the file, and cut where that ends. */
function freshRoom(sizeBytes: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(sizeBytes).buffer);
}

async function readFully(file: StoreFile, offset: number, into: Uint8Array): Promise<Uint8Array> {
  let at = 0;
  while (at < into.length) {
    const count = await file.read(into.subarray(at), offset + at);
    if (count === 0) break;
    at += count;
  }
  return into.subarray(0, at);
}

async function orMissing<Value>(promise: Promise<Value>): Promise<Value | undefined> {
  try {
    return await promise;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
