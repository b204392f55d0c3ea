// The system calls that a store in a folder makes, and no others: what the commit protocol depends on is visible here, and
// a test can let each of them fail.
//
// What only reads is synchronous inside: it comes from the page cache in a few microseconds, and a turn through the pool of
// threads takes ten times as long. So is what makes a file: one that came to be while the process exits would be left behind.
// What writes and syncs may wait for the disk, and lets the guest go on.

import {
  close,
  closeSync,
  constants,
  fstatSync,
  fsync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
  write,
} from 'node:fs';
import { type FileHandle, link, mkdir, open, rename, unlink } from 'node:fs/promises';
import { promisify } from 'node:util';

const writeTo = promisify(write);
const syncFile = promisify(fsync);
const closeFile = promisify(close);

export interface StoreFile {
  /** For who reads on another thread. */
  readonly descriptor: number;
  /** Gives the number of bytes written, which may be fewer than there are. */
  write(bytes: Uint8Array): Promise<number>;
  /** Gives the number of bytes read, which may be fewer than there is room; 0 at the end. */
  read(into: Uint8Array, offset: number): Promise<number>;
  size(): Promise<number>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface SystemCalls {
  mkdir(path: string): Promise<void>;
  /** Fails with EEXIST if there is one. */
  create(path: string): Promise<StoreFile>;
  open(path: string): Promise<StoreFile>;
  readFile(path: string): Promise<Uint8Array>;
  rename(from: string, to: string): Promise<void>;
  /** Fails with EEXIST if there is a file `to`. */
  link(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  readdir(path: string): Promise<string[]>;
  /** Milliseconds since 1970, by the clock of the file system. */
  modifiedMs(path: string): Promise<number>;
  /** Makes a file longer by a byte, which is then the time when it was modified. Fails if there is none. */
  touch(path: string): Promise<void>;
  /** Makes the names in a directory durable. */
  syncDirectory(path: string): Promise<void>;
}

class WrittenFile implements StoreFile {
  readonly descriptor: number;

  constructor(path: string) {
    this.descriptor = openSync(path, 'wx', 0o600);
  }

  async write(bytes: Uint8Array): Promise<number> {
    return (await writeTo(this.descriptor, bytes)).bytesWritten;
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    return readSync(this.descriptor, into, 0, into.length, offset);
  }

  async size(): Promise<number> {
    return fstatSync(this.descriptor).size;
  }

  sync(): Promise<void> {
    return syncFile(this.descriptor);
  }

  close(): Promise<void> {
    return closeFile(this.descriptor);
  }
}

class ReadFile implements StoreFile {
  readonly descriptor: number;

  constructor(path: string) {
    this.descriptor = openSync(path, constants.O_RDONLY);
  }

  async write(): Promise<number> {
    throw new TypeError('a file that is open for reading');
  }

  async read(into: Uint8Array, offset: number): Promise<number> {
    return readSync(this.descriptor, into, 0, into.length, offset);
  }

  async size(): Promise<number> {
    return fstatSync(this.descriptor).size;
  }

  async sync(): Promise<void> {}

  async close(): Promise<void> {
    closeSync(this.descriptor);
  }
}

export const nodeSystemCalls: SystemCalls = {
  async mkdir(path) {
    await mkdir(path, { recursive: true, mode: 0o700 });
  },
  async create(path) {
    return new WrittenFile(path);
  },
  async open(path) {
    return new ReadFile(path);
  },
  async readFile(path) {
    return readFileSync(path);
  },
  rename,
  link,
  unlink,
  async readdir(path) {
    return readdirSync(path);
  },
  async modifiedMs(path) {
    return statSync(path).mtimeMs;
  },
  async touch(path) {
    const file = await open(path, constants.O_WRONLY | constants.O_APPEND);
    try {
      await file.write('.');
    } finally {
      await file.close();
    }
  },
  async syncDirectory(path) {
    let directory: FileHandle | undefined;
    try {
      directory = await open(path, constants.O_RDONLY);
      await directory.sync();
    } catch (error) {
      // Some file systems cannot do this for directories; Windows cannot open them.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'EINVAL' && code !== 'EISDIR' && code !== 'EPERM' && code !== 'ENOTSUP') throw error;
    } finally {
      await directory?.close();
    }
  },
};
