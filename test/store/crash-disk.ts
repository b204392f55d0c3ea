// A disk in memory that knows what is durable, and can stop at any system call: by a kill (what was written stays) or a power
// failure (of what was not synced anything may be left: the names in a directory that were not synced, in any mixture;
// the bytes of a file that was not synced: all, none, a part, or zeros).

import { basename, dirname } from 'node:path';
import type { StoreFile, SystemCalls } from '../../runtime/host/store/system-calls.ts';

interface Inode {
  bytes: Uint8Array;
  durable: Uint8Array;
}

type Names = Map<string, Inode>;

export type Failure =
  /** The process ends before or after the call; with `half`, a write gets only half of its bytes out. */
  | { readonly kind: 'kill'; readonly when: 'before' | 'after' | 'half' }
  | { readonly kind: 'power'; readonly when: 'before' | 'after' | 'half'; readonly seed: number }
  /** The call fails, and the process lives on. */
  | { readonly kind: 'error'; readonly code: 'EIO' | 'ENOSPC' }
  /** A write takes one byte only, which is no error. */
  | { readonly kind: 'short' };

export class CrashDisk implements SystemCalls {
  /** Every call: what it was. */
  readonly calls: string[] = [];
  #directories: Map<string, { names: Names; durable: Names }> = new Map([
    ['/', { names: new Map(), durable: new Map() }],
  ]);
  #failAt = Number.POSITIVE_INFINITY;
  #failure: Failure | undefined;
  #isDead = false;

  /** Lets the call number `at` (from 0, counted from now) fail. */
  failAt(at: number, failure: Failure): void {
    this.calls.length = 0;
    this.#failAt = at;
    this.#failure = failure;
  }

  /** What a new process finds. */
  restart(): CrashDisk {
    const failure = this.#isDead ? this.#failure : undefined;
    const random = failure?.kind === 'power' ? randomFrom(failure.seed) : undefined;
    const next = new CrashDisk();
    const inodes = new Map<Inode, Inode>();
    const copy = (inode: Inode): Inode => {
      let copied = inodes.get(inode);
      if (copied === undefined) {
        const bytes = random === undefined ? inode.bytes : survivingBytes(inode, random);
        inodes.set(inode, (copied = { bytes, durable: bytes }));
      }
      return copied;
    };
    next.#directories = new Map();
    for (const [path, { names, durable }] of this.#directories) {
      const found: Names = new Map();
      for (const name of new Set([...names.keys(), ...durable.keys()])) {
        const [now, then] = [names.get(name), durable.get(name)];
        const inode = random === undefined || now === then || random(2) === 0 ? now : then;
        // What a dead process has left is recognised by the time when it began.
        const own = /(leases|tmp)$/.test(path) ? name.replace(/-([0-9]+)-([0-9a-f]{12})$/, '-9$1-$2') : name;
        if (inode !== undefined) found.set(own, copy(inode));
      }
      next.#directories.set(path, { names: found, durable: new Map(found) });
    }
    return next;
  }

  list(path: string): string[] {
    return [...(this.#directories.get(path)?.names.keys() ?? [])];
  }

  async mkdir(path: string): Promise<void> {
    await this.#call(`mkdir ${basename(path)}`, () => {
      if (!this.#directories.has(path)) this.#directories.set(path, { names: new Map(), durable: new Map() });
    });
  }

  create(path: string): Promise<StoreFile> {
    return this.#call(`create ${basename(dirname(path))}`, () => {
      const { names } = this.#directory(path);
      if (names.has(basename(path))) throw systemError('EEXIST', path);
      const inode: Inode = { bytes: new Uint8Array(0), durable: new Uint8Array(0) };
      names.set(basename(path), inode);
      return new DiskFile(inode, (what, action, half) => this.#call(what, action, half));
    });
  }

  open(path: string): Promise<StoreFile> {
    return this.#call(`open ${basename(dirname(path))}`, () => {
      return new DiskFile(this.#inode(path), (what, action, half) => this.#call(what, action, half));
    });
  }

  readFile(path: string): Promise<Uint8Array> {
    return this.#call(`readFile ${basename(dirname(path))}`, () => this.#inode(path).bytes);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#call(`rename to ${basename(dirname(to))}`, () => {
      const inode = this.#inode(from);
      this.#directory(from).names.delete(basename(from));
      this.#directory(to).names.set(basename(to), inode);
    });
  }

  async link(from: string, to: string): Promise<void> {
    await this.#call(`link in ${basename(dirname(to))}`, () => {
      const { names } = this.#directory(to);
      if (names.has(basename(to))) throw systemError('EEXIST', to);
      names.set(basename(to), this.#inode(from));
    });
  }

  async unlink(path: string): Promise<void> {
    await this.#call(`unlink in ${basename(dirname(path))}`, () => {
      this.#inode(path);
      this.#directory(path).names.delete(basename(path));
    });
  }

  readdir(path: string): Promise<string[]> {
    return this.#call(`readdir ${basename(path)}`, () => {
      const directory = this.#directories.get(path);
      if (directory === undefined) throw systemError('ENOENT', path);
      const below = [...this.#directories.keys()].filter((other) => other !== path && dirname(other) === path);
      return [...directory.names.keys(), ...below.map((other) => basename(other))];
    });
  }

  modifiedMs(path: string): Promise<number> {
    return this.#call('stat', () => {
      this.#inode(path);
      return 0;
    });
  }

  async touch(path: string): Promise<void> {
    await this.#call('touch', () => this.#inode(path));
  }

  async syncDirectory(path: string): Promise<void> {
    await this.#call(`sync directory ${basename(path)}`, () => {
      const directory = this.#directories.get(path);
      if (directory !== undefined) directory.durable = new Map(directory.names);
    });
  }

  #directory(path: string): { names: Names; durable: Names } {
    const directory = this.#directories.get(dirname(path));
    if (directory === undefined) throw systemError('ENOENT', path);
    return directory;
  }

  #inode(path: string): Inode {
    const inode = this.#directories.get(dirname(path))?.names.get(basename(path));
    if (inode === undefined) throw systemError('ENOENT', path);
    return inode;
  }

  async #call<Value>(what: string, action: () => Value, half: () => Value = action): Promise<Value> {
    if (this.#isDead) return await new Promise<Value>(() => {});
    const failure = this.calls.push(what) - 1 === this.#failAt ? this.#failure : undefined;
    switch (failure?.kind) {
      case undefined:
        return action();
      case 'error':
        throw systemError(failure.code, what);
      case 'short':
        return half();
      case 'kill':
      case 'power':
        if (failure.when === 'after') action();
        if (failure.when === 'half') half();
        this.#isDead = true;
        this.#died();
        return await new Promise<Value>(() => {});
    }
  }

  #died: () => void = () => {};

  /** Runs `action` as a process of its own; true if it ended by itself. */
  async run(action: () => Promise<unknown>): Promise<boolean> {
    const died = new Promise<false>((resolve) => {
      this.#died = () => resolve(false);
    });
    return await Promise.race([died, action().then(() => true as const)]);
  }
}

