// The pages of one memory as a tree of chunks, so that two snapshots share all that did not change between them.
//
// A page is a chunk of 4096 bytes. A node of level 1 names 16 pages, a node of level n names 16 nodes of level n - 1. Pages of
// zeros, and nodes over nothing but those, are left out. The level of the root is the least that covers the memory,
// so the same memory has the same tree, whatever its history.
//
//   node:  0  'N' (4e) u8     1  level u8     2  which of the 16 children there are, u16     4  SHA-256 of each, 32
//
// 16 and not more: a page that changed costs one new node of each level, a third as much as with 64 children.

import { assert } from '../../base/assert.ts';
import { corrupt } from './bad-store.ts';
import { CHUNK_ID_BYTES, type ChunkId, chunkIdAt, shortHex, writeChunkId } from './chunk-id.ts';

const FAN_OUT = 16;
const FAN_OUT_BITS = 4;
const NODE_HEAD_BYTES = 4;
const NODE_TAG = 0x4e;
/** As many as fill a block of a pack. */
const NODES_AT_ONCE = 512;
/** 16^13 pages are more than 64-bit addresses reach. */
const MAX_LEVEL = 13;

export interface PageTree {
  /** Size of the memory, in 4 KiB pages. */
  readonly pageCount: number;
  /** Null if all pages are zeros. */
  readonly root: ChunkId | null;
}

/** Gives the bytes of a chunk; at once if they are here already, which saves thousands of turns for a tree. */
export type ReadChunk = (id: ChunkId) => Uint8Array | Promise<Uint8Array>;

export function levelOf(pageCount: number): number {
  let level = 1;
  for (let covered = FAN_OUT; covered < pageCount; covered *= FAN_OUT) level++;
  return level;
}

/** How many pages a child of a node of `level` covers. */
export function childPages(level: number): number {
  return FAN_OUT ** (level - 1);
}

export function decodeNode(id: ChunkId, bytes: Uint8Array, level: number): (ChunkId | null)[] {
  const children: (ChunkId | null)[] = new Array(FAN_OUT).fill(null);
  forEachChild(id, bytes, level, (i, at) => {
    children[i] = chunkIdAt(bytes, at);
  });
  return children;
}

/** Calls `visit` with the number of each child and where its id is, when all of the node is checked. */
function forEachChild(id: ChunkId, bytes: Uint8Array, level: number, visit: (i: number, at: number) => void): void {
  const bits = childBits(id, bytes, level);
  let at = NODE_HEAD_BYTES;
  for (let i = 0; i < FAN_OUT; i++) {
    if (((bits >>> i) & 1) === 0) continue;
    visit(i, at);
    at += CHUNK_ID_BYTES;
  }
}

/** The same of children that follow each other: the number of the first, how many they are, and where their ids are. */
function forEachRun(bits: number, visit: (i: number, count: number, at: number) => void): void {
  let at = NODE_HEAD_BYTES;
  for (let i = 0; i < FAN_OUT; ) {
    let end = i;
    while (((bits >>> end) & 1) !== 0) end++;
    if (end > i) visit(i, end - i, at);
    at += (end - i) * CHUNK_ID_BYTES;
    i = end + 1;
  }
}

/** Which children a node has, which is checked. */
function childBits(id: ChunkId, bytes: Uint8Array, level: number): number {
  const bad = (what: string): Error => corrupt(`node ${shortHex(id)}`, what);
  if (bytes.length < NODE_HEAD_BYTES || bytes[0] !== NODE_TAG) throw bad('it is no node of a page tree');
  if (bytes[1] !== level) throw bad(`level ${bytes[1]}, not ${level}`);
  const bits = bytes[2]! | (bytes[3]! << 8);
  const count = countOf(bits);
  if (count === 0 || NODE_HEAD_BYTES + count * CHUNK_ID_BYTES !== bytes.length) throw bad(`${bytes.length} bytes`);
  return bits;
}

/** Pages that have changed, in ascending order. */
export interface PageIds {
  readonly length: number;
  pageAt(k: number): number;
  /** The new chunk of the page, or null for zeros. */
  idAt(k: number): ChunkId | null;
}

export interface UpdatedTree extends PageTree {
  /** How many pages hold something, more or less than before. */
  readonly usedDelta: number;
}

export interface TreeNode {
  readonly id: ChunkId;
  readonly bytes: Uint8Array;
}

/**
 * The tree of a memory of `pageCount` pages that is `base` but for `changes`. Pages that `base` has beyond
 * `pageCount` must not hold anything. Gives the new nodes as they are made, some at a time.
 */
