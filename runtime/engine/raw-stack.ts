// The frames of an unwound stack, on their way out of the stack area and back into it. A record of a frame lies in the area as
// instrument/layout.ts says; its references are in the area's tables, in the same order.

import * as names from '../instrument/names.ts';
import type { OwnGlobals } from './own-globals.ts';
import type { StackArea } from './stack-area.ts';

/** The frames of an unwound stack: records, innermost first, and the references they hold. */
export interface RawStack {
  readonly bytes: Uint8Array;
  funcrefs: readonly unknown[];
  externrefs: readonly unknown[];
  /** Somebody else may have it, or its bytes: else it is filled again when what it held has been resumed and unwinds. */
  isShared: boolean;
}

const NO_REFERENCES: readonly unknown[] = [];
/** Fewer bytes are copied faster one by one. */
const COPIED_BYTES = 64;

/** Of a module whose frames are not written. */
export const NO_STACK: RawStack = {
  bytes: new Uint8Array(0),
  funcrefs: NO_REFERENCES,
  externrefs: NO_REFERENCES,
  isShared: true,
};

/** Takes what has been unwound out of the area; `spare`: takes the frames, if they fit. */
export function takeStack(area: StackArea, own: OwnGlobals, spare: RawStack | undefined): RawStack {
  const end = own.cursor.value as number;
  own.cursor.value = names.FRAMES_BASE;
  const funcrefs = takeReferences(area.funcrefs, own.funcrefCursor);
  const externrefs = takeReferences(area.externrefs, own.externrefCursor);
  const sizeBytes = end - names.FRAMES_BASE;
  if (spare === undefined || spare.bytes.length !== sizeBytes) {
    return { bytes: area.bytes.slice(names.FRAMES_BASE, end), funcrefs, externrefs, isShared: false };
  }
  copy(area.bytes, names.FRAMES_BASE, spare.bytes, 0, sizeBytes);
  spare.funcrefs = funcrefs;
  spare.externrefs = externrefs;
  return spare;
}

/** Writes the records into the area, where they are linked to what resumes them. Nothing runs with them yet. */
export function putRecords(area: StackArea, { bytes }: RawStack): void {
  area.reserve(names.FRAMES_BASE + bytes.length);
  copy(bytes, 0, area.bytes, names.FRAMES_BASE, bytes.length);
}

/** The records are in the area: what runs next finds them and their references. */
export function enterRecords(area: StackArea, own: OwnGlobals, { bytes, funcrefs, externrefs }: RawStack): void {
  if (funcrefs.length > 0) {
    putReferences(area.funcrefs, funcrefs);
    own.funcrefCursor.value = funcrefs.length;
  }
  if (externrefs.length > 0) {
    putReferences(area.externrefs, externrefs);
    own.externrefCursor.value = externrefs.length;
  }
  own.cursor.value = names.FRAMES_BASE + bytes.length;
}

function copy(from: Uint8Array, fromOffset: number, to: Uint8Array, toOffset: number, count: number): void {
  if (count > COPIED_BYTES) to.set(from.subarray(fromOffset, fromOffset + count), toOffset);
  else for (let k = 0; k < count; k++) to[toOffset + k] = from[fromOffset + k]!;
}

function takeReferences(table: WebAssembly.Table, cursor: WebAssembly.Global): readonly unknown[] {
  const count = cursor.value as number;
  if (count === 0) return NO_REFERENCES;
  const taken: unknown[] = [];
  for (let k = 0; k < count; k++) {
    taken.push(table.get(k));
    table.set(k, null);
  }
  cursor.value = 0;
  return taken;
}

function putReferences(table: WebAssembly.Table, values: readonly unknown[]): void {
  const missing = values.length - Number(table.length);
  if (missing > 0) table.grow(missing, null);
  values.forEach((value, k) => {
    table.set(k, value);
  });
}
