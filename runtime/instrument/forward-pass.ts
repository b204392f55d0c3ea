// The forward pass over a function body that fills a FunctionAnalysis: it runs the code on a stack of types.
//
// It looks at every instruction of a program, mostly before the engine has optimised it. So what most instructions need is
// one look into a table (stack-effects.ts) and some writes into arrays that are used again (operand-stack.ts). Blocks are
// opened and ended in control-stack.ts; sites are recorded in site-list.ts: calls that may suspend, loops, and the polls
// that recursion-polls.ts finds due. Opcodes are numbers in the switches that most instructions pass: V8 makes jump tables
// of literals alone.

import { assert } from '../base/assert.ts';
import { decodeBody } from '../wasm/decode-body.ts';
import type { FuncType } from '../wasm/module.ts';
import { ValType, type WasmModule } from '../wasm/module.ts';
import { Op, opcodeIndex } from '../wasm/opcodes.ts';
import { blockType, FunctionAnalysis } from './analysis.ts';
import { atomicCallType, isAtomicCall } from './atomic-calls.ts';
import type { CallGraph } from './call-graph.ts';
import { BLOCK_BASE, ControlStack } from './control-stack.ts';
import { CONSTANT, NO_NODE, OperandStack, PLAIN } from './operand-stack.ts';
import { RecursionPolls } from './recursion-polls.ts';
import { SiteList } from './site-list.ts';
import { EFFECT, FROM_CONSTANT, POPS_MASK, SPECIAL } from './stack-effects.ts';
import { Flag, type Workspace } from './workspace.ts';

export class ForwardPass {
  readonly #space: Workspace;
  readonly #stack: OperandStack = new OperandStack();
  readonly #controls: ControlStack = new ControlStack(this.#stack);
  readonly #sites: SiteList = new SiteList();
  readonly #recursion: RecursionPolls = new RecursionPolls(this.#stack, this.#controls, this.#sites);
  // Of the function that is being analysed.
  #a!: FunctionAnalysis;
  #graph!: CallGraph;
  #module!: WasmModule;
  #hasTry = false;

  constructor(space: Workspace) {
    this.#space = space;
  }

