// Rewrites a module so that it can be stopped at any site and read by the engine.
//
// before                                after
// (memory 1) (table 8 funcref) (tag)    imported: "wvm" "memory.0", "table.0", "tag.0" (the host owns them)
//                                       imported behind them: frames memory, slots table, unwind tag
// (global $g (mut i32) …)               as before, exported as "wvm.global.0" (an imported mutable global
//                                       costs 9 % in code that moves a stack pointer)
// (data (i32.const 8) "…")              passive; run by exported functions, once, at the start
// (start $main)                         gone; the engine calls it as it calls any function
// (func …)                              functions that suspend: see emit.ts; all others byte for byte
//                                       then: poll, grow, save functions, init and drop functions
// If stores are to mark what they write (mark-table.ts), the memory of the marks is imported behind that of the frames, and
// functions that never suspend but write are no more what they were.
// Function, type, table, memory, global and segment indexes of the original module keep their meaning.

import { ByteWriter } from '../base/bytes.ts';
import { WvmError } from '../base/wvm-error.ts';
import { writeImport } from '../wasm/encode.ts';
import type { ElementSegment, WasmModule } from '../wasm/module.ts';
import { ValType } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import type { OffsetRun } from './body-writer.ts';
import { BranchHints } from './branch-hints.ts';
import { buildCallGraph, type CallGraph } from './call-graph.ts';
import { BodyEmitter } from './emit.ts';
import type { EmitTarget } from './emit-target.ts';
import { type MarkTable, markTableOf } from './mark-table.ts';
import { encodeModuleMap, ModuleMap, prefixSums } from './module-map.ts';
import * as names from './names.ts';
import { type OwnFunction, ownFunctions } from './own-functions.ts';
import { FunctionPlan, Passes } from './plan.ts';
import { SavePool } from './save.ts';
import { TypePool } from './type-pool.ts';

export interface InstrumentedModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly map: ModuleMap;
}

const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  tag: 13,
  global: 6,
  export: 7,
  element: 9,
  dataCount: 12,
  code: 10,
  data: 11,
} as const;

/** Sections that speak of code offsets of the original; they would be wrong in the instrumented module. */
const STALE_SECTIONS = /^(metadata\.code\.|\.debug_|sourceMappingURL|reloc\.|linking$|external_debug_info)/;

/** What the embedder chooses; part of the key under which an instrumented module is kept. */
export interface InstrumentOptions {
  /** Every store marks the page that it writes. */
  readonly marksWrites?: boolean;
}

/** Index spaces of an instrumented module: the original's entries, then ours. */
export function instrumentedTarget(
  module: WasmModule,
  types: TypePool,
  standardExceptions: boolean,
  marksWrites: boolean,
): EmitTarget {
  const tables = module.allTables.length;
  const globals = module.allGlobals.length;
  const firstFunction = module.functionTypes.length;
  const target = {
    module,
    types,
    framesMemory: module.allMemories.length,
    marksMemory: module.allMemories.length + 1,
    marks: marksWrites ? markTableOf(module) : undefined,
    slotsTable: tables,
    funcrefTable: tables + 1,
    externrefTable: tables + 2,
    fuelGlobal: globals,
    cursorGlobal: globals + 1,
    limitGlobal: globals + 2,
    funcrefCursorGlobal: globals + 3,
    externrefCursorGlobal: globals + 4,
    unwindTag: module.allTags.length,
    pollFunction: firstFunction,
    standardExceptions,
    typeIndex: (params: readonly ValType[], results: readonly ValType[]) => types.typeIndex(params, results),
    functionIndex: (original: number) => original,
    segmentHelper: () => -1,
  };
  return { ...target, saves: new SavePool(target, firstFunction + 1) };
}

