// What differs between the states of two machines, apart from their pages: processes, globals, descriptors, threads.

import type { ImageDescription, NamedValue, ProcessDescription, ThreadDescription } from '../inspect.ts';

/** Null: there is none on that side. */
export interface StateDifference {
  /** "process 1 global 2 sp", "process 1 fd 3", "process 4" … */
  readonly place: string;
  readonly a: string | null;
  readonly b: string | null;
}

export function compareMachines(a: ImageDescription, b: ImageDescription): StateDifference[] {
  const differences: StateDifference[] = [];
  const note = (place: string, inA: string | null, inB: string | null): void => {
    if (inA !== inB) differences.push({ place, a: inA, b: inB });
  };
  note('fuel used', a.fuelUsed, b.fuelUsed);
  const byPid = (image: ImageDescription): Map<number, ProcessDescription> =>
    new Map(image.processes.map((process) => [process.pid, process]));
  for (const [pid, inA, inB] of paired(byPid(a), byPid(b))) {
    const place = `process ${pid}`;
    if (inA === undefined || inB === undefined) note(place, processText(inA), processText(inB));
    else compareProcesses(place, inA, inB, note);
  }
  return differences;
}

type Note = (place: string, a: string | null, b: string | null) => void;

function compareProcesses(place: string, a: ProcessDescription, b: ProcessDescription, note: Note): void {
  note(`${place} program`, a.moduleHash, b.moduleHash);
  note(`${place} parent`, String(a.parentPid), String(b.parentPid));
  const memories = (process: ProcessDescription): Map<number, number> =>
    new Map(process.memories.map(({ index, sizeBytes }) => [index, sizeBytes]));
  for (const [index, inA, inB] of paired(memories(a), memories(b))) {
    note(`${place} memory ${index}`, bytesText(inA), bytesText(inB));
  }
  const globals = (process: ProcessDescription): Map<number, NamedValue> =>
    new Map(process.globals.map((value) => [value.index, value]));
  for (const [index, inA, inB] of paired(globals(a), globals(b))) {
    const name = inA?.name ?? inB?.name ?? null;
    note(`${place} global ${index}${name === null ? '' : ` ${name}`}`, valueText(inA), valueText(inB));
  }
  const fds = (process: ProcessDescription): Map<number, string> =>
    new Map(process.fds.map((entry) => [entry.fd, fdText(entry)]));
  for (const [fd, inA, inB] of paired(fds(a), fds(b))) note(`${place} fd ${fd}`, inA ?? null, inB ?? null);
  const threads = (process: ProcessDescription): Map<number, string> =>
    new Map(process.threads.map((thread) => [thread.tid, threadText(thread)]));
  for (const [tid, inA, inB] of paired(threads(a), threads(b))) {
    note(`${place} thread ${tid}`, inA ?? null, inB ?? null);
  }
}

/** By ascending key, with undefined where one has none. */
function* paired<Value>(
  a: ReadonlyMap<number, Value>,
  b: ReadonlyMap<number, Value>,
): Generator<[key: number, a: Value | undefined, b: Value | undefined]> {
  const keys = [...new Set([...a.keys(), ...b.keys()])].sort((one, two) => one - two);
  for (const key of keys) yield [key, a.get(key), b.get(key)];
}

function processText(process: ProcessDescription | undefined): string | null {
  return process === undefined ? null : `${process.threads.length} threads, ${process.fds.length} descriptors`;
}

function bytesText(sizeBytes: number | undefined): string | null {
  return sizeBytes === undefined ? null : `${sizeBytes} bytes`;
}

function valueText(named: NamedValue | undefined): string | null {
  if (named === undefined) return null;
  return named.value === null ? 'not saved' : `${named.value.type} ${named.value.value}`;
}

function fdText({ kind, path, preopen, offset, canRead, canWrite }: ProcessDescription['fds'][number]): string {
  const access = `${canRead ? 'r' : '-'}${canWrite ? 'w' : '-'}`;
  const name = preopen ?? path;
  return `${access} ${kind}${name === null ? '' : ` ${name}`}${offset === null ? '' : ` at ${offset}`}`;
}

/** Where it stands: its innermost frame. */
function threadText({ pending, activations }: ThreadDescription): string {
  const frame = activations[0]?.[0];
  if (frame === undefined) return pending;
  const name = frame.functionName ?? `func ${frame.functionIndex}`;
  const depth = activations.reduce((sum, frames) => sum + frames.length, 0);
  return `${pending}, ${depth} frames, in ${name} + 0x${frame.codeOffset.toString(16)}`;
}