  /** The analysis is good until the next call. */
  analyse(module: WasmModule, graph: CallGraph, functionIndex: number): FunctionAnalysis {
    const space = this.#space;
    decodeBody(module, functionIndex - module.importedFunctionCount, space.code);
    space.reserve(space.code.count);
    const a = new FunctionAnalysis(module, functionIndex, space);
    const onCycle = graph.cycle[functionIndex]! !== 0;
    this.#a = a;
    this.#graph = graph;
    this.#module = module;
    this.#stack.begin(a);
    this.#controls.begin(a, onCycle);
    this.#sites.begin(a);
    this.#hasTry = false;
    this.#run(onCycle);
    const { controls, hasQuietLoop } = this.#controls;
    assert(controls.length === 0, 'control structure is balanced');
    const { polls, isUnsorted } = this.#sites;
    a.finish({ hasTry: this.#hasTry, hasQuietLoop, polls, isUnsorted });
    return a;
  }

  /** `onCycle`: polls may be due at calls, so boundaries must be known. */
  #run(onCycle: boolean): void {
    const a = this.#a;
    const stack = this.#stack;
    const module = this.#module;
    const { controls } = this.#controls;
    const { flags, locals } = a;
    const { opcode, immediate, count } = a.code;
    // An import is looked up whenever it is used.
    const effects = EFFECT;
    const specials = SPECIAL;
    const plain = PLAIN;
    const noNode = NO_NODE;
    let { types, sources, origins, nodes } = stack;
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
      flags[i] = specials[index]!;
      const effect = effects[index]!;
      if (effect >= 0) {
        height -= effect & POPS_MASK;
        const pushed = effect >> 8;
        if (pushed !== 0) {
          types[height] = pushed;
          sources[height] = (effect & FROM_CONSTANT) === 0 ? plain : CONSTANT;
          origins[height] = i;
          nodes[height] = noNode;
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
            for (let k = height - 1; k >= 0; k--) if (sources[k] === x) stack.detach(k);
          }
          if (op !== 0x21) {
            types[height] = locals[x]!;
            sources[height] = x;
            origins[height] = i;
            nodes[height] = noNode;
            height++;
          }
          i++;
          continue;
        }
        case 0x23: // global_get
          types[height] = module.allGlobals[immediate[i]!]!.type;
          sources[height] = plain;
          origins[height] = i;
          nodes[height] = noNode;
          height++;
          i++;
          continue;
        case 0x0d: // br_if
          this.#controls.way(immediate[i]!);
          height--;
          i++;
          continue;
        case 0x1a: // drop
        case 0x24: // global_set
          height--;
          i++;
          continue;
        case 0x1b: // select
          height -= 2;
          sources[height - 1] = plain;
          origins[height - 1] = i;
          nodes[height - 1] = noNode;
          i++;
          continue;
        default: {
          stack.height = height;
          const transfers = this.#step(i, op);
          i = transfers ? this.#skipDead(i + 1) : i + 1;
          height = stack.height;
          control = controls[controls.length - 1]!;
          ({ types, sources, origins, nodes } = stack);
        }
      }
    }
  }

  /** Index of the next instruction that ends or divides the current block; those before it are dead. */
  #skipDead(from: number): number {
    const { flags } = this.#a;
    const { opcode, count } = this.#a.code;
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

  /** Simulates an instruction that #run leaves to it; true if control never goes on behind it. */
  #step(i: number, op: number): boolean {
    const a = this.#a;
    const module = this.#module;
    const graph = this.#graph;
    const controls = this.#controls;
    const immediate = a.code.immediate[i]!;
    switch (op) {
      case 0x01: // nop
        return false;
      case 0x02: // block
        controls.enter(i, false, blockType(module, immediate));
        return false;
      case 0x03: // loop
        controls.enter(i, true, blockType(module, immediate));
        this.#sites.poll(i + 1, i, this.#stack.top(), controls.innermost);
        return false;
      case 0x04: // if
        this.#stack.height--;
        controls.enter(i, false, blockType(module, immediate));
        return false;
      case 0x06: // try
        this.#hasTry = true;
        controls.enter(i, false, blockType(module, immediate));
        return false;
      case 0x1f: // try_table
        this.#hasTry = true;
        // Clauses of three numbers, the last of them a label.
        controls.indirectWays(immediate + 3, a.code.lists[immediate]!, 3);
        controls.enter(i, false, blockType(module, a.code.immediate2[i]!));
        return false;
      case 0x05: // else
        controls.divide(i, controls.innermost.params);
        return false;
      case 0x07: // catch
        controls.catchClause(i, immediate);
        return false;
      case 0x19: // catch_all
        controls.catchClause(i, -1);
        return false;
      case 0x0b: // end
      case 0x18: // delegate
        controls.leave(i);
        return false;
      case 0x0c: // br
        controls.way(immediate);
        return true;
      case 0x0e: // br_table
        controls.indirectWays(immediate + 1, a.code.lists[immediate]! + 1, 1);
        return true;
      case 0x0f: // return
      case 0x00: // unreachable
      case 0x08: // throw
      case 0x0a: // throw_ref
        return true;
      case 0x09: {
        // rethrow
        const { clause } = controls.at(immediate);
        a.clauseOf.set(i, clause);
        a.clauses[clause]!.isRethrown = true;
        return true;
      }
      case 0x10: // call
        this.#call(
          i,
          module.types[module.functionTypes[immediate]!]!,
          0,
          graph.suspends[immediate] === 1,
          graph.heavy[immediate] === 1,
        );
        return false;
      case 0x11: // call_indirect
      case 0x14: // call_ref
        this.#call(
          i,
          module.types[immediate]!,
          1,
          graph.typeSuspends[immediate] === 1 || op === Op.call_ref || this.#throughImport(i, op),
          graph.typeHeavy[immediate] === 1,
        );
        return false;
      case 0x12: // return_call
        if (immediate < module.importedFunctionCount) {
          this.#call(i, module.types[module.functionTypes[immediate]!]!, 0, true, false);
          return true;
        }
        this.#recursion.tailCall(graph.heavy[immediate] === 1, this.#closesCycle(graph.cycle[immediate]!));
        return true;
      case 0x13: // return_call_indirect
      case 0x15: // return_call_ref
        this.#recursion.tailCall(graph.typeHeavy[immediate] === 1, this.#closesCycle(graph.typeCycle[immediate]!));
        return true;
      default:
        this.#stepRare(i, op);
        return false;
    }
  }

  /** Simulates an instruction that hardly any program is full of. */
  #stepRare(i: number, op: number): void {
    const a = this.#a;
    const module = this.#module;
    const stack = this.#stack;
    const immediate = a.code.immediate[i]!;
    switch (op) {
      case Op.br_on_null:
        this.#controls.indirectWay(immediate);
        stack.height--;
        stack.push(i, stack.types[stack.height]!);
        return;
      case Op.ref_as_non_null:
        stack.height--;
        stack.push(i, stack.types[stack.height]!);
        return;
      case Op.br_on_non_null:
        this.#controls.indirectWay(immediate);
        stack.height--;
        return;
      case Op.select_t:
        stack.height -= 3;
        stack.push(i, immediate);
        return;
      case Op.memory_atomic_notify:
      case Op.memory_atomic_wait32:
      case Op.memory_atomic_wait64: {
        const isCall = isAtomicCall(module, op, immediate);
        this.#call(i, atomicCallType(module, op, immediate), 0, isCall, false);
        return;
      }
      case Op.memory_size:
        stack.push(i, module.allMemories[immediate]!.is64 ? ValType.i64 : ValType.i32);
        return;
      case Op.memory_grow:
        stack.height--;
        stack.push(i, module.allMemories[immediate]!.is64 ? ValType.i64 : ValType.i32);
        return;
      case Op.table_get:
        stack.height--;
        stack.push(i, module.allTables[immediate]!.element);
        return;
      case Op.table_set:
        stack.height -= 2;
        return;
      case Op.table_size:
        stack.push(i, module.allTables[immediate]!.limits.is64 ? ValType.i64 : ValType.i32);
        return;
      case Op.table_grow:
        stack.height -= 2;
        stack.push(i, module.allTables[immediate]!.limits.is64 ? ValType.i64 : ValType.i32);
        return;
      case Op.table_fill:
        stack.height -= 3;
        return;
      case Op.ref_null:
        stack.push(i, immediate, CONSTANT);
        return;
      case Op.ref_func:
        stack.push(i, ValType.funcref);
        return;
      case Op.ref_is_null:
        stack.height--;
        stack.push(i, ValType.i32);
        return;
      default:
        assert(false, `function ${a.functionIndex}: no stack effect known for opcode 0x${op.toString(16)}`);
    }
  }

  #call(i: number, type: FuncType, extraPops: number, suspends: boolean, mayRecurse: boolean): void {
    const stack = this.#stack;
    if (mayRecurse) this.#recursion.call();
    stack.height -= type.params.length + extraPops;
    if (suspends) {
      const control = this.#controls.innermost;
      this.#sites.call(i, stack.top(), type.results, control);
      control.isBusy = true;
    }
    stack.pushAll(i, type.results);
  }

  #closesCycle(calleeCycle: number): boolean {
    return calleeCycle !== 0 && calleeCycle === this.#graph.cycle[this.#a.functionIndex];
  }

  #throughImport(i: number, op: number): boolean {
    return op === Op.call_indirect && this.#a.code.immediate2[i]! < this.#module.importedTableCount;
  }
}
