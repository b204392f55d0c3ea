// A snapshot from one store to another: only the chunks that the other does not have travel, each held against its name.

import type { Catalog } from './catalog.ts';
import type { ChunkId } from './chunk-id.ts';
import { chunksOf, reachableChunks } from './collect.ts';
import type { Manifest } from './manifest.ts';
import { type NewChunk, writePacks } from './pack-writer.ts';
import type { Progress, StorePorts } from './ports.ts';
import type { SnapshotReader } from './stored-machine.ts';

export interface TransferResult {
  readonly chunkCount: number;
  /** Of these, new to the other store. */
  readonly sentChunkCount: number;
  /** Bytes of packs written there. */
  readonly sentBytes: number;
}

/** The chunks of a snapshot into `to`; its manifest is written by the caller afterwards. */
export async function sendChunks(
  from: SnapshotReader,
  manifest: Manifest,
  to: { readonly ports: StorePorts; readonly catalog: Catalog },
  onProgress?: Progress,
): Promise<TransferResult> {
  const needed = await reachableChunks([manifest], from.readNode);
  const missing = [...needed].filter((id) => !to.catalog.has(id));
  const packs = await writePacks(to.ports, missingChunks(from, missing, onProgress));
  for (const pack of packs) to.catalog.add(pack);
  const sentBytes = packs.reduce((sum, { fileBytes }) => sum + fileBytes, 0);
  return { chunkCount: needed.size, sentChunkCount: missing.length, sentBytes };
}

async function* missingChunks(
  { ports, reader }: SnapshotReader,
  ids: readonly ChunkId[],
  onProgress?: Progress,
): AsyncGenerator<readonly NewChunk[], void, undefined> {
  const wanted = new Set(ids);
  for await (const [{ block }, bytes] of reader.readBlocks(await reader.blocksOf(ids))) {
    yield chunksOf(ports, block, bytes, (id) => wanted.delete(id));
    onProgress?.(ids.length - wanted.size, ids.length, 'chunks');
  }
}
