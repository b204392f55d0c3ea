// Instrumented modules kept on disk, so that a program is instrumented once per machine it runs on.
//
// - The key is the hash of what the entry was made from: original module, instrumenter version, options. The length of the
//   original follows, so that the names alone tell that a program is not there.
// - An entry is written under a temporary name and renamed: other wvm processes see all of it or nothing. It is not
//   synced; after a power cut its digest tells what is left of it, and a damaged entry is a miss that put() replaces.
// - Whoever can write here can run code in the guest's name. The directory and each entry must belong to us and be
//   writable by nobody else, or they count as absent. An entry names its key, so a renamed one is a miss too.
// - Nothing here can fail a run: what goes wrong is a line of `trace` and a miss.
//
// Entry:   offset  size  meaning
//               0     4  magic "wvmc"
//               4     4  format version, little-endian
//               8    32  SHA-256 of everything after it
//              40    32  key, the hash of it
//              72     8  length of the module in bytes, little-endian
//              80     .  the module

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { assert } from '../../base/assert.ts';
import { lateCrypto } from '../late-modules.ts';

const magic = 0x636d7677;
const formatVersion = 1;
const digestOffset = 8;
const keyOffset = 40;
const lengthOffset = 72;
const headerBytes = 80;

/** A guess: some hundred large programs. */
const defaultMaxBytes: number = 2 ** 30;
/** What is left after making room, so that the next put does not have to make room again. */
const keptShare = 0.9;
/** Using an entry marks it as used at most this often: a write per run would be waste. */
const markAgeMs = 3_600_000;
/** A temporary file this old was left by a process that died. */
const abandonedAgeMs = 3_600_000;

export interface ModuleCacheOptions {
  /** Least recently used entries are removed above this size (default 1 GiB). */
  maxBytes?: number;
  trace?: (line: string) => void;
}

/** $XDG_CACHE_HOME/wvm, by default ~/.cache/wvm; undefined if this user has no home. */
export function defaultCacheDirectory(): string | undefined {
  const base = process.env['XDG_CACHE_HOME'];
  // The XDG specification has relative paths ignored.
  if (base !== undefined && path.isAbsolute(base)) return path.join(base, 'wvm');
  try {
    return path.join(os.homedir(), '.cache', 'wvm');
  } catch {
    return undefined;
  }
}

export class ModuleCache {
  /** Undefined: no usable directory, everything is a miss. */
  readonly #directory: string | undefined;
  readonly #maxBytes: number;
  readonly #trace: (line: string) => void;

  /** `directory` null: no cache; undefined: the default one. */
  constructor(directory?: string | null, options: ModuleCacheOptions = {}) {
    this.#trace = options.trace ?? ((): void => {});
    this.#maxBytes = options.maxBytes ?? defaultMaxBytes;
    const base = directory === undefined ? defaultCacheDirectory() : (directory ?? undefined);
    this.#directory = base === undefined ? undefined : this.#prepare(base);
  }

