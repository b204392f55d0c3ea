// What the engine must know of an instrumented module to read its frames: the facts of the call graph and how
// many sites each function has. Carried in the custom section SECTION_MAP, so that a cached module needs no
// second look at the code; everything else is derived again, function by function, when a stack is captured.
//
// Section contents, all unsigned LEB128: version; flags (1 standard exceptions, 2 writes tables, 4 stores mark the pages that they write); per function (imports included) cycle * 2 + suspends; per type
// the same; per defined function its number of sites.

import { ByteWriter } from '../base/bytes.ts';
import { WvmError } from '../base/wvm-error.ts';
import type { WasmModule } from '../wasm/module.ts';
import type { CallGraph } from './call-graph.ts';
import { INSTRUMENTER_VERSION } from './names.ts';
import { FunctionPlan } from './plan.ts';

export class ModuleMap {
  readonly module: WasmModule;
  readonly graph: CallGraph;
  /** Number of the first site of each defined function, and the total at the end. */
  readonly firstSite: Int32Array;
  /** Stores mark the pages that they write; continuations must, too. */
  readonly marksWrites: boolean;
  readonly #plans = new Map<number, FunctionPlan>();

  constructor(module: WasmModule, graph: CallGraph, firstSite: Int32Array, marksWrites = false) {
    this.module = module;
    this.graph = graph;
    this.firstSite = firstSite;
    this.marksWrites = marksWrites;
  }

  get siteCount(): number {
    return this.firstSite[this.firstSite.length - 1]!;
  }

  /** The plan of a function that suspends, or whose stores mark; made when it is first asked for. */
  plan(functionIndex: number): FunctionPlan {
    let plan = this.#plans.get(functionIndex);
    if (plan === undefined) {
      const first = this.firstSite[functionIndex - this.module.importedFunctionCount]!;
      plan = new FunctionPlan(this.module, this.graph, functionIndex, first);
      this.#plans.set(functionIndex, plan);
    }
    return plan;
  }

  /** Function index that holds site `site` (counted over the module), or -1 if there is no such site. */
  functionOfSite(site: number): number {
    if (site < 0 || site >= this.siteCount) return -1;
    let low = 0;
    let high = this.firstSite.length - 1;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.firstSite[middle]! <= site) low = middle;
      else high = middle;
    }
    return low + this.module.importedFunctionCount;
  }

  /** Number of the site of a function at an original code offset, or -1. */
  findSite(functionIndex: number, codeOffset: number, kind: 0 | 1): number {
    const codeIndex = functionIndex - this.module.importedFunctionCount;
    if (codeIndex < 0 || codeIndex >= this.module.code.length) return -1;
    if (this.firstSite[codeIndex] === this.firstSite[codeIndex + 1]) return -1;
    const plan = this.plan(functionIndex);
    const start = this.module.code[codeIndex]!.range.start;
    const { sites, code } = plan.analysis;
    for (let s = 0; s < sites.length; s++) {
      const site = sites[s]!;
      if (site.kind === kind && code.offset[site.instruction]! - start === codeOffset) return plan.firstSite + s;
    }
    return -1;
  }

  /** Original code offset of a site of a function's plan. */
  codeOffset(plan: FunctionPlan, index: number): number {
    const { analysis } = plan;
    const codeIndex = analysis.functionIndex - this.module.importedFunctionCount;
    return analysis.code.offset[analysis.sites[index]!.instruction]! - this.module.code[codeIndex]!.range.start;
  }
}

/** Contents of the map section. */
export function encodeModuleMap(
  module: WasmModule,
  graph: CallGraph,
  siteCounts: Int32Array,
  marksWrites: boolean,
): Uint8Array {
  const w = new ByteWriter(module.functionTypes.length * 2);
  w.u32(INSTRUMENTER_VERSION);
  w.u32((graph.standardExceptions ? 1 : 0) | (graph.writesTables ? 2 : 0) | (marksWrites ? 4 : 0));
  for (let f = 0; f < module.functionTypes.length; f++) {
    w.u32(graph.cycle[f]! * 4 + graph.heavy[f]! * 2 + graph.suspends[f]!);
  }
  for (let t = 0; t < module.types.length; t++) {
    w.u32(graph.typeCycle[t]! * 4 + graph.typeHeavy[t]! * 2 + graph.typeSuspends[t]!);
  }
  for (const count of siteCounts) w.u32(count);
  return w.toBytes();
}

/** Reads a map section; undefined if it does not belong to this module and instrumenter. */
export function decodeModuleMap(module: WasmModule, contents: Uint8Array): ModuleMap {
  let at = 0;
  const u32 = (): number => {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = contents[at++];
      if (byte === undefined)
        throw new WvmError('WVM_MODULE_INVALID', 'map section of an instrumented module: cut short');
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value >>> 0;
  };
  if (u32() !== INSTRUMENTER_VERSION) {
    throw new WvmError('WVM_MODULE_INVALID', 'map section of an instrumented module: made by another instrumenter');
  }
  const flags = u32();
  const functionCount = module.functionTypes.length;
  const suspends = new Uint8Array(functionCount);
  const heavy = new Uint8Array(functionCount);
  const cycle = new Int32Array(functionCount);
  for (let f = 0; f < functionCount; f++) {
    const value = u32();
    suspends[f] = value & 1;
    heavy[f] = (value >>> 1) & 1;
    cycle[f] = value >>> 2;
  }
  const typeSuspends = new Uint8Array(module.types.length);
  const typeHeavy = new Uint8Array(module.types.length);
  const typeCycle = new Int32Array(module.types.length);
  for (let t = 0; t < module.types.length; t++) {
    const value = u32();
    typeSuspends[t] = value & 1;
    typeHeavy[t] = (value >>> 1) & 1;
    typeCycle[t] = value >>> 2;
  }
  const siteCounts = new Int32Array(module.code.length);
  for (let c = 0; c < module.code.length; c++) siteCounts[c] = u32();
  const graph: CallGraph = {
    suspends,
    cycle,
    typeSuspends,
    typeCycle,
    heavy,
    typeHeavy,
    standardExceptions: (flags & 1) !== 0,
    writesTables: (flags & 2) !== 0,
    uncapturable: [],
  };
  return new ModuleMap(module, graph, prefixSums(siteCounts), (flags & 4) !== 0);
}

/** First site of each function, and the total. */
export function prefixSums(counts: Int32Array): Int32Array {
  const sums = new Int32Array(counts.length + 1);
  for (let i = 0; i < counts.length; i++) sums[i + 1] = sums[i]! + counts[i]!;
  return sums;
}
