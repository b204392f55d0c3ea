// A loop polls before it begins another turn. One that calls something or holds another loop polls in place, on the left.
// An innermost loop that calls nothing is left for its poll and entered again, which is possible because all state is in
// locals: a call inside, however unlikely, would cost it up to half of its speed. A small one has several copies of its
// body behind one poll (unroll.ts).
//
// before                after                                            after, an innermost loop without calls
// loop $l               block $done                                      block $done  loop $again  block $poll
//   …body…                loop $l                                          loop $l
//   br_if $l                block $next  …body…  br $done  end               block $next  …body…  br $done  end
//   …                       fuel -= 1; if (fuel == 0) …poll…                 fuel -= 1; br_if $poll (fuel == 0)
// end                     br $l  end                                       br $l  end
//                       unreachable  end                                 end  …poll…  br $again  end  unreachable  end
//
// In the body, branches to $l go to $next. If several lead back, as in an interpreter's loop, each of them counts for
// itself: one place where all of them meet would be one more jump in every turn. Then the loop is left for its poll in any
// case, and $next is only there if something leads back that cannot count.
//
// A loop with parameters polls at its head instead (LoopKind.headed), and is copied.

import { Op } from '../wasm/opcodes.ts';
import { blockType } from './analysis.ts';
import type { BodyWriter } from './body-writer.ts';
import { writePoll, writePollCall } from './poll.ts';
import { turnsOf } from './unroll.ts';
import { LoopKind } from './workspace.ts';

/** Writes a loop that does not poll at its head, to its end. */
export function writeLoop(out: BodyWriter, loop: number): void {
  const { a } = out;
  const { results } = blockType(a.module, a.code.immediate[loop]!);
  const site = a.siteAt[loop + 1]!;
  const kind = a.loopKind[loop]!;
  const turns = turnsOf(a, loop);
  const isCounted = turns === 1 && (kind & LoopKind.branchy) !== 0;
  const isLeft = isCounted || (kind & (LoopKind.busy | LoopKind.nest)) === 0;
  const wasRemapped = out.isRemapped;
  out.isRemapped = true;
  const doneLevel = out.begin(Op.block, [], results);
  const againLevel = isLeft ? out.begin(Op.loop) : -1;
  if (isLeft) out.begin(Op.block);
  const loopLevel = out.begin(Op.loop);
  if (!isCounted || (kind & LoopKind.indirect) !== 0) {
    writeTurns(out, loop, turns, doneLevel, isCounted ? loopLevel : 0);
    if (isLeft) writeNextTurn(out, Op.br, loopLevel);
    else {
      writePoll(out, site);
      out.branchTo(loopLevel);
    }
  } else {
    writeTurn(out, loop, loopLevel);
    out.branchTo(doneLevel);
  }
  out.end();
  if (isLeft) {
    out.end();
    writePollCall(out, site);
    out.branchTo(againLevel);
    out.end();
  }
  out.w.u8(Op.unreachable);
  out.end();
  out.isRemapped = wasRemapped;
}

/** Turns of a loop, one behind the other: `continue` goes to the next, the end of the loop to `doneLevel`. */
export function writeTurns(out: BodyWriter, loop: number, count: number, doneLevel: number, turnLevel = 0): void {
  for (let k = 0; k < count; k++) {
    out.begin(Op.block);
    writeTurn(out, loop, turnLevel);
    out.branchTo(doneLevel);
    out.end();
  }
}

/** The body of a loop; `turnLevel`: see OpenBlock. */
function writeTurn(out: BodyWriter, loop: number, turnLevel: number): void {
  const open = out.open(loop, out.level);
  open.isCopy = true;
  open.turnLevel = turnLevel;
  out.walk(loop + 1, out.blocks.length, true);
}

/** Counts a turn and branches back to the loop at `turnLevel`, around which lies the block that leads to its poll. */
export function writeNextTurn(out: BodyWriter, op: number, turnLevel: number): void {
  const { w } = out;
  if (op === Op.br_if) out.begin(Op.if);
  out.fuel.spend();
  out.unlikely.push(out.position);
  w.u8(Op.br_if);
  w.u32(out.level - turnLevel + 1);
  out.branchTo(turnLevel);
  if (op === Op.br_if) out.end();
}
