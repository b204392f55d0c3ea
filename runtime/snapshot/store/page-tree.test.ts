import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ChunkId, chunkIdAt } from './chunk-id.ts';
import { ChangedPages, NewIds } from './new-ids.ts';
import { diffTrees, levelOf, type PageTree, updateTree, walkTree } from './page-tree.ts';

// A stand-in for SHA-256 that is good enough to tell nodes apart.
function digest(bytes: Uint8Array): ChunkId {
  const state = new Uint32Array(8).fill(0x9e3779b1);
  for (const [i, byte] of bytes.entries()) {
    for (let k = 0; k < 8; k++)
      state[k] = Math.imul((state[k]! ^ byte) + k + i, 0x85ebca77 + k * 2) ^ (state[k]! >>> 13);
  }
  return chunkIdAt(new Uint8Array(state.buffer), 0);
}

const empty: PageTree = { pageCount: 0, root: null };
const pageId = (value: number): ChunkId => digest(Uint8Array.of(1, value, value >>> 8));

interface PageChange {
  readonly page: number;
  readonly id: ChunkId | null;
}

/** As a commit makes it: what holds something first, then the runs of zeros. */
function changedPages(changes: readonly PageChange[]): ChangedPages {
  const ids = new NewIds();
  const changed = new ChangedPages(ids);
  for (const { page, id } of changes) if (id !== null) changed.push(page, ids.add(id).number);
  changed.addZeros(Uint32Array.from(changes.flatMap(({ page, id }) => (id === null ? [page, 1] : []))));
  return changed;
}

class Nodes {
  readonly #nodes = new Map<ChunkId, Uint8Array>();
  readonly read = async (id: ChunkId): Promise<Uint8Array> => this.#nodes.get(id)!;

  async update(
    base: PageTree,
    pageCount: number,
    changes: readonly PageChange[],
  ): Promise<PageTree & { usedDelta: number }> {
    const update = updateTree(base, pageCount, changedPages(changes), this.read, digest);
    for (;;) {
      const { done, value } = await update.next();
      if (done === true) return value;
      for (const { id, bytes } of value) this.#nodes.set(id, bytes);
    }
  }

  async pages(tree: PageTree): Promise<Map<number, ChunkId>> {
    const pages = new Map<number, ChunkId>();
    await walkTree(tree, this.read, { page: (page, id) => void pages.set(page, id) });
    return pages;
  }
}

const step = fc.record({
  grow: fc.oneof(fc.constant(0), fc.nat(20), fc.nat(5000)),
  changes: fc.array(fc.tuple(fc.nat(), fc.option(fc.nat(30))), { maxLength: 12 }),
});

test('a tree holds what the changes say, counts it, and is the same whatever way it was made', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      const nodes = new Nodes();
      const expected = new Map<number, ChunkId>();
      let tree: PageTree = empty;
      let used = 0;
      for (const { grow, changes } of steps) {
        const before = { tree, pages: new Map(expected) };
        const pageCount = Math.max(1, tree.pageCount + grow);
        const byPage = new Map(
          changes.map(([page, value]) => [page % pageCount, value === null ? null : pageId(value)]),
        );
        for (const [page, id] of byPage) id === null ? expected.delete(page) : expected.set(page, id);
        const ascending = [...byPage].sort(([a], [b]) => a - b).map(([page, id]) => ({ page, id }));
        const updated = await nodes.update(tree, pageCount, ascending);
        used += updated.usedDelta;
        tree = { pageCount, root: updated.root };
        const differing: number[] = [];
        await diffTrees(before.tree, tree, nodes.read, (page) => differing.push(page));
        const all = [...new Set([...before.pages.keys(), ...expected.keys()])].sort((a, b) => a - b);
        expect(differing).toEqual(all.filter((page) => before.pages.get(page) !== expected.get(page)));
      }
      const sorted = [...expected].sort(([a], [b]) => a - b);
      expect([...(await nodes.pages(tree))]).toEqual(sorted);
      expect(used).toBe(expected.size);
      const atOnce = await nodes.update(
        empty,
        tree.pageCount,
        sorted.map(([page, id]) => ({ page, id })),
      );
      expect(atOnce.root).toBe(tree.root);
    }),
    { numRuns: 150 },
  );
});

test('levelOf() is the least that covers the memory', () => {
  expect([0, 1, 16, 17, 256, 257, 4096, 4097].map(levelOf)).toEqual([1, 1, 1, 2, 2, 3, 3, 4]);
});

test('a node that is not of its level, cut short or too long is refused', async () => {
  const nodes = new Nodes();
  const { root } = await nodes.update(empty, 300, [{ page: 0, id: pageId(1) }]);
  const bytes = await nodes.read(root!);
  const bad = [
    bytes.subarray(1),
    bytes.subarray(0, bytes.length - 1),
    Uint8Array.of(...bytes, 0),
    Uint8Array.of(0x4e, 1, 0, 0),
  ];
  for (const damaged of bad) {
    await expect(walkTree({ pageCount: 300, root }, async () => damaged, {})).rejects.toMatchObject({
      code: 'WVM_STORE_CORRUPT',
    });
  }
  // A tree that says it is smaller than it is.
  await expect(nodes.pages({ pageCount: 16, root })).rejects.toThrow(/level/);
});
