// Which functions can suspend, and which calls close a cycle.
//
// A function suspends if it contains a loop (a poll), a call that closes a cycle of calls (a poll), a call of
// an import, or a call of a function that suspends. Everything else stays byte for byte as it was.
// Indirect calls go through one node per function type, with edges to every function of that type whose
// address is taken; a table that comes from outside may hold anything, so its calls always suspend.
//
// As the only pass that sees every instruction before anything is written, it also finds what cannot be captured
// and shows in bodies only; the parser has found the rest.

import { WvmError } from '../base/wvm-error.ts';
import { decodeConst } from '../wasm/const-expr.ts';
import { createInstructions, decodeBody } from '../wasm/decode-body.ts';
import { BLOCK_VALUE_TYPE, type Instructions } from '../wasm/instructions.ts';
import { type FuncType, OTHER_REF, ValType, type WasmModule } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import { isAtomicCall } from './atomic-calls.ts';

export interface CallGraph {
  /** By function index, imports included: 1 if a call of it may suspend. */
  readonly suspends: Uint8Array;
  /** By type index: 1 if an indirect call of that type may suspend. */
  readonly typeSuspends: Uint8Array;
  /** Number of the cycle of calls that a function, or a type's node, lies on; 0 if on none. Equal numbers: the call closes a cycle. */
  readonly cycle: Int32Array;
  readonly typeCycle: Int32Array;
  /** By function, and by type: 1 if a call may come to a function on a cycle. */
  readonly heavy: Uint8Array;
  readonly typeHeavy: Uint8Array;
  /** The module uses try_table or throw_ref; what we add must then be in that form too. */
  readonly standardExceptions: boolean;
  /** The code can write tables; if not, their contents are what the element segments say. */
  readonly writesTables: boolean;
  /**
   * What the module uses whose state cannot be captured, by name. If there is anything, the module must run as it is,
   * and the rest of the graph says nothing.
   */
  readonly uncapturable: readonly string[];
}

/** Structural identity of function types: one key per distinct signature. */
export function typeKey(type: FuncType): string {
  return `${type.params.join()}>${type.results.join()}`;
}

