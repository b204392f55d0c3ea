// What the parts of a machine must be to each other. The encoder asserts it, the decoder refuses by it: a machine that
// breaks a rule can be neither written nor read. What frames and kernel objects mean is checked by engine and kernel.

import { FILE_PROCESS_INDEX, filePageCounts } from './file-pages.ts';
import type { MachineState, ProcessState } from './machine-state.ts';
import { PAGE_BYTES } from './page-scanner.ts';

/** Of WebAssembly. */
export const WASM_PAGE_BYTES = 65536;
/** 4 GiB, all that a 32-bit memory can have. */
const MAX_PAGES_32 = 65536;
/** 2^48 bytes; page indexes of 4 KiB pages below that fit an u32 with room to spare. */
const MAX_PAGES_64 = 2 ** 32;
/** Pids and tids are positive and fit a signed 32-bit integer, as in Linux. */
const MAX_ID = 0x7fff_ffff;

export interface ImageLimits {
  /** Of all memories of the machine together, at their present size. */
  readonly maxMemoryBytes: number;
}

/** As much as one full 32-bit memory for each of four processes: an image that needs more must be asked for by name. */
export const defaultImageLimits: ImageLimits = { maxMemoryBytes: 2 ** 34 };

/** The first rule that `machine` breaks, as a sentence; undefined if it keeps all. */
export function findMachineProblem(machine: MachineState): string | undefined {
  return featuresProblem(machine) ?? modulesProblem(machine) ?? treeProblem(machine) ?? instancesProblem(machine);
}

export function totalMemoryBytes(machine: MachineState): number {
  let pages = 0;
  for (const { instance } of machine.processes) for (const memory of instance.memories) pages += memory.pageCount;
  return pages * WASM_PAGE_BYTES;
}

/** 4 KiB pages of one memory, or of the files of one file system; 0 if there is no such memory. */
export function memoryPages(machine: MachineState, processIndex: number, memoryIndex: number): number {
  if (processIndex === FILE_PROCESS_INDEX) return filePageCounts(machine.kernel)[memoryIndex] ?? 0;
  const memory = machine.processes[processIndex]?.instance.memories[memoryIndex];
  return memory === undefined ? 0 : memory.pageCount * (WASM_PAGE_BYTES / PAGE_BYTES);
}

function featuresProblem({ features }: MachineState): string | undefined {
  for (const list of [features.used, features.available]) {
    if (!ascends(list)) return 'the features are out of order, or one is there twice';
  }
  const missing = features.used.find((feature) => !features.available.includes(feature));
  return missing === undefined ? undefined : `feature "${missing}" is used but not available`;
}

function modulesProblem({ modules }: MachineState): string | undefined {
  return ascends(modules.map(({ hash }) => hash)) ? undefined : 'the modules are out of order, or one is there twice';
}

function treeProblem({ processes }: MachineState): string | undefined {
  if (processes.length === 0) return 'there is no process';
  const pids = new Set<number>();
  const tids = new Set<number>();
  for (const [index, process] of processes.entries()) {
    const { pid, parentPid } = process;
    if (!isId(pid)) return `pid ${pid}`;
    if (pids.has(pid)) return `pid ${pid} is there twice`;
    if (index === 0 ? parentPid !== null : parentPid === null)
      return `process ${pid} ${index ? 'is a second root' : 'is first but not the root'}`;
    if (index > 1 && pid < processes[index - 1]!.pid) return `process ${pid} is out of order`;
    pids.add(pid);
    const problem = threadsProblem(process, tids);
    if (problem !== undefined) return problem;
  }
  return parentsProblem(processes);
}

/** Every process descends from the root. */
function parentsProblem(processes: readonly ProcessState[]): string | undefined {
  const parents = new Map(processes.map(({ pid, parentPid }) => [pid, parentPid]));
  const rooted = new Set<number>([processes[0]!.pid]);
  for (const { pid } of processes) {
    const path: number[] = [];
    let at = pid;
    while (!rooted.has(at)) {
      if (path.includes(at)) return `process ${at} descends from itself`;
      path.push(at);
      const parent = parents.get(at)!;
      if (parent === null || !parents.has(parent)) return `parent ${parent} of process ${at} is not there`;
      at = parent;
    }
    for (const seen of path) rooted.add(seen);
  }
  return undefined;
}

function threadsProblem({ pid, threads }: ProcessState, tids: Set<number>): string | undefined {
  if (threads.length === 0) return `process ${pid} has no thread`;
  let previous = 0;
  for (const { tid } of threads) {
    if (!isId(tid)) return `tid ${tid} of process ${pid}`;
    if (tids.has(tid)) return `tid ${tid} is there twice`;
    if (tid < previous) return `thread ${tid} of process ${pid} is out of order`;
    tids.add(tid);
    previous = tid;
  }
  return undefined;
}

function instancesProblem({ modules, processes }: MachineState): string | undefined {
  const hashes = new Set(modules.map(({ hash }) => hash));
  for (const { pid, instance } of processes) {
    if (!hashes.has(instance.moduleHash)) return `module ${instance.moduleHash} of process ${pid} is not in the image`;
    for (const [index, memory] of instance.memories.entries()) {
      const { pageCount, maxPageCount, is64 } = memory;
      const most = is64 ? MAX_PAGES_64 : MAX_PAGES_32;
      if (pageCount > most) return `memory ${index} of process ${pid} has ${pageCount} pages; at most ${most}`;
      if (maxPageCount !== null && pageCount > maxPageCount) {
        return `memory ${index} of process ${pid} has ${pageCount} pages, more than its greatest, ${maxPageCount}`;
      }
    }
  }
  return undefined;
}

function isId(id: number): boolean {
  return Number.isInteger(id) && id > 0 && id <= MAX_ID;
}

/** By code units. */
function ascends(texts: readonly string[]): boolean {
  return texts.every((text, i) => i === 0 || texts[i - 1]! < text);
}
