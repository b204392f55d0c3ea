// A poll: spends fuel, and asks the engine when it is gone. The engine gives more, or unwinds the stack.
//
//   fuel -= 1  i32.eqz  if  …give the fuel back…  …save…  i32.const site  call $poll  …take the fuel…  end
//
// The record of the frame is written in advance where that leaves nothing behind: if the guest goes on, $poll drops it.
// That needs no handler, and a third of the code less.

import { Op } from '../wasm/opcodes.ts';
import type { BodyWriter } from './body-writer.ts';

/** A poll in place. */
export function writePoll(out: BodyWriter, siteIndex: number): void {
  out.fuel.spend();
  out.unlikely.push(out.position);
  out.begin(Op.if);
  writePollCall(out, siteIndex);
  out.end();
}

/** Asks the engine for fuel; `isCut`: to unwind and to go on there. */
export function writePollCall(out: BodyWriter, siteIndex: number, isCut = false): void {
  const { w, guard, fuel } = out;
  fuel.store();
  if (guard.isPlain) guard.save(siteIndex);
  else guard.begin(siteIndex, [], []);
  w.u8(Op.i32_const);
  const site = out.plan.firstSite + siteIndex;
  w.s32(isCut ? ~site : site);
  w.u8(Op.call);
  w.u32(out.target.pollFunction);
  if (!guard.isPlain) guard.end(siteIndex);
  fuel.load();
}
