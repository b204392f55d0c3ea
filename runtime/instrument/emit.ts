// Writes one function body: the instrumented function, or the continuation of it from a site. Both are the same walk over
// the instructions, with another starting point; most instructions are copied. In another form stand:
//
//   calls that may suspend                     call-site.ts, guard.ts (what saves the frame)
//   loops, and what branches back to them      loop-turns.ts, poll.ts, unroll.ts
//   what returns or throws                     wrappers.ts, fuel.ts (the fuel is given back)
//   what catches                               pass-unwind.ts (the unwinding passes), keep-exceptions.ts (it can be saved)
//   stores, if they mark                       mark-stores.ts
//   labels, once we have opened blocks         body-writer.ts
//   functions and segments                     other indexes in a module of continuations (emit-target.ts)
//
// A continuation begins with reopen.ts. Modules that use the standard exception instructions get try_table and throw_ref in
// place of try and rethrow: an engine refuses a module that mixes them.

import { assert } from '../base/assert.ts';
import { Op } from '../wasm/opcodes.ts';
import { blockType, SiteKind } from './analysis.ts';
import { BodyWriter, type OpenBlock } from './body-writer.ts';
import { writeCallSite } from './call-site.ts';
import { openTry, writeCatchKept, writeMovedClauses, writeThrowKept } from './keep-exceptions.ts';
import { writeLoop, writeNextTurn } from './loop-turns.ts';
import { writeKeepOperands, writeMark } from './mark-stores.ts';
import { closePassed, openTryTable, writeCatchUnwind } from './pass-unwind.ts';
import { writePoll } from './poll.ts';
import { closeReopened, writeEntry } from './reopen.ts';
import type { StoreMarks } from './store-marks.ts';
import { Flag, LoopKind } from './workspace.ts';
import { closeWrappers, leaveFunction, openWrappers } from './wrappers.ts';

export class BodyEmitter extends BodyWriter {
  /** Writes the code entry (without its size) of the instrumented function. */
  emitFunction(): void {
    this.writeLocals(false);
    openWrappers(this);
    this.fuel.load();
    this.walk(0, 1);
  }

  /** Writes the code entry of the continuation from site number `index` of the function: [] -> results. */
  emitContinuation(index: number): void {
    const { a } = this;
    const { kind, instruction } = a.sites[index]!;
    writeEntry(this, index);
    if (kind === SiteKind.poll) {
      this.walk(instruction, 1, true);
      return;
    }
    this.shadow(instruction);
    let next = instruction + 1;
    if (a.code.opcode[instruction] === Op.return_call) {
      leaveFunction(this);
      while ((a.flags[next]! & Flag.dead) !== 0) next++;
    }
    this.walk(next, 1);
  }

