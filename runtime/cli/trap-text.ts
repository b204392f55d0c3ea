// A trap as people read it: what happened, and where, innermost function first.

import type { BacktraceFrame } from '../index.ts';
import { colorsOf, stderrFd, writeText } from './terminal.ts';

export function printTrap(trap: { message: string; backtrace: readonly BacktraceFrame[] }, what: string): void {
  const { red, bold, dim } = colorsOf(stderrFd);
  const lines = [`wvm: ${red(what)}: ${trap.message}`];
  for (const [depth, frame] of trap.backtrace.entries()) {
    const place = dim(`function ${frame.functionIndex}, module offset 0x${frame.moduleOffset.toString(16)}`);
    lines.push(`  ${String(depth).padStart(3)}: ${bold(frame.functionName ?? '<unnamed>')}  ${place}`);
  }
  writeText(stderrFd, `${lines.join('\n')}\n`);
}
