// Sections 9 and 11: element and data segments.
//
//   element  flags: bit 0 not active, bit 1 explicit table (active) or declared (not active), bit 2 expressions
//   data     flags: bit 0 passive, bit 1 explicit memory

import { readConstExpr } from './const-expr.ts';
import { type ConstExpr, type DataSegment, type ElementSegment, ValType } from './module.ts';
import type { Reader } from './reader.ts';
import { readRefType, type Uncapturable } from './value-types.ts';

// V8's limits (kV8MaxWasmDataSegments; kV8MaxWasmTableInitEntries).
const MAX_SEGMENTS = 100_000;
const MAX_ITEMS = 10_000_000;

const NOT_ACTIVE = 1;
const EXPLICIT_OR_DECLARED = 2;
const EXPRESSIONS = 4;

/** Sizes of the index spaces that segments refer to. */
export interface SegmentBounds {
  readonly functionCount: number;
  readonly tableCount: number;
  readonly memoryCount: number;
}

/** Reads the contents of the element section. */
export function readElements(reader: Reader, bounds: SegmentBounds, uncapturable: Uncapturable): ElementSegment[] {
  const elements: ElementSegment[] = [];
  const count = reader.count('element segments', MAX_SEGMENTS);
  for (let i = 0; i < count; i++) elements.push(readElement(reader, bounds, uncapturable));
  return elements;
}

function readElement(reader: Reader, bounds: SegmentBounds, uncapturable: Uncapturable): ElementSegment {
  const start = reader.position;
  const flags = reader.u32();
  if (flags > 7) reader.fail(`${flags} are not flags of an element segment`, start);
  const active = (flags & NOT_ACTIVE) === 0;
  const mode = active ? 'active' : (flags & EXPLICIT_OR_DECLARED) !== 0 ? 'declared' : 'passive';
  let tableIndex = 0;
  let offset: ConstExpr | undefined;
  if (active) {
    const at = reader.position;
    if ((flags & EXPLICIT_OR_DECLARED) !== 0) tableIndex = reader.u32();
    if (tableIndex >= bounds.tableCount) reader.fail(`table index ${tableIndex} of ${bounds.tableCount}`, at);
    offset = readConstExpr(reader, uncapturable);
  }
  let element: ValType = ValType.funcref;
  // Flags 0 and 4 say nothing of the element type: they are the oldest forms, of function tables alone.
  if ((flags & (NOT_ACTIVE | EXPLICIT_OR_DECLARED)) !== 0) {
    if ((flags & EXPRESSIONS) !== 0) element = readRefType(reader, uncapturable);
    else if (reader.u8() !== 0) reader.fail('not an element kind', reader.position - 1);
  }
  const itemCount = reader.count('items', MAX_ITEMS);
  const functions: number[] = [];
  const expressions: ConstExpr[] = [];
  const hasExpressions = (flags & EXPRESSIONS) !== 0;
  for (let i = 0; i < itemCount; i++) {
    if (hasExpressions) expressions.push(readConstExpr(reader, uncapturable));
    else functions.push(reader.index('function', bounds.functionCount));
  }
  return {
    mode,
    element,
    tableIndex,
    offset,
    functions: hasExpressions ? undefined : functions,
    expressions: hasExpressions ? expressions : undefined,
    range: { start, end: reader.position },
  };
}

/** Reads the contents of the data section. */
export function readData(reader: Reader, bounds: SegmentBounds, uncapturable: Uncapturable): DataSegment[] {
  const segments: DataSegment[] = [];
  const count = reader.count('data segments', MAX_SEGMENTS);
  for (let i = 0; i < count; i++) {
    const start = reader.position;
    const flags = reader.u32();
    if (flags > 2) reader.fail(`${flags} are not flags of a data segment`, start);
    const active = flags !== 1;
    let memoryIndex = 0;
    let offset: ConstExpr | undefined;
    if (active) {
      const at = reader.position;
      if (flags === 2) memoryIndex = reader.u32();
      if (memoryIndex >= bounds.memoryCount) reader.fail(`memory index ${memoryIndex} of ${bounds.memoryCount}`, at);
      offset = readConstExpr(reader, uncapturable);
    }
    const contents = reader.skip(reader.u32());
    segments.push({
      mode: active ? 'active' : 'passive',
      memoryIndex,
      offset,
      contents,
      range: { start, end: reader.position },
    });
  }
  return segments;
}
