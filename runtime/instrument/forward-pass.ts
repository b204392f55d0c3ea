// The forward pass over a function body that fills a FunctionAnalysis: it runs the code on a stack of types.
//
// It looks at every instruction of a program, mostly before the engine has optimised it. So what most instructions need
// is one look into a table and some writes into arrays that are used again; nodes are made only of operands that a site
// needs: when it is met, every value on the stack that has none yet gets one, lowest first. Opcodes are numbers in the
// switches that most instructions pass: V8 makes jump tables of literals alone.

import { assert } from '../base/assert.ts';
import { decodeBody } from '../wasm/decode-body.ts';
import type { FuncType } from '../wasm/module.ts';
import { ValType, type WasmModule } from '../wasm/module.ts';
import { allOpcodes, Op, opcodeIndex, SIMPLE_POPS, SIMPLE_PUSH } from '../wasm/opcodes.ts';
import { blockType, type CatchClause, FunctionAnalysis, NodeKind, SiteKind } from './analysis.ts';
import { atomicCallType, isAtomicCall } from './atomic-calls.ts';
import type { CallGraph } from './call-graph.ts';
import { Flag, LoopKind, type Workspace } from './workspace.ts';

const EMPTY: readonly ValType[] = [];
const INITIAL_STACK = 1024;

/** Source of a stacked value that is not a local. */
const PLAIN = -1;
const CONSTANT = -2;

/** Node number of a stacked value that has none yet. */
const NO_NODE = -1;
/** Control.boundaryTop: the operands below the block. */
const BLOCK_BASE = -2;

// What an opcode does to the stack, by dense index: operands taken | FROM_CONSTANT | type pushed << 8; -1: see step().
const POPS_MASK = 7;
const FROM_CONSTANT = 8;
const EFFECT: Int16Array = new Int16Array(SIMPLE_POPS.length).fill(-1);
/** Flag.special of opcodes that are not always copied, by dense index. */
const SPECIAL: Uint8Array = new Uint8Array(SIMPLE_POPS.length);

for (const { opcode } of allOpcodes()) {
  const index = opcodeIndex(opcode);
  const pops = SIMPLE_POPS[index]!;
  const isConstant = (opcode >= Op.i32_const && opcode <= Op.f64_const) || opcode === Op.v128_const;
  if (pops >= 0) EFFECT[index] = pops | (isConstant ? FROM_CONSTANT : 0) | (SIMPLE_PUSH[index]! << 8);
}
const atomicCalls = [Op.memory_atomic_notify, Op.memory_atomic_wait32, Op.memory_atomic_wait64];
for (const opcode of atomicCalls) EFFECT[opcodeIndex(opcode)] = -1;
const blocks = [Op.block, Op.loop, Op.if, Op.else, Op.end, Op.try, Op.try_table, Op.catch, Op.catch_all, Op.delegate];
const branches = [Op.br, Op.br_if, Op.br_table, Op.br_on_null, Op.br_on_non_null, Op.return, Op.throw, Op.rethrow];
const calls = [Op.call, Op.call_indirect, Op.call_ref, Op.return_call, Op.return_call_indirect, Op.return_call_ref];
const segments = [Op.memory_init, Op.data_drop, Op.table_init, Op.elem_drop, Op.ref_func];
for (const opcode of [...atomicCalls, ...blocks, ...branches, ...calls, ...segments]) {
  SPECIAL[opcodeIndex(opcode)] = Flag.special;
}

/**
 * What a function on a cycle of calls owes the host, on the worst path to an instruction. One call that may recurse is
 * free: a chain of such calls is no longer than the stack. Before a second one a poll is due, which pays for all calls
 * behind it: so the work between two polls is bounded by the depth of the stack. Other functions owe nothing.
 */
const Debt = { paid: 0, none: 1, due: 2 } as const;
type Debt = (typeof Debt)[keyof typeof Debt];

