// What of a machine's held output has gone out on this host: the memory of that, beyond the life of a process. A file that is
// written before each write to the world and after it:
//
//   intend(from, to)   these bytes are about to be written      done(position)   all before it is out, and nothing after it
//
// The next life of the machine goes on at `done`. If it finds an intention, the last one died in between: an output that is a file
// says by its length how much of it arrived; of a pipe or a terminal nobody can tell. Then all of it counts as out,
// because most of that time the write is in the kernel already, and what is in doubt is said.
//
// The process that writes it is named in it: while that lives, another one with the same image is a copy, and not the next life.
//
// 512 bytes, written at once: one JSON object, filled up with spaces. It need not survive a power failure, after which nobody
// is left who has read from a pipe; how long a file is, the file says.

import { closeSync, constants, fstatSync, mkdirSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { WvmError } from '../../base/wvm-error.ts';
import { dataDirectory } from '../data-directory.ts';
import { newOwnerName, ownerState } from '../store/owner.ts';

const RECORD_BYTES = 512;
const VERSION = 1;

let ownName: string | undefined;
/** Of this process, for as long as it lives. */
const owner = (): string => (ownName ??= newOwnerName());

interface Entry {
  readonly from: number;
  readonly to: number;
  /** Where `from` is in the file that the output goes to. */
  readonly spot: FileSpot | null;
}

interface FileSpot {
  readonly dev: string;
  readonly ino: string;
  readonly offset: number;
}

/** One stream of a record. */
export class ReleasedStream {
  readonly #record: ReleaseRecord;
  readonly #stream: number;
  /** The descriptor that it is written to; undefined: none of this process. */
  readonly #fd: number | undefined;

  constructor(record: ReleaseRecord, stream: number, fd: number | undefined) {
    this.#record = record;
    this.#stream = stream;
    this.#fd = fd;
  }

  intend(from: number, to: number): void {
    this.#record.set(this.#stream, { from, to, spot: this.#record.spotOf(this.#fd) });
  }

  done(position: number): void {
    this.#record.set(this.#stream, { from: position, to: position, spot: null });
  }

  /** How far the output of the last life came, if that is from `least` to `most`; `least` if nothing is known. */
  positionBetween(least: number, most: number): number {
    const found = this.#record.last(this.#stream);
    if (found === undefined) return least;
    const isRight = (position: number): boolean => position >= least && position <= most;
    if (!isRight(found.from) || !isRight(found.to)) return isRight(found.to) ? found.to : least;
    if (found.from === found.to) return found.to;
    const now = found.spot === null ? null : this.#record.spotOf(this.#fd);
    if (now !== null && now.dev === found.spot!.dev && now.ino === found.spot!.ino) {
      const arrived = now.offset - found.spot!.offset;
      if (arrived >= 0) return found.from + Math.min(arrived, found.to - found.from);
    }
    this.#record.doubtfulBytes += found.to - found.from;
    return found.to;
  }
}

export class ReleaseRecord {
  /** Bytes that may have been lost when the last life ended. */
  doubtfulBytes = 0;
  readonly #path: string;
  readonly #found: readonly (Entry | null)[];
  readonly #entries: (Entry | null)[];
  #fd: number | undefined;

  /** `path`: of a file that is there or is made at the first release. */
  constructor(path: string) {
    this.#path = path;
    this.#found = readRecord(path);
    // What the last life said of one stream stays said until this one says otherwise.
    this.#entries = [0, 1, 2].map((stream) => this.#found[stream] ?? null);
  }

  stream(stream: number, fd: number | undefined): ReleasedStream {
    return new ReleasedStream(this, stream, fd);
  }

  last(stream: number): Entry | undefined {
    return this.#found[stream] ?? undefined;
  }

  set(stream: number, entry: Entry): void {
    this.#entries[stream] = entry;
    const text = JSON.stringify({ version: VERSION, owner: owner(), streams: this.#entries });
    try {
      this.#fd ??= this.#open();
      writeSync(this.#fd, text.padEnd(RECORD_BYTES), 0, 'latin1');
    } catch (cause) {
      throw new WvmError('WVM_FILE', `${this.#path}: cannot be written: ${(cause as Error).message}`, { cause });
    }
  }

  /** Where the next byte goes, if `fd` is a file that only grows. */
  spotOf(fd: number | undefined): FileSpot | null {
    if (fd === undefined) return null;
    try {
      const stat = fstatSync(fd, { bigint: true });
      if (!stat.isFile() || !growsAt(fd, stat.size) || isShared(fd, stat)) return null;
      return { dev: String(stat.dev), ino: String(stat.ino), offset: Number(stat.size) };
    } catch {
      return null;
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #open(): number {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    // Not cut to nothing first: a process that ends here leaves the old one.
    return openSync(this.#path, constants.O_RDWR | constants.O_CREAT, 0o600);
  }
}

/** Where the record of a machine is that saves itself into stores under this id. */
export function releaseRecordOf(machineId: string): string {
  return join(dataDirectory(), 'released', machineId);
}

/** Does the process that writes this record live? */
export function isReleasing(path: string): boolean {
  const found = parseRecord(path)?.['owner'];
  return typeof found === 'string' && found !== owner() && ownerState(found) === 'alive';
}

function readRecord(path: string): readonly (Entry | null)[] {
  const streams = parseRecord(path)?.['streams'];
  if (!Array.isArray(streams)) return [];
  return (streams as (Entry | null)[]).map((entry) =>
    Number.isSafeInteger(entry?.from) && Number.isSafeInteger(entry?.to) ? entry : null,
  );
}

function parseRecord(path: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const record = JSON.parse(readFileSync(path, 'latin1')) as Readonly<Record<string, unknown>> | null;
    return record?.['version'] === VERSION ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Is the end of the file where the next write goes? */
function growsAt(fd: number, sizeBytes: bigint): boolean {
  const text = Buffer.alloc(RECORD_BYTES);
  const info = openSync(`/proc/self/fdinfo/${fd}`, 'r');
  try {
    const lines = text.toString('latin1', 0, readSync(info, text));
    const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(lines)?.[1] ?? '0', 8);
    if ((flags & constants.O_APPEND) !== 0) return true;
    return BigInt(/^pos:\s*([0-9]+)/m.exec(lines)?.[1] ?? -1) === sizeBytes;
  } finally {
    closeSync(info);
  }
}

/** Does the other output go there too? Then its length tells nothing about one of them. */
function isShared(fd: number, { dev, ino }: { dev: bigint; ino: bigint }): boolean {
  const other = fstatSync(fd === 1 ? 2 : 1, { bigint: true });
  return other.dev === dev && other.ino === ino;
}
