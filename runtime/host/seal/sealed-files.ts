// A store whose files are sealed: encrypted, signed, or both. Everything above sees the files as they are inside.
//
// - Segments are small enough that a block of a pack is a few of them, and are checked and decrypted one by one.
// - Names stay as they are: the SHA-256 of what is inside, which tells nothing to who does not know it already. So a
//   file that was put in the place of another is found, however well it is sealed.

import { WvmError } from '../../base/wvm-error.ts';
import { corrupt } from '../../snapshot/store/bad-store.ts';
import type { FileEnd, PreparedFile, StoreFiles, StoreFolder } from '../../snapshot/store/ports.ts';
import { type SealKeys, seal } from './seal.ts';
import { overheadBytes, SEAL_HEADER_BYTES } from './sealed-layout.ts';
import { SegmentOpener, type UnsealKeys } from './unseal.ts';

export type StoreKeys = SealKeys & UnsealKeys;

const SEGMENT_BYTES = 65536;
/** Files whose header and size are known. */
const KNOWN_FILES = 1024;

interface SealedFile {
  readonly opener: SegmentOpener;
  /** Of what is inside. */
  readonly sizeBytes: number;
  readonly segmentCount: number;
}

export class SealedFiles implements StoreFiles {
  readonly #files: StoreFiles;
  readonly #keys: StoreKeys;
  readonly #known: Map<string, SealedFile> = new Map();

  /** `keys` has at least one. Without the one for signing, a store that is verified can only be read. */
  constructor(files: StoreFiles, keys: StoreKeys) {
    this.#files = files;
    this.#keys = keys;
  }

  get place(): string {
    return this.#files.place;
  }

  list(folder: StoreFolder): Promise<string[]> {
    return this.#files.list(folder);
  }

  async read(folder: StoreFolder, name: string): Promise<Uint8Array | undefined> {
    const file = await this.#file(folder, name);
    return file === undefined ? undefined : await this.#part(folder, name, file, 0, file.sizeBytes);
  }

  async readEnd(folder: StoreFolder, name: string, sizeBytes: number): Promise<FileEnd | undefined> {
    const file = await this.#file(folder, name);
    if (file === undefined) return undefined;
    const offset = Math.max(0, file.sizeBytes - sizeBytes);
    const bytes = await this.#part(folder, name, file, offset, file.sizeBytes - offset);
    return bytes === undefined ? undefined : { bytes, fileBytes: file.sizeBytes };
  }

  async readPart(
    folder: StoreFolder,
    name: string,
    offset: number,
    sizeBytes: number,
  ): Promise<Uint8Array | undefined> {
    const file = await this.#file(folder, name);
    if (file === undefined) return undefined;
    return await this.#part(folder, name, file, offset, Math.max(0, Math.min(sizeBytes, file.sizeBytes - offset)));
  }

  prepare(folder: StoreFolder, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<PreparedFile> {
    const { secret, signing, verify } = this.#keys;
    if (verify !== undefined && signing === undefined) {
      throw new WvmError('WVM_KEY', `store ${this.place}: nothing can be added without the key to sign it`);
    }
    return this.#files.prepare(folder, seal(chunks, { secret, signing }, { segmentBytes: SEGMENT_BYTES }));
  }

  async remove(folder: StoreFolder, names: readonly string[]): Promise<void> {
    for (const name of names) this.#known.delete(`${folder}/${name}`);
    await this.#files.remove(folder, names);
  }

  removeAbandoned(): Promise<void> {
    return this.#files.removeAbandoned();
  }

  close(): Promise<void> {
    return this.#files.close();
  }

  /** Tags change under their name: only files that never do are remembered. */
  async #file(folder: StoreFolder, name: string): Promise<SealedFile | undefined> {
    const key = `${folder}/${name}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const header = await this.#files.readPart(folder, name, 0, SEAL_HEADER_BYTES);
    const end = await this.#files.readEnd(folder, name, 0);
    if (header === undefined || end === undefined) return undefined;
    const opener = this.#naming(key, () => new SegmentOpener(header, this.#keys));
    const bodyBytes = end.fileBytes - SEAL_HEADER_BYTES;
    const segmentCount = Math.max(1, Math.ceil(bodyBytes / opener.storedBytes));
    const sizeBytes = bodyBytes - segmentCount * overheadBytes(opener.header);
    if (sizeBytes < 0) throw corrupt(key, `it ends after ${end.fileBytes} bytes`);
    const file = { opener, segmentCount, sizeBytes };
    if (folder !== 'tags') this.#known.set(key, file);
    if (this.#known.size > KNOWN_FILES) this.#known.delete(this.#known.keys().next().value!);
    return file;
  }

  async #part(
    folder: StoreFolder,
    name: string,
    { opener, segmentCount }: SealedFile,
    offset: number,
    sizeBytes: number,
  ): Promise<Uint8Array | undefined> {
    const { storedBytes, header } = opener;
    const first = Math.floor(offset / header.segmentBytes);
    const last = Math.min(segmentCount - 1, Math.floor((offset + Math.max(1, sizeBytes) - 1) / header.segmentBytes));
    const from = SEAL_HEADER_BYTES + first * storedBytes;
    const stored = await this.#files.readPart(folder, name, from, (last - first + 1) * storedBytes);
    if (stored === undefined) return undefined;
    const bytes = new Uint8Array(sizeBytes);
    for (let number = first; number <= last; number++) {
      const at = (number - first) * storedBytes;
      const isLast = number === segmentCount - 1;
      const segment = this.#naming(`${folder}/${name}`, () =>
        opener.open(stored.subarray(at, at + storedBytes), number, isLast),
      );
      const start = offset - number * header.segmentBytes;
      const wanted = segment.subarray(Math.max(0, start), Math.max(0, start + sizeBytes));
      bytes.set(wanted, Math.max(0, -start));
    }
    return bytes;
  }

  /** What is wrong with a seal is told of an image; here it is a file of the store. */
  #naming<Value>(key: string, action: () => Value): Value {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof WvmError)) throw error;
      const what = error.message.replace(/^image: (seal: )?/, '');
      const hint = error.code === 'WVM_KEY' ? 'give the key of the store' : error.hint;
      throw new WvmError(error.code, `store ${this.place}: ${key.slice(0, 24)}: ${what}`, {
        cause: error,
        ...(hint === undefined ? {} : { hint }),
      });
    }
  }
}
