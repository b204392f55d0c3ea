// What is known of one function body once forward-pass.ts has gone over it: control structure, operands, sites.
//
// A *site* is a place where the function can be stopped: a call that may suspend ('call': the call is in
// progress), or a poll of the fuel ('poll': the instruction is about to run). The pass finds
// - for every site the operands that lie on the stack below it (below the arguments of a call), as a chain of
//   nodes: each node is one pushed value and points to the value under it;
// - which of those values need a shadow local. A value pushed by `local.get x` needs none while x is not
//   written (it is x), nor does a constant;
// - where polls are due: before a loop begins another turn, and in a function on a cycle of calls before its second
//   call that may recurse, unless a poll already lies on every path to it (see recursion-polls.ts).
// Code that cannot be reached is marked and left out of everything that follows.

import { assert } from '../base/assert.ts';
import { BLOCK_VALUE_TYPE, type Instructions } from '../wasm/instructions.ts';
import { type FuncType, ValType, type WasmModule } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import { Flag, type Workspace } from './workspace.ts';

export const SiteKind = { call: 0, poll: 1 } as const;

export interface Site {
  readonly kind: 0 | 1;
  /** Index of the call, or of the instruction that a poll precedes. */
  readonly instruction: number;
  /** Innermost enclosing block instruction, -1 for the function itself. */
  readonly block: number;
  /** Topmost operand below the site, -1 if there is none. */
  readonly top: number;
  /** Results the callee will deliver. */
  readonly results: readonly ValType[];
  /** Innermost catch clause around it, -1 if none. */
  readonly clause: number;
}

/**
 * A catch clause of a legacy `try`. One that is named by a rethrow and holds a site keeps its exception in locals, so
 * that it can be saved: keep-exceptions.ts then moves its code behind the `try`.
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

const EMPTY_TYPE: FuncType = { params: [], results: [] };
const SINGLE_RESULT: Readonly<Record<number, FuncType>> = Object.fromEntries(
  [...Object.values(ValType)].map((type) => [type, { params: [], results: [type] }]),
);
/** What the pass counts. */
interface PassFacts {
  readonly hasTry: boolean;
  /** A loop holds no call that may suspend. */
  readonly hasQuietLoop: boolean;
  readonly polls: number;
  /** Sites were not found in the order of the code. */
  readonly isUnsorted: boolean;
}

/** What is known of one function after the pass; good until its workspace is used again. */
export class FunctionAnalysis {
  readonly module: WasmModule;
  readonly functionIndex: number;
  readonly code: Instructions;
  readonly type: FuncType;
  /** Types of all locals of the original function, parameters first. */
  readonly locals: readonly ValType[];
  // By instruction: see Workspace.
  readonly flags: Uint8Array;
  readonly parent: Int32Array;
  readonly partner: Int32Array;
  readonly middle: Int32Array;
  readonly baseHeight: Int32Array;
  readonly firstNode: Int32Array;
  readonly loopKind: Uint8Array;
  readonly headerSet: Int32Array;
  readonly siteAt: Int32Array;
  /** Sites in the order of the code, a poll before a call at the same instruction. */
  readonly sites: Site[] = [];
  /** Catch clauses of legacy tries, outer ones before inner ones. */
  readonly clauses: CatchClause[] = [];
  /** Clauses of each `try` that has any, in their order. */
  readonly clausesOfTry: Map<number, CatchClause[]> = new Map();
  /** By instruction: the clause that a `catch` or `catch_all` begins, or that a `rethrow` names. */
  readonly clauseOf: Map<number, number> = new Map();
  hasTry = false;
  fuel: FuelMode = 'none';

  // Nodes: the operands that some site needs, and all values of instructions that push several; ascending by instruction.
  readonly nodeBelow: number[] = [];
  readonly nodeType: ValType[] = [];
  readonly nodeHeight: number[] = [];
  readonly nodeKind: number[] = [];
  /** Local index of a `local` node, instruction of a `constant` one. */
  readonly nodeArg: number[] = [];
  readonly nodeInstruction: number[] = [];
  readonly nodeNeeded: boolean[] = [];
  readonly #nodeShadow: number[] = [];

