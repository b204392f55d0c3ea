// What the store needs of a host: files that appear whole or not at all, leases against garbage collection, SHA-256 and
// zstd. runtime/host/store implements these for a folder; a bucket implements StoreFiles alone.

import type { ImagePorts } from '../image-ports.ts';
import type { ChunkId } from './chunk-id.ts';

/** How far a long piece of work has come. */
export type Progress = (done: number, total: number, unit: 'bytes' | 'chunks' | 'snapshots') => void;

/** The folders of a store; STORE.md says what lies in each. */
export type StoreFolder = 'packs' | 'snapshots' | 'tags';

export interface FileEnd {
  /** The last bytes of the file. */
  readonly bytes: Uint8Array;
  /** Size of the whole file. */
  readonly fileBytes: number;
}

/** One of the two ends it. */
export interface PreparedFile {
  /**
   * Gives the file its name, and replaces what has it. When this resolves the file is durable; until then there is the old
   * one, or none, or the whole new one.
   */
  readonly publish: (name: string) => Promise<void>;
  /** Never fails: what cannot be removed now is removed by removeAbandoned(). */
  readonly discard: () => Promise<void>;
}

export interface StoreFiles {
  /** How messages call the store: its path or URL. */
  readonly place: string;
  /** Names of the files of a folder, in any order. */
  list(folder: StoreFolder): Promise<string[]>;
  /** Undefined if there is no such file. */
  read(folder: StoreFolder, name: string): Promise<Uint8Array | undefined>;
  /** The last `sizeBytes` bytes, or all if there are fewer. Undefined if there is no such file. */
  readEnd(folder: StoreFolder, name: string, sizeBytes: number): Promise<FileEnd | undefined>;
  /**
   * Exactly the bytes asked for, or fewer at the end of the file. Undefined if there is no such file. In `room`, if that
   * is given and large enough: memory that was in use before takes them several times faster.
   */
  readPart(
    folder: StoreFolder,
    name: string,
    offset: number,
    sizeBytes: number,
    room?: Uint8Array,
  ): Promise<Uint8Array | undefined>;
  /**
   * `use` gets a descriptor by which other threads read the same bytes, open until its promise is settled. Undefined if
   * there is no such file. Missing where files are no files of this system, or not as they lie on the disk.
   */
  withDescriptor?<Value>(
    folder: StoreFolder,
    name: string,
    use: (descriptor: number) => Promise<Value>,
  ): Promise<Value | undefined>;
  /** Writes the bytes of a file that has no name yet. Each chunk is read before the next is taken. */
  prepare(folder: StoreFolder, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<PreparedFile>;
  /** Removes files; those that are gone already are no error. Durable when this resolves. */
  remove(folder: StoreFolder, names: readonly string[]): Promise<void>;
  /** Removes what writers left that did not live to finish. */
  removeAbandoned(): Promise<void>;
  close(): Promise<void>;
}

export interface Lease {
  /**
   * Fails with WVM_STORE_BUSY if others may have taken it for void: this process stood still for too long. Before a name
   * is given that promises something, and before anything is removed.
   */
  check(): Promise<void>;
  /** Ends it. Never fails. */
  release(): Promise<void>;
}

/**
 * Many may hold a shared lease at a time, or one an exclusive one. Who reads or adds takes a shared one, who removes an
 * exclusive one. The lease of a process that died is void.
 */
export interface StoreLeases {
  acquire(kind: 'shared' | 'exclusive'): Promise<Lease>;
}

/** A standard compression of bytes; a format of its own, so that other tools can read it. */
export interface StoreCodec {
  compress(bytes: Uint8Array): Promise<Uint8Array>;
  /** Throws, or gives other than `sizeBytes` bytes, if the bytes were not made by compress(). */
  decompress(bytes: Uint8Array, sizeBytes: number): Promise<Uint8Array>;
}

/** Other threads, which read parts of files and hash them. */
export interface AsideReader {
  /** Memory that they share with this thread, as large as a block can be. */
  takeRoom(): Uint8Array;
  /** Nobody reads or writes it any more. */
  giveRoom(room: Uint8Array): void;
  /**
   * Fills `into`, which lies in a room, with a file that stays open meanwhile, and hashes all of it, or each page of 4096
   * bytes at these offsets of it.
   */
  read(descriptor: number, offset: number, into: Uint8Array, pages?: readonly number[]): Promise<AsideBytes>;
}

export interface AsideBytes {
  /** Less than asked for at the end of the file. */
  readonly sizeBytes: number;
  /** The SHA-256 of the whole or of each page, if all of it could be read. */
  readonly digests: readonly ChunkId[];
}

export interface StorePorts {
  readonly files: StoreFiles;
  readonly leases: StoreLeases;
  readonly codec: StoreCodec;
  /** SHA-256. */
  readonly digest: (bytes: Uint8Array) => ChunkId;
  /** For who has many megabytes to read; undefined if there are no other threads. */
  readonly aside: () => AsideReader | undefined;
  /** Resolves when the event loop has turned: what other threads have done is known then. */
  readonly nextTurn: () => Promise<unknown>;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** For images that are made of snapshots, and the other way round. */
  readonly image: Pick<ImagePorts, 'digest' | 'stripes'>;
}
