// One snapshot: when and of what it was made, and the chunks that hold it. Its id is the SHA-256 of the file. Plain data, as
// in plain-data.ts:
//
//   format 1 · machine id, machine name text · sequence: 1 for the first snapshot of its machine, then 2, 3, …
//   parent: id or null · created at, ms since 1970 · reason text · stop time ns, or null
//   records: type, length, chunks (32 bytes each) of every record of the image before its pages, in order
//   memories: process index, memory index, page count, used page count, root of the page tree (32 bytes) or null
//   new bytes: of the packs that were written for it

import { decodePlainData, encodePlainData } from '../plain-data.ts';
import { RecordReader } from '../record-reader.ts';
import { RecordWriter } from '../record-writer.ts';
import { corrupt } from './bad-store.ts';
import { CHUNK_ID_BYTES, type ChunkId, chunkIdAt, type HexId, isHexId, writeChunkId } from './chunk-id.ts';
import { MAX_CHUNK_BYTES } from './pack-layout.ts';
import { levelOf, type PageTree } from './page-tree.ts';

const FORMAT = 1;
/** 2^52 pages are more than 64-bit addresses reach. */
const MAX_PAGE_LEVEL = 13;

export type SnapshotId = HexId;

export interface ManifestRecord {
  /** RecordType of the image format. */
  readonly type: number;
  readonly sizeBytes: number;
  readonly chunks: readonly ChunkId[];
}

export interface ManifestMemory extends PageTree {
  readonly processIndex: number;
  readonly memoryIndex: number;
  /** Pages that hold anything. */
  readonly usedPageCount: number;
}

export interface Manifest {
  readonly machineId: string;
  readonly machineName: string;
  readonly sequence: number;
  readonly parent: SnapshotId | null;
  readonly createdAtMs: number;
  /** Why it was made: "request", "periodic", "import" … */
  readonly reason: string;
  readonly stopNs: number | null;
  readonly records: readonly ManifestRecord[];
  readonly memories: readonly ManifestMemory[];
  readonly newBytes: number;
}

export function encodeManifest(manifest: Manifest): Uint8Array {
  const out = new RecordWriter();
  encodePlainData(out, {
    ...manifest,
    format: FORMAT,
    records: manifest.records.map(({ type, sizeBytes, chunks }) => ({ type, sizeBytes, chunks: idBytes(chunks) })),
    memories: manifest.memories.map((memory) => ({
      ...memory,
      root: memory.root === null ? null : idBytes([memory.root]),
    })),
  });
  return out.bytes.slice();
}

/** `id`: of the manifest, whose bytes have been checked against it. */
export function decodeManifest(id: string, bytes: Uint8Array): Manifest {
  const place = `snapshot ${id.slice(0, 16)}`;
  const from = new RecordReader(place, bytes);
  let data: unknown;
  try {
    data = decodePlainData(from);
    from.end();
  } catch (cause) {
    throw corrupt(place, 'its manifest is not plain data', cause);
  }
  const fields = new Fields(place, data);
  const format = fields.count('format');
  if (format !== FORMAT) throw corrupt(place, `manifest format ${format}; this wvm reads ${FORMAT}`);
  const parent = fields.nullableText('parent');
  if (parent !== null && !isHexId(parent)) throw corrupt(place, `its parent is ${parent}`);
  return {
    machineId: fields.text('machineId'),
    machineName: fields.text('machineName'),
    sequence: fields.count('sequence'),
    parent,
    createdAtMs: fields.count('createdAtMs'),
    reason: fields.text('reason'),
    stopNs: fields.nullableCount('stopNs'),
    records: fields.list('records').map(decodeRecord),
    memories: fields.list('memories').map(decodeMemory),
    newBytes: fields.count('newBytes'),
  };
}

function decodeRecord(fields: Fields): ManifestRecord {
  const chunks = fields.ids('chunks');
  const sizeBytes = fields.count('sizeBytes');
  if (chunks.length !== Math.ceil(sizeBytes / MAX_CHUNK_BYTES)) throw fields.bad(`${chunks.length} chunks`);
  return { type: fields.count('type'), sizeBytes, chunks };
}

function decodeMemory(fields: Fields): ManifestMemory {
  const pageCount = fields.count('pageCount');
  if (levelOf(pageCount) > MAX_PAGE_LEVEL) throw fields.bad(`${pageCount} pages`);
  const root = fields.nullableId('root');
  return {
    processIndex: fields.count('processIndex'),
    memoryIndex: fields.count('memoryIndex'),
    pageCount,
    usedPageCount: fields.count('usedPageCount'),
    root,
  };
}

function idBytes(ids: readonly ChunkId[]): Uint8Array {
  const bytes = new Uint8Array(ids.length * CHUNK_ID_BYTES);
  ids.forEach((id, i) => {
    writeChunkId(id, bytes, i * CHUNK_ID_BYTES);
  });
  return bytes;
}

/** The fields of a record that anybody may have written. */
class Fields {
  readonly #place: string;
  readonly #data: Record<string, unknown>;

  constructor(place: string, data: unknown) {
    this.#place = place;
    if (typeof data !== 'object' || data === null || Array.isArray(data) || data instanceof Uint8Array) {
      throw corrupt(place, 'a record is none');
    }
    this.#data = data as Record<string, unknown>;
  }

  bad(what: string): Error {
    return corrupt(this.#place, what);
  }

  count(name: string): number {
    const value = this.#data[name];
    if (typeof value !== 'number' || value < 0) throw this.bad(`${name} is no count`);
    return value;
  }

  nullableCount(name: string): number | null {
    return this.#data[name] === null ? null : this.count(name);
  }

  text(name: string): string {
    const value = this.#data[name];
    if (typeof value !== 'string') throw this.bad(`${name} is no text`);
    return value;
  }

  nullableText(name: string): string | null {
    return this.#data[name] === null ? null : this.text(name);
  }

  list(name: string): Fields[] {
    const value = this.#data[name];
    if (!Array.isArray(value)) throw this.bad(`${name} is no list`);
    return value.map((entry, i) => new Fields(`${this.#place}: ${name}[${i}]`, entry));
  }

  ids(name: string): ChunkId[] {
    const value = this.#data[name];
    if (!(value instanceof Uint8Array) || value.length % CHUNK_ID_BYTES !== 0) throw this.bad(`${name} are no digests`);
    return Array.from({ length: value.length / CHUNK_ID_BYTES }, (_, i) => chunkIdAt(value, i * CHUNK_ID_BYTES));
  }

  nullableId(name: string): ChunkId | null {
    if (this.#data[name] === null) return null;
    const ids = this.ids(name);
    if (ids.length !== 1) throw this.bad(`${name} is no digest`);
    return ids[0]!;
  }
}