/** Instruments a valid module. Throws WVM_MODULE_UNSUPPORTED if `graph.uncapturable` names anything. */
export function instrument(
  module: WasmModule,
  graph: CallGraph = buildCallGraph(module),
  { marksWrites = false }: InstrumentOptions = {},
): InstrumentedModule {
  if (graph.uncapturable.length > 0) {
    throw new WvmError('WVM_MODULE_UNSUPPORTED', `state that cannot be captured: ${graph.uncapturable.join(', ')}`);
  }
  const types = new TypePool(module);
  const target = instrumentedTarget(module, types, graph.standardExceptions, marksWrites);
  const siteCounts = new Int32Array(module.code.length);
  const code = new ByteWriter(module.bytes.length * 2);
  const passes = new Passes();
  const hints = new BranchHints();
  let firstSite = 0;
  for (let c = 0; c < module.code.length; c++) {
    const functionIndex = module.importedFunctionCount + c;
    const entry = module.code[c]!.range;
    const suspends = graph.suspends[functionIndex] === 1;
    const plan =
      suspends || marksWrites ? new FunctionPlan(module, graph, functionIndex, firstSite, passes) : undefined;
    if (plan === undefined || (!suspends && plan.marks.isEmpty)) {
      code.u32(entry.end - entry.start);
      code.bytes(module.bytes, entry.start, entry.end);
      continue;
    }
    siteCounts[c] = plan.analysis.sites.length;
    firstSite += siteCounts[c]!;
    const start = code.beginSized();
    const emitter = new BodyEmitter(plan, target, code);
    emitter.emitFunction();
    code.endSized(start);
    hints.add(functionIndex, emitter.unlikely);
  }
  const map = new ModuleMap(module, graph, prefixSums(siteCounts), marksWrites);
  const section = encodeModuleMap(module, graph, siteCounts, marksWrites);
  return { bytes: assemble(module, types, target, code, hints, section), map };
}

/** Where the bytes of an instrumented function came from; offsets count from the start of each code entry. */
export function functionOffsets(map: ModuleMap, functionIndex: number): OffsetRun[] {
  const module = map.module;
  const codeIndex = functionIndex - module.importedFunctionCount;
  const entry = module.code[codeIndex]!.range;
  const target = instrumentedTarget(module, new TypePool(module), map.graph.standardExceptions, map.marksWrites);
  const suspends = map.graph.suspends[functionIndex] === 1;
  if (!suspends && (!map.marksWrites || map.plan(functionIndex).marks.isEmpty)) {
    return [{ emitted: 0, original: 0, length: entry.end - entry.start }];
  }
  const runs: OffsetRun[] = [];
  new BodyEmitter(map.plan(functionIndex), target, new ByteWriter(1 << 12), runs).emitFunction();
  return runs.map((run) => ({ ...run, original: run.original - entry.start }));
}

