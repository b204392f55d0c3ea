// A store of snapshots: a folder or a bucket of chunks that exist once, however many snapshots hold them. STORE.md describes
// the files and what a crash leaves at each point.
//
// - Any number of processes may use one store. Whoever reads or adds holds a shared lease meanwhile, whoever removes an
//   exclusive one.
// - What is read has been checked: blocks and manifests against their SHA-256.

import { WvmError } from '../../base/wvm-error.ts';
import type { MemorySink } from '../decode-image.ts';
import { encodeStateRecords } from '../encode-image.ts';
import { FILE_PROCESS_INDEX, filePageCounts } from '../file-pages.ts';
import { type ImageDescription, inspectImageBytes } from '../inspect.ts';
import type { MachineState } from '../machine-state.ts';
import { defaultImageLimits, type ImageLimits, memoryPages } from '../validate-machine.ts';
import { corrupt, noSuchSnapshot } from './bad-store.ts';
import { Catalog } from './catalog.ts';
import { type ChunkId, hexOf, isHexId } from './chunk-id.ts';
import { ChunkReader } from './chunk-reader.ts';
import { type CollectResult, expiredSnapshots, type KeepPolicy, reachableChunks, sweep } from './collect.ts';
import { type CommitMemory, type CommitRequest, type CommitResult, commit } from './commit.ts';
import { compareMachines, type StateDifference } from './compare.ts';
import { decodeManifest, type Manifest, type ManifestMemory, type SnapshotId } from './manifest.ts';
import { diffTrees, type ReadChunk } from './page-tree.ts';
import type { Lease, Progress, StorePorts } from './ports.ts';
import { readPages } from './read-pages.ts';
import {
  decodeRecords,
  exportImage,
  imageWithoutPages,
  importBlocks,
  readRecords,
  type SnapshotReader,
} from './stored-machine.ts';
import { sendChunks, type TransferResult } from './transfer.ts';
import { type VerifyResult, verifyStore } from './verify.ts';

export interface StoredSnapshot {
  readonly id: SnapshotId;
  readonly manifest: Manifest;
}

/** Which pages of a memory differ, as runs: first page, page count, … */
export interface MemoryDifference {
  readonly processIndex: number;
  readonly memoryIndex: number;
  readonly pageCounts: readonly [a: number, b: number];
  readonly runs: readonly number[];
}

/** Shorter beginnings of ids are refused: they would soon mean something else. */
const MIN_PREFIX = 4;
/** Nodes of page trees that commits have made and that are kept: the next one needs most of them again. */
const CACHED_NODES = 8192;
const MAX_TAG_BYTES = 256;
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;

export class Store {
  readonly #ports: StorePorts;
  readonly #catalog: Catalog;
  readonly #reader: ChunkReader;
  readonly #manifests: Map<SnapshotId, Manifest> = new Map();
  /** Of the last commits, and of those before: the oldest key of a Map is slow to find once thousands have been deleted. */
  #nodes: Map<ChunkId, Uint8Array> = new Map();
  #olderNodes: Map<ChunkId, Uint8Array> = new Map();

  private constructor(ports: StorePorts) {
    this.#ports = ports;
    this.#catalog = new Catalog(ports);
    this.#reader = new ChunkReader(ports, this.#catalog);
  }

  static async open(ports: StorePorts): Promise<Store> {
    const store = new Store(ports);
    await store.#catalog.refresh();
    return store;
  }

  /** Its path or URL. */
  get place(): string {
    return this.#ports.files.place;
  }

  async close(): Promise<void> {
    await this.#ports.files.close();
  }

  /** Durable when this resolves. Fails with WVM_NO_SUCH_SNAPSHOT if the parent has been removed meanwhile. */
  commit(request: CommitRequest): Promise<CommitResult> {
    return this.#shared(async (lease) => {
      await this.#catalog.refresh();
      const parent = request.parent === null ? null : await this.manifest(request.parent);
      const read = this.#readNode;
      const keepNode = this.#keepNode;
      return await commit({ ports: this.#ports, lease, catalog: this.#catalog, read, keepNode, parent }, request);
    });
  }

