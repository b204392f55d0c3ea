// An image -> a machine that waits for run(). Everything is checked before anything is kept.

import { WvmError } from '../base/wvm-error.ts';
import type { CompiledModule } from '../engine/compile.ts';
import { decodeImage, decodeImageStream, type MemorySink } from '../snapshot/decode-image.ts';
import { checkFeatures } from '../snapshot/features.ts';
import type { MachineState } from '../snapshot/machine-state.ts';
import type { PageList } from '../snapshot/pages-record.ts';
import { FEATURES } from './features.ts';
import { closeHost, type HostParts, openHost } from './host-parts.ts';
import { imagePorts } from './image-ports.ts';
import type { ResumeOptions } from './machine.ts';
import { compileWithCache } from './recent-modules.ts';

const PAGE_BYTES = 4096;
const FILL_PAGES = 64;
/** Summed while the cache still has it. */
const PIECE_BYTES = 131072;

/** A machine whose memories are still to be filled. */
interface Resumable {
  memoryObjects(): readonly { readonly buffer: ArrayBufferLike }[];
  kill(): void;
}

type MakeMachine<Machine> = (
  compiled: CompiledModule,
  options: ResumeOptions & { programName: string },
  host: HostParts,
  state: MachineState,
) => Machine;

export async function resumeMachine<Machine extends Resumable>(
  image: Uint8Array | AsyncIterable<Uint8Array>,
  options: ResumeOptions,
  limits: { readonly maxMemoryBytes: number },
  make: MakeMachine<Machine>,
): Promise<Machine> {
  const sink = new ResumeSink(options, make);
  try {
    if (image instanceof Uint8Array) decodeImage(image, sink, imagePorts(), limits);
    else await decodeImageStream(image, sink, imagePorts(), limits);
  } catch (error) {
    sink.machine?.kill();
    throw error;
  }
  return sink.machine!;
}

/** Takes the pages of an image into a machine that is made when the records are known. */
class ResumeSink<Machine extends Resumable> implements MemorySink {
  machine: Machine | undefined;
  readonly #options: ResumeOptions;
  readonly #make: MakeMachine<Machine>;
  #memories: { memory: object; bytes: Uint8Array }[] = [];

  constructor(options: ResumeOptions, make: MakeMachine<Machine>) {
    this.#options = options;
    this.#make = make;
  }

  open(state: MachineState): void {
    this.machine = restoreMachine(state, this.#options, this.#make);
    this.#memories = this.machine.memoryObjects().map((memory) => {
      return { memory, bytes: new Uint8Array(memory.buffer) };
    });
  }

  write(_processIndex: number, memoryIndex: number, firstPage: number, bytes: Uint8Array): void {
    this.#memories[memoryIndex]!.bytes.set(bytes, firstPage * PAGE_BYTES);
  }

  fill({ memoryIndex, runs, pageCount }: PageList, contents: Uint8Array): bigint | undefined {
    // For a few pages an instance of the checksum for this memory costs more than it saves.
    if (pageCount < FILL_PAGES) return undefined;
    const { memory, bytes } = this.#memories[memoryIndex]!;
    const { stripes } = imagePorts();
    const absorb = stripes.absorbIn(memory);
    if (absorb === undefined) return undefined;
    stripes.start();
    let from = 0;
    for (let i = 0; i < runs.length; i += 2) {
      let at = runs[i]! * PAGE_BYTES;
      const end = at + runs[i + 1]! * PAGE_BYTES;
      while (at < end) {
        const size = Math.min(end - at, PIECE_BYTES);
        bytes.set(contents.subarray(from, from + size), at);
        absorb(at, size);
        at += size;
        from += size;
      }
    }
    return stripes.finish(pageCount * PAGE_BYTES);
  }
}

function restoreMachine<Machine>(state: MachineState, options: ResumeOptions, make: MakeMachine<Machine>): Machine {
  checkFeatures(state.features, FEATURES, options.features ?? 'strict');
  if (state.processes.length !== 1 || state.processes[0]!.threads.length !== 1) {
    throw new WvmError('WVM_IMAGE_FEATURE', 'the image holds more than one process or thread');
  }
  if (state.processes[0]!.threads[0]!.activations.length > 1) {
    throw new WvmError('WVM_IMAGE_FEATURE', 'a thread of the image has host calls between its frames');
  }
  const { moduleHash } = state.processes[0]!.instance;
  const module = state.modules.find((entry) => entry.hash === moduleHash);
  const bytes = module?.bytes ?? options.module;
  if (bytes === undefined) {
    throw new WvmError('WVM_MODULE_MISSING', `the image names its module by hash only: ${moduleHash}`, {
      hint: 'give the original program with --module FILE',
    });
  }
  const compiled = compileWithCache(bytes, options.cacheDirectory);
  if (compiled.hash !== moduleHash) {
    throw new WvmError('WVM_MODULE_MISSING', `the module given is ${compiled.hash}, the image needs ${moduleHash}`);
  }
  const host = openHost(options);
  try {
    return make(compiled, { programName: module!.name, ...options }, host, state);
  } catch (error) {
    closeHost(host);
    throw error;
  }
}
