// What an image holds, as data that JSON can carry: `wvm inspect`. Reads the records; of the page blocks only the lists,
// unless the whole is to be verified. Names come from the modules, if they are in the image or given.

import { WvmError } from '../base/wvm-error.ts';
import type { ActivationState, FrameState, InstanceState, PendingState, ThreadState } from '../engine/state.ts';
import type { WasmModule } from '../wasm/module.ts';
import { functionName, globalNames, localNames, memoryNames, tableNames } from '../wasm/names.ts';
import { parseModule } from '../wasm/parse.ts';
import { driveFile, driveStream, type RandomAccess } from './decode-image.ts';
import {
  describeCall,
  describeFds,
  describeFileSystems,
  describeScheduling,
  type FdDescription,
  type FileSystemDescription,
} from './describe-kernel.ts';
import {
  FORMAT_VERSION,
  HEADER_BYTES,
  paddingBytes,
  RECORD_HEADER_BYTES,
  type RecordType,
  recordTypeName,
  TRAILER_BYTES,
} from './image-layout.ts';
import type { FeatureSets, MachineState, ProcessState } from './machine-state.ts';
import { PAGE_BYTES } from './page-scanner.ts';
import type { PageList } from './pages-record.ts';
import {
  type DecodePorts,
  type ImageVisitor,
  type ParseOptions,
  type Parser,
  parseImage,
  parseTree,
} from './parse-image.ts';
import type { ProcessEntry } from './tree-record.ts';
import { WASM_PAGE_BYTES } from './validate-machine.ts';
import { describeValue, exceptionText, type JsonData, jsonData, type ValueDescription } from './value-text.ts';

export interface SectionDescription {
  /** "MACHINE", "THREAD", … */
  readonly type: string;
  readonly recordCount: number;
  /** Headers and padding included. */
  readonly sizeBytes: number;
}

export interface ModuleDescription {
  readonly hash: string;
  readonly name: string;
  /** Null if the image names the module by its hash only. */
  readonly sizeBytes: number | null;
}

/** A stretch of memory that the image holds; everything outside is zero. */
export interface MemoryRun {
  readonly addr: number;
  readonly sizeBytes: number;
}

export interface MemoryDescription {
  readonly index: number;
  readonly name: string | null;
  readonly sizeBytes: number;
  readonly maxSizeBytes: number | null;
  readonly shared: boolean;
  readonly is64: boolean;
  readonly savedBytes: number;
  readonly runs: readonly MemoryRun[];
}

export interface NamedValue {
  readonly index: number;
  readonly name: string | null;
  /** Null: not saved (a dead local, an immutable global). */
  readonly value: ValueDescription | null;
}

export interface FrameDescription {
  readonly functionIndex: number;
  readonly functionName: string | null;
  readonly codeOffset: number;
  /** Where that is in the module file, as other tools count; null without the module. */
  readonly moduleOffset: number | null;
  readonly kind: 'call' | 'poll';
  readonly locals: readonly NamedValue[];
  readonly stack: readonly ValueDescription[];
  /** Exceptions of the catch clauses around the instruction, outermost first; null for one that is not needed. */
  readonly caught: readonly (string | null)[];
}

export interface ThreadDescription {
  readonly tid: number;
  /** "nice 5", "FIFO 50"; '' of SCHED_OTHER with nice 0. */
  readonly scheduling: string;
  readonly fuelLeft: number;
  /** How it goes on: at a safe point, with a call or its result; 'entry': with the next of `entries`. */
  readonly pending: PendingState['kind'] | 'entry';
  /** The kernel's record of the thread, if it waits in a call: which one, and how far it was. */
  readonly call: JsonData;
  /** Names, or "func 3", of the functions that are called when the activations have returned. */
  readonly entries: readonly string[];
  /** The innermost first, and in each the innermost frame first, as backtraces are read. */
  readonly activations: readonly (readonly FrameDescription[])[];
  /** Further stacks of the thread, which do not run; 0 is the one that it began with. */
  readonly contexts: readonly { readonly id: string; readonly activations: readonly (readonly FrameDescription[])[] }[];
}

export interface ProcessDescription {
  readonly pid: number;
  readonly parentPid: number | null;
  readonly name: string;
  readonly moduleHash: string;
  readonly memories: readonly MemoryDescription[];
  /** Mutable ones. */
  readonly globals: readonly NamedValue[];
  readonly tables: readonly {
    readonly index: number;
    readonly name: string | null;
    readonly entryCount: number | null;
  }[];
  readonly droppedElements: readonly number[];
  readonly droppedData: readonly number[];
  readonly fds: readonly FdDescription[];
  readonly threads: readonly ThreadDescription[];
}

