// A snapshot -> the machine it holds: its state, its pages, its image. And an image -> what a commit takes.

import { assert } from '../../base/assert.ts';
import { ChunkQueue, decodeImage, type MemorySink } from '../decode-image.ts';
import { type ImageRecord, ImageWriter } from '../encode-image.ts';
import type { MachineState } from '../machine-state.ts';
import type { PageBlock } from '../page-block.ts';
import { PAGE_BYTES } from '../page-scanner.ts';
import type { PageList } from '../pages-record.ts';
import { parseImage } from '../parse-image.ts';
import type { ImageLimits } from '../validate-machine.ts';
import { corrupt } from './bad-store.ts';
import { type ChunkId, shortHex } from './chunk-id.ts';
import type { ChunkReader } from './chunk-reader.ts';
import type { Manifest, ManifestMemory } from './manifest.ts';
import { type ReadChunk, walkTree } from './page-tree.ts';
import type { StorePorts } from './ports.ts';

/** Of an image made here: the longest block that its format allows. */
const BLOCK_PAGES = 256;

export interface SnapshotReader {
  readonly ports: StorePorts;
  readonly reader: ChunkReader;
  readonly readNode: ReadChunk;
}

export async function readRecords({ reader }: SnapshotReader, manifest: Manifest): Promise<ImageRecord[]> {
  const records: ImageRecord[] = [];
  for (const { type, sizeBytes, chunks } of manifest.records) {
    const parts: Uint8Array[] = [];
    for (const id of chunks) parts.push(await reader.read(id));
    const found = parts.reduce((sum, { length }) => sum + length, 0);
    if (found !== sizeBytes) throw corrupt(`record of type ${type}`, `${found} bytes, not ${sizeBytes}`);
    records.push({ type, parts });
  }
  return records;
}

/** An image without pages: its records go through the same checks as those of any other. */
export function imageWithoutPages({ ports }: SnapshotReader, records: readonly ImageRecord[]): Uint8Array {
  const out = new ImageWriter(ports.image);
  return concat([...out.begin(records), ...out.end()]);
}

/** Everything but the pages. */
export function decodeRecords(
  from: SnapshotReader,
  records: readonly ImageRecord[],
  limits: ImageLimits,
): MachineState {
  const nowhere: MemorySink = { open: () => {}, write: () => {} };
  return decodeImage(imageWithoutPages(from, records), nowhere, from.ports.image, limits);
}

/** The single-file form: the same bytes as of an image that was made at once. */
export async function* exportImage(
  from: SnapshotReader,
  manifest: Manifest,
): AsyncGenerator<Uint8Array, void, undefined> {
  const out = new ImageWriter(from.ports.image);
  yield* out.begin(await readRecords(from, manifest));
  for (const memory of manifest.memories) {
    const pages: number[] = [];
    const ids: ChunkId[] = [];
    await walkTree(memory, from.readNode, {
      page(page, id) {
        pages.push(page);
        ids.push(id);
      },
    });
    for (let at = 0; at < pages.length; at += BLOCK_PAGES) {
      const list = pageList(memory, pages.slice(at, at + BLOCK_PAGES));
      yield* out.block({ list, contents: [await readBlockPages(from, ids.slice(at, at + BLOCK_PAGES))] });
    }
  }
  yield* out.end();
}

function pageList({ processIndex, memoryIndex }: ManifestMemory, pages: readonly number[]): PageList {
  const runs: number[] = [];
  for (const page of pages) {
    if (runs.length > 0 && runs[runs.length - 2]! + runs[runs.length - 1]! === page) runs[runs.length - 1]!++;
    else runs.push(page, 1);
  }
  return { processIndex, memoryIndex, runs: Uint32Array.from(runs), pageCount: pages.length };
}

async function readBlockPages({ reader }: SnapshotReader, ids: readonly ChunkId[]): Promise<Uint8Array> {
  const contents = new Uint8Array(ids.length * PAGE_BYTES);
  for (const [i, id] of ids.entries()) {
    const bytes = await reader.read(id);
    if (bytes.length !== PAGE_BYTES) throw corrupt(`page ${shortHex(id)}`, `${bytes.length} bytes`);
    contents.set(bytes, i * PAGE_BYTES);
  }
  return contents;
}

/**
 * The page blocks of an image as they come, each to be used before the next is taken; `open` gets the machine before the
 * first. Every checksum and the SHA-256 of the whole are verified: the last step fails if they do not match.
 */
export async function* importBlocks(
  chunks: AsyncIterable<Uint8Array>,
  ports: StorePorts,
  limits: ImageLimits,
  open: (machine: MachineState) => void,
): AsyncGenerator<PageBlock, void, undefined> {
  let block: PageBlock | undefined;
  const visitor = {
    open,
    block(list: PageList, contents: Uint8Array | undefined): void {
      assert(contents !== undefined, 'contents are read');
      block = { list, contents: [contents] };
    },
  };
  const parser = parseImage(visitor, ports.image, { contents: 'read', verifyDigest: true, limits });
  const queue = new ChunkQueue(chunks);
  try {
    let step = parser.next();
    while (!step.done) {
      step = parser.next(await queue.answer(step.value));
      if (block !== undefined) yield block;
      block = undefined;
    }
  } finally {
    await queue.close();
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
