// What the kernel needs from the world outside. runtime/host implements these for Node; tests implement
// them in memory. All calls are synchronous; a host error is reported as a negative Linux errno number
// (see abi/errno.ts for the mapping to WASI), never as an exception.

/** A non-negative result, or -errno with Linux numbers (e.g. -2 for ENOENT). */
export type HostResult = number;

export interface ClockPort {
  /** Nanoseconds since the epoch. */
  realtimeNs(): bigint;
  /** Nanoseconds of a clock that never jumps back; any origin. */
  monotonicNs(): bigint;
}

export interface EntropyPort {
  fill(target: Uint8Array): void;
}

export type StreamKind = 'file' | 'pipe' | 'tty' | 'socket' | 'null';

/** A host byte stream: stdin, stdout or stderr. Reads never block: data that is not there yet is -EAGAIN (-11). */
export interface StreamPort {
  readonly kind: StreamKind;
  /** Bytes read, 0 at the end, or -11 when nothing is there yet. */
  read(target: Uint8Array): HostResult;
  /** Bytes written (may be fewer), or -11 when the stream is full. */
  write(source: Uint8Array): HostResult;
  /** Bytes that `read` would give now; -1 at the end of the stream. 0: nothing yet. */
  readableBytes(): number;
  /** False while `write` would give -11. Without it a stream counts as writable until a write says otherwise. */
  isWritable?(): boolean;
  /** shutdown(2), of sockets. Without it the guest gets ENOTSUP. */
  shutdown?(read: boolean, write: boolean): HostResult;
  /** Of a terminal. */
  terminalSize?(): { readonly columns: number; readonly rows: number } | undefined;
  /** Of a terminal's input: neither echo nor line editing. */
  setRawMode?(isRaw: boolean): void;
  /** Calls back once when `read` would give something else than -11. */
  onceReadable(wake: () => void): void;
  /** Calls back once when `write` would take something. */
  onceWritable(wake: () => void): void;
  /** Of an input: a copy of what was taken from the host and not read yet; of an output what it holds. An image carries it. */
  unreadBytes?(): Uint8Array;
  /** Of an input: puts bytes before everything else to read; of an output: what an image carried. */
  preload?(bytes: Uint8Array): void;
}

export const HostFileType = {
  unknown: 0,
  blockDevice: 1,
  characterDevice: 2,
  directory: 3,
  regularFile: 4,
  socket: 6,
  symbolicLink: 7,
  fifo: 8,
} as const;
/** Numbers equal WASI's filetype. */
export type HostFileType = number;

export interface HostStat {
  dev: bigint;
  ino: bigint;
  type: HostFileType;
  nlink: bigint;
  size: bigint;
  atimeNs: bigint;
  mtimeNs: bigint;
  ctimeNs: bigint;
}

export interface HostDirEntry {
  /** UTF-8 name; names that are not valid UTF-8 are left out. */
  readonly name: string;
  readonly ino: bigint;
  readonly type: HostFileType;
}

export const HostOpen = {
  read: 1,
  write: 2,
  create: 4,
  exclusive: 8,
  truncate: 16,
  append: 32,
  directory: 64,
  sync: 128,
  nonblock: 256,
} as const;

/** A host handle (file or directory): a small integer of the port's own, not a host fd number. */
export type HostHandle = number;

/**
 * Host files below granted directories. Paths never reach this port: the kernel resolves component by component, and every
 * operation here takes a directory handle and ONE name (no '/', not '.', '..' or empty), and never follows a symbolic link.
 * So no path, link or rename race can lead outside: a handle once opened is what it is.
 */
export interface FilesPort {
  /** Opens `name` in `dir` without following links; -ELOOP (-40) if it is a link. Returns a handle. */
  openAt(dir: HostHandle, name: string, flags: number): HostResult;
  close(handle: HostHandle): HostResult;
  /**
   * Positional read and write. `offset` -1n: append (write only), to any handle that is open for writing: the kernel keeps
   * append mode itself, because the guest may turn it on and off, and never opens with HostOpen.append.
   */
  read(handle: HostHandle, target: Uint8Array, offset: bigint): HostResult;
  write(handle: HostHandle, source: Uint8Array, offset: bigint): HostResult;
  stat(handle: HostHandle): HostStat | HostResult;
  statAt(dir: HostHandle, name: string): HostStat | HostResult;
  setSize(handle: HostHandle, sizeBytes: bigint): HostResult;
  sync(handle: HostHandle, dataOnly: boolean): HostResult;
  setTimes(handle: HostHandle, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): HostResult;
  setTimesAt(dir: HostHandle, name: string, atimeNs: bigint | undefined, mtimeNs: bigint | undefined): HostResult;
  /** Every entry but '.' and '..', in an order that is stable while the directory does not change. */
  list(dir: HostHandle): HostDirEntry[] | HostResult;
  makeDirectoryAt(dir: HostHandle, name: string): HostResult;
  readLinkAt(dir: HostHandle, name: string): string | HostResult;
  symlinkAt(target: string, dir: HostHandle, name: string): HostResult;
  linkAt(fromDir: HostHandle, fromName: string, toDir: HostHandle, toName: string): HostResult;
  renameAt(fromDir: HostHandle, fromName: string, toDir: HostHandle, toName: string): HostResult;
  unlinkAt(dir: HostHandle, name: string): HostResult;
  removeDirectoryAt(dir: HostHandle, name: string): HostResult;
}

/** A directory granted to the guest. */
export interface Grant {
  /** Absolute guest path, e.g. "/" or "/data". */
  readonly guestPath: string;
  readonly handle: HostHandle;
  readonly readOnly: boolean;
  /** It is the lower layer of an overlay: what the guest changes stays in the machine, up to so many bytes. */
  readonly overlay?: { readonly maxBytes: number };
}

export interface Ports {
  readonly clock: ClockPort;
  readonly entropy: EntropyPort;
  readonly files: FilesPort;
  /** Host streams by number: 0 stdin, 1 stdout, 2 stderr. */
  readonly streams: readonly StreamPort[];
}
