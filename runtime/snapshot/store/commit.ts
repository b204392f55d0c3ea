// A stopped machine -> a snapshot in the store. STORE.md, "Commit": chunks first, then the manifest that names them.
//
// newChunks() is one long pull: the pack writer asks for the next chunk when it has room, so no more than a few blocks are
// in memory however large the machine is. On the way pages become digests, and these the changes of the page trees.

import { assert } from '../../base/assert.ts';
import type { ImageRecord } from '../encode-image.ts';
import type { PageBlock } from '../page-block.ts';
import { PAGE_BYTES } from '../page-scanner.ts';
import type { Catalog } from './catalog.ts';
import { type ChunkId, hexOf } from './chunk-id.ts';
import {
  encodeManifest,
  type Manifest,
  type ManifestMemory,
  type ManifestRecord,
  type SnapshotId,
} from './manifest.ts';
import { ChangedPages, NewIds } from './new-ids.ts';
import { MAX_CHUNK_BYTES } from './pack-layout.ts';
import { type NewChunk, type PreparedPack, preparePacks, publishPacks } from './pack-writer.ts';
import { type PageTree, type ReadChunk, type TreeNode, updateTree } from './page-tree.ts';
import type { Lease, PreparedFile, StorePorts } from './ports.ts';

export interface CommitMemory {
  readonly processIndex: number;
  readonly memoryIndex: number;
  /** Size, in 4 KiB pages. */
  readonly pageCount: number;
  /** The memory of the parent that the blocks are a change of; null: the blocks are all that is not zero. */
  readonly base: { readonly processIndex: number; readonly memoryIndex: number } | null;
  /** Pages of the base that are zeros now: first page, page count, … ascending. */
  readonly zeroed: Uint32Array;
}

export interface CommitRequest {
  readonly machineId: string;
  readonly machineName: string;
  readonly parent: SnapshotId | null;
  readonly reason: string;
  readonly stopNs: number | null;
  /** Default: now. */
  readonly createdAtMs?: number;
  /** The contents of the pages; a memory's blocks ascend. Read before commit() resolves, each before the next is taken. */
  readonly blocks: Iterable<PageBlock> | AsyncIterable<PageBlock>;
  /** Asked for when the last block was taken. */
  describe(): { readonly records: readonly ImageRecord[]; readonly memories: readonly CommitMemory[] };
  /** Called now and then with the bytes of pages taken so far. */
  readonly onProgress?: (takenBytes: number) => void;
  /** An AbortSignal. */
  readonly signal?: { throwIfAborted(): void };
}

export interface CommitResult {
  readonly id: SnapshotId;
  readonly manifest: Manifest;
  /** Files of the store that were written: packs and the manifest. */
  readonly newBytes: number;
  readonly newChunkCount: number;
}

export interface CommitContext {
  readonly ports: StorePorts;
  /** A shared one. */
  readonly lease: Lease;
  readonly catalog: Catalog;
  readonly read: ReadChunk;
  /** Nodes that the next commit is likely to need. */
  readonly keepNode: (id: ChunkId, bytes: Uint8Array) => void;
  /** Of the request's parent, which is in the store for as long as the commit takes. */
  readonly parent: Manifest | null;
}

export async function commit(context: CommitContext, request: CommitRequest): Promise<CommitResult> {
  const { ports, lease, catalog, parent } = context;
  const builder = new SnapshotBuilder(context, request);
  let packs: PreparedPack[];
  try {
    packs = await preparePacks(ports, builder.newChunks());
  } finally {
    builder.release();
  }
  const discardAll = async (): Promise<void> => {
    for (const { discard } of packs) await discard();
  };
  const newBytes = packs.reduce((sum, { pack }) => sum + pack.fileBytes, 0);
  const { records, memories } = builder.result();
  const manifest: Manifest = {
    machineId: request.machineId,
    machineName: request.machineName,
    sequence: (parent?.sequence ?? 0) + 1,
    parent: request.parent,
    // The clock may be set back meanwhile; the newest snapshot of a machine is the last one all the same.
    createdAtMs: request.createdAtMs ?? Math.max(ports.nowMs(), parent?.createdAtMs ?? 0),
    reason: request.reason,
    stopNs: request.stopNs,
    records,
    memories,
    newBytes,
  };
  const bytes = encodeManifest(manifest);
  const id = hexOf(ports.digest(bytes));
  // The disk takes both at once; what counts is the order of the names.
  let prepared: PreparedFile;
  try {
    request.signal?.throwIfAborted();
    prepared = await ports.files.prepare('snapshots', [bytes]);
  } catch (error) {
    await discardAll();
    throw error;
  }
  try {
    await publishPacks(packs);
    for (const { pack } of packs) catalog.add(pack);
    await lease.check();
  } catch (error) {
    await prepared.discard();
    throw error;
  }
  await prepared.publish(id);
  return { id, manifest, newBytes: newBytes + bytes.length, newChunkCount: builder.newChunkCount };
}

class SnapshotBuilder {
  newChunkCount = 0;
  readonly #context: CommitContext;
  readonly #request: CommitRequest;
  readonly #ids: NewIds = new NewIds();
  readonly #changes: Map<string, ChangedPages> = new Map();
  #records: readonly ManifestRecord[] = [];
  #memories: readonly ManifestMemory[] = [];

