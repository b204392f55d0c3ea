// Compiles continuations: a small module that imports the memories, tables, globals, tags and the needed
// functions of a running instance and defines K(F, site) for some sites, exported as "k.<site>".
// Index spaces but that of functions are the instrumented module's, so instructions are copied as they are.

import { ByteWriter } from '../base/bytes.ts';
import { writeExport, writeImport } from '../wasm/encode.ts';
import { ValType } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import { parseModule } from '../wasm/parse.ts';
import type { OffsetRun } from './body-writer.ts';
import { BranchHints } from './branch-hints.ts';
import { BodyEmitter } from './emit.ts';
import type { EmitTarget } from './emit-target.ts';
import { instrumentedTarget, ownImportCount, writeOwnImports, writePollBody } from './instrument.ts';
import type { ModuleMap } from './module-map.ts';
import * as names from './names.ts';
import { SavePool } from './save.ts';
import { TypePool } from './type-pool.ts';

export interface ContinuationModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Functions of the original that it imports, as "wvm" "f.<index>". */
  readonly functions: readonly number[];
  /** Exported helpers of the instance that it imports, as "wvm" <name>. */
  readonly helpers: readonly string[];
}

export const continuationName = (site: number): string => `k.${site}`;
export const importedFunctionName = (index: number): string => `f.${index}`;

/** Builds one module with the continuations of the given sites (numbers counted over the module); fills `offsets`. */
export function buildContinuations(
  map: ModuleMap,
  sites: readonly number[],
  offsets?: Map<number, OffsetRun[]>,
): ContinuationModule {
  const { module, graph } = map;
  const types = new TypePool(module);
  const voidType = types.typeIndex([], []);
  const pollType = types.typeIndex(names.POLL_PARAMS, []);
  const functionIndexes = [...new Set(sites.map((site) => map.functionOfSite(site)))];
  const { functions, helpers } = collectCallees(map, functionIndexes);
  const importIndex = new Map(functions.map((index, position) => [index, position]));
  const helperIndex = new Map(helpers.map((name, position) => [name, functions.length + position]));
  const firstOwn = functions.length + helpers.length;

  const base = instrumentedTarget(module, types, graph.standardExceptions, map.marksWrites);
  const context = { ...base, pollFunction: firstOwn + sites.length };
  const target: EmitTarget = {
    ...context,
    saves: new SavePool(context, context.pollFunction + 1),
    functionIndex: (original) => importIndex.get(original)!,
    segmentHelper: (opcode, segment, other) => helperIndex.get(helperName(opcode, segment, other))!,
  };

  const bodies = new ByteWriter(1 << 14);
  const body = new ByteWriter(1 << 14);
  const typeIndexes: number[] = [];
  const hints = new BranchHints();
  for (const site of sites) {
    const plan = map.plan(map.functionOfSite(site));
    body.reset();
    const runs: OffsetRun[] | undefined = offsets === undefined ? undefined : [];
    if (runs !== undefined) offsets!.set(site, runs);
    const emitter = new BodyEmitter(plan, target, body, runs);
    emitter.emitContinuation(site - plan.firstSite);
    hints.add(firstOwn + typeIndexes.length, emitter.unlikely);
    bodies.u32(body.position);
    bodies.bytes(body.toBytes());
    typeIndexes.push(types.typeIndex([], plan.analysis.type.results));
  }
  writePollBody(bodies, pollType, target);
  const saveTypes = target.saves.typeIndexes();
  target.saves.writeBodies(bodies);
  const helperTypes = helpers.map((name) => helperType(map, types, name));

  const w = new ByteWriter(bodies.position + 1024);
  w.fixed32(0x6d736100);
  w.fixed32(1);
  w.section(1, (s) => types.write(s));
  w.section(2, (s) => {
    const globals = module.allGlobals;
    const count =
      functions.length +
      helpers.length +
      module.allMemories.length +
      module.allTables.length +
      module.allTags.length +
      ownImportCount(target.marks) +
      globals.length +
      OWN_GLOBALS.length;
    s.u32(count);
    for (const index of functions) {
      const typeIndex = module.functionTypes[index]!;
      writeImport(s, names.WVM, importedFunctionName(index), { kind: 'func', typeIndex });
    }
    helpers.forEach((name, k) => {
      writeImport(s, names.WVM, name, { kind: 'func', typeIndex: helperTypes[k]! });
    });
    module.allMemories.forEach((limits, k) => {
      writeImport(s, names.WVM, names.memoryName(k), { kind: 'memory', limits });
    });
    module.allTables.forEach((table, k) => {
      writeImport(s, names.WVM, names.tableName(k), { kind: 'table', table });
    });
    module.allTags.forEach((typeIndex, k) => {
      writeImport(s, names.WVM, names.tagName(k), { kind: 'tag', typeIndex });
    });
    writeOwnImports(s, voidType, target.marks);
    globals.forEach((global, k) => {
      writeImport(s, names.WVM, names.globalName(k), { kind: 'global', global });
    });
    for (const name of OWN_GLOBALS) {
      writeImport(s, names.WVM, name, { kind: 'global', global: { type: ValType.i32, mutable: true } });
    }
  });
  w.section(3, (s) => {
    s.u32(sites.length + 1 + saveTypes.length);
    for (const index of [...typeIndexes, pollType, ...saveTypes]) s.u32(index);
  });
  w.section(7, (s) => {
    s.u32(sites.length);
    sites.forEach((site, k) => {
      writeExport(s, { name: continuationName(site), kind: 'func', index: firstOwn + k });
    });
  });
  const referenced = functions.length;
  if (referenced > 0) {
    // Functions that the bodies name by ref.func must be declared.
    w.section(9, (s) => {
      s.u32(1);
      s.u8(3);
      s.u8(0);
      s.u32(referenced);
      for (let k = 0; k < referenced; k++) s.u32(k);
    });
  }
  hints.write(w);
  w.section(10, (s) => {
    s.u32(sites.length + 1 + saveTypes.length);
    s.bytes(bodies.toBytes());
  });
  // Names, so that the engine's stack traces tell which frame is which.
  w.section(0, (s) => {
    s.name('name');
    s.u8(1);
    s.sized((n) => {
      n.u32(sites.length);
      sites.forEach((site, k) => {
        n.u32(firstOwn + k);
        n.name(continuationName(site));
      });
    });
  });
  return { bytes: w.toBytes(), functions, helpers };
}

