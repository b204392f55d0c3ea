// A stopped machine -> the bytes of its image, in order, without seeking: FORMAT.md in code. The same machine gives the
// same bytes. Chunks are made one by one as they are taken; those with page contents are views of the given blocks.

import { assert } from '../base/assert.ts';
import { WvmError } from '../base/wvm-error.ts';
import { MAX_FILE_BYTES } from '../kernel/vfs/file-pages.ts';
import { encodeEndRecord } from './end-record.ts';
import { totalFileBytes } from './file-pages.ts';
import {
  encodeHeader,
  encodeRecordHeader,
  encodeTrailer,
  MAX_PAYLOAD_BYTES,
  paddingBytes,
  RecordType,
  TRAILER_BYTES,
} from './image-layout.ts';
import type { Digest, ImagePorts } from './image-ports.ts';
import { encodeInstanceRecord } from './instance-record.ts';
import { encodeMachineRecord } from './machine-record.ts';
import type { MachineState } from './machine-state.ts';
import { encodeModuleRecord } from './module-record.ts';
import type { PageBlock } from './page-block.ts';
import { encodePagesRecord } from './pages-record.ts';
import { encodePlainData } from './plain-data.ts';
import { RecordChain } from './record-chain.ts';
import { RecordWriter } from './record-writer.ts';
import { checksum } from './stripes.ts';
import { encodeThreadRecord } from './thread-record.ts';
import { encodeTreeRecord } from './tree-record.ts';
import { findMachineProblem, memoryPages } from './validate-machine.ts';

export type EncodePorts = Pick<ImagePorts, 'digest' | 'stripes'>;

/**
 * `blocks`: of all memories, from collectPages(). The state is read now, so that the machine may go on; the blocks are
 * read as the chunks are taken.
 */
export function encodeImage(
  machine: MachineState,
  blocks: Iterable<PageBlock>,
  ports: EncodePorts,
): Generator<Uint8Array, void, undefined> {
  return writeImage(machine, encodeStateRecords(machine), blocks, ports);
}

/** A record of an image: its payload in one or more pieces. */
export interface ImageRecord {
  readonly type: RecordType;
  readonly parts: readonly Uint8Array[];
}

/** The records of an image before its pages, in order. */
export function encodeStateRecords(machine: MachineState): ImageRecord[] {
  const problem = findMachineProblem(machine);
  assert(problem === undefined, `machine state: ${problem}`);
  return [...stateRecords(machine)];
}

function* stateRecords(machine: MachineState): Generator<ImageRecord, void, undefined> {
  yield payload(RecordType.MACHINE, (record) => encodeMachineRecord(record, machine));
  yield payload(RecordType.TREE, (record) =>
    encodeTreeRecord(record, {
      moduleCount: machine.modules.length,
      processes: machine.processes.map(({ pid, parentPid, name, scheduling, threads }) => {
        return { pid, parentPid, name, scheduling, tids: threads.map(({ tid }) => tid) };
      }),
    }),
  );
  for (const module of machine.modules) {
    const bytes = module.bytes === null ? [] : [module.bytes];
    yield payload(RecordType.MODULE, (record) => encodeModuleRecord(record, module), bytes);
  }
  yield kernelRecord(machine);
  for (const { instance } of machine.processes) {
    yield payload(RecordType.INSTANCE, (record) => encodeInstanceRecord(record, instance));
  }
  for (const { threads } of machine.processes) {
    for (const thread of threads) yield payload(RecordType.THREAD, (record) => encodeThreadRecord(record, thread));
  }
}