  async manifest(id: SnapshotId): Promise<Manifest> {
    const bytes = await this.#ports.files.read('snapshots', id);
    if (bytes === undefined) throw noSuchSnapshot(`no snapshot ${id} in ${this.place}`);
    const known = this.#manifests.get(id);
    if (known !== undefined) return known;
    if (hexOf(this.#ports.digest(bytes)) !== id)
      throw corrupt(`snapshot ${id}`, 'has another SHA-256 than its name says');
    const manifest = decodeManifest(id, bytes);
    this.#manifests.set(id, manifest);
    return manifest;
  }

  /** Everything but the pages. */
  state(id: SnapshotId, limits: ImageLimits = defaultImageLimits): Promise<MachineState> {
    return this.#shared(async () => {
      const from = this.#snapshotReader;
      return decodeRecords(from, await readRecords(from, await this.manifest(id)), limits);
    });
  }

  /**
   * The whole machine: `sink` is opened with the checked state, then gets the pages, in any order. If this fails, what
   * the sink has taken must not be used.
   */
  read(
    id: SnapshotId,
    sink: MemorySink,
    limits: ImageLimits = defaultImageLimits,
    onProgress?: Progress,
  ): Promise<MachineState> {
    return this.#shared(async () => {
      await this.#catalog.refresh();
      const from = this.#snapshotReader;
      const manifest = await this.manifest(id);
      const state = decodeRecords(from, await readRecords(from, manifest), limits);
      checkMemories(id, manifest, state);
      await readPages(from, manifest, sink, () => sink.open(state), onProgress);
      return state;
    });
  }

  /** Newest first; of one machine (id or name) or of all. Snapshots that cannot be read are left out. */
  async log(machine?: string): Promise<StoredSnapshot[]> {
    const { snapshots } = await this.#readManifests();
    return [...snapshots]
      .map(([id, manifest]) => ({ id, manifest }))
      .filter(({ manifest }) => machine === undefined || [manifest.machineId, manifest.machineName].includes(machine))
      .sort((a, b) => b.manifest.createdAtMs - a.manifest.createdAtMs || b.manifest.sequence - a.manifest.sequence);
  }

  /** What a user calls a snapshot: a tag, the name or id of a machine (its newest), or the beginning of an id. */
  async resolve(text: string): Promise<SnapshotId> {
    const tag = (await this.tags()).get(text);
    if (tag !== undefined) return tag;
    const names = await this.#ports.files.list('snapshots');
    const isHex = /^[0-9a-f]+$/i.test(text);
    if (isHex && text.length >= MIN_PREFIX) {
      const matches = names.filter((name) => name.startsWith(text.toLowerCase()));
      if (matches.length === 1) return matches[0] as SnapshotId;
      if (matches.length > 1) {
        const some = matches.slice(0, 4).map((name) => name.slice(0, text.length + 4));
        throw noSuchSnapshot(
          `${text}: ${matches.length} snapshots begin like this`,
          `write more of it: ${some.join(', ')}`,
        );
      }
    }
    const newest = (await this.log(text))[0];
    if (newest !== undefined) return newest.id;
    const isShort = isHex && text.length < MIN_PREFIX;
    const hint = isShort ? `the beginning of an id has at least ${MIN_PREFIX} digits; see wvm log` : 'see wvm log';
    throw noSuchSnapshot(`${text}: no snapshot, tag or machine of ${this.place}`, hint);
  }

  async tags(): Promise<Map<string, SnapshotId>> {
    const tags = new Map<string, SnapshotId>();
    for (const name of (await this.#ports.files.list('tags')).sort()) {
      const bytes = await this.#ports.files.read('tags', name);
      if (bytes === undefined) continue;
      const [id, ownName] = String.fromCharCode(...bytes.subarray(0, MAX_TAG_BYTES))
        .trimEnd()
        .split(' ');
      // Says itself which tag it is: nobody can put one in the place of another.
      if (ownName !== name || !isHexId(id!)) throw corrupt(`tag ${name}`, 'is not a tag of this name');
      tags.set(name, id);
    }
    return tags;
  }

  /** Gives a snapshot a name that keeps it from being collected. */
  tag(name: string, id: SnapshotId): Promise<void> {
    if (!tagPattern.test(name) || (/^[0-9a-f]+$/.test(name) && name.length >= MIN_PREFIX)) {
      throw new WvmError('WVM_USAGE', `'${name}' cannot be a tag`, {
        hint: 'use up to 64 letters, digits, dots, dashes and underscores that do not look like the id of a snapshot',
      });
    }
    return this.#shared(async () => {
      await this.manifest(id);
      const bytes = Uint8Array.from(`${id} ${name}\n`, (character) => character.charCodeAt(0));
      await (await this.#ports.files.prepare('tags', [bytes])).publish(name);
    });
  }

  async untag(name: string): Promise<void> {
    if (!(await this.tags()).has(name)) throw noSuchSnapshot(`no tag ${name} in ${this.place}`);
    await this.#ports.files.remove('tags', [name]);
  }

  /** Forgets snapshots, with their tags. Their chunks go with the next collect(). */
  remove(ids: readonly SnapshotId[]): Promise<void> {
    return this.#exclusive(async (lease) => {
      for (const id of ids) await this.manifest(id);
      const tags = [...(await this.tags())].filter(([, id]) => ids.includes(id)).map(([name]) => name);
      await lease.check();
      await this.#ports.files.remove('tags', tags);
      await this.#removeManifests(ids);
    });
  }

  /** Forgets snapshots that `policy` does not keep, and frees what no snapshot needs. */
  collect(policy: KeepPolicy = {}, onProgress?: Progress): Promise<CollectResult> {
    return this.#exclusive(async (lease) => {
      await this.#ports.files.removeAbandoned();
      await this.#catalog.refresh();
      const damage = [...this.#catalog.damaged].map(([name, what]) => `pack ${name}: ${what}`);
      const { snapshots, bad } = await this.#readManifests();
      for (const [name, what] of bad) damage.push(`snapshot ${name}: ${what}`);
      if (damage.length > 0) throw corrupt(damage[0]!, 'nothing is collected from a damaged store');
      const tagged = new Set((await this.tags()).values());
      const removedSnapshots = expiredSnapshots(snapshots, tagged, policy, this.#ports.nowMs());
      for (const id of removedSnapshots) snapshots.delete(id);
      const reached = await reachableChunks([...snapshots.values()], this.#readNode, onProgress);
      for (const id of reached)
        if (!this.#catalog.has(id)) throw corrupt(`chunk ${hexOf(id)}`, 'is missing; nothing is collected');
      await lease.check();
      await this.#removeManifests(removedSnapshots);
      return { removedSnapshots, ...(await sweep(this.#ports, lease, this.#catalog, reached, onProgress)) };
    });
  }

  verify(options: { readonly deep?: boolean; readonly onProgress?: Progress } = {}): Promise<VerifyResult> {
    return this.#shared(async () => {
      await this.#catalog.refresh();
      const { snapshots, bad } = await this.#readManifests();
      return await verifyStore({
        ports: this.#ports,
        catalog: this.#catalog,
        read: this.#readNode,
        snapshots,
        badSnapshots: bad,
        tags: await this.tags(),
        deep: options.deep ?? false,
        ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
      });
    });
  }

  /** As inspectImage() would, but for the pages. */
  describe(id: SnapshotId): Promise<ImageDescription> {
    return this.#shared(async () => {
      const from = this.#snapshotReader;
      const image = imageWithoutPages(from, await readRecords(from, await this.manifest(id)));
      return inspectImageBytes(image, this.#ports.image);
    });
  }

  /** What differs in two snapshots beside their pages. */
  async compare(a: SnapshotId, b: SnapshotId): Promise<StateDifference[]> {
    return compareMachines(await this.describe(a), await this.describe(b));
  }

  /** Pages that are not the same in two snapshots, by position of the memories. */
  diff(a: SnapshotId, b: SnapshotId): Promise<MemoryDifference[]> {
    return this.#shared(async () => {
      const [inA, inB] = [(await this.manifest(a)).memories, (await this.manifest(b)).memories];
      const key = (memory: ManifestMemory): string => `${memory.processIndex}.${memory.memoryIndex}`;
      const keys = new Set([...inA, ...inB].map(key));
      const differences: MemoryDifference[] = [];
      for (const wanted of keys) {
        const [memoryA, memoryB] = [inA, inB].map((all) => all.find((memory) => key(memory) === wanted));
        const { processIndex, memoryIndex } = (memoryA ?? memoryB)!;
        const nothing = { pageCount: 0, root: null };
        const runs: number[] = [];
        await diffTrees(memoryA ?? nothing, memoryB ?? nothing, this.#readNode, (page) => {
          if (runs.length > 0 && runs[runs.length - 2]! + runs[runs.length - 1]! === page) runs[runs.length - 1]!++;
          else runs.push(page, 1);
        });
        const pageCounts = [memoryA?.pageCount ?? 0, memoryB?.pageCount ?? 0] as const;
        differences.push({ processIndex, memoryIndex, pageCounts, runs });
      }
      return differences;
    });
  }

  /** The single-file image of a snapshot: byte for byte what a snapshot into a file would have given. */
  async *exportImage(id: SnapshotId): AsyncGenerator<Uint8Array, void, undefined> {
    const lease = await this.#ports.leases.acquire('shared');
    try {
      yield* exportImage(this.#snapshotReader, await this.manifest(id));
    } finally {
      await lease.release();
    }
  }

  /** Takes in an image, all of which is verified. */
  async importImage(
    chunks: AsyncIterable<Uint8Array>,
    options: Pick<CommitRequest, 'machineId' | 'onProgress' | 'signal'> & { readonly limits?: ImageLimits },
  ): Promise<CommitResult> {
    let state: MachineState | undefined;
    const limits = options.limits ?? defaultImageLimits;
    const blocks = importBlocks(chunks, this.#ports, limits, (machine) => {
      state = machine;
    });
    const request: Omit<CommitRequest, 'machineName'> = {
      ...options,
      parent: null,
      reason: 'import',
      stopNs: null,
      blocks,
      describe: () => ({ records: encodeStateRecords(state!), memories: wholeMemories(state!) }),
    };
    // The name of the machine is known when the manifest is made, not before.
    return await this.commit({
      ...request,
      get machineName() {
        return state?.name ?? '';
      },
    });
  }

  /** Copies a snapshot into another store, as far as it is not there. */
  copyTo(to: Store, id: SnapshotId, onProgress?: Progress): Promise<TransferResult> {
    return this.#shared(() =>
      to.#shared(async (lease) => {
        await to.#catalog.refresh();
        const manifest = await this.manifest(id);
        const result = await sendChunks(
          this.#snapshotReader,
          manifest,
          { ports: to.#ports, catalog: to.#catalog },
          onProgress,
        );
        const bytes = await this.#ports.files.read('snapshots', id);
        if (bytes === undefined) throw noSuchSnapshot(`no snapshot ${id} in ${this.place}`);
        await lease.check();
        await (await to.#ports.files.prepare('snapshots', [bytes])).publish(id);
        return result;
      }),
    );
  }

  get #snapshotReader(): SnapshotReader {
    return { ports: this.#ports, reader: this.#reader, readNode: this.#readNode };
  }

  readonly #readNode: ReadChunk = (id) => {
    const recent = this.#nodes.get(id);
    if (recent !== undefined) return recent;
    const older = this.#olderNodes.get(id);
    if (older === undefined) return this.#reader.read(id);
    this.#keepNode(id, older);
    return older;
  };

  readonly #keepNode = (id: ChunkId, bytes: Uint8Array): void => {
    this.#nodes.set(id, bytes);
    if (this.#nodes.size < CACHED_NODES / 2) return;
    this.#olderNodes = this.#nodes;
    this.#nodes = new Map();
  };

  async #readManifests(): Promise<{ snapshots: Map<SnapshotId, Manifest>; bad: Map<string, string> }> {
    const snapshots = new Map<SnapshotId, Manifest>();
    const bad = new Map<string, string>();
    const names = new Set(await this.#ports.files.list('snapshots'));
    for (const id of this.#manifests.keys()) if (!names.has(id)) this.#manifests.delete(id);
    for (const name of names) {
      if (!isHexId(name)) {
        bad.set(name, 'its name is no id');
        continue;
      }
      try {
        snapshots.set(name, this.#manifests.get(name) ?? (await this.manifest(name)));
      } catch (error) {
        if (!(error instanceof WvmError)) throw error;
        // Removed by another process between the two calls.
        if (error.code !== 'WVM_NO_SUCH_SNAPSHOT') bad.set(name, error.message);
      }
    }
    return { snapshots, bad };
  }

  async #removeManifests(ids: readonly SnapshotId[]): Promise<void> {
    await this.#ports.files.remove('snapshots', ids);
    for (const id of ids) this.#manifests.delete(id);
  }

  #shared<Value>(action: (lease: Lease) => Promise<Value>): Promise<Value> {
    return this.#leased('shared', action);
  }

  #exclusive<Value>(action: (lease: Lease) => Promise<Value>): Promise<Value> {
    return this.#leased('exclusive', action);
  }

  async #leased<Value>(kind: 'shared' | 'exclusive', action: (lease: Lease) => Promise<Value>): Promise<Value> {
    const lease = await this.#ports.leases.acquire(kind);
    try {
      return await action(lease);
    } finally {
      await lease.release();
    }
  }
}