type Call = <Value>(what: string, action: () => Value, half?: () => Value) => Promise<Value>;

class DiskFile implements StoreFile {
  /** No other thread can read these. */
  readonly descriptor = -1;
  readonly #inode: Inode;
  readonly #call: Call;

  constructor(inode: Inode, call: Call) {
    this.#inode = inode;
    this.#call = call;
  }

  write(bytes: Uint8Array): Promise<number> {
    const append = (sizeBytes: number): number => {
      this.#inode.bytes = Buffer.concat([this.#inode.bytes, bytes.subarray(0, sizeBytes)]);
      return sizeBytes;
    };
    return this.#call(
      'write',
      () => append(bytes.length),
      () => append(Math.ceil(bytes.length / 2)),
    );
  }

  read(into: Uint8Array, offset: number): Promise<number> {
    return this.#call('read', () => {
      const bytes = this.#inode.bytes.subarray(offset, offset + into.length);
      into.set(bytes);
      return bytes.length;
    });
  }

  size(): Promise<number> {
    return this.#call('size', () => this.#inode.bytes.length);
  }

  async sync(): Promise<void> {
    await this.#call('sync', () => {
      this.#inode.durable = this.#inode.bytes;
    });
  }

  async close(): Promise<void> {
    await this.#call('close', () => {});
  }
}

function survivingBytes({ bytes, durable }: Inode, random: (below: number) => number): Uint8Array {
  if (bytes === durable) return bytes;
  switch (random(4)) {
    case 0:
      return bytes;
    case 1:
      return durable;
    case 2:
      return bytes.slice(0, random(bytes.length + 1));
    default:
      return new Uint8Array(bytes.length);
  }
}

function randomFrom(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function systemError(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: made to fail, ${what}`), { code });
}
