// Garbage collection: which snapshots stay, which chunks these need, and packs without the others. STORE.md, "Collection".
//
// Nobody else reads or adds meanwhile (exclusive lease). The order makes a crash harmless at any point: snapshots are gone for
// good before the first chunk goes, and a chunk is safe in a new pack before its old one goes.

import { PAGE_BYTES } from '../page-scanner.ts';
import { corrupt } from './bad-store.ts';
import type { Catalog, Pack } from './catalog.ts';
import { type ChunkId, hexOf } from './chunk-id.ts';
import { readBlock } from './chunk-reader.ts';
import type { Manifest, SnapshotId } from './manifest.ts';
import type { BlockEntry } from './pack-layout.ts';
import { type NewChunk, writePacks } from './pack-writer.ts';
import { type ReadChunk, type TreeVisitor, walkTree } from './page-tree.ts';
import type { Lease, Progress, StorePorts } from './ports.ts';

export interface KeepPolicy {
  /** Of each machine so many of the newest stay. Default: all. At least the newest always stays. */
  readonly keepCount?: number;
  /** Those that are younger stay in any case. Default: with keepCount none, else all. */
  readonly keepAgeMs?: number;
}

export interface CollectResult {
  readonly removedSnapshots: readonly SnapshotId[];
  readonly removedPackCount: number;
  readonly writtenPackCount: number;
  readonly removedChunkCount: number;
  /** Of packs, less what was written anew. */
  readonly freedBytes: number;
  readonly chunkCount: number;
}

/** A pack stays as it is while at least so much of it is alive. */
const WORTH_KEEPING = 0.75;
/** Packs smaller than this are put together: a chain of increments makes thousands. */
const SMALL_PACK_BYTES: number = 1024 * 1024;
const MANY_SMALL_PACKS = 8;

/** The snapshots that nothing in the policy keeps. */
export function expiredSnapshots(
  snapshots: ReadonlyMap<SnapshotId, Manifest>,
  tagged: ReadonlySet<SnapshotId>,
  policy: KeepPolicy,
  nowMs: number,
): SnapshotId[] {
  const { keepCount, keepAgeMs } = policy;
  if (keepCount === undefined && keepAgeMs === undefined) return [];
  const newestFirst = [...snapshots].sort(([, a], [, b]) => b.createdAtMs - a.createdAtMs || b.sequence - a.sequence);
  const counts = new Map<string, number>();
  const expired: SnapshotId[] = [];
  for (const [id, { machineId, createdAtMs }] of newestFirst) {
    const rank = counts.get(machineId) ?? 0;
    counts.set(machineId, rank + 1);
    const isYoung = keepAgeMs !== undefined && nowMs - createdAtMs < keepAgeMs;
    if (rank >= Math.max(1, keepCount ?? 1) && !isYoung && !tagged.has(id)) expired.push(id);
  }
  return expired;
}

/** Every chunk that a snapshot needs. Fails if a node is missing: what it names could not be told from garbage. */
export async function reachableChunks(
  snapshots: readonly Manifest[],
  read: ReadChunk,
  onProgress?: Progress,
): Promise<Set<ChunkId>> {
  const reached = new Set<ChunkId>();
  const visitor: TreeVisitor = {
    node(id) {
      if (reached.has(id)) return false;
      reached.add(id);
      return true;
    },
    page: (_page, id) => void reached.add(id),
  };
  for (const [k, { records, memories }] of snapshots.entries()) {
    onProgress?.(k, snapshots.length, 'snapshots');
    for (const { chunks } of records) for (const id of chunks) reached.add(id);
    for (const memory of memories) await walkTree(memory, read, visitor);
  }
  return reached;
}