/** Builds the call graph of a module in one pass over its code. */
export function buildCallGraph(module: WasmModule): CallGraph {
  const functionCount = module.functionTypes.length;
  const importCount = module.importedFunctionCount;
  // Nodes: functions, then one per distinct type.
  const typeNode = new Int32Array(module.types.length).fill(-1);
  const nodeOfKey = new Map<string, number>();
  let nodeCount = functionCount;
  module.types.forEach((type, index) => {
    if (type === undefined) return;
    const key = typeKey(type);
    let node = nodeOfKey.get(key);
    if (node === undefined) nodeOfKey.set(key, (node = nodeCount++));
    typeNode[index] = node;
  });
  const edges: number[][] = Array.from({ length: nodeCount }, () => []);
  const suspends = new Uint8Array(nodeCount);
  const addressTaken = new Uint8Array(functionCount);

  suspends.fill(1, 0, importCount);
  for (const segment of module.elements) {
    for (const index of segment.functions ?? []) addressTaken[index] = 1;
    for (const expr of segment.expressions ?? []) {
      const value = decodeConst(module, expr);
      if (value.kind === 'ref.func') addressTaken[value.index] = 1;
    }
  }
  for (const global of module.globals) {
    const value = decodeConst(module, global.init);
    if (value.kind === 'ref.func') addressTaken[value.index] = 1;
  }
  for (const table of module.tables) {
    if (table.init === undefined) continue;
    const value = decodeConst(module, table.init);
    if (value.kind === 'ref.func') addressTaken[value.index] = 1;
  }

  const found: BodyFacts = {
    // Values of exceptions are saved by code of the standard form.
    standardExceptions: holdsExceptions(module),
    legacyExceptions: false,
    writesTables: false,
    uncapturable: new Set([...module.uncapturable, ...uncapturableDeclarations(module)]),
    addressTaken,
  };
  const { uncapturable } = found;
  const list = createInstructions();
  for (let codeIndex = 0; codeIndex < module.code.length; codeIndex++) {
    const node = importCount + codeIndex;
    try {
      decodeBody(module, codeIndex, list);
    } catch (error) {
      if (!(error instanceof WvmError && error.code === 'WVM_MODULE_UNSUPPORTED')) throw error;
      uncapturable.add(GC);
      break;
    }
    if (scanBody(module, list, typeNode, edges[node]!, found)) suspends[node] = 1;
  }
  const { standardExceptions, legacyExceptions, writesTables } = found;
  if (legacyExceptions && standardExceptions) uncapturable.add('both forms of exceptions');
  for (let f = 0; f < functionCount; f++) {
    if (addressTaken[f] === 1) edges[typeNode[module.functionTypes[f]!]!]!.push(f);
  }
  for (const exported of module.exports) {
    // The host, or another module, may put any function into an exported table: only single modules are
    // linked to one another through tables, and those calls always suspend.
    if (exported.kind === 'table' && exported.index < module.importedTableCount) {
      for (const node of nodeOfKey.values()) suspends[node] = 1;
    }
  }
  if (module.importedTableCount > 0) for (const node of nodeOfKey.values()) suspends[node] = 1;

  const component = findComponents(edges);
  const size = new Int32Array(nodeCount);
  for (let node = 0; node < nodeCount; node++) size[component[node]!]!++;
  const recursive = new Uint8Array(nodeCount);
  for (let node = 0; node < nodeCount; node++) {
    const own = component[node]!;
    if (size[own]! > 1 || edges[node]!.includes(node)) recursive[own] = 1;
  }
  for (let node = 0; node < nodeCount; node++) if (recursive[component[node]!] === 1) suspends[node] = 1;
  propagate(edges, suspends);
  const heavy = new Uint8Array(nodeCount);
  for (let node = 0; node < nodeCount; node++) heavy[node] = recursive[component[node]!]!;
  propagate(edges, heavy);

  const typeHeavy = new Uint8Array(module.types.length);
  const typeSuspends = new Uint8Array(module.types.length);
  const cycleOf = new Int32Array(nodeCount);
  const cycleNumber = new Map<number, number>();
  for (let node = 0; node < nodeCount; node++) {
    const own = component[node]!;
    if (recursive[own] === 0) continue;
    if (!cycleNumber.has(own)) cycleNumber.set(own, cycleNumber.size + 1);
    cycleOf[node] = cycleNumber.get(own)!;
  }
  const typeCycle = new Int32Array(module.types.length);
  for (let t = 0; t < module.types.length; t++) {
    const node = typeNode[t]!;
    if (node < 0) continue;
    typeSuspends[t] = suspends[node]!;
    typeCycle[t] = cycleOf[node]!;
    typeHeavy[t] = heavy[node]!;
  }
  return {
    suspends: suspends.slice(0, functionCount),
    typeSuspends,
    cycle: cycleOf.slice(0, functionCount),
    typeCycle,
    heavy: heavy.slice(0, functionCount),
    typeHeavy,
    standardExceptions,
    writesTables,
    uncapturable: [...uncapturable],
  };
}

/** What bodies are searched for, all of them together. */
interface BodyFacts {
  standardExceptions: boolean;
  legacyExceptions: boolean;
  writesTables: boolean;
  readonly uncapturable: Set<string>;
  readonly addressTaken: Uint8Array;
}

/**
 * Adds the callees of one body to `out`, and what else is found to `found`; true if it suspends by itself. Opcodes are
 * numbers here, because every instruction of a program passes: V8 makes jump tables of literals alone.
 */
function scanBody(
  module: WasmModule,
  list: Instructions,
  typeNode: Int32Array,
  out: number[],
  found: BodyFacts,
): boolean {
  const { opcode, immediate, immediate2, count } = list;
  let suspends = false;
  for (let i = 0; i < count; i++) {
    const op = opcode[i]!;
    // Locals, globals, memory, arithmetic: nine of ten instructions.
    if (op > 0x26 /* table.set */ && op < 0xd0 /* ref.null */) continue;
    switch (op) {
      case 0x03: // loop
        suspends = true;
        if (immediate[i] === (BLOCK_VALUE_TYPE | OTHER_REF)) found.uncapturable.add(TYPED_REFERENCES);
        break;
      case 0x02: // block
      case 0x04: // if
      case 0x06: // try
        if (op === 0x06) found.legacyExceptions = true;
        else if (immediate[i] === (BLOCK_VALUE_TYPE | OTHER_REF)) found.uncapturable.add(TYPED_REFERENCES);
        break;
      case 0x0a: // throw_ref
        found.standardExceptions = true;
        break;
      case 0x10: // call
      case 0x12: // return_call
        out.push(immediate[i]!);
        break;
      case 0x11: // call_indirect
      case 0x13: // return_call_indirect
        out.push(typeNode[immediate[i]!]!);
        if (immediate2[i]! < module.importedTableCount) suspends = true;
        break;
      case 0x14: // call_ref
      case 0x15: // return_call_ref
        found.uncapturable.add(TYPED_REFERENCES);
        break;
      case 0x1c: // select_t
        if (immediate[i] === OTHER_REF) found.uncapturable.add(TYPED_REFERENCES);
        break;
      case 0x1f: // try_table
        found.standardExceptions = true;
        if (immediate2[i] === (BLOCK_VALUE_TYPE | OTHER_REF)) found.uncapturable.add(TYPED_REFERENCES);
        break;
      case 0x20: // local.get
      case 0x21: // local.set
      case 0x22: // local.tee
      case 0x23: // global.get
      case 0x24: // global.set
        break;
      case 0x26: // table.set
        found.writesTables = true;
        break;
      default:
        if (op < 0xd0) break;
        if (isAtomicCall(module, op, immediate[i]!)) suspends = true;
        else if (op === Op.ref_func) found.addressTaken[immediate[i]!] = 1;
        else if (op === Op.ref_null) {
          if (immediate[i] === OTHER_REF) found.uncapturable.add(TYPED_REFERENCES);
        } else if (WRITES_TABLES.has(op)) found.writesTables = true;
        break;
    }
  }
  return suspends;
}