export async function* updateTree(
  base: PageTree,
  pageCount: number,
  changes: PageIds,
  read: ReadChunk,
  digest: (bytes: Uint8Array) => ChunkId,
): AsyncGenerator<readonly TreeNode[], UpdatedTree, undefined> {
  assert(pageCount >= base.pageCount, `a memory of ${base.pageCount} pages now has ${pageCount}`);
  const update = new TreeUpdate(changes, read, digest);
  const level = levelOf(pageCount);
  const root = yield* update.node(base.root, levelOf(base.pageCount), level, 0, 0, changes.length);
  yield update.takeNodes();
  return { pageCount, root, usedDelta: update.usedDelta };
}

class TreeUpdate {
  usedDelta = 0;
  #nodes: TreeNode[] = [];
  readonly #changes: PageIds;
  readonly #read: ReadChunk;
  readonly #digest: (bytes: Uint8Array) => ChunkId;
  /** By level. */
  readonly #openNodes: OpenNode[] = [];

  constructor(changes: PageIds, read: ReadChunk, digest: (bytes: Uint8Array) => ChunkId) {
    this.#changes = changes;
    this.#read = read;
    this.#digest = digest;
  }

  /** Those that have been made since the last time. */
  takeNodes(): readonly TreeNode[] {
    const nodes = this.#nodes;
    this.#nodes = [];
    return nodes;
  }