interface Control {
  /** The block instruction, -1 for the function. */
  readonly instruction: number;
  readonly isLoop: boolean;
  /** Of a loop: a branch leads back to it. */
  hasWayBack: boolean;
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
  /** Height of the stack below the parameters. */
  readonly base: number;
  /** Innermost enclosing loop instruction (this one if it is a loop), -1 if none. */
  readonly loop: number;
  /** Innermost catch clause around the current instruction, -1 if none. */
  clause: number;
  debt: Debt;
  debtAtStart: Debt;
  /** The highest that `debt` was. */
  maxDebt: Debt;
  /** Last instruction of this block at which its part of the stack was lowest, and the top node then, or BLOCK_BASE. */
  boundary: number;
  boundaryTop: number;
  /** It holds a call that may suspend, a loop. */
  isBusy: boolean;
  holdsLoop: boolean;
}

export class ForwardPass {
  readonly space: Workspace;
  // Of the function that is being analysed.
  a!: FunctionAnalysis;
  graph!: CallGraph;
  module!: WasmModule;
  readonly controls: Control[] = [];
  polls = 0;
  hasTry = false;
  hasQuietLoop = false;
  isUnsorted = false;

  // The stack: of each value its type, the local that it is a copy of (or PLAIN, CONSTANT), the instruction that pushed
  // it, and its node.
  height = 0;
  types: Uint8Array = new Uint8Array(INITIAL_STACK);
  sources: Int32Array = new Int32Array(INITIAL_STACK);
  origins: Int32Array = new Int32Array(INITIAL_STACK);
  nodes: Int32Array = new Int32Array(INITIAL_STACK);

  constructor(space: Workspace) {
    this.space = space;
  }

  /** The analysis is good until the next call. */
  analyse(module: WasmModule, graph: CallGraph, functionIndex: number): FunctionAnalysis {
    const { space } = this;
    decodeBody(module, functionIndex - module.importedFunctionCount, space.code);
    space.reserve(space.code.count);
    const a = new FunctionAnalysis(module, functionIndex, space);
    this.a = a;
    this.graph = graph;
    this.module = module;
    this.polls = 0;
    this.hasTry = false;
    this.hasQuietLoop = false;
    this.isUnsorted = false;
    this.height = 0;
    this.reserve(0);
    const onCycle = graph.cycle[functionIndex]! !== 0;
    this.open(-1, false, EMPTY, a.type.results, -1, onCycle ? Debt.none : Debt.paid);
    this.run(onCycle);
    assert(this.controls.length === 0, 'control structure is balanced');
    a.finish(this);
    return a;
  }

  /** `onCycle`: polls may be due at calls, so boundaries must be known. */
  run(onCycle: boolean): void {
    const { a, controls, module } = this;
    const { flags, locals } = a;
    const { opcode, immediate, count } = a.code;
    let { types, sources, origins, nodes } = this;
    let control = controls[0]!;
    let height = 0;
    let i = 0;
    while (i < count) {
      if (onCycle && height <= control.base) {
        control.boundary = i;
        control.boundaryTop = BLOCK_BASE;
      }
      const op = opcode[i]!;
      const index = op < 256 ? op : opcodeIndex(op);
      flags[i] = SPECIAL[index]!;
      const effect = EFFECT[index]!;
      if (effect >= 0) {
        height -= effect & POPS_MASK;
        const pushed = effect >> 8;
        if (pushed !== 0) {
          types[height] = pushed;
          sources[height] = (effect & FROM_CONSTANT) === 0 ? PLAIN : CONSTANT;
          origins[height] = i;
          nodes[height] = NO_NODE;
          height++;
        }
        i++;
        continue;
      }
      switch (op) {
        case 0x20: // local_get
        case 0x21: // local_set
        case 0x22: {
          // local_tee
          const x = immediate[i]!;
          if (op !== 0x20) {
            height--;
            // Operands that stand for the local must be kept apart from now on.
            for (let k = height - 1; k >= 0; k--) if (sources[k] === x) this.detach(k);
          }
          if (op !== 0x21) {
            types[height] = locals[x]!;
            sources[height] = x;
            origins[height] = i;
            nodes[height] = NO_NODE;
            height++;
          }
          i++;
          continue;
        }
        case 0x23: // global_get
          types[height] = module.allGlobals[immediate[i]!]!.type;
          sources[height] = PLAIN;
          origins[height] = i;
          nodes[height] = NO_NODE;
          height++;
          i++;
          continue;
        case 0x0d: {
          // br_if
          const target = controls[controls.length - 1 - immediate[i]!]!;
          if (target.isLoop) this.wayBack(target);
          height--;
          i++;
          continue;
        }
        case 0x1a: // drop
        case 0x24: // global_set
          height--;
          i++;
          continue;
        case 0x1b: // select
          height -= 2;
          sources[height - 1] = PLAIN;
          origins[height - 1] = i;
          nodes[height - 1] = NO_NODE;
          i++;
          continue;
        default: {
          this.height = height;
          const transfers = this.step(i, op);
          i = transfers ? this.skipDead(i + 1) : i + 1;
          height = this.height;
          control = controls[controls.length - 1]!;
          ({ types, sources, origins, nodes } = this);
        }
      }
    }
  }