function assemble(
  module: WasmModule,
  types: TypePool,
  target: EmitTarget,
  code: ByteWriter,
  hints: BranchHints,
  map: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const own = ownFunctions(module, types, target);
  const saveTypes = target.saves.typeIndexes();
  const voidType = types.typeIndex([], []);
  const pollType = types.typeIndex(names.POLL_PARAMS, []);
  const firstOwn = target.pollFunction + 1 + saveTypes.length;
  const functionsTable = module.allTables.length + 3;
  const w = new ByteWriter(code.position + module.bytes.length);
  w.bytes(module.bytes, 0, 8);

  w.section(SECTION.type, (s) => types.write(s));
  w.section(SECTION.import, (s) => writeImports(s, module, voidType, target.marks));
  w.section(SECTION.function, (s) => {
    s.u32(module.functions.length + 1 + saveTypes.length + own.length);
    for (const type of module.functions) s.u32(type);
    s.u32(pollType);
    for (const type of saveTypes) s.u32(type);
    for (const f of own) s.u32(f.typeIndex);
  });
  w.section(SECTION.table, (s) => {
    s.u32(1);
    s.u8(ValType.funcref);
    s.u8(0);
    s.u32(module.functionTypes.length);
  });
  w.section(SECTION.global, (s) => {
    s.u32(module.globals.length + 5);
    for (const global of module.globals) s.bytes(module.bytes, global.range.start, global.range.end);
    for (let g = 0; g < 5; g++) {
      s.u8(ValType.i32);
      s.u8(1);
      s.u8(Op.i32_const);
      // Fuel: whoever gives none is asked at the first poll.
      s.s32(g === 0 ? 1 : 0);
      s.u8(Op.end);
    }
  });
  w.section(SECTION.export, (s) => writeExports(s, module, own, firstOwn, functionsTable, target));
  w.section(SECTION.element, (s) => {
    const total = module.functionTypes.length;
    s.u32(module.elements.length + (total > 0 ? 1 : 0));
    for (const segment of module.elements) writePassiveElement(s, module, segment);
    if (total === 0) return;
    s.u8(2);
    s.u32(functionsTable);
    s.u8(Op.i32_const);
    s.s32(0);
    s.u8(Op.end);
    s.u8(0);
    s.u32(total);
    for (let f = 0; f < total; f++) s.u32(f);
  });
  if (module.data.length > 0) w.section(SECTION.dataCount, (s) => s.u32(module.data.length));
  const bodies = new ByteWriter(1 << 12);
  writePollBody(bodies, pollType, target);
  target.saves.writeBodies(bodies);
  const scratch = new ByteWriter(1 << 8);
  for (const f of own) {
    scratch.reset();
    f.body(scratch);
    bodies.u32(scratch.position);
    bodies.bytes(scratch.toBytes());
  }
  hints.write(w);
  w.section(SECTION.code, (s) => {
    s.u32(module.code.length + 1 + saveTypes.length + own.length);
    s.bytes(code.toBytes());
    s.bytes(bodies.toBytes());
  });
  if (module.data.length > 0) {
    w.section(SECTION.data, (s) => {
      s.u32(module.data.length);
      for (const segment of module.data) {
        s.u8(1);
        s.u32(segment.contents.end - segment.contents.start);
        s.bytes(module.bytes, segment.contents.start, segment.contents.end);
      }
    });
  }
  w.section(SECTION.custom, (s) => {
    s.name(names.SECTION_MAP);
    s.bytes(map);
  });
  for (const section of module.sections) {
    if (section.id !== SECTION.custom || STALE_SECTIONS.test(section.name ?? '')) continue;
    w.bytes(module.bytes, section.range.start, section.range.end);
  }
  return w.toBytes();
}

/** The original's imports, then everything it defined and the host shall own, then what is ours. */
function writeImports(w: ByteWriter, module: WasmModule, voidType: number, marks: MarkTable | undefined): void {
  const { importedMemoryCount, importedTableCount, importedTagCount } = module;
  const memories = module.allMemories.slice(importedMemoryCount);
  const tables = module.allTables.slice(importedTableCount);
  const tags = module.allTags.slice(importedTagCount);
  w.u32(module.imports.length + memories.length + tables.length + tags.length + ownImportCount(marks));
  for (const entry of module.imports) w.bytes(module.bytes, entry.range.start, entry.range.end);
  memories.forEach((limits, k) => {
    writeImport(w, names.WVM, names.memoryName(importedMemoryCount + k), { kind: 'memory', limits });
  });
  tables.forEach((table, k) => {
    writeImport(w, names.WVM, names.tableName(importedTableCount + k), { kind: 'table', table });
  });
  tags.forEach((typeIndex, k) => {
    writeImport(w, names.WVM, names.tagName(importedTagCount + k), { kind: 'tag', typeIndex });
  });
  writeOwnImports(w, voidType, marks);
}

const ANY_SIZE = { min: 0n, max: undefined, shared: false, is64: false, pageSizeLog2: 16 };

/** Number of entries that writeOwnImports adds. */
export function ownImportCount(marks: MarkTable | undefined): number {
  return marks === undefined ? 5 : 6;
}