export interface ImageDescription {
  readonly formatVersion: number;
  readonly producer: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly fuelUsed: string;
  readonly features: FeatureSets;
  readonly sections: readonly SectionDescription[];
  readonly modules: readonly ModuleDescription[];
  readonly processes: readonly ProcessDescription[];
  readonly fileSystems: readonly FileSystemDescription[];
  /** The kernel's own record as it is: clocks, grants, open files. */
  readonly kernel: JsonData;
}

export interface InspectOptions {
  /** Read everything, compare every checksum and the SHA-256 of the whole. */
  readonly verify?: boolean;
  /** Modules that the image names by hash only. */
  readonly findModule?: (hash: string) => Uint8Array | undefined;
}

export function inspectImageFile(
  file: RandomAccess,
  ports: DecodePorts,
  options: InspectOptions = {},
): ImageDescription {
  return driveFile(file, inspect(ports, options));
}

export function inspectImageBytes(image: Uint8Array, ports: DecodePorts): ImageDescription {
  return inspectImageFile({ read: (offset, sizeBytes) => image.subarray(offset, offset + sizeBytes) }, ports);
}

export function inspectImageStream(
  chunks: AsyncIterable<Uint8Array>,
  ports: DecodePorts,
  options: InspectOptions = {},
): Promise<ImageDescription> {
  return driveStream(chunks, inspect(ports, options));
}

/** What the first two records say: reads a prefix of the image, however large it is. */
export interface TreeDescription {
  readonly producer: string;
  readonly name: string;
  readonly features: FeatureSets;
  readonly processes: readonly ProcessEntry[];
}

export function inspectTreeFile(file: RandomAccess, ports: DecodePorts): TreeDescription {
  return driveFile(file, inspectTree(ports));
}

function* inspectTree(ports: DecodePorts): Parser<TreeDescription> {
  const { machine, tree } = yield* parseTree(ports);
  return { producer: machine.producer, name: machine.name, features: machine.features, processes: tree.processes };
}

function* inspect(ports: DecodePorts, options: InspectOptions): Parser<ImageDescription> {
  const verify = options.verify === true;
  const parseOptions: ParseOptions = {
    contents: verify ? 'read' : 'skip',
    verifyDigest: verify,
    // Nothing is allocated for the memories.
    limits: { maxMemoryBytes: Number.MAX_SAFE_INTEGER },
  };
  const outline = new Outline();
  const machine = yield* parseImage(outline, ports, parseOptions);
  return describeMachine(machine, outline, options.findModule ?? (() => undefined));
}

/** Sizes and page lists, collected while an image is parsed. */
class Outline implements ImageVisitor {
  readonly sections: Map<RecordType, { recordCount: number; sizeBytes: number }> = new Map();
  readonly #runs: Map<string, MemoryRun[]> = new Map();
  sizeBytes: number = HEADER_BYTES + TRAILER_BYTES;

  record(type: RecordType, _offset: number, payloadBytes: number): void {
    let section = this.sections.get(type);
    if (section === undefined) this.sections.set(type, (section = { recordCount: 0, sizeBytes: 0 }));
    const sizeBytes = RECORD_HEADER_BYTES + payloadBytes + paddingBytes(payloadBytes);
    section.recordCount++;
    section.sizeBytes += sizeBytes;
    this.sizeBytes += sizeBytes;
  }

  open(): void {}

  block({ processIndex, memoryIndex, runs }: PageList): void {
    const all = this.runsOf(processIndex, memoryIndex);
    for (let i = 0; i < runs.length; i += 2) {
      const run = { addr: runs[i]! * PAGE_BYTES, sizeBytes: runs[i + 1]! * PAGE_BYTES };
      const last = all.at(-1);
      // A run that was split between two blocks.
      if (last !== undefined && last.addr + last.sizeBytes === run.addr) {
        all[all.length - 1] = { addr: last.addr, sizeBytes: last.sizeBytes + run.sizeBytes };
      } else {
        all.push(run);
      }
    }
  }

  runsOf(processIndex: number, memoryIndex: number): MemoryRun[] {
    const key = `${processIndex}/${memoryIndex}`;
    let runs = this.#runs.get(key);
    if (runs === undefined) this.#runs.set(key, (runs = []));
    return runs;
  }
}

