// One forward pass over a function body: control structure, typed operand stack, sites.
//
// A *site* is a place where the function can be stopped: a call that may suspend ('call': the call is in
// progress), or a poll of the fuel ('poll': the instruction is about to run). The pass finds
// - for every site the operands that lie on the stack below it (below the arguments of a call), as a chain of
//   nodes: each node is one pushed value and points to the value under it;
// - which of those values need a shadow local. A value pushed by `local.get x` needs none while x is not
//   written (it is x), nor does a constant;
// - where polls are due: at every loop header, and before a call that closes a cycle of calls, unless a poll
//   already lies on every path to it.
// Code that cannot be reached is marked and left out of everything that follows.

import { assert } from '../base/assert.ts';
import { createInstructions, decodeBody } from '../wasm/decode-body.ts';
import { BLOCK_VALUE_TYPE, type Instructions } from '../wasm/instructions.ts';
import { type FuncType, ValType, type WasmModule } from '../wasm/module.ts';
import { Op, opcodeIndex, SIMPLE_POPS, SIMPLE_PUSH } from '../wasm/opcodes.ts';
import { atomicCallType, isAtomicCall } from './atomic-calls.ts';
import type { CallGraph } from './call-graph.ts';

export const SiteKind = { call: 0, poll: 1 } as const;

export interface Site {
  readonly kind: 0 | 1;
  /** Index of the call, or of the instruction that a poll precedes. */
  readonly instruction: number;
  /** Innermost enclosing block instruction, -1 for the function itself. */
  readonly block: number;
  /** Topmost operand below the site, -1 if there is none. */
  readonly top: number;
  /** What a poll spends. */
  readonly cost: number;
  /** Results the callee will deliver. */
  readonly results: readonly ValType[];
  /** Innermost catch clause around it, -1 if none. */
  readonly clause: number;
}

/**
 * A catch clause of a legacy `try`. One that is named by a rethrow and holds a site keeps its exception in locals, so
 * that it can be saved: emit.ts then moves its code behind the `try`.
 */
export interface CatchClause {
  readonly block: number;
  /** Its `catch` or `catch_all`. */
  readonly instruction: number;
  /** -1: catch_all. */
  readonly tag: number;
  /** Tags that may arrive here: its own; of a catch_all those that no clause before it names. */
  readonly tags: readonly number[];
  /** Innermost clause around the `try`, -1 if none. */
  readonly outer: number;
  /** Where the next clause begins, or the `end` of the `try`. */
  end: number;
  isRethrown: boolean;
  hasSite: boolean;
  kept: KeptException | undefined;
}

/** Locals that hold a caught exception. */
interface KeptException {
  /** Holds the tag index; -1 if only one tag can arrive. */
  readonly tagLocal: number;
  /** Locals of the payload, for each tag that may arrive. */
  readonly payload: ReadonlyMap<number, readonly number[]>;
}

export const NodeKind = { plain: 0, local: 1, constant: 2 } as const;

/** How a function keeps its fuel: not at all, in the global, or in a local that is synced around calls. */
export type FuelMode = 'none' | 'global' | 'local';

const EMPTY: readonly ValType[] = [];
const SINGLE: Readonly<Record<number, readonly ValType[]>> = Object.fromEntries(
  [...Object.values(ValType)].map((type) => [type, [type]]),
);
/**
 * What a poll spends at most. The body of an interpreter's loop holds every case of its switch, but one turn runs few of
 * its instructions: with the full count such loops polled a hundred times too often.
 */
const MAX_COST = 30;

interface Control {
  /** The block instruction, -1 for the function. */
  readonly instruction: number;
  readonly opcode: number;
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
  /** Height of the stack below the parameters, and the node there. */
  readonly base: number;
  readonly baseNode: number;
  /** Innermost enclosing loop instruction (this one if it is a loop), -1 if none. */
  readonly loop: number;
  /** Innermost catch clause around the current instruction, -1 if none. */
  clause: number;
  /** A poll lies on every path to the current instruction. */
  polled: boolean;
  polledAtStart: boolean;
  /** Last instruction of this block at which its part of the stack was lowest, and the top node then. */
  boundary: number;
  boundaryTop: number;
}