  /** Makes room for `count` values and one more for each instruction. */
  reserve(count: number): void {
    const capacity = this.height + count + this.space.code.count + 1;
    if (capacity <= this.types.length) return;
    const { types, sources, origins, nodes } = this;
    const grown = capacity * 2;
    this.types = new Uint8Array(grown);
    this.sources = new Int32Array(grown);
    this.origins = new Int32Array(grown);
    this.nodes = new Int32Array(grown);
    this.types.set(types);
    this.sources.set(sources);
    this.origins.set(origins);
    this.nodes.set(nodes);
  }

  /** Index of the next instruction that ends or divides the current block; those before it are dead. */
  skipDead(from: number): number {
    const { flags } = this.a;
    const { opcode, count } = this.a.code;
    let depth = 0;
    let i = from;
    for (; i < count; i++) {
      const op = opcode[i]!;
      switch (op) {
        case 0x02: // block
        case 0x03: // loop
        case 0x04: // if
        case 0x06: // try
        case 0x1f: // try_table
          depth++;
          break;
        case 0x05: // else
        case 0x07: // catch
        case 0x19: // catch_all
          if (depth === 0) return i;
          break;
        case 0x0b: // end
        case 0x18: // delegate
          if (depth === 0) return i;
          depth--;
          break;
        default:
          break;
      }
      flags[i] = Flag.dead;
    }
    return i;
  }

  push(instruction: number, type: ValType, source: number = PLAIN): void {
    const { height } = this;
    this.types[height] = type;
    this.sources[height] = source;
    this.origins[height] = instruction;
    this.nodes[height] = NO_NODE;
    this.height = height + 1;
  }

  /** Values that are pushed together have nodes from the start, next to one another. */
  pushAll(instruction: number, types: readonly ValType[]): void {
    if (types.length === 0) return;
    if (types.length === 1) {
      this.push(instruction, types[0]!);
      return;
    }
    this.reserve(types.length);
    for (const type of types) this.push(instruction, type);
    this.top();
  }

  pop(count: number): void {
    this.height -= count;
  }

  /** Node of the topmost value, -1 if the stack is empty. */
  top(): number {
    return this.nodeBelow(this.height);
  }

  /** Node of the value below `height`, -1 if there is none. */
  nodeBelow(height: number): number {
    if (height === 0) return -1;
    const { a, types, sources, origins, nodes } = this;
    let from = height;
    while (from > 0 && nodes[from - 1] === NO_NODE) from--;
    for (let k = from; k < height; k++) {
      const source = sources[k]!;
      nodes[k] = a.nodeBelow.length;
      a.nodeBelow.push(k === 0 ? -1 : nodes[k - 1]!);
      a.nodeType.push(types[k]!);
      a.nodeHeight.push(k);
      a.nodeKind.push(source >= 0 ? NodeKind.local : source === CONSTANT ? NodeKind.constant : NodeKind.plain);
      a.nodeArg.push(source >= 0 ? source : origins[k]!);
      a.nodeInstruction.push(origins[k]!);
      a.nodeNeeded.push(false);
    }
    return nodes[height - 1]!;
  }