/** Names and places of files in memory are in it, and the bytes in pipes: that may be more than a record holds. */
function kernelRecord({ kernel }: MachineState): ImageRecord {
  const fileBytes = totalFileBytes(kernel);
  if (fileBytes > MAX_FILE_BYTES) {
    const message = `snapshot: files in memory have ${fileBytes} bytes; an image holds at most ${MAX_FILE_BYTES}`;
    throw new WvmError('WVM_SNAPSHOT_UNSUPPORTED', message);
  }
  const record = payload(RecordType.KERNEL, (out) => encodePlainData(out, kernel));
  const sizeBytes = record.parts[0]!.length;
  const longest = MAX_PAYLOAD_BYTES[RecordType.KERNEL]!;
  if (sizeBytes <= longest) return record;
  throw new WvmError(
    'WVM_SNAPSHOT_UNSUPPORTED',
    `snapshot: the state of the kernel has ${sizeBytes} bytes; an image holds at most ${longest}`,
    { hint: 'what fills it are names of files in memory, data in pipes, or input that was read ahead' },
  );
}

/** `rest`: bytes of the payload after those that `encode` writes, passed on as they are. */
function payload(
  type: RecordType,
  encode: (record: RecordWriter) => void,
  rest: readonly Uint8Array[] = [],
): ImageRecord {
  const record = new RecordWriter();
  encode(record);
  return { type, parts: [record.bytes, ...rest] };
}

function* writeImage(
  machine: MachineState,
  state: readonly ImageRecord[],
  blocks: Iterable<PageBlock>,
  ports: EncodePorts,
): Generator<Uint8Array, void, undefined> {
  const out = new ImageWriter(ports);
  yield* out.begin(state);
  for (const block of blocks) {
    const { list } = block;
    const last = list.runs[list.runs.length - 2]! + list.runs[list.runs.length - 1]!;
    assert(last <= memoryPages(machine, list.processIndex, list.memoryIndex), `page ${last} is outside its memory`);
    yield* out.block(block);
  }
  yield* out.end();
}

/** The bytes of an image: begin(), block() for each block of pages in order, end(). */
export class ImageWriter {
  #pageCount = 0;
  readonly #ports: EncodePorts;
  readonly #sha256: Digest;
  readonly #chain = new RecordChain();
  #writtenBytes = 0;

  constructor(ports: EncodePorts) {
    this.#ports = ports;
    this.#sha256 = ports.digest.sha256();
  }

  *begin(state: readonly ImageRecord[]): Generator<Uint8Array, void, undefined> {
    yield* this.#emit(encodeHeader(this.#ports.stripes));
    for (const record of state) yield* this.#record(record);
  }

  *block({ list, contents }: PageBlock): Generator<Uint8Array, void, undefined> {
    yield* this.#record(payload(RecordType.PAGES, (record) => encodePagesRecord(record, list)));
    yield* this.#record({ type: RecordType.CONTENTS, parts: contents });
    this.#pageCount += list.pageCount;
  }

  *#record({ type, parts }: ImageRecord): Generator<Uint8Array, void, undefined> {
    let payloadBytes = 0;
    for (const part of parts) payloadBytes += part.length;
    const payloadChecksum = checksum(this.#ports.stripes, parts);
    const sequence = this.#chain.recordCount;
    const header = encodeRecordHeader(this.#ports.stripes, { type, sequence, payloadBytes, payloadChecksum });
    this.#chain.add(header);
    yield* this.#emit(header);
    for (const part of parts) yield* this.#emit(part);
    yield* this.#emit(new Uint8Array(paddingBytes(payloadBytes)));
  }

  *end(): Generator<Uint8Array, void, undefined> {
    const { recordCount } = this.#chain;
    const chain = this.#chain.checksum(this.#ports.stripes);
    const end = { recordCount, pageCount: this.#pageCount, chain };
    yield* this.#record(payload(RecordType.END, (record) => encodeEndRecord(record, end)));
    yield encodeTrailer(this.#ports.stripes, this.#writtenBytes + TRAILER_BYTES, this.#sha256.digest());
  }

  *#emit(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    if (chunk.length === 0) return;
    this.#sha256.update(chunk);
    this.#writtenBytes += chunk.length;
    yield chunk;
  }
}