/** What is known of one function after the pass. Arrays are indexed by instruction unless said. */
export class FunctionAnalysis {
  readonly module: WasmModule;
  readonly functionIndex: number;
  readonly code: Instructions;
  readonly type: FuncType;
  /** Types of all locals of the original function, parameters first. */
  readonly locals: readonly ValType[];
  /** 1 where control can come. */
  readonly reachable: Uint8Array;
  /** Enclosing block instruction of each block instruction, -1 for the function. */
  readonly parent: Int32Array;
  /** Of a block instruction: its `end` (or `delegate`). Of an `end`, `else`, `catch`: its block instruction. */
  readonly partner: Int32Array;
  /** Of an `if`: its `else`; of a legacy `try`: its first catch; -1 if there is none. */
  readonly middle: Int32Array;
  /** Of a block instruction: topmost node below its parameters. */
  readonly baseNode: Int32Array;
  /** First node pushed by an instruction, -1 if it pushes none. */
  readonly firstNode: Int32Array;
  /** 1 where a pushed value needs a shadow. */
  readonly shadowed: Uint8Array;
  /** Sites in the order of the code, a poll before a call at the same instruction. */
  readonly sites: Site[] = [];
  /** Of a loop: what one turn costs. */
  readonly loopCost: Int32Array;
  /** Catch clauses of legacy tries, outer ones before inner ones. */
  readonly clauses: CatchClause[] = [];
  /** Clauses of each `try` that has any, in their order. */
  readonly clausesOfTry: Map<number, CatchClause[]> = new Map();
  /** By instruction: the clause that a `catch` or `catch_all` begins, or that a `rethrow` names. */
  readonly clauseOf: Map<number, number> = new Map();
  readonly hasTry: boolean;
  readonly fuel: FuelMode;

  // Nodes.
  readonly nodeBelow: number[] = [];
  readonly nodeType: ValType[] = [];
  readonly nodeHeight: number[] = [];
  readonly nodeKind: number[] = [];
  /** Local index of a `local` node, instruction of a `constant` one. */
  readonly nodeArg: number[] = [];
  readonly nodeInstruction: number[] = [];
  readonly nodeNeeded: boolean[] = [];

  /**
   * Locals that we add, behind the original ones: shadows of operands, then what holds caught exceptions.
   */
  readonly shadowTypes: ValType[] = [];
  readonly #shadowOf = new Map<number, number>();

  constructor(module: WasmModule, graph: CallGraph, functionIndex: number) {
    const codeIndex = functionIndex - module.importedFunctionCount;
    const entry = module.code[codeIndex]!;
    this.module = module;
    this.functionIndex = functionIndex;
    this.code = createInstructions();
    decodeBody(module, codeIndex, this.code);
    this.type = module.types[module.functionTypes[functionIndex]!]!;
    this.locals = [...this.type.params, ...entry.locals];
    const count = this.code.count;
    this.reachable = new Uint8Array(count);
    this.parent = new Int32Array(count).fill(-1);
    this.partner = new Int32Array(count).fill(-1);
    this.middle = new Int32Array(count).fill(-1);
    this.baseNode = new Int32Array(count).fill(-1);
    this.firstNode = new Int32Array(count).fill(-1);
    this.shadowed = new Uint8Array(count);
    this.loopCost = new Int32Array(count);
    const facts = new ForwardPass(this, graph).run();
    this.hasTry = facts.hasTry;
    this.#finishSites(facts.outsideCost);
    this.fuel = facts.polls === 0 ? 'none' : facts.hasQuietLoop && !facts.hasTry ? 'local' : 'global';
    this.#resolveShadows();
    this.#keepExceptions();
  }

  /** Clauses around a site, outermost first. */
  clausesAround(site: Site): CatchClause[] {
    const around: CatchClause[] = [];
    for (let c = site.clause; c >= 0; c = this.clauses[c]!.outer) around.push(this.clauses[c]!);
    return around.reverse();
  }