const WRITES_TABLES: ReadonlySet<number> = new Set([Op.table_grow, Op.table_fill, Op.table_copy, Op.table_init]);

const GC = 'gc';
const TYPED_REFERENCES = 'typed function references';

/** True if a type or a local can hold an exception. */
function holdsExceptions({ types, code }: WasmModule): boolean {
  return (
    types.some((type) => type?.params.includes(ValType.exnref) || type?.results.includes(ValType.exnref)) ||
    code.some((entry) => entry.locals.includes(ValType.exnref))
  );
}

/** Places outside of bodies that may hold an exception, which nothing outside of a body can take apart. */
function uncapturableDeclarations(module: WasmModule): string[] {
  const found: string[] = [];
  if (module.allTables.some((table) => table.element === ValType.exnref)) found.push('tables of exceptions');
  if (module.allGlobals.some((global) => global.mutable && global.type === ValType.exnref)) {
    found.push('globals that hold exceptions');
  }
  if (module.allTags.some((typeIndex) => module.types[typeIndex]?.params.includes(ValType.exnref))) {
    found.push('exceptions that carry exceptions');
  }
  return found;
}

/** Marks every node from which a marked node can be reached. */
function propagate(edges: readonly number[][], marked: Uint8Array): void {
  const callers: number[][] = Array.from({ length: edges.length }, () => []);
  for (let from = 0; from < edges.length; from++) for (const to of edges[from]!) callers[to]!.push(from);
  const work: number[] = [];
  for (let node = 0; node < edges.length; node++) if (marked[node] === 1) work.push(node);
  for (let node = work.pop(); node !== undefined; node = work.pop()) {
    for (const caller of callers[node]!) {
      if (marked[caller] === 1) continue;
      marked[caller] = 1;
      work.push(caller);
    }
  }
}

/** Tarjan's strongly connected components without recursion; components are numbered from 0. */
function findComponents(edges: readonly number[][]): Int32Array {
  const n = edges.length;
  const component = new Int32Array(n).fill(-1);
  const order = new Int32Array(n).fill(-1);
  const low = new Int32Array(n);
  const onStack = new Uint8Array(n);
  const stack: number[] = [];
  const path: number[] = [];
  const next = new Int32Array(n);
  let visited = 0;
  let components = 0;
  for (let root = 0; root < n; root++) {
    if (order[root] !== -1) continue;
    path.push(root);
    while (path.length > 0) {
      const node = path[path.length - 1]!;
      if (order[node] === -1) {
        order[node] = low[node] = visited++;
        stack.push(node);
        onStack[node] = 1;
      }
      const out = edges[node]!;
      let descended = false;
      while (next[node]! < out.length) {
        const to = out[next[node]!]!;
        if (order[to] === -1) {
          path.push(to);
          descended = true;
          break;
        }
        if (onStack[to] === 1) low[node] = Math.min(low[node]!, low[to]!);
        next[node]!++;
      }
      if (descended) continue;
      path.pop();
      if (low[node] === order[node]) {
        for (;;) {
          const member = stack.pop()!;
          onStack[member] = 0;
          component[member] = components;
          if (member === node) break;
        }
        components++;
      }
      const parent = path[path.length - 1];
      if (parent !== undefined) low[parent] = Math.min(low[parent]!, low[node]!);
    }
  }
  return component;
}
