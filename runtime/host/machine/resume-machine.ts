// An image, or a snapshot of a store, -> a machine that waits for run(). Everything is checked before anything is kept.

import { WvmError } from '../../base/wvm-error.ts';
import type { CompiledModule } from '../../engine/compile.ts';
import { decodeImage, decodeImageStream, type MemorySink } from '../../snapshot/decode-image.ts';
import { checkFeatures } from '../../snapshot/features.ts';
import { FILE_PROCESS_INDEX } from '../../snapshot/file-pages.ts';
import type { MachineState } from '../../snapshot/machine-state.ts';
import type { PageList } from '../../snapshot/pages-record.ts';
import type { ImageLimits } from '../../snapshot/validate-machine.ts';
import { imagePorts } from '../images/image-ports.ts';
import { compileWithCache } from '../programs/recent-modules.ts';
import { FEATURES } from './features.ts';
import { closeHost, type HostParts, openHost } from './host-parts.ts';
import type { ResumeOptions } from './machine-options.ts';

const PAGE_BYTES = 4096;
const FILL_PAGES = 64;
/** Summed while the cache still has it. */
const PIECE_BYTES = 131072;

/** A machine whose memories are still to be filled. */
interface Resumable {
  /** Of each process, in the order of the image. */
  memoryObjects(): readonly (readonly { readonly buffer: ArrayBufferLike }[])[];
  fillFilePages(index: number, firstPage: number, bytes: Uint8Array): void;
  kill(): void;
}

type MakeMachine<Machine> = (
  /** By hash. */
  programs: ReadonlyMap<string, CompiledModule>,
  options: ResumeOptions & { programName: string },
  host: HostParts,
  state: MachineState,
) => Machine;

/** Decodes a whole machine into `sink`; fails if anything is wrong with it. */
export type ReadMachine = (sink: MemorySink, limits: ImageLimits) => unknown;

export function readImage(image: Uint8Array | AsyncIterable<Uint8Array>): ReadMachine {
  return (sink, limits) => {
    if (image instanceof Uint8Array) return decodeImage(image, sink, imagePorts(), limits);
    return decodeImageStream(image, sink, imagePorts(), limits);
  };
}

export async function resumeMachine<Machine extends Resumable>(
  read: ReadMachine,
  options: ResumeOptions,
  limits: ImageLimits,
  make: MakeMachine<Machine>,
): Promise<Machine> {
  const sink = new ResumeSink(options, make);
  try {
    await read(sink, limits);
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
  #memories: { memory: object; bytes: Uint8Array }[][] = [];

  constructor(options: ResumeOptions, make: MakeMachine<Machine>) {
    this.#options = options;
    this.#make = make;
  }

  open(state: MachineState): void {
    this.machine = restoreMachine(state, this.#options, this.#make);
    this.#memories = this.machine
      .memoryObjects()
      .map((memories) => memories.map((memory) => ({ memory, bytes: new Uint8Array(memory.buffer) })));
  }

  write(processIndex: number, memoryIndex: number, firstPage: number, bytes: Uint8Array): void {
    if (processIndex === FILE_PROCESS_INDEX) this.machine!.fillFilePages(memoryIndex, firstPage, bytes);
    else this.#memories[processIndex]![memoryIndex]!.bytes.set(bytes, firstPage * PAGE_BYTES);
  }

  fill({ processIndex, memoryIndex, runs, pageCount }: PageList, contents: Uint8Array): bigint | undefined {
    // For a few pages an instance of the checksum for this memory costs more than it saves.
    if (pageCount < FILL_PAGES || processIndex === FILE_PROCESS_INDEX) return undefined;
    const { memory, bytes } = this.#memories[processIndex]![memoryIndex]!;
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
  const programs = new Map<string, CompiledModule>();
  for (const { instance } of state.processes) {
    if (!programs.has(instance.moduleHash))
      programs.set(instance.moduleHash, programOf(state, instance.moduleHash, options));
  }
  const host = openHost(options, carriesOutput(state));
  try {
    const root = state.modules.find(({ hash }) => hash === state.processes[0]!.instance.moduleHash)!;
    return make(programs, { programName: root.name, ...options }, host, state);
  } catch (error) {
    closeHost(host);
    throw error;
  }
}

/** Output that its machine had not let out. The kernel has not checked the record yet. */
function carriesOutput({ kernel }: MachineState): boolean {
  const { unread } = (kernel ?? {}) as { unread?: unknown };
  return Array.isArray(unread) && unread.slice(1).some((bytes) => bytes instanceof Uint8Array && bytes.length > 0);
}

/** The program that the image or the caller has under this hash. */
function programOf(state: MachineState, moduleHash: string, options: ResumeOptions): CompiledModule {
  const module = state.modules.find(({ hash }) => hash === moduleHash);
  const bytes = module?.bytes ?? options.module;
  if (bytes === undefined) {
    throw new WvmError('WVM_MODULE_MISSING', `the image names its module by hash only: ${moduleHash}`, {
      hint: 'give the original program with --module FILE',
    });
  }
  const compiled = compileWithCache(bytes, options);
  if (compiled.hash !== moduleHash) {
    throw new WvmError('WVM_MODULE_MISSING', `the module given is ${compiled.hash}, the image needs ${moduleHash}`);
  }
  return compiled;
}