  // Opcodes are numbers here: V8 makes jump tables of literals alone.
  override walk(from: number, depth: number, skipFirstPoll = false): number {
    const { a, w, target, blocks } = this;
    const { opcode, immediate, count } = a.code;
    const { flags } = a;
    let i = from;
    while (i < count) {
      const flag = flags[i]!;
      if (flag === 0) {
        // A run of instructions that are copied; the end of the body is none of them.
        const first = i;
        do i++;
        while (flags[i] === 0);
        this.copyRun(first, i);
        continue;
      }
      if ((flag & Flag.dead) !== 0) {
        this.flush();
        i++;
        continue;
      }
      let siteIndex = -1;
      if ((flag & Flag.site) !== 0) {
        siteIndex = a.siteAt[i]!;
        if (a.sites[siteIndex]!.kind === SiteKind.poll) {
          if (!(skipFirstPoll && i === from)) {
            this.flush();
            writePoll(this, siteIndex);
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
            this.flush();
            writeCallSite(this, siteIndex, i);
          } else if (op === 0x10) this.#withFunction(i, op);
          else this.copy(i);
          break;
        case 0x12: // return_call
        case 0x13: // return_call_indirect
        case 0x15: // return_call_ref
          this.flush();
          if (siteIndex >= 0) {
            writeCallSite(this, siteIndex, i);
            leaveFunction(this);
          } else {
            this.fuel.store();
            if (op === 0x12) {
              w.u8(op);
              w.u32(target.functionIndex(immediate[i]!));
            } else this.copy(i);
          }
          break;
        case 0x0f: // return
          if (a.fuel === 'local') {
            this.flush();
            leaveFunction(this);
          } else this.copy(i);
          break;
        case 0x08: // throw
          if (a.fuel === 'local') {
            this.flush();
            this.fuel.store();
          }
          this.copy(i);
          break;
        case 0x0c: // br
        case 0x0d: // br_if
          if (this.isRemapped) {
            this.flush();
            const { turnLevel, level } = this.blockAt(immediate[i]!);
            if (turnLevel === 0) {
              w.u8(op);
              w.u32(this.level - level);
            } else writeNextTurn(this, op, turnLevel);
          } else this.copy(i);
          break;
        case 0x0e: // br_table
          if (this.isRemapped) {
            this.flush();
            this.#branchTable(i);
          } else this.copy(i);
          break;
        case 0x09: // rethrow
          this.#rethrow(i);
          break;
        case 0x03: // loop
          if ((a.loopKind[i]! & LoopKind.headed) === 0) {
            this.flush();
            writeLoop(this, i);
            const end = a.partner[i]!;
            this.shadow(end);
            i = end + 1;
            continue;
          }
          this.copy(i);
          this.open(i, ++this.level);
          break;
        case 0x02: // block
        case 0x04: // if
          this.copy(i);
          this.open(i, ++this.level);
          break;
        case 0x06: // try
          if (a.keptClauses(i).length === 0) {
            this.copy(i);
            this.open(i, ++this.level).tryLevel = this.level;
          } else {
            this.flush();
            openTry(this, i, blockType(a.module, immediate[i]!).params);
          }
          break;
        case 0x1f: // try_table
          this.flush();
          openTryTable(this, i, blockType(a.module, a.code.immediate2[i]!).params);
          break;
        case 0x05: // else
        case 0x07: // catch
        case 0x19: {
          // catch_all
          const open = blocks[blocks.length - 1]!;
          if (open.isMoved) return this.#leave(i);
          if (open.isReopened) {
            // The rest of the block is another arm: the one with the site is finished.
            i = closeReopened(this, open);
            if (blocks.length < depth) return i;
            continue;
          }
          const clause = a.clauses[a.clauseOf.get(i) ?? -1];
          if (clause?.kept !== undefined) {
            this.flush();
            writeCatchKept(w, a, clause);
            i = clause.end;
            continue;
          }
          if (op === 0x19) {
            this.flush();
            writeCatchUnwind(this);
          }
          this.copy(i);
          break;
        }
        case 0x18: // delegate
          this.#delegate(i);
          break;
        case 0x0b: {
          // end
          const open = blocks[blocks.length - 1]!;
          if (open.block < 0) {
            this.#leave(i);
            closeWrappers(this);
            return i + 1;
          }
          // A moved clause ends where the next one begins.
          if (open.isMoved) return this.#leave(i);
          if (open.isCopy) return this.#leave(i + 1);
          if (open.isReopened) {
            i = closeReopened(this, open);
            if (blocks.length < depth) return i;
            continue;
          }
          this.#close(i, open);
          if (blocks.length < depth) {
            this.flush();
            return i + 1;
          }
          break;
        }
        default:
          if (this.marks === undefined) this.#rare(i, op, siteIndex);
          else this.#marked(i, op, siteIndex, this.marks);
          break;
      }
      if ((flag & Flag.shadowed) !== 0) this.shadow(i);
      i++;
    }
    assert(false, 'a body ends with its end');
  }

  /** Ends a walk in front of instruction `next`, at the end of a block that someone else closes. */
  #leave(next: number): number {
    this.flush();
    this.blocks.pop();
    return next;
  }