  constructor(context: CommitContext, request: CommitRequest) {
    this.#context = context;
    this.#request = request;
  }

  /** All chunks have been told, or will never be. */
  release(): void {
    this.#ids.release();
  }

  result(): { records: readonly ManifestRecord[]; memories: readonly ManifestMemory[] } {
    return { records: this.#records, memories: this.#memories };
  }

  async *newChunks(): AsyncGenerator<readonly NewChunk[], void, undefined> {
    let takenBytes = 0;
    for await (const block of this.#request.blocks) {
      this.#request.signal?.throwIfAborted();
      yield this.#pages(block);
      takenBytes += block.list.pageCount * PAGE_BYTES;
      this.#request.onProgress?.(takenBytes);
    }
    const { records, memories } = this.#request.describe();
    const stored: ManifestMemory[] = [];
    for (const memory of memories) {
      stored.push(yield* this.#memory(memory));
    }
    assert(
      this.#changes.size === 0,
      `pages of ${[...this.#changes.keys()].join(', ')}, which the machine does not have`,
    );
    this.#memories = stored;
    const manifestRecords: ManifestRecord[] = [];
    for (const record of records) {
      const { record: entry, chunks } = this.#record(record);
      yield chunks;
      manifestRecords.push(entry);
    }
    this.#records = manifestRecords;
  }

  #pages({ list, contents }: PageBlock): NewChunk[] {
    const chunks: NewChunk[] = [];
    const key = memoryKey(list);
    let changes = this.#changes.get(key);
    if (changes === undefined) this.#changes.set(key, (changes = new ChangedPages(this.#ids)));
    const pages = pageNumbers(list.runs);
    for (const piece of contents) {
      for (let at = 0; at < piece.length; at += PAGE_BYTES) {
        const bytes = piece.subarray(at, at + PAGE_BYTES);
        const id = this.#context.ports.digest(bytes);
        const { number, isNew } = this.#ids.add(id);
        changes.push(pages.next().value!, number);
        if (isNew && this.#isMissing(id)) chunks.push({ id, bytes, isPage: true });
      }
    }
    return chunks;
  }

  async *#memory(memory: CommitMemory): AsyncGenerator<readonly NewChunk[], ManifestMemory, undefined> {
    const { processIndex, memoryIndex, pageCount, base } = memory;
    const old = base === null ? undefined : this.#baseOf(base);
    const tree: PageTree = old ?? { pageCount: 0, root: null };
    const key = memoryKey(memory);
    const changes = this.#changes.get(key) ?? new ChangedPages(this.#ids);
    changes.addZeros(memory.zeroed);
    this.#changes.delete(key);
    const { ports, read } = this.#context;
    const update = updateTree(tree, pageCount, changes, read, ports.digest);
    for (;;) {
      const { done, value } = await update.next();
      if (done !== true) {
        yield this.#nodes(value);
        continue;
      }
      const usedPageCount = (old?.usedPageCount ?? 0) + value.usedDelta;
      return { processIndex, memoryIndex, pageCount, usedPageCount, root: value.root };
    }
  }

  #nodes(nodes: readonly TreeNode[]): NewChunk[] {
    const chunks: NewChunk[] = [];
    for (const { id, bytes } of nodes) {
      this.#context.keepNode(id, bytes);
      if (this.#ids.add(id).isNew && this.#isMissing(id)) chunks.push({ id, bytes, isPage: false });
    }
    return chunks;
  }

  #baseOf(base: { processIndex: number; memoryIndex: number }): ManifestMemory {
    const found = this.#context.parent?.memories.find((memory) => memoryKey(memory) === memoryKey(base));
    assert(found !== undefined, `the parent has no memory ${base.memoryIndex} of process ${base.processIndex}`);
    return found;
  }

  #record({ type, parts }: ImageRecord): { record: ManifestRecord; chunks: NewChunk[] } {
    const payload = parts.length === 1 ? parts[0]! : join(parts);
    const ids: ChunkId[] = [];
    const chunks: NewChunk[] = [];
    for (let at = 0; at < payload.length; at += MAX_CHUNK_BYTES) {
      const bytes = payload.subarray(at, at + MAX_CHUNK_BYTES);
      const id = this.#context.ports.digest(bytes);
      ids.push(id);
      if (this.#ids.add(id).isNew && this.#isMissing(id)) chunks.push({ id, bytes, isPage: false });
    }
    return { record: { type, sizeBytes: payload.length, chunks: ids }, chunks };
  }

  /** In the store; what this commit has met before is not asked for again. */
  #isMissing(id: ChunkId): boolean {
    if (this.#context.catalog.has(id)) return false;
    this.newChunkCount++;
    return true;
  }
}

function memoryKey({ processIndex, memoryIndex }: { processIndex: number; memoryIndex: number }): string {
  return `${processIndex}.${memoryIndex}`;
}

function* pageNumbers(runs: Uint32Array): Generator<number, undefined, undefined> {
  for (let i = 0; i < runs.length; i += 2) for (let k = 0; k < runs[i + 1]!; k++) yield runs[i]! + k;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
