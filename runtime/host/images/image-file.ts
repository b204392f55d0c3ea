// Puts an image on disk so that its name holds the old content or the whole new one, never half:
// 1. write a temporary file beside the target, whose name tells the process that writes it;
// 2. fsync it; 3. rename it onto the target (or link it to the first free name of a series); 4. fsync the directory.
// Any failure removes the temporary file. A writer that was killed leaves its own; the next writer on this host
// that passes by removes it. Devices and pipes are written to directly.

import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readdirSync, type Stats, unlinkSync } from 'node:fs';
import { type FileHandle, link, open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { WvmError } from '../../base/wvm-error.ts';
import { keepAtExit, removeAtExit } from '../files-at-exit.ts';

export interface WriteImageOptions {
  /** Called after each chunk with the number of bytes written so far. */
  readonly onProgress?: (writtenBytes: number) => void;
  readonly signal?: AbortSignal;
}

type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** Writes `chunks` to `path`, replacing what is there; resolves with the number of bytes when they are durable. */
export async function writeImageFile(path: string, chunks: Chunks, options: WriteImageOptions = {}): Promise<number> {
  return await namingFailures(path, async () => {
    const existing = await statOrUndefined(path);
    if (existing?.isDirectory()) throw Object.assign(new Error('it is a directory'), { code: 'EISDIR' });
    // A symbolic link keeps pointing where it does; its target is replaced.
    const target = existing === undefined ? resolve(path) : await realpath(path);
    if (existing !== undefined && !existing.isFile()) return await writeThrough(target, chunks, options);
    return await writeAtomically(dirname(target), basename(target), chunks, options, (temporary) =>
      rename(temporary, target),
    );
  });
}

/** The same for the first free one of the paths `pathOf(0)`, `pathOf(1)` …, all in `directory`; replaces nothing. */
export async function writeNewImageFile(
  directory: string,
  pathOf: (attempt: number) => string,
  chunks: Chunks,
  options: WriteImageOptions = {},
): Promise<{ attempt: number; sizeBytes: number }> {
  return await namingFailures(directory, async () => {
    let attempt = 0;
    const commit = async (temporary: string): Promise<void> => {
      for (;;) {
        try {
          await link(temporary, pathOf(attempt));
          break;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
          attempt++;
        }
      }
      await unlink(temporary);
    };
    const sizeBytes = await writeAtomically(directory, basename(pathOf(0)), chunks, options, commit);
    return { attempt, sizeBytes };
  });
}

async function namingFailures<Value>(path: string, write: () => Promise<Value>): Promise<Value> {
  try {
    return await write();
  } catch (cause) {
    if (cause instanceof WvmError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (typeof code !== 'string') throw cause;
    const hint = code === 'ENOSPC' ? 'free some space, or choose another place' : 'choose another place';
    throw new WvmError('WVM_FILE', `${path}: cannot write the image: ${message}`, { cause, hint });
  }
}

async function writeAtomically(
  directory: string,
  name: string,
  chunks: Chunks,
  options: WriteImageOptions,
  commit: (temporary: string) => Promise<void>,
): Promise<number> {
  removeAbandoned(directory);
  const temporary = join(directory, temporaryName(name));
  // Made in one step with the note of it: a call under way at the process's end would make it after the last look.
  closeSync(openSync(temporary, 'wx', 0o600));
  removeAtExit(temporary);
  try {
    const file = await open(temporary, 'r+');
    let sizeBytes: number;
    try {
      sizeBytes = await writeChunks(file, chunks, options);
      await file.sync();
    } finally {
      await file.close();
    }
    options.signal?.throwIfAborted();
    await commit(temporary);
    syncDirectory(directory);
    return sizeBytes;
  } catch (error) {
    removeQuietly(temporary);
    throw error;
  } finally {
    keepAtExit(temporary);
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Renamed or removed already, or not ours to remove: nothing that the writing of an image depends on.
  }
}

async function writeThrough(target: string, chunks: Chunks, options: WriteImageOptions): Promise<number> {
  const file = await open(target, 'w');
  try {
    return await writeChunks(file, chunks, options);
  } finally {
    await file.close();
  }
}

async function writeChunks(file: FileHandle, chunks: Chunks, options: WriteImageOptions): Promise<number> {
  let writtenBytes = 0;
  for await (const chunk of chunks) {
    options.signal?.throwIfAborted();
    for (let offset = 0; offset < chunk.length; ) {
      offset += (await file.write(chunk, offset, chunk.length - offset)).bytesWritten;
    }
    writtenBytes += chunk.length;
    options.onProgress?.(writtenBytes);
  }
  return writtenBytes;
}

/** `.NAME.HOST-PID-RANDOM.wvm-partial`. The host's name keeps writers on a shared file system apart. */
function temporaryName(name: string): string {
  return `.${name.slice(0, 100)}.${hostTag()}-${process.pid}-${randomBytes(4).toString('hex')}.wvm-partial`;
}

function hostTag(): string {
  return hostname().replace(/[^A-Za-z0-9]/g, '');
}

/** Removes partial files whose writer on this host is dead. */
function removeAbandoned(directory: string): void {
  const pattern = new RegExp(`^\\..*\\.${hostTag()}-([0-9]+)-[0-9a-f]{8}\\.wvm-partial$`);
  for (const name of readdirSync(directory)) {
    const pid = Number(pattern.exec(name)?.[1] ?? process.pid);
    if (!isAlive(pid)) removeQuietly(join(directory, name));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** The rename itself must survive a power cut. Some file systems cannot do this for directories. */
function syncDirectory(directory: string): void {
  try {
    const fd = openSync(directory, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EINVAL' && code !== 'EACCES' && code !== 'ENOTSUP') throw error;
  }
}

async function statOrUndefined(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Writes `chunks` to a stream that somebody reads, at its pace; resolves when the system has taken all of it. */
export async function writeStream(
  stream: NodeJS.WritableStream,
  chunks: Chunks,
  options: WriteImageOptions = {},
): Promise<number> {
  let writtenBytes = 0;
  let fail: (error: Error) => void = () => {};
  const broken = new Promise<never>((_, reject) => {
    fail = reject;
  });
  broken.catch(() => {}); // It may break when nobody waits for it.
  const onError = (error: NodeJS.ErrnoException): void => {
    fail(new WvmError('WVM_FILE', `the reader of the image: ${error.message}`, { cause: error }));
  };
  stream.on('error', onError);
  try {
    for await (const chunk of chunks) {
      const written = new Promise<void>((resolve) => {
        stream.write(chunk, (error) => (error ? onError(error) : resolve()));
      });
      await Promise.race([written, broken]);
      writtenBytes += chunk.length;
      options.onProgress?.(writtenBytes);
    }
  } finally {
    // What breaks after the last byte concerns nobody.
    stream.on('error', () => {});
    stream.removeListener('error', onError);
  }
  return writtenBytes;
}