  /** The stacked value is no copy of its local any more. */
  detach(k: number): void {
    this.sources[k] = PLAIN;
    const node = this.nodes[k]!;
    if (node !== NO_NODE) this.a.nodeKind[node] = NodeKind.plain;
  }

  /** Every operand from `node` down is needed by a site. */
  need(node: number): void {
    const { nodeNeeded, nodeBelow } = this.a;
    while (node >= 0 && !nodeNeeded[node]) {
      nodeNeeded[node] = true;
      node = nodeBelow[node]!;
    }
  }

  enter(i: number, isLoop: boolean, type: FuncType): void {
    const { a } = this;
    const outer = this.controls[this.controls.length - 1]!;
    a.parent[i] = outer.instruction;
    a.middle[i] = -1;
    this.height -= type.params.length;
    a.baseHeight[i] = this.height;
    // A branch back to a loop with parameters carries them past any poll but one at its head.
    const isHeaded = isLoop && type.params.length > 0;
    if (isLoop) a.loopKind[i] = isHeaded ? LoopKind.headed : 0;
    this.open(i, isLoop, type.params, type.results, outer.clause, isHeaded ? Debt.paid : outer.debt);
    if (isLoop) this.poll(i + 1, i, this.top());
  }

  /** Opens a block above the current height, and pushes its parameters. */
  open(
    i: number,
    isLoop: boolean,
    params: readonly ValType[],
    results: readonly ValType[],
    clause: number,
    debt: Debt,
  ): void {
    const { controls } = this;
    const base = this.height;
    this.pushAll(i, params);
    controls.push({
      instruction: i,
      isLoop,
      hasWayBack: false,
      params,
      results,
      base,
      loop: isLoop ? i : controls.length === 0 ? -1 : controls[controls.length - 1]!.loop,
      clause,
      debt,
      debtAtStart: debt,
      maxDebt: debt,
      boundary: i + 1,
      boundaryTop: params.length === 0 ? BLOCK_BASE : this.top(),
      isBusy: false,
      holdsLoop: false,
    });
  }

  /** A branch leads back to a loop. */
  wayBack(loop: Control): void {
    if (loop.hasWayBack) this.a.loopKind[loop.instruction]! |= LoopKind.branchy;
    loop.hasWayBack = true;
  }

  /** The labels at `at`, every `step`th of a list, may be taken by something that is no branch. */
  indirectWays(at: number, count: number, step: number): void {
    const { lists } = this.a.code;
    for (let k = 0; k < count; k++) this.indirectWay(lists[at + k * step]!);
  }

  indirectWay(label: number): void {
    const target = this.controls[this.controls.length - 1 - label]!;
    if (target.isLoop) this.a.loopKind[target.instruction]! |= LoopKind.indirect;
  }

  poll(instruction: number, block: number, top: number): void {
    this.polls++;
    this.site(SiteKind.poll, instruction, block, top, EMPTY);
  }

  site(kind: 0 | 1, instruction: number, block: number, top: number, results: readonly ValType[]): void {
    const { sites } = this.a;
    this.need(top);
    if (sites.length > 0) {
      const last = sites[sites.length - 1]!;
      if (last.instruction > instruction || (last.instruction === instruction && last.kind < kind)) {
        this.isUnsorted = true;
      }
    }
    sites.push({ kind, instruction, block, top, results, clause: this.siteClause() });
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
    // It may come from any call before it.
    control.debt = control.maxDebt;
    control.clause = a.clauses.length;
    a.clauseOf.set(i, a.clauses.length);
    const flags = { isRethrown: false, hasSite: false, kept: undefined };
    const clause: CatchClause = { block, instruction: i, tag, tags, outer, end: -1, ...flags };
    a.clauses.push(clause);
    a.clausesOfTry.set(block, [...before, clause]);
  }

  /** `else`, `catch`: the block starts again with its base stack. */
  divide(i: number, pushed: readonly ValType[]): void {
    const { a } = this;
    const control = this.controls[this.controls.length - 1]!;
    if (control.clause >= 0) this.endClause(i, control);
    a.partner[i] = control.instruction;
    if (a.middle[control.instruction] === -1) a.middle[control.instruction] = i;
    this.height = control.base;
    this.pushAll(i, pushed);
    control.debt = control.debtAtStart;
    control.boundary = i + 1;
    control.boundaryTop = pushed.length === 0 ? BLOCK_BASE : this.top();
  }

