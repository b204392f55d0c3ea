// How a continuation begins: it loads the record of its frame, opens the blocks around its site again, and calls the
// continuation of the frame above. Its body has no parameters, so operands are pushed where their blocks begin.
//
// function F, stopped at the call         continuation K(F, site of the call)
// loop $l                                 local.set $n (load)  local.set $s0 (load)             ;; load-frame.ts
//   local.get $x                          block $out  block $again
//   local.get $n                            local.get $s0
//   call $f                                 try (result i32) call_indirect $slots (next)
//   i32.add                                 catch $unwind …save… rethrow end
//   …                                       i32.add … ;; br $l becomes br $again
//   br_if $l                                br $out
// end                                     end
// …the rest of F…                         fuel -= 1; if (fuel == 0) poll
//                                         block $done  loop $l  …all of it, as in F…  end end   ;; loop-turns.ts
//                                         end
//                                         …the rest of F…
//
// - A block, or the arm of an `if`, goes on as a block that holds its rest.
// - A loop is finished as $again; behind that follows the whole loop, as it was: it can be optimised as the original can.
// - A try goes on with the same clauses; one whose clause holds the site, as a block.

import { Op } from '../wasm/opcodes.ts';
import { blockType, NodeKind, type Site, SiteKind } from './analysis.ts';
import type { BodyWriter, OpenBlock } from './body-writer.ts';
import { openTry } from './keep-exceptions.ts';
import { RECORD_TRAILER } from './layout.ts';
import { writeLoadFrame } from './load-frame.ts';
import { writeLoop, writeTurns } from './loop-turns.ts';
import { openTryTable } from './pass-unwind.ts';
import { writePoll, writePollCall } from './poll.ts';
import { writeMemoryAccess } from './save.ts';
import { turnsOf } from './unroll.ts';
import { LoopKind } from './workspace.ts';
import { openWrappers } from './wrappers.ts';

/**
 * A continuation holds so many of the loops around its site once more, from the inside out. With all of them it would
 * grow with the square of their number; beyond, each leads to a continuation of its own.
 */
const MAX_WHOLE_LOOPS = 6;

/** Writes all that comes before the instructions behind the site: of a call, that includes the call. */
export function writeEntry(out: BodyWriter, siteIndex: number): void {
  const { a, w } = out;
  const site = a.sites[siteIndex]!;
  out.isRemapped = true;
  out.writeLocals(true);
  openWrappers(out);
  writeLoadFrame(w, out.target, out.plan.layout(siteIndex), out.baseLocal);
  const operands = a.operands(site);
  let next = 0;
  const pushBelow = (height: number): void => {
    while (next < operands.length && a.nodeHeight[operands[next]!]! < height) pushOperand(out, operands[next++]!);
  };
  const chain: number[] = [];
  for (let block = site.block; block >= 0; block = a.parent[block]!) chain.unshift(block);
  let loops = chain.filter((block) => a.code.opcode[block] === Op.loop).length;
  for (const block of chain) {
    pushBelow(a.baseHeight[block]!);
    if (a.code.opcode[block] === Op.loop) loops--;
    reopen(out, block, site, loops >= MAX_WHOLE_LOOPS);
  }
  pushBelow(Number.POSITIVE_INFINITY);
  if (site.kind === SiteKind.call) callNext(out, siteIndex, site);
  out.fuel.load();
}

/** Calls the continuation of the frame above, whose slot the record names; it returns what the site's callee would. */
function callNext(out: BodyWriter, siteIndex: number, site: Site): void {
  const { w, target, guard } = out;
  const type = target.typeIndex([], site.results);
  guard.begin(siteIndex, [], site.results);
  out.standsFor(site.instruction);
  w.u8(Op.local_get);
  w.u32(out.baseLocal);
  const slotOffset = out.plan.layout(siteIndex).sizeBytes - RECORD_TRAILER + 4;
  writeMemoryAccess(w, Op.i32_load, 2, target.framesMemory, slotOffset);
  w.u8(Op.call_indirect);
  w.u32(type);
  w.u32(target.slotsTable);
  guard.end(siteIndex);
}

function pushOperand({ a, w }: BodyWriter, node: number): void {
  const kind = a.nodeKind[node];
  if (kind === NodeKind.constant) {
    const i = a.nodeArg[node]!;
    w.bytes(a.module.bytes, a.code.offset[i]!, a.code.offset[i + 1]!);
    return;
  }
  w.u8(Op.local_get);
  w.u32(kind === NodeKind.local ? a.nodeArg[node]! : a.shadowLocal(node));
}

/** Opens a block again whose first part lies before the site; `isCut`: see OpenBlock. */
function reopen(out: BodyWriter, block: number, site: Site, isCut: boolean): void {
  const { a } = out;
  const op = a.code.opcode[block]!;
  const type = blockType(a.module, op === Op.try_table ? a.code.immediate2[block]! : a.code.immediate[block]!);
  if (op === Op.loop) {
    const outLevel = out.begin(Op.block, [], type.results);
    const open = out.open(block, out.begin(Op.block, [], type.params));
    open.isReopened = true;
    open.isCut = isCut;
    open.outLevel = outLevel;
    return;
  }
  const inHandler = op === Op.try && a.middle[block]! >= 0 && site.instruction > a.middle[block]!;
  if (op === Op.try && !inHandler) openTry(out, block, []);
  else if (op === Op.try_table) openTryTable(out, block, []);
  else out.open(block, out.begin(Op.block, [], type.results)).isReopened = true;
}

/** Ends the innermost open block, a re-opened one, at its `end` or where its next arm begins; returns where to go on. */
export function closeReopened(out: BodyWriter, open: OpenBlock): number {
  const { a } = out;
  const { block } = open;
  const end = a.partner[block]!;
  out.flush();
  out.blocks.pop();
  if (a.code.opcode[block] === Op.loop) {
    // $again holds the rest of this turn.
    out.branchTo(open.outLevel);
    out.end();
    writeWholeLoop(out, open);
  }
  out.end();
  out.shadow(end);
  return end + 1;
}

/** The other turns of a loop. */
function writeWholeLoop(out: BodyWriter, { block: loop, isCut, outLevel }: OpenBlock): void {
  const { a } = out;
  if (isCut) {
    const poll = a.siteAt[loop + 1]!;
    out.shadow(loop);
    writePoll(out, poll);
    writePollCall(out, poll, true);
    out.w.u8(Op.unreachable);
  } else if ((a.loopKind[loop]! & LoopKind.headed) === 0) {
    // The site is the poll of the loop, or lies in a loop that is not unrolled: the first of its turns is done.
    writeTurns(out, loop, turnsOf(a, loop) - 1, outLevel);
    writePoll(out, a.siteAt[loop + 1]!);
    writeLoop(out, loop);
  } else {
    out.copy(loop);
    out.flush();
    out.open(loop, ++out.level);
    out.shadow(loop);
    out.walk(loop + 1, out.blocks.length);
  }
}
