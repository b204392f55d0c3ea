// Writes one function body: the instrumented function, or the continuation of it from a site. Both are the same
// walk over the instructions with another starting point; see unwind.ts-style before/after here:
//
// before             after, function F                        after, continuation K(F, site of the call)
// loop $l            block $done  loop $l                    local.set $n (load)  local.set $s0 (load)
//   local.get $x       block $next                           block $out  block $again
//   local.get $n         local.get $x  local.tee $s0           local.get $s0
//   call $f              local.get $n                          try (result i32) call_indirect $slots (next)
//   i32.add              try (param i32) (result i32)          catch $unwind …save… rethrow end
//   …                      call $f                             i32.add … ;; br $l becomes br $again
//   br_if $l             catch $unwind                         br $out
// end                      i32.const site  local.get $n      end
//                          local.get $s0  call $save         fuel -= 1; if (fuel == 0) poll
//                          rethrow 0                         block $done  loop $l  …all of it, as in F…  end end
//                        end  i32.add … br_if $next          end
//                        br $done                            …the rest of F…
//                      end
//                      fuel -= 1; if (fuel == 0) poll
//                      br $l  end  end
//
// Where a function is too large for a handler at every site, one `try` surrounds its body and a local holds the
// number of the current site. Modules that use the standard exception instructions get try_table and throw_ref
// in place of try and rethrow (an engine refuses a module that mixes them).
//
// A catch clause of a legacy try that holds a site and a rethrow moves behind the try, its exception in locals; then
// it can be entered again, and rethrow throws the same again:
//
// before                     after
// try                        block $try  block $handler
//   …                          try  …
// catch_all                    catch $a  local.set $x  i32.const 0  local.set $tag  br $handler
//   call $destructor           catch $b  i32.const 1  local.set $tag  br $handler        ;; one for each tag
//   rethrow 0                  end
// end                          br $try  end
//                            …call $destructor, saved with $x and $tag…
//                            local.get $tag  i32.eqz  if  local.get $x  throw $a  end  throw $b
//                            end

import { assert } from '../base/assert.ts';
import type { ByteWriter } from '../base/bytes.ts';
import { writeLocals } from '../wasm/encode.ts';
import { ValType } from '../wasm/module.ts';
import { Op } from '../wasm/opcodes.ts';
import { blockType, type FunctionAnalysis, NodeKind, type Site, SiteKind } from './analysis.ts';
import { atomicCallFunction } from './atomic-bodies.ts';
import { atomicCallType, isAtomicCall } from './atomic-calls.ts';
import { Fuel } from './fuel.ts';
import { Guard, type GuardTarget } from './guard.ts';
import { writeCatchKept, writeThrowKept } from './keep-exceptions.ts';
import { RECORD_TRAILER } from './layout.ts';
import { writeLoadFrame } from './load-frame.ts';
import { type MarkTarget, writeKeepOperands, writeMark } from './mark-stores.ts';
import type { FunctionPlan } from './plan.ts';
import { type SaveContext, type SavePool, writeMemoryAccess } from './save.ts';
import type { StoreMarks } from './store-marks.ts';
import { turnsOf } from './unroll.ts';
import { Flag, LoopKind } from './workspace.ts';

/** The module that the body is written for. */
export interface EmitTarget extends SaveContext, MarkTarget, GuardTarget {
  readonly saves: SavePool;
  readonly fuelGlobal: number;
  readonly slotsTable: number;
  /** Function that asks the engine for fuel: [site number] -> []. */
  readonly pollFunction: number;
  /** Index in the target module of a function of the original one. */
  functionIndex(original: number): number;
  /** Function that stands for memory.init / data.drop / table.init / elem.drop, or -1 to keep the instruction. */
  segmentHelper(opcode: number, segment: number, other: number): number;
}

/** Where the bytes of an original code range went; offsets count from the start of each code entry. */
export interface OffsetRun {
  readonly emitted: number;
  readonly original: number;
  readonly length: number;
}

// Opcodes are numbers in #walk: V8 makes jump tables of literals alone.
const VOID = 0x40;
const NO_TYPES: readonly ValType[] = [];
/**
 * A continuation holds so many of the loops around its site once more, from the inside out. With all of them it would
 * grow with the square of their number; beyond, each leads to a continuation of its own.
 */
const MAX_WHOLE_LOOPS = 6;
interface OpenFrame {
  readonly block: number;
  /** Nesting level of the emitted label that branches to this block take. */
  level: number;
  /** Re-opened by a continuation: its first part lies before the site. */
  reopened: boolean;
  /** A re-opened loop that goes on in another continuation when its turn is over. */
  isCut: boolean;
  /** Level of the block that a re-opened loop leaves by. */
  outLevel: number;
  /** A try_table that lets the unwinding pass: two blocks around it are to be closed. */
  passes: boolean;
  /** Level of the emitted `try` itself, which a rethrow in place names. */
  tryLevel: number;
  /** A catch clause that is being written behind its try. */
  isMoved: boolean;
  /** The body of a loop whose end belongs to whoever opened it. */
  isCopy: boolean;
  /** Level of the loop that branches to this one begin again when they have counted the turn; 0: they need not. */
  turnLevel: number;
}

