// A trap as people read it: what happened, and where, innermost function first.

import type { BacktraceFrame } from '../index.ts';
import { stderrFd, styleOf, writeText } from './terminal.ts';

export function printTrap(trap: { message: string; backtrace: readonly BacktraceFrame[] }, what: string): void {
  const style = styleOf(stderrFd);
  const lines = [`wvm: ${style('red', what)}: ${trap.message}`];
  for (const [depth, frame] of trap.backtrace.entries()) {
    const place = style('dim', `function ${frame.functionIndex}, module offset 0x${frame.moduleOffset.toString(16)}`);
    lines.push(`  ${String(depth).padStart(3)}: ${style('bold', frame.functionName ?? '<unnamed>')}  ${place}`);
  }
  writeText(stderrFd, `${lines.join('\n')}\n`);
}