/** All memories of a machine whose blocks are not a change of anything. */
export function wholeMemories(machine: MachineState): CommitMemory[] {
  const whole = (processIndex: number, memoryIndex: number): CommitMemory => {
    const pageCount = memoryPages(machine, processIndex, memoryIndex);
    return { processIndex, memoryIndex, pageCount, base: null, zeroed: new Uint32Array(0) };
  };
  const memories = machine.processes.flatMap(({ instance }, processIndex) =>
    instance.memories.map((_, memoryIndex) => whole(processIndex, memoryIndex)),
  );
  // As many as hold files.
  const files = filePageCounts(machine.kernel).flatMap((pageCount, index) =>
    pageCount === 0 ? [] : [whole(FILE_PROCESS_INDEX, index)],
  );
  return [...memories, ...files];
}

/** The manifest and the records must tell of the same memories: the pages are written where the manifest says. */
function checkMemories(id: SnapshotId, manifest: Manifest, state: MachineState): void {
  const place = `snapshot ${id.slice(0, 16)}`;
  const expected = wholeMemories(state);
  if (expected.length !== manifest.memories.length) throw corrupt(place, `${manifest.memories.length} memories`);
  for (const [i, { processIndex, memoryIndex, pageCount }] of expected.entries()) {
    const found = manifest.memories[i]!;
    const same =
      found.processIndex === processIndex && found.memoryIndex === memoryIndex && found.pageCount === pageCount;
    if (!same) throw corrupt(place, `memory ${found.memoryIndex} of process ${found.processIndex}`);
  }
}