function describeMachine(
  machine: MachineState,
  outline: Outline,
  findModule: (hash: string) => Uint8Array | undefined,
): ImageDescription {
  const modules = new Map<string, WasmModule | undefined>();
  for (const { hash, bytes } of machine.modules) modules.set(hash, parseLeniently(bytes ?? findModule(hash)));
  return {
    formatVersion: FORMAT_VERSION,
    producer: machine.producer,
    name: machine.name,
    sizeBytes: outline.sizeBytes,
    fuelUsed: String(machine.fuelUsed),
    features: machine.features,
    sections: [...outline.sections].map(([type, section]) => ({ type: recordTypeName(type), ...section })),
    modules: machine.modules.map(({ hash, name, bytes }) => ({ hash, name, sizeBytes: bytes?.length ?? null })),
    processes: machine.processes.map((process, index) => {
      return describeProcess(process, index, modules.get(process.instance.moduleHash), outline, machine.kernel);
    }),
    fileSystems: describeFileSystems(machine.kernel),
    kernel: jsonData(machine.kernel),
  };
}

/** A module that cannot be parsed only has no names. */
function parseLeniently(bytes: Uint8Array | undefined): WasmModule | undefined {
  if (bytes === undefined) return undefined;
  try {
    return parseModule(bytes);
  } catch (error) {
    if (error instanceof WvmError) return undefined;
    throw error;
  }
}

function describeProcess(
  { pid, parentPid, name, instance, threads }: ProcessState,
  processIndex: number,
  module: WasmModule | undefined,
  outline: Outline,
  kernel: unknown,
): ProcessDescription {
  const names = module === undefined ? undefined : { globals: globalNames(module), tables: tableNames(module) };
  return {
    pid,
    parentPid,
    name,
    moduleHash: instance.moduleHash,
    memories: describeMemories(instance, processIndex, module, outline),
    globals: instance.globals.flatMap((value, index) => {
      return value === null ? [] : [{ index, name: names?.globals.get(index) ?? null, value: describeValue(value) }];
    }),
    tables: instance.tables.map((table, index) => {
      return { index, name: names?.tables.get(index) ?? null, entryCount: table?.entries.length ?? null };
    }),
    droppedElements: instance.droppedElements,
    droppedData: instance.droppedData,
    fds: describeFds(kernel, pid),
    threads: threads.map((thread) => {
      const { tid } = thread;
      return describeThread(thread, describeScheduling(kernel, pid, tid), describeCall(kernel, pid, tid), module);
    }),
  };
}

function describeMemories(
  { memories }: InstanceState,
  processIndex: number,
  module: WasmModule | undefined,
  outline: Outline,
): MemoryDescription[] {
  const names = module === undefined ? undefined : memoryNames(module);
  return memories.map(({ pageCount, maxPageCount, shared, is64 }, index) => {
    const runs = outline.runsOf(processIndex, index);
    return {
      index,
      name: names?.get(index) ?? null,
      sizeBytes: pageCount * WASM_PAGE_BYTES,
      maxSizeBytes: maxPageCount === null ? null : maxPageCount * WASM_PAGE_BYTES,
      shared,
      is64,
      savedBytes: runs.reduce((sum, run) => sum + run.sizeBytes, 0),
      runs,
    };
  });
}

function describeThread(
  thread: ThreadState,
  scheduling: string,
  call: JsonData,
  module: WasmModule | undefined,
): ThreadDescription {
  const { tid, fuelLeft, entries, activations, contexts } = thread;
  return {
    tid,
    scheduling,
    fuelLeft,
    pending: activations[activations.length - 1]?.pending.kind ?? 'entry',
    call,
    entries: entries.map(({ functionIndex }) => {
      return (module && functionName(module, functionIndex)) ?? `func ${functionIndex}`;
    }),
    activations: describeStack(activations, module),
    contexts: contexts.map(({ id, activations }) => ({
      id: String(id),
      activations: describeStack(activations, module),
    })),
  };
}

/** Innermost first. */
function describeStack(activations: readonly ActivationState[], module: WasmModule | undefined): FrameDescription[][] {
  return activations.map(({ frames }) => frames.map((frame) => describeFrame(frame, module)).toReversed()).toReversed();
}

function describeFrame(frame: FrameState, module: WasmModule | undefined): FrameDescription {
  const { functionIndex, codeOffset, kind } = frame;
  const names = module === undefined ? undefined : localNames(module, functionIndex);
  const code = module?.code[functionIndex - module.importedFunctionCount];
  return {
    functionIndex,
    functionName: (module && functionName(module, functionIndex)) ?? null,
    codeOffset,
    moduleOffset: code === undefined ? null : code.range.start + codeOffset,
    kind,
    locals: frame.locals.map((value, index) => {
      return { index, name: names?.get(index) ?? null, value: value === null ? null : describeValue(value) };
    }),
    stack: frame.stack.map(describeValue),
    caught: (frame.caught ?? []).map((exception) => (exception === null ? null : exceptionText(exception))),
  };
}