export class BodyEmitter {
  readonly plan: FunctionPlan;
  readonly target: EmitTarget;
  readonly w: ByteWriter;
  readonly offsets: OffsetRun[] | undefined;
  /** Offsets of the `if`s of polls in the code entry; they are hardly ever taken. */
  readonly unlikely: number[] = [];
  readonly a: FunctionAnalysis;
  readonly #source: Uint8Array;
  /** Where the code entry begins in `w`. */
  readonly #start: number;
  readonly #frames: OpenFrame[] = [];
  #level = 0;
  #copyFrom = -1;
  readonly #guard: Guard;
  /** Branch depths differ from the original's. */
  #remap = false;
  #isContinuation = false;
  readonly #fuel: Fuel;
  #baseLocal = -1;
  /** How stores mark; undefined: they do not. */
  readonly #marks: StoreMarks | undefined;
  #firstTemp = -1;

  constructor(plan: FunctionPlan, target: EmitTarget, w: ByteWriter, offsets?: OffsetRun[]) {
    this.plan = plan;
    this.target = target;
    this.w = w;
    this.offsets = offsets;
    this.a = plan.analysis;
    this.#marks = target.marks === undefined ? undefined : plan.marks;
    this.#source = plan.analysis.module.bytes;
    this.#start = w.position;
    this.#guard = new Guard(w, plan, target);
    this.#fuel = new Fuel(w, this.a.fuel, target.fuelGlobal);
  }

