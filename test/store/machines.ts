// Machines for the tests of the store: any state that keeps the rules, memories of any size, and commits of both.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CopyPageTracker, type PageTracker } from '../../runtime/engine/page-diff.ts';
import { imagePorts } from '../../runtime/host/images/image-ports.ts';
import { encodeImage, encodeStateRecords } from '../../runtime/snapshot/encode-image.ts';
import type { MemorySource } from '../../runtime/snapshot/image-ports.ts';
import type { MachineState } from '../../runtime/snapshot/machine-state.ts';
import { collectPages } from '../../runtime/snapshot/page-block.ts';
import type { CommitRequest } from '../../runtime/snapshot/store/commit.ts';
import type { SnapshotId } from '../../runtime/snapshot/store/manifest.ts';
import { changedBlocks } from '../../runtime/snapshot/store/page-changes.ts';
import { wholeMemories } from '../../runtime/snapshot/store/store.ts';
import { sampleMachine } from '../../runtime/snapshot/testing/sample-machine.ts';

export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'wvm-store-test-'));
}

export function removeDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** A machine with one memory, and what is in it. */
export class TestMachine {
  readonly memory: WebAssembly.Memory;
  readonly tracker: PageTracker;
  tick = 0;

  constructor(wasmPages: number) {
    this.memory = new WebAssembly.Memory({ initial: wasmPages, maximum: 65536 });
    this.tracker = new CopyPageTracker(this.memory);
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer);
  }

  /** Fills pages with bytes that cannot be compressed. */
  fill(firstPage: number, pageCount: number): void {
    this.bytes.set(randomBytes(pageCount * 4096), firstPage * 4096);
  }

  state(): MachineState {
    const sample = sampleMachine();
    const [root, ...others] = sample.processes;
    const pageCount = this.memory.buffer.byteLength / 65536;
    const memories = [{ pageCount, maxPageCount: null, shared: false, is64: false }];
    return {
      ...sample,
      fuelUsed: BigInt(this.tick),
      processes: [{ ...root!, instance: { ...root!.instance, memories } }, ...others],
    };
  }

  image(): Buffer {
    const ports = imagePorts();
    return Buffer.concat([...encodeImage(this.state(), collectPages(this.#sources(), ports.scanner), ports)]);
  }

  whole(extra: Partial<CommitRequest> = {}): CommitRequest {
    const state = this.state();
    return {
      machineId: 'a0000001',
      machineName: 'counter',
      parent: null,
      reason: 'request',
      stopNs: null,
      blocks: collectPages(this.#sources(), imagePorts().scanner),
      describe: () => ({ records: encodeStateRecords(state), memories: wholeMemories(state) }),
      ...extra,
    };
  }

  /** Only what changed since the last one, which must have been confirmed. */
  increment(parent: SnapshotId | null, extra: Partial<CommitRequest> = {}): CommitRequest {
    const place = { processIndex: 0, memoryIndex: 0 };
    const changes = this.tracker.capture();
    const { pageCount, zeroed } = changes;
    const state = this.state();
    const memories = [{ ...place, pageCount, zeroed, base: parent === null ? null : place }];
    return {
      ...this.whole(extra),
      parent,
      blocks: changedBlocks(place, changes),
      describe: () => ({ records: encodeStateRecords(state), memories }),
    };
  }

  #sources(): MemorySource[] {
    return [{ processIndex: 0, memoryIndex: 0, bytes: this.bytes, memory: this.memory }];
  }
}
