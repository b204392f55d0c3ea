// A snapshot from one store to another: only the chunks that the other does not have travel, each held against its name.

import { PAGE_BYTES } from '../page-scanner.ts';
import { corrupt } from './bad-store.ts';
import type { Catalog } from './catalog.ts';
import type { ChunkId } from './chunk-id.ts';
import { reachableChunks } from './collect.ts';
import type { Manifest } from './manifest.ts';
import { type NewChunk, writePacks } from './pack-writer.ts';
import type { StorePorts } from './ports.ts';
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
  onProgress?: (doneChunks: number, totalChunks: number) => void,
): Promise<TransferResult> {
  const needed = await reachableChunks([manifest], from.readNode);
  const missing = [...needed].filter((id) => !to.catalog.has(id));
  let sentBytes = 0;
  await writePacks(to.ports, missingChunks(from, missing, onProgress), (pack) => {
    to.catalog.add(pack);
    sentBytes += pack.fileBytes;
  });
  return { chunkCount: needed.size, sentChunkCount: missing.length, sentBytes };
}

async function* missingChunks(
  { ports, reader }: SnapshotReader,
  ids: readonly ChunkId[],
  onProgress?: (doneChunks: number, totalChunks: number) => void,
): AsyncGenerator<NewChunk, void, undefined> {
  let done = 0;
  for await (const chunks of reader.readEach(ids)) {
    for (const { id, bytes } of chunks) {
      if (ports.digest(bytes) !== id) throw corrupt(`chunk ${id}`, 'has another SHA-256 than its name says');
      yield { id, bytes, isPage: bytes.length === PAGE_BYTES };
    }
    done += chunks.length;
    onProgress?.(done, ids.length);
  }
}