  endClause(i: number, control: Control): void {
    const clause = this.a.clauses[control.clause]!;
    if (clause.block === control.instruction) clause.end = i;
  }

  leave(i: number): void {
    const { a, controls } = this;
    const control = controls.pop()!;
    if (control.clause >= 0) this.endClause(i, control);
    a.partner[i] = control.instruction;
    if (control.instruction >= 0) {
      a.partner[control.instruction] = i;
      const outer = controls[controls.length - 1]!;
      if (control.isBusy) outer.isBusy = true;
      else if (control.isLoop) this.hasQuietLoop = true;
      if (control.isLoop || control.holdsLoop) outer.holdsLoop = true;
      if (control.isLoop) {
        a.loopKind[control.instruction]! |=
          (control.isBusy ? LoopKind.busy : 0) | (control.holdsLoop ? LoopKind.nest : 0);
      }
      if (control.maxDebt > outer.debt) outer.debt = outer.maxDebt = control.maxDebt;
    }
    this.height = control.base;
    this.pushAll(i, control.results);
  }

  call(i: number, type: FuncType, extraPops: number, suspends: boolean, mayRecurse: boolean): void {
    const control = this.controls[this.controls.length - 1]!;
    if (mayRecurse && control.debt !== Debt.paid) {
      if (control.debt === Debt.due) this.pay(control);
      else control.debt = control.maxDebt = Debt.due;
    }
    this.height -= type.params.length + extraPops;
    if (suspends) {
      this.site(SiteKind.call, i, control.instruction, this.top(), type.results);
      control.isBusy = true;
    }
    this.pushAll(i, type.results);
  }

  /**
   * Before the call that comes a poll is due: at the head of the innermost loop, or where the block's part of the stack
   * was last empty.
   */
  pay(control: Control): void {
    if (control.loop < 0) {
      const { boundaryTop } = control;
      const top = boundaryTop === BLOCK_BASE ? this.nodeBelow(control.base) : boundaryTop;
      this.poll(control.boundary, control.instruction, top);
      control.debt = Debt.paid;
      return;
    }
    this.a.loopKind[control.loop]! |= LoopKind.headed;
    for (let k = this.controls.length - 1; ; k--) {
      const inner = this.controls[k]!;
      inner.debt = inner.debtAtStart = inner.maxDebt = Debt.paid;
      if (inner.instruction === control.loop) return;
    }
  }

  /** A tail call: it takes no stack, so one that closes a cycle is never free. Returns true: control does not come back. */
  tailCall(mayRecurse: boolean, closesCycle: boolean): true {
    const control = this.controls[this.controls.length - 1]!;
    const isDue = closesCycle ? control.debt !== Debt.paid : mayRecurse && control.debt === Debt.due;
    if (isDue) this.pay(control);
    return true;
  }