  /** Clauses of a `try` whose code moves behind it. */
  keptClauses(block: number): CatchClause[] {
    return (this.clausesOfTry.get(block) ?? []).filter((clause) => clause.kept !== undefined);
  }

  /** Local index of the shadow of a node (plain, needed). */
  shadowLocal(node: number): number {
    const index = this.#shadowOf.get(shadowKey(this.nodeHeight[node]!, this.nodeType[node]!));
    assert(index !== undefined, 'a shadow exists for every needed node');
    return index;
  }

  /** True if `site` is the poll of a loop, and no call that may suspend lies in the loops around it. */
  isQuiet(site: Site): boolean {
    if (site.kind !== SiteKind.poll || site.block < 0 || this.code.opcode[site.block] !== Op.loop) return false;
    let outermost = site.block;
    for (let block: number = site.block; block >= 0; block = this.parent[block]!) {
      if (this.code.opcode[block] === Op.loop) outermost = block;
    }
    const end = this.partner[outermost]!;
    return !this.sites.some(
      ({ kind, instruction }) => kind === SiteKind.call && instruction > outermost && instruction < end,
    );
  }

  /** Number of parameters of a loop. */
  loopParams(loop: number): number {
    return blockType(this.module, this.code.immediate[loop]!).params.length;
  }

  /** Number of values that an instruction has pushed (those recorded as nodes). */
  pushedCount(instruction: number): number {
    const first = this.firstNode[instruction]!;
    if (first < 0) return 0;
    let n = first;
    while (n < this.nodeInstruction.length && this.nodeInstruction[n] === instruction) n++;
    return n - first;
  }

  /** Operands below a site, bottom first. */
  operands(site: Site): number[] {
    const nodes: number[] = [];
    for (let node = site.top; node >= 0; node = this.nodeBelow[node]!) nodes.push(node);
    return nodes.reverse();
  }

  #finishSites(outsideCost: number): void {
    this.sites.sort((a, b) => a.instruction - b.instruction || b.kind - a.kind);
    for (let i = 0; i < this.sites.length; i++) {
      const site = this.sites[i]!;
      if (site.kind !== SiteKind.poll) continue;
      const before = site.instruction - 1;
      const isLoopHeader = before >= 0 && this.code.opcode[before] === Op.loop && site.block === before;
      const cost = isLoopHeader ? this.loopCost[before]! : outsideCost;
      this.sites[i] = { ...site, cost: Math.max(1, Math.min(MAX_COST, cost)) };
    }
  }

  /** Gives locals to the clauses that keep their exceptions; clauses that are never open together share them. */
  #keepExceptions(): void {
    const local = new Map<string, number>();
    const allocate = (key: string, type: ValType): number => {
      let index = local.get(key);
      if (index === undefined) {
        index = this.locals.length + this.shadowTypes.length;
        local.set(key, index);
        this.shadowTypes.push(type);
      }
      return index;
    };
    const depthOf: number[] = [];
    this.clauses.forEach((clause, c) => {
      const depth = clause.outer < 0 ? 0 : depthOf[clause.outer]!;
      const isKept = clause.isRethrown && clause.hasSite;
      depthOf[c] = depth + (isKept ? 1 : 0);
      if (!isKept) return;
      const payload = new Map<number, readonly number[]>();
      for (const tag of clause.tags) {
        const { params } = this.module.types[this.module.allTags[tag]!]!;
        payload.set(
          tag,
          params.map((type, k) => allocate(`${depth} ${k} ${type}`, type)),
        );
      }
      const tagLocal = clause.tags.length === 1 ? -1 : allocate(`${depth} tag`, ValType.i32);
      clause.kept = { tagLocal, payload };
    });
  }

  #resolveShadows(): void {
    for (let node = 0; node < this.nodeBelow.length; node++) {
      if (!this.nodeNeeded[node] || this.nodeKind[node] !== NodeKind.plain) continue;
      this.shadowed[this.nodeInstruction[node]!] = 1;
      const key = shadowKey(this.nodeHeight[node]!, this.nodeType[node]!);
      if (this.#shadowOf.has(key)) continue;
      this.#shadowOf.set(key, this.locals.length + this.shadowTypes.length);
      this.shadowTypes.push(this.nodeType[node]!);
    }
    // An instruction that pushes several values and needs one shadow goes through locals with all of them
    // above the lowest needed one, so those need a place too.
    for (let i = 0; i < this.code.count; i++) {
      if (this.shadowed[i] === 0) continue;
      const first = this.firstNode[i]!;
      const pushed = this.pushedCount(i);
      if (pushed < 2) continue;
      let lowest = first;
      while (!(this.nodeNeeded[lowest] && this.nodeKind[lowest] === NodeKind.plain)) lowest++;
      for (let node = lowest; node < first + pushed; node++) {
        const key = shadowKey(this.nodeHeight[node]!, this.nodeType[node]!);
        if (this.#shadowOf.has(key)) continue;
        this.#shadowOf.set(key, this.locals.length + this.shadowTypes.length);
        this.shadowTypes.push(this.nodeType[node]!);
      }
    }
  }
}

