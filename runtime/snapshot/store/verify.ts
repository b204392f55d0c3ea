// Whether everything that a store promises is there. Quick: names, indexes, manifests, trees, and that every chunk has a
// place. Deep: every byte of every pack is read, and every chunk is held against its name.

import { WvmError } from '../../base/wvm-error.ts';
import type { Catalog } from './catalog.ts';
import type { ChunkId } from './chunk-id.ts';
import { readBlock } from './chunk-reader.ts';
import type { Manifest, SnapshotId } from './manifest.ts';
import { MAX_BLOCK_BYTES, PACK_HEADER_BYTES, packHeaderProblem } from './pack-layout.ts';
import { childPages, decodeNode, levelOf, type PageTree, type ReadChunk } from './page-tree.ts';
import type { Progress, StorePorts } from './ports.ts';

export interface StoreProblem {
  /** "pack …", "snapshot …", "tag …" */
  readonly place: string;
  readonly what: string;
}

export interface VerifyResult {
  readonly problems: readonly StoreProblem[];
  readonly snapshotCount: number;
  readonly packCount: number;
  readonly chunkCount: number;
  /** Chunks that no snapshot needs; `wvm gc` removes them. */
  readonly unusedChunkCount: number;
  readonly packBytes: number;
}

export interface VerifyInput {
  readonly ports: StorePorts;
  readonly catalog: Catalog;
  readonly read: ReadChunk;
  /** Those that can be read, and what is wrong with the others. */
  readonly snapshots: ReadonlyMap<SnapshotId, Manifest>;
  readonly badSnapshots: ReadonlyMap<string, string>;
  readonly tags: ReadonlyMap<string, string>;
  readonly deep: boolean;
  readonly onProgress?: Progress;
}

export async function verifyStore(input: VerifyInput): Promise<VerifyResult> {
  const { catalog, snapshots, badSnapshots, tags } = input;
  const problems: StoreProblem[] = [];
  for (const [name, what] of catalog.damaged) problems.push({ place: `pack ${name}`, what });
  for (const [name, what] of badSnapshots) problems.push({ place: `snapshot ${name}`, what });
  for (const [name, id] of tags) {
    if (!snapshots.has(id as SnapshotId))
      problems.push({ place: `tag ${name}`, what: `names ${id}, which is missing` });
  }
  const check = new TreeCheck(catalog, input.read);
  let checked = 0;
  for (const [id, manifest] of snapshots) {
    const place = `snapshot ${id}`;
    let missing = 0;
    input.onProgress?.(checked++, snapshots.size, 'snapshots');
    for (const { chunks } of manifest.records) for (const chunk of chunks) missing += check.chunk(chunk);
    for (const memory of manifest.memories) {
      const { missing: below, endPage } = await check.tree(memory);
      missing += below;
      if (endPage > memory.pageCount) problems.push({ place, what: `page ${endPage - 1} of ${memory.pageCount}` });
    }
    if (missing > 0) problems.push({ place, what: `${missing} of its chunks are missing or damaged` });
  }
  if (input.deep) await readEverything(input, problems);
  let packBytes = 0;
  for (const { fileBytes } of catalog.packs) packBytes += fileBytes;
  let used = 0;
  for (const id of check.needed) if (catalog.has(id)) used++;
  return {
    problems,
    snapshotCount: snapshots.size,
    packCount: catalog.packCount,
    chunkCount: catalog.chunkCount,
    unusedChunkCount: catalog.chunkCount - used,
    packBytes,
  };
}

interface Subtree {
  /** Chunks that are missing or damaged. */
  readonly missing: number;
  /** One after the last page that holds anything, from the first page of the subtree on. */
  readonly endPage: number;
}

/** Every node is looked at once, however many snapshots share it. */
class TreeCheck {
  readonly needed: Set<ChunkId> = new Set();
  readonly #known: Map<ChunkId, Subtree> = new Map();
  readonly #catalog: Catalog;
  readonly #read: ReadChunk;

  constructor(catalog: Catalog, read: ReadChunk) {
    this.#catalog = catalog;
    this.#read = read;
  }

  /** 1 if it is missing, else 0. */
  chunk(id: ChunkId): number {
    this.needed.add(id);
    return this.#catalog.has(id) ? 0 : 1;
  }

  async tree({ root, pageCount }: PageTree): Promise<Subtree> {
    return root === null ? { missing: 0, endPage: 0 } : await this.#node(root, levelOf(pageCount));
  }

  async #node(id: ChunkId, level: number): Promise<Subtree> {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    let missing = this.chunk(id);
    let endPage = 0;
    if (missing === 0) {
      try {
        const children = decodeNode(id, await this.#read(id), level);
        for (const [i, child] of children.entries()) {
          if (child === null) continue;
          const below = level > 1 ? await this.#node(child, level - 1) : { missing: this.chunk(child), endPage: 1 };
          missing += below.missing;
          endPage = i * childPages(level) + below.endPage;
        }
      } catch (error) {
        if (!(error instanceof WvmError)) throw error;
        missing++;
      }
    }
    const found = { missing, endPage };
    this.#known.set(id, found);
    return found;
  }
}

async function readEverything(input: VerifyInput, problems: StoreProblem[]): Promise<void> {
  const { ports, catalog } = input;
  let totalBytes = 0;
  for (const { fileBytes } of catalog.packs) totalBytes += fileBytes;
  let doneBytes = 0;
  const room = new Uint8Array(MAX_BLOCK_BYTES);
  for (const pack of catalog.packs) {
    const place = `pack ${pack.name}`;
    const header = await ports.files.readPart('packs', pack.name, 0, PACK_HEADER_BYTES);
    const problem = header === undefined ? 'is gone' : packHeaderProblem(header);
    if (problem !== undefined) problems.push({ place, what: problem });
    for (const block of pack.blocks) {
      doneBytes += block.storedBytes;
      try {
        const bytes = await readBlock(ports, pack.name, block, room);
        const { ids, starts } = block;
        const wrong = ids.filter((id, i) => ports.digest(bytes.subarray(starts[i], starts[i + 1])) !== id).length;
        if (wrong > 0) {
          problems.push({ place: `${place} at ${block.offset}`, what: `${wrong} chunks are not what their names say` });
        }
      } catch (error) {
        if (!(error instanceof WvmError)) throw error;
        problems.push({ place, what: messageOf(error) });
      }
      input.onProgress?.(doneBytes, totalBytes, 'bytes');
      // Somebody may want this to end.
      await ports.nextTurn();
    }
  }
}

function messageOf(error: unknown): string {
  return (error as Error).message.replace(/^store: /, '');
}