  /** The `end` of a block that began in its place. */
  #close(i: number, open: OpenBlock): void {
    this.copy(i);
    this.blocks.pop();
    this.level--;
    if (open.tryLevel > open.level) {
      this.flush();
      writeMovedClauses(this, open);
    }
    if (open.passesUnwind) {
      this.flush();
      closePassed(this);
    }
  }

  #branchTable(i: number): void {
    const { lists, immediate } = this.a.code;
    const at = immediate[i]!;
    const count = lists[at]!;
    this.w.u8(Op.br_table);
    this.w.u32(count);
    // The default label follows the others.
    for (let t = 0; t <= count; t++) this.w.u32(this.depth(lists[at + 1 + t]!));
  }

  #rethrow(i: number): void {
    const { a, w } = this;
    const clause = a.clauses[a.clauseOf.get(i)!]!;
    if (clause.kept !== undefined) {
      this.flush();
      writeThrowKept(w, clause);
    } else if (this.isRemapped) {
      this.flush();
      w.u8(Op.rethrow);
      w.u32(this.level - this.blockAt(a.code.immediate[i]!).tryLevel);
    } else this.copy(i);
  }

  /** Ends a try, whose exceptions go to the try itself that it names, not to the block that stands for its label. */
  #delegate(i: number): void {
    this.flush();
    this.blocks.pop();
    this.level--;
    this.w.u8(Op.delegate);
    const { level, tryLevel } = this.blockAt(this.a.code.immediate[i]!);
    this.w.u32(this.level - Math.max(level, tryLevel));
  }

  /** Writes an instruction whose immediate is a function. */
  #withFunction(i: number, op: number): void {
    const original = this.a.code.immediate[i]!;
    const index = this.target.functionIndex(original);
    if (index === original) {
      this.copy(i);
      return;
    }
    this.flush();
    this.w.u8(op);
    this.w.u32(index);
  }

  /** Writes an instruction whose store marks its page, or whose result is the address of one. */
  #marked(i: number, op: number, siteIndex: number, { marks, kept }: StoreMarks): void {
    const { w, target } = this;
    const { immediate, immediate2 } = this.a.code;
    // A helper marks for itself.
    const isHelped = op === Op.memory_init && target.segmentHelper(op, immediate[i]!, immediate2[i]!) >= 0;
    const mark = isHelped ? undefined : marks.get(i);
    if (mark !== undefined && mark.operands.length > 0) {
      this.flush();
      writeKeepOperands(w, mark, this.firstTemp);
    }
    this.#rare(i, op, siteIndex);
    if (mark !== undefined) {
      this.flush();
      writeMark(w, target, mark, this.firstTemp);
    }
    const temp = kept.get(i);
    if (temp !== undefined) {
      this.flush();
      w.u8(Op.local_tee);
      w.u32(this.firstTemp + temp);
    }
  }

  /** Writes an instruction that is not always copied, of those that hardly any program is full of. */
  #rare(i: number, op: number, siteIndex: number): void {
    const { w, target } = this;
    const { immediate, immediate2 } = this.a.code;
    switch (op) {
      case Op.memory_atomic_notify:
      case Op.memory_atomic_wait32:
      case Op.memory_atomic_wait64:
        if (siteIndex >= 0) {
          this.flush();
          writeCallSite(this, siteIndex, i);
        } else this.copy(i);
        break;
      case Op.ref_func:
        this.#withFunction(i, op);
        break;
      case Op.br_on_null:
      case Op.br_on_non_null:
        if (this.isRemapped) {
          this.flush();
          w.u8(op);
          w.u32(this.depth(immediate[i]!));
        } else this.copy(i);
        break;
      case Op.memory_init:
      case Op.data_drop:
      case Op.table_init:
      case Op.elem_drop: {
        const helper = target.segmentHelper(op, immediate[i]!, immediate2[i]!);
        if (helper >= 0) {
          this.flush();
          this.standsFor(i);
          w.u8(Op.call);
          w.u32(helper);
        } else this.copy(i);
        break;
      }
      default:
        this.copy(i);
        break;
    }
  }
}