function shadowKey(height: number, type: ValType): number {
  return height * 256 + type;
}

/** Parameters and results of a block type immediate. */
export function blockType(module: WasmModule, immediate: number): FuncType {
  if (immediate === -1) return { params: EMPTY, results: EMPTY };
  if ((immediate & BLOCK_VALUE_TYPE) !== 0) {
    const type = immediate & ~BLOCK_VALUE_TYPE;
    return { params: EMPTY, results: SINGLE[type] ?? [type] };
  }
  return module.types[immediate]!;
}

class ForwardPass {
  readonly a: FunctionAnalysis;
  readonly graph: CallGraph;
  readonly module: WasmModule;
  readonly controls: Control[] = [];
  readonly stack: number[] = [];
  /** Loops that contain a site of a call, by loop instruction. */
  readonly busyLoops = new Set<number>();
  readonly loops: number[] = [];
  outsideCost = 0;
  polls = 0;
  hasTry = false;

  constructor(analysis: FunctionAnalysis, graph: CallGraph) {
    this.a = analysis;
    this.graph = graph;
    this.module = analysis.module;
  }

  run(): { hasTry: boolean; outsideCost: number; polls: number; hasQuietLoop: boolean } {
    const { a, controls } = this;
    const { opcode, count } = a.code;
    controls.push({
      instruction: -1,
      opcode: Op.block,
      params: EMPTY,
      results: a.type.results,
      base: 0,
      baseNode: -1,
      loop: -1,
      clause: -1,
      polled: false,
      polledAtStart: false,
      boundary: 0,
      boundaryTop: -1,
    });
    let i = 0;
    while (i < count) {
      const control = controls[controls.length - 1]!;
      a.reachable[i] = 1;
      if (this.stack.length <= control.base) {
        control.boundary = i;
        control.boundaryTop = control.baseNode;
      }
      if (control.loop >= 0) a.loopCost[control.loop]!++;
      else this.outsideCost++;
      const transfers = this.step(i, opcode[i]!);
      i = transfers ? this.skipDead(i + 1) : i + 1;
    }
    assert(controls.length === 0, 'control structure is balanced');
    return {
      hasTry: this.hasTry,
      outsideCost: this.outsideCost,
      polls: this.polls,
      hasQuietLoop: this.loops.some((loop) => !this.busyLoops.has(loop)),
    };
  }

  /** Index of the next instruction that ends or divides the current block. */
  skipDead(from: number): number {
    const { opcode, count } = this.a.code;
    let depth = 0;
    for (let i = from; i < count; i++) {
      switch (opcode[i]) {
        case Op.block:
        case Op.loop:
        case Op.if:
        case Op.try:
        case Op.try_table:
          depth++;
          break;
        case Op.else:
        case Op.catch:
        case Op.catch_all:
          if (depth === 0) return i;
          break;
        case Op.end:
        case Op.delegate:
          if (depth === 0) return i;
          depth--;
          break;
        default:
          break;
      }
    }
    return count;
  }

