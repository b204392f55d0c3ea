// Loops in loops: what an outer one reads is live at a call in the innermost, as many passes as it takes to find that out.

import { describe, expect, test } from 'vitest';
import { assembleText } from '../../test/conformance/assembler.ts';
import { parseModule } from '../wasm/parse.ts';
import { SiteKind } from './analysis.ts';
import { buildCallGraph } from './call-graph.ts';
import { FunctionPlan } from './plan.ts';

/**
 * Loop k reads local k; the last local is written by the outermost loop before it is read. From a loop only its header leads
 * to the one around it, so each level takes a pass of its own.
 */
function nestedLoops(depth: number): string {
  const levels = Array.from({ length: depth }, (_, k) => k);
  const headers = levels.map((k) => `loop $l${k} (drop (local.get ${k})) (br_if $l${k - 1} (global.get $again))`);
  const ends = levels.toReversed().map((k) => `br $l${k} end`);
  return `(module (import "host" "call" (func $call)) (global $again (mut i32) (i32.const 0))
    (func (export "run") (local ${'i32 '.repeat(depth + 1)})
      loop $l-1
        (local.set ${depth} (i32.const 1)) (drop (local.get ${depth}))
        ${headers.join('\n')} (call $call) ${ends.join('\n')}
      end))`;
}

/** Indexes of the locals that are live at the call. */
async function liveAtCall(depth: number): Promise<number[]> {
  const module = parseModule(await assembleText(nestedLoops(depth)));
  const plan = new FunctionPlan(module, buildCallGraph(module), 1, 0);
  const site = plan.analysis.sites.findIndex(({ kind }) => kind === SiteKind.call);
  return plan.analysis.locals.flatMap((_, x) => (plan.liveness.isLive(site, x) ? [x] : []));
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, x) => x);

describe('liveness in nested loops', () => {
  test.each([1, 2, 3, 7])('%i deep: exact', async (depth) => {
    expect(await liveAtCall(depth)).toEqual(upTo(depth));
  });

  test.each([12, 31, 32, 40])('%i deep, more than the passes that are made: everything is live', async (depth) => {
    expect(await liveAtCall(depth)).toEqual(upTo(depth + 1));
  });
});
