// The bytes of an image -> the machine, as a coroutine: it yields what it needs next and is given it. So the same parser
// reads a buffer without waiting, a stream in chunks of any size, and a file with seeks over what it does not need
// (decode-image.ts drives it).
//
// 1. Header. 2. Every record up to the pages: the header's checksum before its length is used, the payload's before it is
// decoded, the order of types exactly as written. 3. The whole machine is checked, then the visitor opens it. 4. Page
// blocks: list, then contents, each checked before the visitor sees it. 5. END ties the records together; trailer; end.
// No count is believed before the bytes that it counts are there.

import type { InstanceState, ThreadState } from '../engine/state.ts';
import { MAX_FILE_BYTES } from '../kernel/vfs/file-pages.ts';
import { badImage } from './bad-image.ts';
import { decodeEndRecord } from './end-record.ts';
import { FILE_PROCESS_INDEX, totalFileBytes } from './file-pages.ts';
import {
  checkHeader,
  checkMagicOf,
  checkSum,
  decodeRecordHeader,
  decodeTrailer,
  HEADER_BYTES,
  MAX_CONTENTS_BYTES,
  paddingBytes,
  RECORD_HEADER_BYTES,
  type RecordHeader,
  RecordType,
  recordTypeName,
  TRAILER_BYTES,
} from './image-layout.ts';
import type { Digest, ImagePorts } from './image-ports.ts';
import { decodeInstanceRecord } from './instance-record.ts';
import { decodeMachineRecord, type MachineRecord } from './machine-record.ts';
import type { MachineState, ModuleState, ProcessState } from './machine-state.ts';
import { decodeModuleRecord } from './module-record.ts';
import { PAGE_BYTES } from './page-scanner.ts';
import { decodePagesRecord, type PageList } from './pages-record.ts';
import { decodePlainData } from './plain-data.ts';
import { RecordChain } from './record-chain.ts';
import { RecordReader } from './record-reader.ts';
import { checksum } from './stripes.ts';
import { decodeThreadRecord } from './thread-record.ts';
import { decodeTreeRecord, type TreeRecord } from './tree-record.ts';
import {
  defaultImageLimits,
  findMachineProblem,
  type ImageLimits,
  memoryPages,
  totalMemoryBytes,
} from './validate-machine.ts';

/** What the parser asks for. The answer is undefined if there is not so much left; the answer to 'skip' is empty. */
export interface Need {
  /** 'read' gives exactly `sizeBytes`; 'probe' gives what is left, up to `sizeBytes`. */
  readonly kind: 'read' | 'skip' | 'probe';
  readonly sizeBytes: number;
}

export type Parser<Result> = Generator<Need, Result, Uint8Array | undefined>;

export interface ImageVisitor {
  /** Every record, as soon as its header is read. `offset` is where the header begins. */
  record?(type: RecordType, offset: number, payloadBytes: number): void;
  /** The checked machine, before its pages. Throws to refuse it. */
  open(machine: MachineState): void;
  /** One page block; no contents if the parser skips them. The bytes are valid during the call only. */
  block(list: PageList, contents: Uint8Array | undefined): void;
  /** In the place of block(): takes contents that are still unchecked and gives their checksum. Undefined: it does not. */
  fill?(list: PageList, contents: Uint8Array): bigint | undefined;
}

export interface ParseOptions {
  /** Page contents: read and check them, or skip over them unseen. */
  readonly contents: 'read' | 'skip';
  /** Compute the SHA-256 of the whole and compare it with the trailer's; needs `contents: 'read'`. */
  readonly verifyDigest: boolean;
  readonly limits: ImageLimits;
}

export type DecodePorts = Pick<ImagePorts, 'digest' | 'stripes'>;

export function* parseImage(visitor: ImageVisitor, ports: DecodePorts, options: ParseOptions): Parser<MachineState> {
  const parser = new ImageParser(visitor, ports, options);
  yield* parser.fileHeader();
  const machine = yield* parser.machine();
  visitor.open(machine);
  yield* parser.pages(machine);
  yield* parser.trailer();
  return machine;
}

/** The first two records only; what follows is not looked at. */
export function* parseTree(ports: DecodePorts): Parser<{ machine: MachineRecord; tree: TreeRecord }> {
  const nobody: ImageVisitor = { open: () => {}, block: () => {} };
  const parser = new ImageParser(nobody, ports, { contents: 'skip', verifyDigest: false, limits: defaultImageLimits });
  yield* parser.fileHeader();
  return yield* parser.tree();
}

class ImageParser {
  readonly #visitor: ImageVisitor;
  readonly #ports: DecodePorts;
  readonly #options: ParseOptions;
  readonly #sha256: Digest | undefined;
  readonly #chain = new RecordChain();
  #offset = 0;