  push(instruction: number, type: ValType, kind: number = NodeKind.plain, arg = 0): void {
    const { a, stack } = this;
    const node = a.nodeBelow.length;
    a.nodeBelow.push(stack.length === 0 ? -1 : stack[stack.length - 1]!);
    a.nodeType.push(type);
    a.nodeHeight.push(stack.length);
    a.nodeKind.push(kind);
    a.nodeArg.push(arg);
    a.nodeInstruction.push(instruction);
    a.nodeNeeded.push(false);
    if (a.firstNode[instruction] === -1) a.firstNode[instruction] = node;
    stack.push(node);
  }

  pushAll(instruction: number, types: readonly ValType[]): void {
    for (let k = 0; k < types.length; k++) this.push(instruction, types[k]!);
  }

  pop(count: number): void {
    this.stack.length -= count;
  }

  top(): number {
    const { stack } = this;
    return stack.length === 0 ? -1 : stack[stack.length - 1]!;
  }

  /** Every operand from `node` down is needed by a site. */
  need(node: number): void {
    const { nodeNeeded, nodeBelow } = this.a;
    while (node >= 0 && !nodeNeeded[node]) {
      nodeNeeded[node] = true;
      node = nodeBelow[node]!;
    }
  }

  /** Operands that stand for local `x` must be kept apart from now on. */
  written(x: number): void {
    const { a, stack } = this;
    for (let k = stack.length - 1; k >= 0; k--) {
      const node = stack[k]!;
      if (a.nodeKind[node] === NodeKind.local && a.nodeArg[node] === x) a.nodeKind[node] = NodeKind.plain;
    }
  }

  enter(i: number, opcode: number, type: FuncType): void {
    const { a, controls, stack } = this;
    const outer = controls[controls.length - 1]!;
    a.parent[i] = outer.instruction;
    this.pop(type.params.length);
    const base = stack.length;
    const baseNode = this.top();
    a.baseNode[i] = baseNode;
    this.pushAll(i, type.params);
    const isLoop = opcode === Op.loop;
    if (isLoop) this.loops.push(i);
    controls.push({
      instruction: i,
      opcode,
      params: type.params,
      results: type.results,
      base,
      baseNode,
      loop: isLoop ? i : outer.loop,
      clause: outer.clause,
      polled: outer.polled || isLoop,
      polledAtStart: outer.polled || isLoop,
      boundary: i + 1,
      boundaryTop: this.top(),
    });
    if (isLoop) this.poll(i + 1, i, this.top());
  }

  poll(instruction: number, block: number, top: number): void {
    this.need(top);
    this.polls++;
    const clause = this.siteClause();
    this.a.sites.push({ kind: SiteKind.poll, instruction, block, top, cost: 0, results: EMPTY, clause });
  }

  /** The clause around a site that is being made; all around it learn that they hold one. */
  siteClause(): number {
    const { clauses } = this.a;
    const { clause } = this.controls[this.controls.length - 1]!;
    for (let c = clause; c >= 0 && !clauses[c]!.hasSite; c = clauses[c]!.outer) clauses[c]!.hasSite = true;
    return clause;
  }

  /** `catch`, `catch_all` (tag -1). */
  catchClause(i: number, tag: number): void {
    const { a, controls, module } = this;
    const control = controls[controls.length - 1]!;
    const outer = controls[controls.length - 2]!.clause;
    const { instruction: block } = control;
    const before = a.clausesOfTry.get(block) ?? [];
    const isTaken = (t: number): boolean => before.some((clause) => clause.tag === t);
    const tags = tag >= 0 ? [tag] : module.allTags.flatMap((_, t) => (isTaken(t) ? [] : [t]));
    this.divide(i, tag >= 0 ? module.types[module.allTags[tag]!]!.params : EMPTY);
    control.clause = a.clauses.length;
    a.clauseOf.set(i, a.clauses.length);
    const flags = { isRethrown: false, hasSite: false, kept: undefined };
    const clause: CatchClause = { block, instruction: i, tag, tags, outer, end: -1, ...flags };
    a.clauses.push(clause);
    a.clausesOfTry.set(block, [...before, clause]);
  }

