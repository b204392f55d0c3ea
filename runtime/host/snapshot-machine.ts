// A machine that stands still -> its image.

import type { GuestProcess } from '../engine/guest-process.ts';
import { encodeImage } from '../snapshot/encode-image.ts';
import type { MemorySource } from '../snapshot/image-ports.ts';
import type { MachineState } from '../snapshot/machine-state.ts';
import { collectPages, contentsBytes, copyPages } from '../snapshot/page-block.ts';
import { featuresOf } from './features.ts';
import { imagePorts } from './image-ports.ts';

const PRODUCER = 'wvm 0.1.0';

export interface SnapshotResult {
  /** The image, piece by piece. */
  readonly chunks: readonly Uint8Array[];
  readonly sizeBytes: number;
  /** How long the guest stood still. */
  readonly stopNs: bigint;
  /** From the request to the finished image. */
  readonly totalNs: bigint;
}

/** What an image says of the machine beside its guest's state. */
export interface Identity {
  readonly name: string;
  readonly moduleName: string;
  readonly includeModule: boolean;
}

export function takeSnapshot(guest: GuestProcess, identity: Identity, startNs: bigint): SnapshotResult {
  const stoppedNs = process.hrtime.bigint();
  const ports = imagePorts();
  const state = saveMachine(guest, identity);
  const pages = collectPages(memorySources(guest), ports.scanner);
  const copies = copyPages(pages, new Uint8Array(contentsBytes(pages)));
  const stopNs = process.hrtime.bigint() - stoppedNs;
  const chunks = [...encodeImage(state, copies, ports)];
  const sizeBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return { chunks, sizeBytes, stopNs, totalNs: process.hrtime.bigint() - startNs };
}

function memorySources(guest: GuestProcess): MemorySource[] {
  return guest.instance.memories.map((memory, memoryIndex) => ({
    processIndex: 0,
    memoryIndex,
    bytes: new Uint8Array(memory.buffer),
    memory,
  }));
}

/** Everything but the contents of the memories. Throws WVM_SNAPSHOT_UNSUPPORTED. */
function saveMachine(guest: GuestProcess, { name, moduleName, includeModule }: Identity): MachineState {
  const { instance, activation, fuelLeft, entries } = guest.save();
  const { kernel, process: owner, pending, thread, compiled } = guest;
  const { original, hash } = compiled;
  return {
    producer: PRODUCER,
    features: featuresOf(original),
    name,
    fuelUsed: guest.fuelUsed,
    modules: [{ hash, name: moduleName, bytes: includeModule ? original.bytes : null }],
    kernel: kernel.save(),
    processes: [
      {
        pid: owner.pid,
        parentPid: null,
        instance,
        threads: [
          {
            tid: thread.tid,
            activations: activation.frames.length === 0 ? [] : [activation],
            fuelLeft,
            pending: { kind: pending },
            entries,
          },
        ],
      },
    ],
  };
}