  /**
   * The node at `level` over the pages from `first` on, after changes[from] up to changes[to]. `old` is what stood there, at
   * its own level: a memory that has grown hangs its old root below new ones.
   */
  async *node(
    old: ChunkId | null,
    oldLevel: number,
    level: number,
    first: number,
    from: number,
    to: number,
  ): AsyncGenerator<readonly TreeNode[], ChunkId | null, undefined> {
    if (from === to && (old === null || oldLevel === level)) return old;
    const open = await this.#open(old, oldLevel, level);
    const childLevel = level - 1;
    const childBits = childLevel * FAN_OUT_BITS;
    let at = from;
    // The child of an old root that hangs too low.
    if (old !== null && oldLevel < level && (from === to || this.#childOf(from, first, childBits) !== 0)) {
      open.put(0, yield* this.node(old, oldLevel, childLevel, first, from, from));
    }
    while (at < to) {
      const index = this.#childOf(at, first, childBits);
      let end = at + 1;
      while (end < to && this.#childOf(end, first, childBits) === index) end++;
      if (level === 1) {
        this.#putPage(open, index, this.#changes.idAt(at));
      } else {
        const below = index === 0 ? Math.min(oldLevel, childLevel) : childLevel;
        const childFirst = first + index * 2 ** childBits;
        open.put(index, yield* this.node(open.child(index), below, childLevel, childFirst, at, end));
      }
      at = end;
    }
    if (open.isEmpty) return null;
    const bytes = open.encode(level);
    const id = this.#digest(bytes);
    if (this.#nodes.push({ id, bytes }) === NODES_AT_ONCE) yield this.takeNodes();
    return id;
  }

  /** The node at `level` as it stands; there is one of each level at a time. */
  async #open(old: ChunkId | null, oldLevel: number, level: number): Promise<OpenNode> {
    const open = (this.#openNodes[level] ??= new OpenNode());
    if (old !== null && oldLevel === level) {
      open.load(old, await this.#read(old), level);
    } else {
      open.clear();
      open.put(0, old);
    }
    return open;
  }

  #childOf(change: number, first: number, childBits: number): number {
    return Math.floor((this.#changes.pageAt(change) - first) / 2 ** childBits);
  }

  #putPage(open: OpenNode, index: number, id: ChunkId | null): void {
    this.usedDelta += (id === null ? 0 : 1) - (open.has(index) ? 1 : 0);
    open.put(index, id);
  }
}

/** A node that is being changed, in the form that it has as a chunk: most of it goes from bytes to bytes. */
class OpenNode {
  readonly #bytes: Uint8Array = new Uint8Array(NODE_HEAD_BYTES + FAN_OUT * CHUNK_ID_BYTES);
  /** Which children there are. */
  #bits = 0;

  get isEmpty(): boolean {
    return this.#bits === 0;
  }

  clear(): void {
    this.#bits = 0;
  }

  load(id: ChunkId, bytes: Uint8Array, level: number): void {
    this.#bits = childBits(id, bytes, level);
    this.#bytes.set(bytes);
  }

  has(i: number): boolean {
    return ((this.#bits >>> i) & 1) === 1;
  }

  child(i: number): ChunkId | null {
    return this.has(i) ? chunkIdAt(this.#bytes, this.#at(i)) : null;
  }

  put(i: number, id: ChunkId | null): void {
    const at = this.#at(i);
    const next = at + CHUNK_ID_BYTES;
    if (id === null) {
      if (this.has(i)) this.#bytes.copyWithin(at, next, this.#end);
      this.#bits &= ~(1 << i);
    } else {
      if (!this.has(i)) this.#bytes.copyWithin(next, at, this.#end);
      this.#bits |= 1 << i;
      writeChunkId(id, this.#bytes, at);
    }
  }

  encode(level: number): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#end);
    bytes[0] = NODE_TAG;
    bytes[1] = level;
    bytes[2] = this.#bits;
    bytes[3] = this.#bits >>> 8;
    return bytes;
  }

  /** Where the id of a child is, or would be. */
  #at(i: number): number {
    return NODE_HEAD_BYTES + countOf(this.#bits & ((1 << i) - 1)) * CHUNK_ID_BYTES;
  }

  get #end(): number {
    return NODE_HEAD_BYTES + countOf(this.#bits) * CHUNK_ID_BYTES;
  }
}

function countOf(bits: number): number {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count++;
  return count;
}

export interface TreeVisitor {
  /** False: what is below is not visited. */
  node?(id: ChunkId): boolean;
  page?(page: number, id: ChunkId): void;
  /** In the place of page(): `count` pages that follow each other, and so do their ids from `offset` of `bytes` on. */
  pages?(first: number, count: number, bytes: Uint8Array, offset: number): void;
}

/** Every node and page of a tree, in ascending order. */
export async function walkTree(tree: PageTree, read: ReadChunk, visitor: TreeVisitor): Promise<void> {
  const checked = (id: ChunkId, page: number): number => {
    if (page >= tree.pageCount) throw corrupt(`node ${shortHex(id)}`, `page ${page} of ${tree.pageCount}`);
    return page;
  };
  const top = levelOf(tree.pageCount);
  if (top > MAX_LEVEL) throw corrupt('page tree', `${tree.pageCount} pages`);
  /** What is still to be visited, the next one last. */
  const ahead = tree.root === null ? [] : [{ id: tree.root, level: top, first: 0 }];
  for (let next = ahead.pop(); next !== undefined; next = ahead.pop()) {
    const { id, level, first } = next;
    if (visitor.node?.(id) === false) continue;
    const found = read(id);
    const bytes = found instanceof Uint8Array ? found : await found;
    if (level === 1 && visitor.pages !== undefined) {
      forEachRun(childBits(id, bytes, level), (i, count, offset) => {
        checked(id, first + i + count - 1);
        visitor.pages!(first + i, count, bytes, offset);
      });
      continue;
    }
    const at = ahead.length;
    forEachChild(id, bytes, level, (i, offset) => {
      const page = checked(id, first + i * childPages(level));
      if (level > 1) ahead.push({ id: chunkIdAt(bytes, offset), level: level - 1, first: page });
      else visitor.page?.(page, chunkIdAt(bytes, offset));
    });
    if (level > 1) ahead.push(...ahead.splice(at).reverse());
  }
}

/** Calls `differs` for every page that is not the same in both, in ascending order. Skips what they share unseen. */
export async function diffTrees(
  a: PageTree,
  b: PageTree,
  read: ReadChunk,
  differs: (page: number, inA: ChunkId | null, inB: ChunkId | null) => void,
): Promise<void> {
  const levelA = levelOf(a.pageCount);
  const levelB = levelOf(b.pageCount);
  const childrenOf = async (id: ChunkId | null, ownLevel: number, level: number): Promise<(ChunkId | null)[]> => {
    if (id !== null && ownLevel === level) return decodeNode(id, await read(id), level);
    const children: (ChunkId | null)[] = new Array(FAN_OUT).fill(null);
    children[0] = id;
    return children;
  };
  const visit = async (
    idA: ChunkId | null,
    idB: ChunkId | null,
    ownA: number,
    ownB: number,
    level: number,
    first: number,
  ): Promise<void> => {
    if (idA === idB && ownA === ownB) return;
    const childrenA = await childrenOf(idA, ownA, level);
    const childrenB = await childrenOf(idB, ownB, level);
    for (let i = 0; i < FAN_OUT; i++) {
      const childA = childrenA[i]!;
      const childB = childrenB[i]!;
      const page = first + i * childPages(level);
      if (level > 1) {
        const below = (own: number): number => (i === 0 ? Math.min(own, level - 1) : level - 1);
        if (childA !== null || childB !== null) await visit(childA, childB, below(ownA), below(ownB), level - 1, page);
      } else if (childA !== childB) {
        differs(page, childA, childB);
      }
    }
  };
  await visit(a.root, b.root, levelA, levelB, Math.max(levelA, levelB), 0);
}