  /** Offset in the code entry of what is written next. */
  get #position(): number {
    return this.w.position - this.#start;
  }

  /** Writes the code entry (without its size) of the instrumented function. */
  emitFunction(): void {
    this.#writeLocals(this.a.type.params.length);
    this.#openWrappers();
    this.#fuel.load();
    this.#walk(0, 1);
  }

  /** Writes the code entry of the continuation from site number `index` of the function: [] -> results. */
  emitContinuation(index: number): void {
    const { a, w } = this;
    const site = a.sites[index]!;
    this.#isContinuation = true;
    this.#remap = true;
    this.#writeLocals(0);
    this.#openWrappers();
    writeLoadFrame(w, this.target, this.plan.layout(index), this.#baseLocal);
    const operands = a.operands(site);
    let next = 0;
    const pushBelow = (height: number): void => {
      while (next < operands.length && a.nodeHeight[operands[next]!]! < height) this.#pushOperand(operands[next++]!);
    };
    const chain: number[] = [];
    for (let block = site.block; block >= 0; block = a.parent[block]!) chain.unshift(block);
    let loops = chain.filter((block) => a.code.opcode[block] === Op.loop).length;
    for (const block of chain) {
      pushBelow(a.baseHeight[block]!);
      if (a.code.opcode[block] === Op.loop) loops--;
      this.#reopen(block, site, loops >= MAX_WHOLE_LOOPS);
    }
    while (next < operands.length) this.#pushOperand(operands[next++]!);
    if (site.kind === SiteKind.call) {
      const resume = this.target.typeIndex([], site.results);
      this.#guard.begin(index, [], site.results);
      this.offsets?.push({ emitted: this.#position, original: a.code.offset[site.instruction]!, length: 1 });
      w.u8(Op.local_get);
      w.u32(this.#baseLocal);
      const slotOffset = this.plan.layout(index).sizeBytes - RECORD_TRAILER + 4;
      writeMemoryAccess(w, Op.i32_load, 2, this.target.framesMemory, slotOffset);
      w.u8(Op.call_indirect);
      w.u32(resume);
      w.u32(this.target.slotsTable);
      this.#guard.end(index);
      this.#fuel.load();
      this.#shadow(site.instruction);
      const op = a.code.opcode[site.instruction]!;
      if (op === Op.return_call) {
        this.#leaveFunction();
        this.#walk(this.#nextReachable(site.instruction + 1), 1);
      } else this.#walk(site.instruction + 1, 1);
    } else {
      this.#fuel.load();
      this.#walk(site.instruction, 1, true);
    }
  }

  #writeLocals(parameterCount: number): void {
    const { a, plan } = this;
    const types: ValType[] = a.locals.slice(parameterCount);
    types.push(...a.shadowTypes);
    let next = a.locals.length + a.shadowTypes.length;
    if (a.fuel !== 'none') {
      types.push(ValType.i32);
      this.#fuel.local = next++;
    }
    if (plan.wholeFunction) {
      types.push(ValType.i32);
      this.#guard.siteLocal = next++;
    }
    if (this.#isContinuation) {
      types.push(ValType.i32);
      this.#baseLocal = next++;
    }
    if (this.#marks !== undefined) {
      this.#firstTemp = next;
      types.push(...this.#marks.temps);
    }
    writeLocals(this.w, types);
  }

  /** Blocks around the whole body: one to give the fuel back, one that catches for all sites. */
  #openWrappers(): void {
    const { a, w, plan, target } = this;
    const results = a.type.results;
    if (a.fuel === 'local') {
      w.u8(Op.block);
      this.#writeBlockType([], results);
      this.#level++;
    }
    if (plan.wholeFunction) {
      if (target.standardExceptions) {
        w.u8(Op.block);
        this.#writeBlockType([], [ValType.exnref]);
        w.u8(Op.try_table);
        this.#writeBlockType([], results);
        w.u32(1);
        w.u8(1);
        w.u32(target.unwindTag);
        w.u32(0);
        this.#level += 2;
      } else {
        w.u8(Op.try);
        this.#writeBlockType([], results);
        this.#level++;
      }
    }
    this.#open(-1, this.#level);
  }

  #closeWrappers(): void {
    const { a, w, plan, target } = this;
    if (plan.wholeFunction) {
      if (target.standardExceptions) {
        w.u8(Op.end);
        w.u8(Op.br);
        w.u32(1);
        w.u8(Op.end);
        this.#guard.save(-1);
        w.u8(Op.throw_ref);
      } else {
        w.u8(Op.catch);
        w.u32(target.unwindTag);
        this.#guard.save(-1);
        w.u8(Op.rethrow);
        w.u32(0);
        w.u8(Op.end);
      }
    }
    if (a.fuel === 'local') {
      w.u8(Op.end);
      this.#fuel.store();
    }
    w.u8(Op.end);
  }

  #pushOperand(node: number): void {
    const { a, w } = this;
    const kind = a.nodeKind[node];
    if (kind === NodeKind.constant) {
      const i = a.nodeArg[node]!;
      w.bytes(this.#source, a.code.offset[i]!, a.code.offset[i + 1]!);
      return;
    }
    w.u8(Op.local_get);
    w.u32(kind === NodeKind.local ? a.nodeArg[node]! : a.shadowLocal(node));
  }

  /** Opens a block again whose first part lies before the site. */
  #reopen(block: number, site: Site, isCut: boolean): void {
    const { a, w } = this;
    const op = a.code.opcode[block]!;
    const type = blockType(a.module, op === Op.try_table ? a.code.immediate2[block]! : a.code.immediate[block]!);
    if (op === Op.loop) {
      w.u8(Op.block);
      this.#writeBlockType([], type.results);
      const outLevel = ++this.#level;
      w.u8(Op.block);
      this.#writeBlockType([], type.params);
      this.#level++;
      const frame = this.#open(block, this.#level);
      frame.reopened = true;
      frame.isCut = isCut;
      frame.outLevel = outLevel;
      return;
    }
    const inHandler = op === Op.try && a.middle[block]! >= 0 && site.instruction > a.middle[block]!;
    if (op === Op.try && !inHandler) {
      this.#openTry(block, []);
      return;
    }
    if (op === Op.try_table) {
      this.#openTryTable(block, []);
      return;
    }
    w.u8(Op.block);
    this.#writeBlockType([], type.results);
    this.#open(block, ++this.#level).reopened = true;
  }

  /**
   * Writes the instructions from `from` until the block at depth `depth` of the frame stack has ended.
   * Returns the index behind its `end`.
   */
  #walk(from: number, depth: number, skipFirstPoll = false): number {
    const { a, w, target } = this;
    const { opcode, offset, immediate, count } = a.code;
    const { flags } = a;
    let i = from;
    while (i < count) {
      const flag = flags[i]!;
      if (flag === 0) {
        // A run of instructions that are copied; the end of the body is none of them.
        if (this.#copyFrom < 0) this.#copyFrom = offset[i]!;
        do i++;
        while (flags[i] === 0);
        this.#copyEnd = offset[i]!;
        continue;
      }
      if ((flag & Flag.dead) !== 0) {
        this.#flush(offset[i]!);
        i++;
        continue;
      }
      let siteIndex = -1;
      if ((flag & Flag.site) !== 0) {
        siteIndex = a.siteAt[i]!;
        if (a.sites[siteIndex]!.kind === SiteKind.poll) {
          if (!(skipFirstPoll && i === from)) {
            this.#flush(offset[i]!);
            this.#poll(siteIndex);
          }
          const following = a.sites[siteIndex + 1];
          siteIndex = following !== undefined && following.instruction === i ? siteIndex + 1 : -1;
        }
      }
      const op = opcode[i]!;
      switch (op) {
        case 0x10: // call
        case 0x11: // call_indirect
        case 0x14: // call_ref
          if (siteIndex >= 0) {
            this.#flush(offset[i]!);
            this.#callSite(siteIndex, i);
          } else if (op === Op.call && target.functionIndex(immediate[i]!) !== immediate[i]!) {
            this.#flush(offset[i]!);
            w.u8(Op.call);
            w.u32(target.functionIndex(immediate[i]!));
          } else this.#copy(i);
          break;
        case 0x12: // return_call
        case 0x13: // return_call_indirect
        case 0x15: // return_call_ref
          this.#flush(offset[i]!);
          if (siteIndex >= 0) {
            this.#callSite(siteIndex, i);
            this.#leaveFunction();
          } else {
            this.#fuel.store();
            if (op === Op.return_call) {
              w.u8(Op.return_call);
              w.u32(target.functionIndex(immediate[i]!));
            } else this.#copy(i);
          }
          break;
        case 0x0f: // return
          if (a.fuel === 'local') {
            this.#flush(offset[i]!);
            this.#leaveFunction();
          } else this.#copy(i);
          break;
        case 0x08: // throw
          if (a.fuel === 'local') {
            this.#flush(offset[i]!);
            this.#fuel.store();
          }
          this.#copy(i);
          break;
        case 0x0c: // br
        case 0x0d: // br_if
          if (this.#remap) {
            this.#flush(offset[i]!);
            const frame = this.#frames[this.#frames.length - 1 - immediate[i]!]!;
            if (frame.turnLevel === 0) {
              w.u8(op);
              w.u32(this.#level - frame.level);
            } else this.#goAround(op, frame.turnLevel);
          } else this.#copy(i);
          break;
        case 0x09: {
          // rethrow
          const clause = a.clauses[a.clauseOf.get(i)!]!;
          if (clause.kept !== undefined) {
            this.#flush(offset[i]!);
            writeThrowKept(w, clause);
          } else if (this.#remap) {
            this.#flush(offset[i]!);
            w.u8(op);
            w.u32(this.#level - this.#frames[this.#frames.length - 1 - immediate[i]!]!.tryLevel);
          } else this.#copy(i);
          break;
        }
        case 0x0e: // br_table
          if (this.#remap) {
            this.#flush(offset[i]!);
            this.#brTable(i);
          } else this.#copy(i);
          break;
        case 0x03: // loop
          if ((a.loopKind[i]! & LoopKind.headed) === 0) {
            const end = a.partner[i]!;
            this.#flush(offset[i]!);
            this.#loop(i);
            this.#shadow(end);
            i = end + 1;
            continue;
          }
          this.#copy(i);
          this.#open(i, ++this.#level);
          break;
        case 0x02: // block
        case 0x04: // if
          this.#copy(i);
          this.#open(i, ++this.#level);
          break;
        case 0x06: // try
          if (a.keptClauses(i).length === 0) {
            this.#copy(i);
            this.#open(i, ++this.#level).tryLevel = this.#level;
          } else {
            this.#flush(offset[i]!);
            this.#openTry(i, blockType(a.module, immediate[i]!).params);
          }
          break;
        case 0x1f: // try_table
          this.#flush(offset[i]!);
          this.#openTryTable(i, blockType(a.module, a.code.immediate2[i]!).params);
          break;
        case 0x05: // else
        case 0x07: // catch
        case 0x19: {
          // catch_all
          const frame = this.#frames[this.#frames.length - 1]!;
          if (frame.isMoved) return this.#endMoved(i);
          if (frame.reopened) {
            // The rest of the block is another arm: the one with the site is finished.
            i = this.#closeReopened(i, frame);
            if (this.#frames.length < depth) return i;
            continue;
          }
          const clause = a.clauses[a.clauseOf.get(i) ?? -1];
          if (clause?.kept !== undefined) {
            this.#flush(offset[i]!);
            writeCatchKept(w, a, clause);
            i = clause.end;
            continue;
          }
          if (op !== Op.catch_all) {
            this.#copy(i);
            break;
          }
          this.#flush(offset[i]!);
          w.u8(Op.catch);
          w.u32(target.unwindTag);
          w.u8(Op.rethrow);
          w.u32(0);
          this.#copy(i);
          break;
        }
        case 0x18: {
          // delegate
          this.#flush(offset[i]!);
          this.#frames.pop();
          this.#level--;
          w.u8(Op.delegate);
          // To the try itself, not to the block that stands for its label.
          const target = this.#frames[this.#frames.length - 1 - immediate[i]!]!;
          w.u32(this.#level - Math.max(target.level, target.tryLevel));
          break;
        }
        case 0x0b: {
          // end
          const frame = this.#frames[this.#frames.length - 1]!;
          if (frame.block < 0) {
            this.#flush(offset[i]!);
            this.#frames.pop();
            this.#closeWrappers();
            return i + 1;
          }
          if (frame.isMoved) return this.#endMoved(i);
          if (frame.reopened) {
            i = this.#closeReopened(i, frame);
            if (this.#frames.length < depth) return i;
            continue;
          }
          if (frame.isCopy) {
            this.#flush(offset[i]!);
            this.#frames.pop();
            return i + 1;
          }
          this.#copy(i);
          this.#frames.pop();
          this.#level--;
          if (frame.tryLevel > frame.level) {
            this.#flush(offset[i + 1]!);
            this.#writeMoved(frame);
          }
          if (frame.passes) {
            this.#flush(offset[i + 1]!);
            w.u8(Op.br);
            w.u32(1);
            w.u8(Op.end);
            w.u8(Op.throw_ref);
            w.u8(Op.end);
            this.#level -= 2;
          }
          if (this.#frames.length < depth) {
            this.#flush(offset[i + 1]!);
            return i + 1;
          }
          break;
        }
        default:
          if (this.#marks === undefined) this.#rare(i, op, siteIndex);
          else this.#marked(i, op, siteIndex, this.#marks);
          break;
      }
      if ((flag & Flag.shadowed) !== 0) this.#shadow(i);
      i++;
    }
    assert(false, 'a body ends with its end');
  }

  /** Writes an instruction whose store marks its page, or whose result is the address of one. */
  #marked(i: number, op: number, siteIndex: number, { marks, kept }: StoreMarks): void {
    const { w, target } = this;
    const { offset, immediate, immediate2 } = this.a.code;
    // A helper marks for itself.
    const isHelped = op === Op.memory_init && this.target.segmentHelper(op, immediate[i]!, immediate2[i]!) >= 0;
    const mark = isHelped ? undefined : marks.get(i);
    if (mark !== undefined && mark.operands.length > 0) {
      this.#flush(offset[i]!);
      writeKeepOperands(w, mark, this.#firstTemp);
    }
    this.#rare(i, op, siteIndex);
    if (mark !== undefined) {
      this.#flush(offset[i + 1]!);
      writeMark(w, target, mark, this.#firstTemp);
    }
    const temp = kept.get(i);
    if (temp !== undefined) {
      this.#flush(offset[i + 1]!);
      w.u8(Op.local_tee);
      w.u32(this.#firstTemp + temp);
    }
  }

  /** Writes an instruction that is not always copied, of those that hardly any program is full of. */
  #rare(i: number, op: number, siteIndex: number): void {
    const { w, target } = this;
    const { offset, immediate, immediate2 } = this.a.code;
    switch (op) {
      case Op.memory_atomic_notify:
      case Op.memory_atomic_wait32:
      case Op.memory_atomic_wait64:
        if (siteIndex >= 0) {
          this.#flush(offset[i]!);
          this.#callSite(siteIndex, i);
        } else this.#copy(i);
        break;
      case Op.ref_func:
        if (target.functionIndex(immediate[i]!) !== immediate[i]!) {
          this.#flush(offset[i]!);
          w.u8(Op.ref_func);
          w.u32(target.functionIndex(immediate[i]!));
        } else this.#copy(i);
        break;
      case Op.br_on_null:
      case Op.br_on_non_null:
        if (this.#remap) {
          this.#flush(offset[i]!);
          w.u8(op);
          w.u32(this.#depth(immediate[i]!));
        } else this.#copy(i);
        break;
      case Op.memory_init:
      case Op.data_drop:
      case Op.table_init:
      case Op.elem_drop: {
        const helper = target.segmentHelper(op, immediate[i]!, immediate2[i]!);
        if (helper >= 0) {
          this.#flush(offset[i]!);
          this.offsets?.push({ emitted: this.#position, original: offset[i]!, length: 1 });
          w.u8(Op.call);
          w.u32(helper);
        } else this.#copy(i);
        break;
      }
      default:
        this.#copy(i);
        break;
    }
  }

  /** Ends a re-opened block at instruction `i` (its `end`, or where its next arm begins); returns where to go on. */
  #closeReopened(i: number, frame: OpenFrame): number {
    const { a, w } = this;
    const end = a.partner[frame.block]!;
    this.#flush(a.code.offset[i]!);
    this.#frames.pop();
    if (a.code.opcode[frame.block] === Op.loop) {
      // $again holds the rest of this turn; behind it stands the loop as it was.
      w.u8(Op.br);
      w.u32(this.#level - frame.outLevel);
      w.u8(Op.end);
      this.#level--;
      if (frame.isCut) {
        this.#shadow(frame.block);
        this.#poll(a.siteAt[frame.block + 1]!);
        this.#callPoll(a.siteAt[frame.block + 1]!, true);
        w.u8(Op.unreachable);
      } else if ((a.loopKind[frame.block]! & LoopKind.headed) === 0) {
        // The site is the poll of the loop, or lies in a loop that is not unrolled: the first of its turns is done.
        this.#copies(frame.block, turnsOf(a, frame.block) - 1, frame.outLevel);
        this.#poll(a.siteAt[frame.block + 1]!);
        this.#loop(frame.block);
      } else {
        this.#copy(frame.block);
        this.#flush(a.code.offset[frame.block + 1]!);
        this.#open(frame.block, ++this.#level);
        this.#shadow(frame.block);
        this.#walk(frame.block + 1, this.#frames.length);
      }
    }
    w.u8(Op.end);
    this.#level--;
    this.#shadow(end);
    return end + 1;
  }

  /** Opens a legacy try, in blocks for those of its clauses that move behind it. */
  #openTry(block: number, params: readonly ValType[]): void {
    const { a, w } = this;
    const { results } = blockType(a.module, a.code.immediate[block]!);
    const moved = a.keptClauses(block).length;
    const level = this.#level + 1;
    if (moved > 0) {
      this.#remap = true;
      w.u8(Op.block);
      this.#writeBlockType(params, results);
      for (let k = 0; k < moved; k++) {
        w.u8(Op.block);
        this.#writeBlockType(params, []);
      }
      this.#level += 1 + moved;
    }
    w.u8(Op.try);
    this.#writeBlockType(params, results);
    this.#open(block, level).tryLevel = ++this.#level;
  }

  /** Behind the `end` of a try whose level is already left: its moved clauses. */
  #writeMoved(frame: OpenFrame): void {
    const { a, w } = this;
    const { block, level } = frame;
    w.u8(Op.br);
    w.u32(this.#level - level);
    for (const clause of a.keptClauses(block)) {
      w.u8(Op.end);
      this.#level--;
      if (clause.tag >= 0) {
        for (const local of clause.kept!.payload.get(clause.tag)!) {
          w.u8(Op.local_get);
          w.u32(local);
        }
      }
      this.#shadow(clause.instruction);
      this.#open(block, level).isMoved = true;
      this.#walk(clause.instruction + 1, this.#frames.length);
      w.u8(Op.br);
      w.u32(this.#level - level);
    }
    w.u8(Op.end);
    this.#level--;
  }

  /** A moved clause ends where the next one begins. */
  #endMoved(i: number): number {
    this.#flush(this.a.code.offset[i]!);
    this.#frames.pop();
    return i;
  }

  /**
   * A loop that polls before it begins another turn. One that calls something or holds another loop polls in place, on
   * the left. An innermost loop that calls nothing is left for its poll and entered again, which is possible because
   * all state is in locals: a call inside, however unlikely, would cost it up to half of its speed. A small one has
   * several copies of its body (`turns`) behind one poll.
   *
   *   block $done                                      block $done  loop $again  block $poll
   *     loop $l                                          loop $l
   *       block $next  …body…  br $done  end               block $next  …body…  br $done  end
   *       fuel -= 1; if (fuel == 0) …poll…                 fuel -= 1; br_if $poll (fuel == 0)
   *     br $l  end                                       br $l  end
   *   unreachable  end                                 end  …poll…  br $again  end  unreachable  end
   *
   * If several branches lead back, as in an interpreter's loop, each of them counts for itself: one place where all of
   * them meet would be one more jump in every turn. Then the loop is left for its poll in any case; $next is only there
   * if something leads back that cannot count.
   */
  #loop(loop: number): void {
    const { a, w } = this;
    const { results } = blockType(a.module, a.code.immediate[loop]!);
    const site = a.siteAt[loop + 1]!;
    const kind = a.loopKind[loop]!;
    const turns = turnsOf(a, loop);
    const isCounted = turns === 1 && (kind & LoopKind.branchy) !== 0;
    const isLeft = isCounted || (kind & (LoopKind.busy | LoopKind.nest)) === 0;
    const remap = this.#remap;
    this.#remap = true;
    w.u8(Op.block);
    this.#writeBlockType([], results);
    const doneLevel = ++this.#level;
    if (isLeft) {
      w.u8(Op.loop);
      w.u8(VOID);
      w.u8(Op.block);
      w.u8(VOID);
      this.#level += 2;
    }
    w.u8(Op.loop);
    w.u8(VOID);
    const loopLevel = ++this.#level;
    if (!isCounted || (kind & LoopKind.indirect) !== 0) {
      this.#copies(loop, turns, doneLevel, isCounted ? loopLevel : 0);
      if (isLeft) this.#goAround(Op.br, loopLevel);
      else {
        this.#poll(site);
        w.u8(Op.br);
        w.u32(0);
      }
    } else {
      this.#turn(loop, loopLevel);
      w.u8(Op.br);
      w.u32(this.#level - doneLevel);
    }
    w.u8(Op.end);
    this.#level--;
    if (isLeft) {
      w.u8(Op.end);
      this.#level--;
      this.#callPoll(site);
      w.u8(Op.br);
      w.u32(0);
      w.u8(Op.end);
      this.#level--;
    }
    w.u8(Op.unreachable);
    w.u8(Op.end);
    this.#level--;
    this.#remap = remap;
  }

  /** The body of a loop; `turnLevel`: see OpenFrame. */
  #turn(loop: number, turnLevel: number): void {
    const frame = this.#open(loop, this.#level);
    frame.isCopy = true;
    frame.turnLevel = turnLevel;
    this.#walk(loop + 1, this.#frames.length, true);
  }

  /** Counts a turn and branches back to the loop at `turnLevel`, around which lies the block that leads to its poll. */
  #goAround(op: number, turnLevel: number): void {
    const { w } = this;
    if (op === Op.br_if) {
      w.u8(Op.if);
      w.u8(VOID);
      this.#level++;
    }
    this.#fuel.spend();
    this.unlikely.push(this.#position);
    w.u8(Op.br_if);
    w.u32(this.#level - turnLevel + 1);
    w.u8(Op.br);
    w.u32(this.#level - turnLevel);
    if (op === Op.br_if) {
      w.u8(Op.end);
      this.#level--;
    }
  }

  /** Turns of a loop, one behind the other: `continue` goes to the next, the end of the loop to `doneLevel`. */
  #copies(loop: number, count: number, doneLevel: number, turnLevel = 0): void {
    const { w } = this;
    for (let k = 0; k < count; k++) {
      w.u8(Op.block);
      w.u8(VOID);
      this.#level++;
      this.#turn(loop, turnLevel);
      w.u8(Op.br);
      w.u32(this.#level - doneLevel);
      w.u8(Op.end);
      this.#level--;
    }
  }

  #open(block: number, level: number): OpenFrame {
    const frame = {
      block,
      level,
      reopened: false,
      isCut: false,
      outLevel: 0,
      passes: false,
      tryLevel: 0,
      isMoved: false,
      isCopy: false,
      turnLevel: 0,
    };
    this.#frames.push(frame);
    return frame;
  }

  #nextReachable(from: number): number {
    let i = from;
    while ((this.a.flags[i]! & Flag.dead) !== 0) i++;
    return i;
  }

  /** Copies instruction `i` verbatim (in one go with its neighbours). */
  #copy(i: number): void {
    if (this.#copyFrom < 0) this.#copyFrom = this.a.code.offset[i]!;
    this.#copyEnd = this.a.code.offset[i + 1]!;
  }
  #copyEnd = -1;

  /** Writes what has been copied so far; `_at` is where the next instruction begins. */
  #flush(_at: number): void {
    if (this.#copyFrom < 0) return;
    this.offsets?.push({
      emitted: this.#position,
      original: this.#copyFrom,
      length: this.#copyEnd - this.#copyFrom,
    });
    this.w.bytes(this.#source, this.#copyFrom, this.#copyEnd);
    this.#copyFrom = -1;
  }

  /** Keeps values just pushed by instruction `i` in their shadow locals. */
  #shadow(i: number): void {
    const { a, w } = this;
    if ((a.flags[i]! & Flag.shadowed) === 0) return;
    this.#flush(a.code.offset[i + 1]!);
    const first = a.firstNode[i]!;
    const pushed = a.pushedCount(i);
    let lowest = first;
    while (!(a.nodeNeeded[lowest] && a.nodeKind[lowest] === NodeKind.plain)) lowest++;
    const last = first + pushed - 1;
    for (let node = last; node > lowest; node--) {
      w.u8(Op.local_set);
      w.u32(a.shadowLocal(node));
    }
    w.u8(Op.local_tee);
    w.u32(a.shadowLocal(lowest));
    for (let node = lowest + 1; node <= last; node++) {
      w.u8(Op.local_get);
      w.u32(a.shadowLocal(node));
    }
  }

  #depth(original: number): number {
    const frame = this.#frames[this.#frames.length - 1 - original]!;
    return this.#level - frame.level;
  }

  #brTable(i: number): void {
    const { lists, immediate } = this.a.code;
    const at = immediate[i]!;
    const count = lists[at]!;
    this.w.u8(Op.br_table);
    this.w.u32(count);
    // The default label follows the others.
    for (let t = 0; t <= count; t++) this.w.u32(this.#depth(lists[at + 1 + t]!));
  }

  /** Opens a try_table; one that catches everything lets the unwinding pass. */
  #openTryTable(block: number, params: readonly ValType[]): void {
    const { a, w, target } = this;
    const results = blockType(a.module, a.code.immediate2[block]!).results;
    const { lists } = a.code;
    const at = a.code.immediate[block]!;
    const clauses = lists[at]!;
    let passes = false;
    for (let c = 0; c < clauses; c++) if (lists[at + 1 + c * 3]! >= 2) passes = true;
    if (passes) {
      this.#remap = true;
      w.u8(Op.block);
      this.#writeBlockType(params, results);
      w.u8(Op.block);
      this.#writeBlockType(params, [ValType.exnref]);
      this.#level += 2;
    }
    w.u8(Op.try_table);
    this.#writeBlockType(params, results);
    w.u32(clauses + (passes ? 1 : 0));
    if (passes) {
      w.u8(1);
      w.u32(target.unwindTag);
      w.u32(0);
    }
    for (let c = 0; c < clauses; c++) {
      const kind = lists[at + 1 + c * 3]!;
      w.u8(kind);
      if (kind < 2) w.u32(lists[at + 2 + c * 3]!);
      w.u32(this.#depth(lists[at + 3 + c * 3]!));
    }
    this.#open(block, ++this.#level).passes = passes;
  }

  /** Returns from the function, through the block that gives the fuel back. */
  #leaveFunction(): void {
    if (this.a.fuel === 'local') {
      this.w.u8(Op.br);
      this.w.u32(this.#level - this.#frames[0]!.level);
    } else this.w.u8(Op.return);
  }

  /** Asks the engine for fuel; `isCut`: to unwind and to go on there. */
  #callPoll(siteIndex: number, isCut = false): void {
    const { w, target } = this;
    this.#fuel.store();
    // The record is written in advance where that leaves nothing behind: no handler, and a third of the code less.
    if (this.#guard.isPlain) this.#guard.save(siteIndex);
    else this.#guard.begin(siteIndex, NO_TYPES, NO_TYPES);
    w.u8(Op.i32_const);
    const site = this.plan.firstSite + siteIndex;
    w.s32(isCut ? ~site : site);
    w.u8(Op.call);
    w.u32(target.pollFunction);
    if (!this.#guard.isPlain) this.#guard.end(siteIndex);
    this.#fuel.load();
  }

  /** A poll in place. */
  #poll(siteIndex: number): void {
    const { w } = this;
    this.#fuel.spend();
    this.unlikely.push(this.#position);
    w.u8(Op.if);
    w.u8(VOID);
    this.#level++;
    this.#callPoll(siteIndex);
    w.u8(Op.end);
    this.#level--;
  }

  #callSite(siteIndex: number, i: number): void {
    const { a, w, target } = this;
    const { opcode, immediate, immediate2 } = a.code;
    const op = opcode[i]!;
    if (isAtomicCall(a.module, op, immediate[i]!)) {
      this.#atomicCall(siteIndex, i);
      return;
    }
    const isDirect = op === Op.call || op === Op.return_call;
    const typeIndex = isDirect ? a.module.functionTypes[immediate[i]!]! : immediate[i]!;
    const operand = isDirect ? -1 : this.#calleeOperand(i);
    this.#fuel.store();
    if (this.plan.wholeFunction) this.#guard.setSite(siteIndex);
    else if (target.standardExceptions) {
      const { params, results } = a.module.types[typeIndex]!;
      this.#guard.begin(siteIndex, operand === -1 ? params : [...params, operand], results);
    } else {
      w.u8(Op.try);
      w.s32(target.types.callType(typeIndex, operand));
    }
    this.offsets?.push({ emitted: this.#position, original: a.code.offset[i]!, length: 1 });
    if (isDirect) {
      w.u8(Op.call);
      w.u32(target.functionIndex(immediate[i]!));
    } else if (op === Op.call_indirect) {
      w.u8(Op.call_indirect);
      w.u32(immediate[i]!);
      w.u32(immediate2[i]!);
    } else {
      w.u8(Op.call_ref);
      w.u32(immediate[i]!);
    }
    this.#guard.end(siteIndex);
    this.#fuel.load();
  }

  #atomicCall(siteIndex: number, i: number): void {
    const { a, w, target } = this;
    const { params, results } = atomicCallType(a.module, a.code.opcode[i]!, a.code.immediate[i]!);
    this.#fuel.store();
    this.#guard.begin(siteIndex, params, results);
    this.offsets?.push({ emitted: this.#position, original: a.code.offset[i]!, length: 1 });
    w.u8(Op.call);
    w.u32(atomicCallFunction(target, a.code, i));
    this.#guard.end(siteIndex);
    this.#fuel.load();
  }

  /** Type of the operand that says whom an indirect call calls. */
  #calleeOperand(i: number): ValType {
    const { a } = this;
    assert(a.code.opcode[i] === Op.call_indirect, 'call_ref is not captured');
    return a.module.allTables[a.code.immediate2[i]!]!.limits.is64 ? ValType.i64 : ValType.i32;
  }

  #writeBlockType(params: readonly ValType[], results: readonly ValType[]): void {
    this.w.s32(this.target.types.blockType(params, results));
  }
}