  constructor(visitor: ImageVisitor, ports: DecodePorts, options: ParseOptions) {
    this.#visitor = visitor;
    this.#ports = ports;
    this.#options = options;
    this.#sha256 = options.verifyDigest ? ports.digest.sha256() : undefined;
  }

  /** What is no image is told from one that is cut short, however short it is. */
  *fileHeader(): Parser<void> {
    const bytes = (yield { kind: 'probe', sizeBytes: HEADER_BYTES })!;
    if (bytes.length < HEADER_BYTES) {
      checkMagicOf(bytes);
      throw this.#truncated('header');
    }
    checkHeader(this.#ports.stripes, bytes);
    this.#offset += HEADER_BYTES;
    this.#sha256?.update(bytes);
  }

  *tree(): Parser<{ machine: MachineRecord; tree: TreeRecord }> {
    const machine = decodeMachineRecord(yield* this.#payload(RecordType.MACHINE));
    const tree = decodeTreeRecord(yield* this.#payload(RecordType.TREE));
    return { machine, tree };
  }

  *machine(): Parser<MachineState> {
    const { machine: head, tree } = yield* this.tree();
    const modules: ModuleState[] = [];
    for (let i = 0; i < tree.moduleCount; i++) {
      modules.push(decodeModuleRecord(yield* this.#payload(RecordType.MODULE), this.#ports.digest));
    }
    const kernelRecord = yield* this.#payload(RecordType.KERNEL);
    const kernel = decodePlainData(kernelRecord);
    kernelRecord.end();
    const instances: InstanceState[] = [];
    for (const _ of tree.processes) instances.push(decodeInstanceRecord(yield* this.#payload(RecordType.INSTANCE)));
    const processes: ProcessState[] = [];
    for (const [index, { pid, parentPid, name, scheduling, tids }] of tree.processes.entries()) {
      const threads: ThreadState[] = [];
      for (const tid of tids) {
        const record = yield* this.#payload(RecordType.THREAD);
        const thread = decodeThreadRecord(record);
        if (thread.tid !== tid) throw record.bad(`tid ${thread.tid}, but the tree has ${tid} here`);
        threads.push(thread);
      }
      processes.push({ pid, parentPid, name, scheduling, instance: instances[index]!, threads });
    }
    const machine: MachineState = { ...head, modules, kernel, processes };
    const problem = findMachineProblem(machine);
    if (problem !== undefined) throw badImage('WVM_IMAGE_BAD_RECORD', 'machine', problem);
    const memoryBytes = totalMemoryBytes(machine);
    const { maxMemoryBytes } = this.#options.limits;
    if (memoryBytes > maxMemoryBytes) {
      throw badImage('WVM_IMAGE_LIMIT', 'machine', `${memoryBytes} bytes of memory; at most ${maxMemoryBytes}`);
    }
    const fileBytes = totalFileBytes(kernel);
    if (fileBytes > MAX_FILE_BYTES) {
      throw badImage('WVM_IMAGE_LIMIT', 'machine', `${fileBytes} bytes of files; at most ${MAX_FILE_BYTES}`);
    }
    return machine;
  }

  /** Page blocks up to and including END. */
  *pages(machine: MachineState): Parser<void> {
    let previous: PageList | undefined;
    let pageCount = 0;
    for (;;) {
      const { recordCount } = this.#chain;
      const chain = this.#chain.checksum(this.#ports.stripes);
      const header = yield* this.#header();
      if (header.type === RecordType.END) {
        const record = yield* this.#body(header);
        const end = decodeEndRecord(record);
        const same = end.recordCount === recordCount && end.pageCount === pageCount && end.chain === chain;
        if (!same) throw badImage('WVM_IMAGE_CORRUPT', 'END', 'does not match the records before it');
        return;
      }
      this.#expect(header, RecordType.PAGES);
      const record = yield* this.#body(header);
      const list = decodePagesRecord(record);
      const problem = blockProblem(machine, previous, list);
      if (problem !== undefined) throw record.bad(problem);
      yield* this.#contents(list);
      pageCount += list.pageCount;
      previous = list;
    }
  }

  *#contents(list: PageList): Parser<void> {
    const header = yield* this.#header();
    this.#expect(header, RecordType.CONTENTS);
    if (header.payloadBytes !== list.pageCount * PAGE_BYTES) {
      const what = `${header.payloadBytes} bytes for ${list.pageCount} pages`;
      throw badImage('WVM_IMAGE_BAD_RECORD', placeOf(header), what);
    }
    if (this.#options.contents === 'skip') {
      if ((yield { kind: 'skip', sizeBytes: header.payloadBytes }) === undefined)
        throw this.#truncated(placeOf(header));
      this.#offset += header.payloadBytes;
      this.#visitor.block(list, undefined);
      return;
    }
    const contents = yield* this.take(header.payloadBytes, placeOf(header));
    const filled = this.#visitor.fill?.(list, contents);
    checkSum(header.payloadChecksum, filled ?? checksum(this.#ports.stripes, [contents]), placeOf(header));
    if (filled === undefined) this.#visitor.block(list, contents);
  }

  *trailer(): Parser<void> {
    const sha256 = this.#sha256?.digest();
    const bytes = yield* this.take(TRAILER_BYTES, 'trailer', false);
    const stated = decodeTrailer(this.#ports.stripes, bytes, this.#offset);
    if (sha256 !== undefined && !sha256.every((byte, i) => byte === stated[i])) {
      throw badImage('WVM_IMAGE_CORRUPT', 'trailer', 'the image has another SHA-256 than the trailer states');
    }
    const more = yield { kind: 'probe', sizeBytes: 1 };
    if (more !== undefined && more.length > 0) {
      throw badImage('WVM_IMAGE_CORRUPT', 'trailer', `more bytes after the end, at offset ${this.#offset}`);
    }
  }

  *take(sizeBytes: number, place: string, hashed = true): Parser<Uint8Array> {
    const bytes = yield { kind: 'read', sizeBytes };
    if (bytes === undefined) throw this.#truncated(place);
    this.#offset += sizeBytes;
    if (hashed) this.#sha256?.update(bytes);
    return bytes;
  }

  *#payload(type: RecordType): Parser<RecordReader> {
    const header = yield* this.#header();
    this.#expect(header, type);
    return yield* this.#body(header);
  }

  *#header(): Parser<RecordHeader> {
    const sequence = this.#chain.recordCount;
    const offset = this.#offset;
    const bytes = yield* this.take(RECORD_HEADER_BYTES, `header of record ${sequence}`);
    const header = decodeRecordHeader(this.#ports.stripes, bytes, sequence);
    this.#chain.add(bytes);
    this.#visitor.record?.(header.type, offset, header.payloadBytes);
    return header;
  }

  *#body(header: RecordHeader): Parser<RecordReader> {
    const place = placeOf(header);
    const padding = paddingBytes(header.payloadBytes);
    const bytes = yield* this.take(header.payloadBytes + padding, place);
    const payload = bytes.subarray(0, header.payloadBytes);
    checkSum(header.payloadChecksum, checksum(this.#ports.stripes, [payload]), place);
    for (const byte of bytes.subarray(header.payloadBytes)) {
      if (byte !== 0) throw badImage('WVM_IMAGE_CORRUPT', place, 'padding is not zero');
    }
    return new RecordReader(place, payload);
  }

  #expect(header: RecordHeader, type: RecordType): void {
    if (header.type === type) return;
    const what = `${recordTypeName(header.type)} where ${recordTypeName(type)} belongs`;
    throw badImage('WVM_IMAGE_BAD_RECORD', `record ${header.sequence}`, what);
  }

  #truncated(place: string): Error {
    return badImage('WVM_IMAGE_TRUNCATED', place, `the image ends here, after offset ${this.#offset}`);
  }
}

function placeOf(header: RecordHeader): string {
  return `record ${header.sequence} (${recordTypeName(header.type)})`;
}

/** What is wrong with a block after `previous`. */
function blockProblem(machine: MachineState, previous: PageList | undefined, list: PageList): string | undefined {
  const { processIndex, memoryIndex, runs } = list;
  const pages = memoryPages(machine, processIndex, memoryIndex);
  const isOfFiles = processIndex === FILE_PROCESS_INDEX;
  const name = isOfFiles ? `file system ${memoryIndex}` : `memory ${memoryIndex} of process ${processIndex}`;
  const end = endOf(list);
  if (end > pages) return `page ${end - 1} is outside ${name}, which has ${pages}`;
  if (list.pageCount * PAGE_BYTES > MAX_CONTENTS_BYTES) return `${list.pageCount} pages in one block`;
  if (previous === undefined) return undefined;
  const step = processIndex - previous.processIndex || memoryIndex - previous.memoryIndex;
  if (step > 0) return undefined;
  if (step < 0) return `${name} is out of order`;
  if (previous.pageCount * PAGE_BYTES !== MAX_CONTENTS_BYTES) return `${name} goes on after a block that is not full`;
  return runs[0]! < endOf(previous) ? `page ${runs[0]} of ${name} is out of order` : undefined;
}

function endOf({ runs }: PageList): number {
  return runs[runs.length - 2]! + runs[runs.length - 1]!;
}