  /**
   * Locals that we add, behind the original ones: shadows of operands, then what holds caught exceptions.
   */
  readonly shadowTypes: ValType[] = [];

  constructor(module: WasmModule, functionIndex: number, space: Workspace) {
    this.module = module;
    this.functionIndex = functionIndex;
    this.type = module.types[module.functionTypes[functionIndex]!]!;
    this.locals = this.type.params.concat(module.code[functionIndex - module.importedFunctionCount]!.locals);
    this.code = space.code;
    this.flags = space.flags;
    this.parent = space.parent;
    this.partner = space.partner;
    this.middle = space.middle;
    this.baseHeight = space.baseHeight;
    this.firstNode = space.firstNode;
    this.loopKind = space.loopKind;
    this.headerSet = space.headerSet;
    this.siteAt = space.siteAt;
  }

  /** Draws the conclusions, when the pass has seen all instructions. */
  finish(facts: PassFacts): void {
    this.hasTry = facts.hasTry;
    this.#finishSites(facts.isUnsorted);
    this.fuel = facts.polls === 0 ? 'none' : facts.hasQuietLoop && !facts.hasTry ? 'local' : 'global';
    this.#resolveShadows();
    if (this.clauses.length > 0) this.#keepExceptions();
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
    const index = this.#nodeShadow[node]!;
    assert(index >= 0, 'a shadow exists for every needed node');
    return index;
  }

  /** True if a site needs the value and nothing else holds it. */
  needsShadow(node: number): boolean {
    return this.nodeNeeded[node]! && this.nodeKind[node] === NodeKind.plain;
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

  /** Number of values that a shadowed instruction has pushed. */
  pushedCount(instruction: number): number {
    const first = this.firstNode[instruction]!;
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

  #finishSites(isUnsorted: boolean): void {
    const { sites, siteAt, flags } = this;
    if (isUnsorted) sites.sort((a, b) => a.instruction - b.instruction || b.kind - a.kind);
    for (let s = sites.length - 1; s >= 0; s--) {
      const site = sites[s]!;
      siteAt[site.instruction] = s;
      flags[site.instruction]! |= Flag.site;
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
    const { nodeInstruction, flags, firstNode } = this;
    const count = nodeInstruction.length;
    if (count === 0) return;
    const shadowOf = new Map<number, number>();
    for (let node = 0; node < count; node++) {
      const isShadowed = this.needsShadow(node);
      this.#nodeShadow.push(isShadowed ? this.#shadow(node, shadowOf) : -1);
      if (!isShadowed) continue;
      const instruction = nodeInstruction[node]!;
      let first = node;
      while (first > 0 && nodeInstruction[first - 1] === instruction) first--;
      firstNode[instruction] = first;
      flags[instruction]! |= Flag.shadowed;
    }
    // An instruction that pushes several values and needs one shadow goes through locals with all of them
    // above the lowest needed one, so those need a place too.
    for (let lowest = 0; lowest < count; lowest++) {
      if (this.#nodeShadow[lowest]! < 0) continue;
      const instruction = nodeInstruction[lowest]!;
      while (lowest + 1 < count && nodeInstruction[lowest + 1] === instruction) {
        this.#nodeShadow[++lowest] = this.#shadow(lowest, shadowOf);
      }
    }
  }

  #shadow(node: number, shadowOf: Map<number, number>): number {
    const type = this.nodeType[node]!;
    const key = this.nodeHeight[node]! * 256 + type;
    let index = shadowOf.get(key);
    if (index === undefined) {
      index = this.locals.length + this.shadowTypes.length;
      shadowOf.set(key, index);
      this.shadowTypes.push(type);
    }
    return index;
  }
}

/** Parameters and results of a block type immediate. */
export function blockType(module: WasmModule, immediate: number): FuncType {
  if (immediate === -1) return EMPTY_TYPE;
  if ((immediate & BLOCK_VALUE_TYPE) !== 0) {
    const type = immediate & ~BLOCK_VALUE_TYPE;
    return SINGLE_RESULT[type] ?? { params: [], results: [type] };
  }
  return module.types[immediate]!;
}