  /** The module stored under `key`, checked; undefined if there is none that can be trusted. */
  get(key: string): Uint8Array | undefined {
    if (this.#directory === undefined) return undefined;
    try {
      return this.#read(this.#pathOf(this.#directory, key), key);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#trace(`module cache: ${String(error)}`);
      return undefined;
    }
  }

  /** False if no module that was made from so many bytes is here. */
  mayHold(originalBytes: number): boolean {
    if (this.#directory === undefined) return false;
    try {
      return fs.readdirSync(this.#directory).some((name) => name.endsWith(`-${originalBytes}`));
    } catch {
      return false;
    }
  }

  /** Stores a module, replacing what is there. */
  put(key: string, module: Uint8Array): void {
    if (this.#directory === undefined || module.length + headerBytes > this.#maxBytes) return;
    const target = this.#pathOf(this.#directory, key);
    const temporary = `${target}.${process.pid}-${lateCrypto().randomBytes(6).toString('hex')}.tmp`;
    try {
      // 'wx': created by us, and not through a link.
      fs.writeFileSync(temporary, encodeEntry(key, module), { flag: 'wx', mode: 0o600 });
      fs.renameSync(temporary, target);
      // Keys are hashes: one put in sixteen looks whether there is too much, without a count to keep between processes.
      if (key.startsWith('0')) this.#makeRoom(this.#directory);
    } catch (error) {
      this.#trace(`module cache: ${String(error)}`);
      fs.rmSync(temporary, { force: true });
    }
  }

  /** Makes the directories, and refuses those that somebody else can write to. */
  #prepare(base: string): string | undefined {
    try {
      const directory = path.join(base, 'modules');
      fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
      for (const each of [base, directory]) {
        const stat = fs.statSync(each);
        if (stat.isDirectory() && onlyOursToWrite(stat)) continue;
        this.#trace(`module cache: ${each} is not used, others may write to it`);
        return undefined;
      }
      return directory;
    } catch (error) {
      this.#trace(`module cache: ${String(error)}`);
      return undefined;
    }
  }

  #pathOf(directory: string, key: string): string {
    assert(/^[0-9a-f]{64}-[0-9]+$/.test(key), `module cache key ${key}`);
    return path.join(directory, key);
  }

  #read(file: string, key: string): Uint8Array | undefined {
    const { O_NOFOLLOW = 0, O_NONBLOCK = 0, O_RDONLY } = fs.constants;
    const fd = fs.openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const stat = fs.fstatSync(fd);
      if (!stat.isFile() || !onlyOursToWrite(stat)) {
        this.#trace(`module cache: ${file} is not used, others may write to it`);
        return undefined;
      }
      const module = decodeEntry(fs.readFileSync(fd), key);
      if (module === undefined) this.#trace(`module cache: ${file} is damaged`);
      else if (Date.now() - stat.mtimeMs > markAgeMs) fs.futimesSync(fd, new Date(), new Date());
      return module;
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Removes what died half-written, and the least recently used entries above the size allowed. */
  #makeRoom(directory: string): void {
    const entries: { file: string; sizeBytes: number; usedMs: number }[] = [];
    let totalBytes = 0;
    for (const name of fs.readdirSync(directory)) {
      const file = path.join(directory, name);
      const stat = fs.lstatSync(file, { throwIfNoEntry: false });
      if (stat === undefined) continue;
      const abandoned = name.endsWith('.tmp') && Date.now() - stat.mtimeMs > abandonedAgeMs;
      if (abandoned) fs.rmSync(file, { force: true });
      else entries.push({ file, sizeBytes: stat.size, usedMs: stat.mtimeMs });
      totalBytes += abandoned ? 0 : stat.size;
    }
    if (totalBytes <= this.#maxBytes) return;
    entries.sort((a, b) => a.usedMs - b.usedMs);
    for (const entry of entries) {
      if (totalBytes <= this.#maxBytes * keptShare) return;
      fs.rmSync(entry.file, { force: true });
      totalBytes -= entry.sizeBytes;
    }
  }
}

/** Hosts without user ids (Windows) rely on the user's profile directory being private. */
function onlyOursToWrite(stat: fs.Stats): boolean {
  return process.getuid === undefined || (stat.uid === process.getuid() && (stat.mode & 0o022) === 0);
}

function hashOf(key: string): string {
  return key.slice(0, 64);
}

function encodeEntry(key: string, module: Uint8Array): Uint8Array {
  const entry = Buffer.allocUnsafe(headerBytes + module.length);
  entry.writeUInt32LE(magic, 0);
  entry.writeUInt32LE(formatVersion, 4);
  entry.write(hashOf(key), keyOffset, 'hex');
  entry.writeBigUInt64LE(BigInt(module.length), lengthOffset);
  entry.set(module, headerBytes);
  entry.set(lateCrypto().hash('sha256', entry.subarray(keyOffset), 'buffer'), digestOffset);
  return entry;
}

/** The module in the entry, or undefined if the entry is not whole or not the one of `key`. */
function decodeEntry(entry: Buffer, key: string): Uint8Array | undefined {
  if (entry.length < headerBytes) return undefined;
  if (entry.readUInt32LE(0) !== magic || entry.readUInt32LE(4) !== formatVersion) return undefined;
  if (entry.readBigUInt64LE(lengthOffset) !== BigInt(entry.length - headerBytes)) return undefined;
  if (entry.toString('hex', keyOffset, lengthOffset) !== hashOf(key)) return undefined;
  const digest = lateCrypto().hash('sha256', entry.subarray(keyOffset), 'buffer');
  if (!digest.equals(entry.subarray(digestOffset, keyOffset))) return undefined;
  return entry.subarray(headerBytes);
}
