// The stack of operands as the forward pass knows it: of each value its type and where it came from.
//
// Nodes, which outlive the stack, are made only of operands that a site needs: when it is met, every value on the stack
// that has none yet gets one, lowest first. So most values come and go as four writes into arrays.

import type { ValType } from '../wasm/module.ts';
import { type FunctionAnalysis, NodeKind } from './analysis.ts';

const INITIAL_STACK = 1024;

/** Source of a stacked value that is not a local. */
export const PLAIN = -1;
export const CONSTANT = -2;

/** Node number of a stacked value that has none yet. */
export const NO_NODE = -1;

export class OperandStack {
  /** Of the function that is being analysed. */
  #a!: FunctionAnalysis;
  height = 0;
  types: Uint8Array = new Uint8Array(INITIAL_STACK);
  /** The local that the value is a copy of, or PLAIN, CONSTANT. */
  sources: Int32Array = new Int32Array(INITIAL_STACK);
  /** The instruction that pushed it. */
  origins: Int32Array = new Int32Array(INITIAL_STACK);
  nodes: Int32Array = new Int32Array(INITIAL_STACK);

  begin(a: FunctionAnalysis): void {
    this.#a = a;
    this.height = 0;
    this.#reserve(0);
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
    this.#reserve(types.length);
    for (const type of types) this.push(instruction, type);
    this.top();
  }

  /** Node of the topmost value, -1 if the stack is empty. */
  top(): number {
    return this.nodeBelow(this.height);
  }

  /** Node of the value below `height`, -1 if there is none. */
  nodeBelow(height: number): number {
    if (height === 0) return -1;
    const { types, sources, origins, nodes } = this;
    const a = this.#a;
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

  /** The value at `k` is no copy of its local any more. */
  detach(k: number): void {
    this.sources[k] = PLAIN;
    const node = this.nodes[k]!;
    if (node !== NO_NODE) this.#a.nodeKind[node] = NodeKind.plain;
  }

  /** Makes room for `count` values and one more for each instruction. */
  #reserve(count: number): void {
    const capacity = this.height + count + this.#a.code.count + 1;
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
}