  /** `else`, `catch`: the block starts again with its base stack. */
  divide(i: number, pushed: readonly ValType[]): void {
    const control = this.controls[this.controls.length - 1]!;
    this.endClause(i, control);
    this.a.partner[i] = control.instruction;
    if (this.a.middle[control.instruction] === -1) this.a.middle[control.instruction] = i;
    this.a.reachable[i] = 1;
    this.stack.length = control.base;
    this.pushAll(i, pushed);
    control.polled = control.polledAtStart;
    control.boundary = i + 1;
    control.boundaryTop = this.top();
  }

  endClause(i: number, control: Control): void {
    const clause = this.a.clauses[control.clause];
    if (clause !== undefined && clause.block === control.instruction) clause.end = i;
  }

  leave(i: number): void {
    const control = this.controls.pop()!;
    this.endClause(i, control);
    this.a.partner[i] = control.instruction;
    this.a.reachable[i] = 1;
    if (control.instruction >= 0) this.a.partner[control.instruction] = i;
    this.stack.length = control.base;
    this.pushAll(i, control.results);
  }

  call(i: number, type: FuncType, extraPops: number, suspends: boolean, closesCycle: boolean): void {
    const control = this.controls[this.controls.length - 1]!;
    if (closesCycle && !control.polled) {
      this.poll(control.boundary, control.instruction, control.boundaryTop);
      control.polled = true;
    }
    this.pop(type.params.length + extraPops);
    if (suspends) {
      const top = this.top();
      this.need(top);
      this.a.sites.push({
        kind: SiteKind.call,
        instruction: i,
        block: control.instruction,
        top,
        cost: 0,
        results: type.results,
        clause: this.siteClause(),
      });
      for (let loop = control.loop; loop >= 0 && !this.busyLoops.has(loop); loop = this.outerLoop(loop)) {
        this.busyLoops.add(loop);
      }
    }
    this.pushAll(i, type.results);
  }

  outerLoop(loop: number): number {
    for (let k = this.controls.length - 1; k > 0; k--) {
      if (this.controls[k]!.instruction === loop) return this.controls[k - 1]!.loop;
    }
    return -1;
  }

  /** A tail call: only its poll, if it closes a cycle. Returns true: control does not come back. */
  tailCall(closesCycle: boolean): true {
    const control = this.controls[this.controls.length - 1]!;
    if (closesCycle && !control.polled) {
      this.poll(control.boundary, control.instruction, control.boundaryTop);
    }
    return true;
  }