/**
 * Where the bytes of one continuation came from, in the module that holds those of `sites`: the start of its code entry
 * there, and its runs (offsets count from the starts of the code entries).
 */
export function continuationOffsets(
  map: ModuleMap,
  sites: readonly number[],
  site: number,
): { readonly emittedStart: number; readonly runs: readonly OffsetRun[] } {
  const all = new Map<number, OffsetRun[]>();
  const built = parseModule(buildContinuations(map, sites, all).bytes);
  const codeStart = map.module.code[map.functionOfSite(site) - map.module.importedFunctionCount]!.range.start;
  const runs = all.get(site)!.map((run) => ({ ...run, original: run.original - codeStart }));
  return { emittedStart: built.code[sites.indexOf(site)]!.range.start, runs };
}

/** Globals of the instrumented module behind the original's, in the order of their indexes. */
const OWN_GLOBALS: readonly string[] = [
  names.EXPORT_FUEL,
  names.EXPORT_CURSOR,
  names.EXPORT_LIMIT,
  names.EXPORT_FUNCREF_CURSOR,
  names.EXPORT_EXTERNREF_CURSOR,
];

function helperName(opcode: number, segment: number, other: number): string {
  switch (opcode) {
    case Op.memory_init:
      return names.initDataName(segment, other);
    case Op.table_init:
      return names.initElementName(segment, other);
    case Op.data_drop:
      return names.dropDataName(segment);
    default:
      return names.dropElementName(segment);
  }
}

function helperType(map: ModuleMap, types: TypePool, name: string): number {
  const parts = name.split('.');
  if (parts[1] === 'drop') return types.typeIndex([], []);
  const other = Number(parts[4]);
  const is64 = parts[1] === 'memory' ? map.module.allMemories[other]!.is64 : map.module.allTables[other]!.limits.is64;
  return types.typeIndex([is64 ? ValType.i64 : ValType.i32, ValType.i32, ValType.i32], []);
}

/** Functions that the given functions call or name, and the segment helpers they need. */
function collectCallees(map: ModuleMap, from: readonly number[]): { functions: number[]; helpers: string[] } {
  const functions = new Set<number>();
  const helpers = new Set<string>();
  for (const functionIndex of from) {
    const { code } = map.plan(functionIndex).analysis;
    for (let i = 0; i < code.count; i++) {
      switch (code.opcode[i]) {
        case Op.call:
        case Op.return_call:
        case Op.ref_func:
          functions.add(code.immediate[i]!);
          break;
        case Op.memory_init:
        case Op.table_init:
        case Op.data_drop:
        case Op.elem_drop:
          helpers.add(helperName(code.opcode[i]!, code.immediate[i]!, code.immediate2[i]!));
          break;
        default:
          break;
      }
    }
  }
  return { functions: [...functions].sort((x, y) => x - y), helpers: [...helpers].sort() };
}
