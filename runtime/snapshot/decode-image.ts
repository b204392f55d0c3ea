// Images from a buffer, a stream or a file: drivers of the parser, and the sink that takes the pages at resume.
//
// decodeImage() never waits: a machine that lies in a buffer resumes in one go. decodeImageStream() holds at most one
// record at a time. driveFile() seeks over what the parser skips, for `wvm inspect`.

import type { MachineState } from './machine-state.ts';
import { PAGE_BYTES } from './page-scanner.ts';
import type { PageList } from './pages-record.ts';
import { type DecodePorts, type ImageVisitor, type Need, type Parser, parseImage } from './parse-image.ts';
import { defaultImageLimits, type ImageLimits } from './validate-machine.ts';

/** Where the pages of a resumed machine go. Its memories hold zeros before. */
export interface MemorySink {
  /** The machine is checked, as far as its state says; makes the memories. Throws to refuse the image. */
  open(machine: MachineState): void;
  /** One or more checked 4 KiB pages from `firstPage` on. The bytes are valid during the call only. */
  write(processIndex: number, memoryIndex: number, firstPage: number, bytes: Uint8Array): void;
  /**
   * Takes a whole block before it is checked, and returns the checksum of its pages as they now lie in memory: one pass
   * over the bytes less. Undefined, and nothing taken, if it cannot.
   */
  fill?(list: PageList, contents: Uint8Array): bigint | undefined;
}

/** A file: `read` gives exactly the bytes asked for, or fewer at its end. */
export interface RandomAccess {
  read(offset: number, sizeBytes: number): Uint8Array;
}

/** If it throws, what the sink has taken so far must not be used. */
export function decodeImage(
  image: Uint8Array,
  sink: MemorySink,
  ports: DecodePorts,
  limits: ImageLimits = defaultImageLimits,
): MachineState {
  return driveBuffer(image, parseImage(sinkVisitor(sink), ports, { contents: 'read', verifyDigest: false, limits }));
}

/** The same for an image that comes in chunks of any size. */
export function decodeImageStream(
  chunks: AsyncIterable<Uint8Array>,
  sink: MemorySink,
  ports: DecodePorts,
  limits: ImageLimits = defaultImageLimits,
): Promise<MachineState> {
  return driveStream(chunks, parseImage(sinkVisitor(sink), ports, { contents: 'read', verifyDigest: false, limits }));
}

function sinkVisitor(sink: MemorySink): ImageVisitor {
  return {
    open: (machine) => sink.open(machine),
    fill: (list, contents) => sink.fill?.(list, contents),
    block(list: PageList, contents: Uint8Array | undefined): void {
      let at = 0;
      for (let i = 0; i < list.runs.length; i += 2) {
        const end = at + list.runs[i + 1]! * PAGE_BYTES;
        sink.write(list.processIndex, list.memoryIndex, list.runs[i]!, contents!.subarray(at, end));
        at = end;
      }
    },
  };
}

const NOTHING = new Uint8Array(0);

function driveBuffer<Result>(image: Uint8Array, parser: Parser<Result>): Result {
  let at = 0;
  let step = parser.next();
  while (!step.done) {
    const { kind, sizeBytes } = step.value;
    const end = Math.min(at + sizeBytes, image.length);
    const enough = kind === 'probe' || end - at === sizeBytes;
    const answer = enough ? image.subarray(at, end) : undefined;
    at = end;
    step = parser.next(answer);
  }
  return step.value;
}

export function driveFile<Result>(file: RandomAccess, parser: Parser<Result>): Result {
  let at = 0;
  let step = parser.next();
  while (!step.done) {
    const { kind, sizeBytes } = step.value;
    let answer: Uint8Array | undefined;
    if (kind === 'skip') {
      // A skip past the end shows at the next read: every image goes on after the contents of a page block.
      answer = NOTHING;
    } else {
      const bytes = file.read(at, sizeBytes);
      answer = kind === 'probe' || bytes.length === sizeBytes ? bytes : undefined;
    }
    at += sizeBytes;
    step = parser.next(answer);
  }
  return step.value;
}

export async function driveStream<Result>(chunks: AsyncIterable<Uint8Array>, parser: Parser<Result>): Promise<Result> {
  const queue = new ChunkQueue(chunks);
  try {
    let step = parser.next();
    while (!step.done) step = parser.next(await queue.answer(step.value));
    return step.value;
  } finally {
    await queue.close();
  }
}

/** Chunks of any size in, pieces of the wanted size out: the answers to what a parser asks for. */
export class ChunkQueue {
  readonly #source: AsyncIterator<Uint8Array>;
  /** What is left of the last chunk. */
  #rest: Uint8Array = NOTHING;
  #ended = false;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#source = chunks[Symbol.asyncIterator]();
  }

  async answer({ kind, sizeBytes }: Need): Promise<Uint8Array | undefined> {
    // Grows with what arrives, never to a size that the image merely claims.
    const pieces: Uint8Array[] = [];
    let gathered = 0;
    while (gathered < sizeBytes) {
      if (this.#rest.length === 0) {
        if (!(await this.#refill())) break;
        continue;
      }
      const piece = this.#rest.subarray(0, sizeBytes - gathered);
      this.#rest = this.#rest.subarray(piece.length);
      gathered += piece.length;
      if (kind !== 'skip') pieces.push(piece);
    }
    if (gathered < sizeBytes && kind !== 'probe') return undefined;
    return pieces.length === 1 ? pieces[0]! : join(pieces);
  }

  async close(): Promise<void> {
    if (!this.#ended) await this.#source.return?.();
  }

  async #refill(): Promise<boolean> {
    const { done, value } = await this.#source.next();
    if (done) this.#ended = true;
    else this.#rest = value;
    return !done;
  }
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const piece of pieces) size += piece.length;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