/** Removes every chunk that is not in `reached`, as far as it pays. Under an exclusive lease. */
export async function sweep(
  ports: StorePorts,
  lease: Lease,
  catalog: Catalog,
  reached: ReadonlySet<ChunkId>,
  onProgress?: Progress,
): Promise<Omit<CollectResult, 'removedSnapshots'>> {
  const { dead, rewritten } = choosePacks(catalog, reached);
  const before = catalog.chunkCount;
  let written: readonly Pack[] = [];
  if (rewritten.length > 0) {
    const keep = new Set([...catalog.packs].filter((pack) => !dead.includes(pack) && !rewritten.includes(pack)));
    written = await writePacks(ports, liveChunks(ports, rewritten, reached, keep, onProgress));
  }
  // A rewritten pack may come out as it was.
  const stays = new Set(written.map(({ name }) => name));
  const removed = [...dead, ...rewritten].filter(({ name }) => !stays.has(name));
  await lease.check();
  await ports.files.remove(
    'packs',
    removed.map(({ name }) => name),
  );
  await catalog.refresh();
  const size = (packs: readonly Pack[]): number => packs.reduce((sum, { fileBytes }) => sum + fileBytes, 0);
  return {
    removedPackCount: removed.length,
    writtenPackCount: written.length,
    removedChunkCount: before - catalog.chunkCount,
    freedBytes: size(removed) - size(written.filter(({ name }) => removed.every((pack) => pack.name !== name))),
    chunkCount: catalog.chunkCount,
  };
}

function choosePacks(catalog: Catalog, reached: ReadonlySet<ChunkId>): { dead: Pack[]; rewritten: Pack[] } {
  const dead: Pack[] = [];
  const sparse: Pack[] = [];
  const small: Pack[] = [];
  for (const pack of catalog.packs) {
    let liveBytes = 0;
    let totalBytes = 0;
    for (const { ids, starts } of pack.blocks) {
      for (const [i, id] of ids.entries()) {
        const sizeBytes = starts[i + 1]! - starts[i]!;
        totalBytes += sizeBytes;
        // A chunk that lies in two packs is alive in one of them.
        if (reached.has(id) && catalog.find(id)!.pack === pack) liveBytes += sizeBytes;
      }
    }
    if (liveBytes === 0) dead.push(pack);
    else if (liveBytes < totalBytes * WORTH_KEEPING) sparse.push(pack);
    else if (pack.fileBytes < SMALL_PACK_BYTES) small.push(pack);
  }
  const merged = small.length >= MANY_SMALL_PACKS ? small : [];
  return { dead, rewritten: [...sparse, ...merged].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

async function* liveChunks(
  ports: StorePorts,
  packs: readonly Pack[],
  reached: ReadonlySet<ChunkId>,
  kept: ReadonlySet<Pack>,
  onProgress?: Progress,
): AsyncGenerator<readonly NewChunk[], void, undefined> {
  const done = new Set<ChunkId>();
  for (const { blocks } of kept) for (const { ids } of blocks) for (const id of ids) done.add(id);
  const totalBytes = packs.reduce((sum, { fileBytes }) => sum + fileBytes, 0);
  let doneBytes = 0;
  for (const pack of packs) {
    for (const block of pack.blocks) {
      const isWanted = (id: ChunkId): boolean => reached.has(id) && !done.has(id);
      if (block.ids.some(isWanted)) yield chunksOf(ports, block, await readBlock(ports, pack.name, block), isWanted);
      for (const id of block.ids) done.add(id);
      doneBytes += block.storedBytes;
      onProgress?.(doneBytes, totalBytes, 'bytes');
    }
  }
}

/** Those chunks of a block that are wanted, each held against its name. */
export function chunksOf(
  { digest }: Pick<StorePorts, 'digest'>,
  { ids, starts }: BlockEntry,
  bytes: Uint8Array,
  isWanted: (id: ChunkId) => boolean,
): NewChunk[] {
  const chunks: NewChunk[] = [];
  for (const [i, id] of ids.entries()) {
    if (!isWanted(id)) continue;
    const chunk = bytes.subarray(starts[i], starts[i + 1]);
    if (digest(chunk) !== id) throw corrupt(`chunk ${hexOf(id)}`, 'has another SHA-256 than its name says');
    chunks.push({ id, bytes: chunk, isPage: chunk.length === PAGE_BYTES });
  }
  return chunks;
}