/** The engine's memories, tables and tag. */
export function writeOwnImports(w: ByteWriter, voidType: number, marks: MarkTable | undefined): void {
  writeImport(w, names.WVM, names.MEMORY_FRAMES, { kind: 'memory', limits: ANY_SIZE });
  if (marks !== undefined) {
    // Its size never changes.
    const pages = BigInt(marks.pageCount);
    const limits = { ...ANY_SIZE, min: pages, max: pages };
    writeImport(w, names.WVM, names.MEMORY_MARKS, { kind: 'memory', limits });
  }
  const funcrefs = { element: ValType.funcref, limits: ANY_SIZE };
  writeImport(w, names.WVM, names.TABLE_SLOTS, { kind: 'table', table: funcrefs });
  writeImport(w, names.WVM, names.TABLE_FUNCREFS, { kind: 'table', table: funcrefs });
  writeImport(w, names.WVM, names.TABLE_EXTERNREFS, {
    kind: 'table',
    table: { element: ValType.externref, limits: ANY_SIZE },
  });
  writeImport(w, names.WVM, names.TAG_UNWIND, { kind: 'tag', typeIndex: voidType });
}

const EXPORT_KIND = { func: 0, table: 1, memory: 2, global: 3, tag: 4 } as const;

function writeExports(
  w: ByteWriter,
  module: WasmModule,
  own: readonly OwnFunction[],
  firstOwn: number,
  functionsTable: number,
  target: EmitTarget,
): void {
  const entries: { name: string; kind: number; index: number }[] = [];
  for (const e of module.exports) entries.push({ name: e.name, kind: EXPORT_KIND[e.kind], index: e.index });
  module.allGlobals.forEach((_, index) => {
    entries.push({ name: names.globalName(index), kind: EXPORT_KIND.global, index });
  });
  own.forEach((f, k) => {
    if (f.exportName !== undefined) entries.push({ name: f.exportName, kind: EXPORT_KIND.func, index: firstOwn + k });
  });
  entries.push({ name: names.EXPORT_FUNCTIONS, kind: EXPORT_KIND.table, index: functionsTable });
  const globals: [string, number][] = [
    [names.EXPORT_FUEL, target.fuelGlobal],
    [names.EXPORT_CURSOR, target.cursorGlobal],
    [names.EXPORT_LIMIT, target.limitGlobal],
    [names.EXPORT_FUNCREF_CURSOR, target.funcrefCursorGlobal],
    [names.EXPORT_EXTERNREF_CURSOR, target.externrefCursorGlobal],
  ];
  for (const [name, index] of globals) entries.push({ name, kind: EXPORT_KIND.global, index });
  w.u32(entries.length);
  for (const entry of entries) {
    w.name(entry.name);
    w.u8(entry.kind);
    w.u32(entry.index);
  }
}

function writePassiveElement(w: ByteWriter, module: WasmModule, segment: ElementSegment): void {
  const isDeclared = segment.mode === 'declared';
  if (segment.functions !== undefined) {
    w.u8(isDeclared ? 3 : 1);
    w.u8(0);
    w.u32(segment.functions.length);
    for (const index of segment.functions) w.u32(index);
    return;
  }
  w.u8(isDeclared ? 7 : 5);
  w.u8(segment.element);
  w.u32(segment.expressions!.length);
  for (const expr of segment.expressions!) w.bytes(module.bytes, expr.range.start, expr.range.end);
}

/**
 * Writes the code entry, with its size, of the function that calls the engine's poll. If the guest goes on, the record
 * of its frame that may have been written in advance is dropped.
 */
export function writePollBody(w: ByteWriter, pollType: number, target: EmitTarget): void {
  const body = new ByteWriter(32);
  body.u32(0);
  body.u8(Op.local_get);
  body.u32(0);
  body.u8(Op.i32_const);
  body.s32(names.SLOT_POLL);
  body.u8(Op.call_indirect);
  body.u32(pollType);
  body.u32(target.slotsTable);
  body.u8(Op.i32_const);
  body.s32(names.FRAMES_BASE);
  body.u8(Op.global_set);
  body.u32(target.cursorGlobal);
  body.u8(Op.end);
  w.u32(body.position);
  w.bytes(body.toBytes());
}