  /** Simulates an instruction that run() leaves to it; true if control never goes on behind it. */
  step(i: number, op: number): boolean {
    const { a, module, graph } = this;
    const immediate = a.code.immediate[i]!;
    switch (op) {
      case 0x01: // nop
        return false;
      case 0x02: // block
      case 0x03: // loop
        this.enter(i, op === Op.loop, blockType(module, immediate));
        return false;
      case 0x04: // if
        this.height--;
        this.enter(i, false, blockType(module, immediate));
        return false;
      case 0x06: // try
        this.hasTry = true;
        this.enter(i, false, blockType(module, immediate));
        return false;
      case 0x1f: // try_table
        this.hasTry = true;
        // Clauses of three numbers, the last of them a label.
        this.indirectWays(immediate + 3, a.code.lists[immediate]!, 3);
        this.enter(i, false, blockType(module, a.code.immediate2[i]!));
        return false;
      case 0x05: // else
        this.divide(i, this.controls[this.controls.length - 1]!.params);
        return false;
      case 0x07: // catch
        this.catchClause(i, immediate);
        return false;
      case 0x19: // catch_all
        this.catchClause(i, -1);
        return false;
      case 0x0b: // end
      case 0x18: // delegate
        this.leave(i);
        return false;
      case 0x0c: {
        // br
        const target = this.controls[this.controls.length - 1 - immediate]!;
        if (target.isLoop) this.wayBack(target);
        return true;
      }
      case 0x0e: // br_table
        this.indirectWays(immediate + 1, a.code.lists[immediate]! + 1, 1);
        return true;
      case 0x0f: // return
      case 0x00: // unreachable
      case 0x08: // throw
      case 0x0a: // throw_ref
        return true;
      case 0x09: {
        // rethrow
        const { clause } = this.controls[this.controls.length - 1 - immediate]!;
        a.clauseOf.set(i, clause);
        a.clauses[clause]!.isRethrown = true;
        return true;
      }
      case 0x10: // call
        this.call(
          i,
          module.types[module.functionTypes[immediate]!]!,
          0,
          graph.suspends[immediate] === 1,
          graph.heavy[immediate] === 1,
        );
        return false;
      case 0x11: // call_indirect
      case 0x14: // call_ref
        this.call(
          i,
          module.types[immediate]!,
          1,
          graph.typeSuspends[immediate] === 1 || op === Op.call_ref || this.throughImport(i, op),
          graph.typeHeavy[immediate] === 1,
        );
        return false;
      case 0x12: // return_call
        if (immediate < module.importedFunctionCount) {
          this.call(i, module.types[module.functionTypes[immediate]!]!, 0, true, false);
          return true;
        }
        return this.tailCall(graph.heavy[immediate] === 1, this.closesCycle(graph.cycle[immediate]!));
      case 0x13: // return_call_indirect
      case 0x15: // return_call_ref
        return this.tailCall(graph.typeHeavy[immediate] === 1, this.closesCycle(graph.typeCycle[immediate]!));
      default:
        this.stepRare(i, op);
        return false;
    }
  }

  /** Simulates an instruction that hardly any program is full of. */
  stepRare(i: number, op: number): void {
    const { a, module } = this;
    const immediate = a.code.immediate[i]!;
    switch (op) {
      case Op.br_on_null:
        this.indirectWay(immediate);
        this.height--;
        this.push(i, this.types[this.height]!);
        return;
      case Op.ref_as_non_null:
        this.height--;
        this.push(i, this.types[this.height]!);
        return;
      case Op.br_on_non_null:
        this.indirectWay(immediate);
        this.height--;
        return;
      case Op.select_t:
        this.height -= 3;
        this.push(i, immediate);
        return;
      case Op.memory_atomic_notify:
      case Op.memory_atomic_wait32:
      case Op.memory_atomic_wait64: {
        const isCall = isAtomicCall(module, op, immediate);
        this.call(i, atomicCallType(module, op, immediate), 0, isCall, false);
        return;
      }
      case Op.memory_size:
        this.push(i, module.allMemories[immediate]!.is64 ? ValType.i64 : ValType.i32);
        return;
      case Op.memory_grow:
        this.height--;
        this.push(i, module.allMemories[immediate]!.is64 ? ValType.i64 : ValType.i32);
        return;
      case Op.table_get:
        this.height--;
        this.push(i, module.allTables[immediate]!.element);
        return;
      case Op.table_set:
        this.height -= 2;
        return;
      case Op.table_size:
        this.push(i, module.allTables[immediate]!.limits.is64 ? ValType.i64 : ValType.i32);
        return;
      case Op.table_grow:
        this.height -= 2;
        this.push(i, module.allTables[immediate]!.limits.is64 ? ValType.i64 : ValType.i32);
        return;
      case Op.table_fill:
        this.height -= 3;
        return;
      case Op.ref_null:
        this.push(i, immediate, CONSTANT);
        return;
      case Op.ref_func:
        this.push(i, ValType.funcref);
        return;
      case Op.ref_is_null:
        this.height--;
        this.push(i, ValType.i32);
        return;
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
