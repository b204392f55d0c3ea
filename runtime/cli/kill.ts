// wvm kill: ends a running machine and waits until it has ended.

import type { Command } from 'commander';
import { killMachine, parseSignal } from '../index.ts';

export function define(command: Command): void {
  command
    .description('End a running machine as a signal would, and wait for its end.')
    .argument('<machine>', 'id (or its beginning), name or pid')
    .option('-s, --signal <signal>', 'TERM, INT, HUP, or KILL for one that does not answer', 'TERM')
    .addHelpText('after', '\nExamples:\n  wvm kill app\n  wvm kill -s KILL 4711')
    .action(kill);
}

async function kill(query: string, flags: { readonly signal: string }, command: Command): Promise<void> {
  const signal = parseSignal(flags.signal);
  if (signal === undefined) command.error(`error: '${flags.signal}' is not a signal of this system`);
  await killMachine(query, signal);
}