  /** Simulates instruction `i`; true if control never goes on behind it. */
  step(i: number, op: number): boolean {
    const { a, module, graph } = this;
    if (isAtomicCall(module, op, a.code.immediate[i]!)) {
      this.call(i, atomicCallType(module, op, a.code.immediate[i]!), 0, true, false);
      return false;
    }
    const simple = opcodeIndex(op);
    const pops = SIMPLE_POPS[simple]!;
    if (pops >= 0) {
      this.pop(pops);
      const pushed = SIMPLE_PUSH[simple]!;
      if (pushed !== 0) this.push(i, pushed, isConstant(op) ? NodeKind.constant : NodeKind.plain, i);
      return false;
    }
    const immediate = a.code.immediate[i]!;
    switch (op) {
      case Op.nop:
        return false;
      case Op.local_get:
        this.push(i, a.locals[immediate]!, NodeKind.local, immediate);
        return false;
      case Op.local_set:
        this.pop(1);
        this.written(immediate);
        return false;
      case Op.local_tee:
        this.pop(1);
        this.written(immediate);
        this.push(i, a.locals[immediate]!, NodeKind.local, immediate);
        return false;
      case Op.global_get:
        this.push(i, module.allGlobals[immediate]!.type);
        return false;
      case Op.global_set:
      case Op.drop:
        this.pop(1);
        return false;
      case Op.select:
      case Op.select_t: {
        this.pop(2);
        const type = a.nodeType[this.top()]!;
        this.pop(1);
        this.push(i, type);
        return false;
      }
      case Op.block:
      case Op.loop:
        this.enter(i, op, blockType(module, immediate));
        return false;
      case Op.if:
        this.pop(1);
        this.enter(i, op, blockType(module, immediate));
        return false;
      case Op.try:
        this.hasTry = true;
        this.enter(i, op, blockType(module, immediate));
        return false;
      case Op.try_table:
        this.hasTry = true;
        this.enter(i, op, blockType(module, a.code.immediate2[i]!));
        return false;
      case Op.else:
        this.divide(i, this.controls[this.controls.length - 1]!.params);
        return false;
      case Op.catch:
        this.catchClause(i, immediate);
        return false;
      case Op.catch_all:
        this.catchClause(i, -1);
        return false;
      case Op.end:
      case Op.delegate:
        this.leave(i);
        return false;
      case Op.br_if:
        this.pop(1);
        return false;
      case Op.br_on_null: {
        const type = a.nodeType[this.top()]!;
        this.pop(1);
        this.push(i, type);
        return false;
      }
      case Op.br_on_non_null:
        this.pop(1);
        return false;
      case Op.br:
      case Op.br_table:
      case Op.return:
      case Op.unreachable:
      case Op.throw:
      case Op.throw_ref:
        return true;
      case Op.rethrow: {
        const { clause } = this.controls[this.controls.length - 1 - immediate]!;
        a.clauseOf.set(i, clause);
        a.clauses[clause]!.isRethrown = true;
        return true;
      }
      case Op.call:
        this.call(
          i,
          module.types[module.functionTypes[immediate]!]!,
          0,
          graph.suspends[immediate] === 1,
          this.closesCycle(graph.cycle[immediate]!),
        );
        return false;
      case Op.call_indirect:
      case Op.call_ref:
        this.call(
          i,
          module.types[immediate]!,
          1,
          graph.typeSuspends[immediate] === 1 || op === Op.call_ref || this.throughImport(i, op),
          this.closesCycle(graph.typeCycle[immediate]!),
        );
        return false;
      case Op.return_call:
        if (immediate < module.importedFunctionCount) {
          this.call(i, module.types[module.functionTypes[immediate]!]!, 0, true, false);
          return true;
        }
        return this.tailCall(this.closesCycle(graph.cycle[immediate]!));
      case Op.return_call_indirect:
      case Op.return_call_ref:
        return this.tailCall(this.closesCycle(graph.typeCycle[immediate]!));
      case Op.memory_size:
        this.push(i, module.allMemories[immediate]!.is64 ? ValType.i64 : ValType.i32);
        return false;
      case Op.memory_grow:
        this.pop(1);
        this.push(i, module.allMemories[immediate]!.is64 ? ValType.i64 : ValType.i32);
        return false;
      case Op.table_get:
        this.pop(1);
        this.push(i, module.allTables[immediate]!.element);
        return false;
      case Op.table_set:
        this.pop(2);
        return false;
      case Op.table_size:
        this.push(i, module.allTables[immediate]!.limits.is64 ? ValType.i64 : ValType.i32);
        return false;
      case Op.table_grow:
        this.pop(2);
        this.push(i, module.allTables[immediate]!.limits.is64 ? ValType.i64 : ValType.i32);
        return false;
      case Op.table_fill:
        this.pop(3);
        return false;
      case Op.ref_null:
        this.push(i, immediate, NodeKind.constant, i);
        return false;
      case Op.ref_func:
        this.push(i, ValType.funcref);
        return false;
      case Op.ref_is_null:
        this.pop(1);
        this.push(i, ValType.i32);
        return false;
      case Op.ref_as_non_null: {
        const type = a.nodeType[this.top()]!;
        this.pop(1);
        this.push(i, type);
        return false;
      }
      default:
        assert(false, `function ${a.functionIndex}: no stack effect known for opcode 0x${op.toString(16)}`);
    }
  }

  closesCycle(calleeCycle: number): boolean {
    return calleeCycle !== 0 && calleeCycle === this.graph.cycle[this.a.functionIndex];
  }

  throughImport(i: number, op: number): boolean {
    return op === Op.call_indirect && this.a.code.immediate2[i]! < this.module.importedTableCount;
  }
}

function isConstant(op: number): boolean {
  return (op >= Op.i32_const && op <= Op.f64_const) || op === Op.v128_const;
}
