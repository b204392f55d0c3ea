// wvm ps: lists the running machines of this user.

import type { Command } from 'commander';
import { describeMachines } from '../index.ts';
import { formatDuration, formatSize } from './quantities.ts';
import { toJson } from './report.ts';
import { stdoutFd, writeText } from './terminal.ts';

export function define(command: Command): void {
  command
    .description('List the running machines of this user, oldest first.')
    .option('--json', 'print an array of objects')
    .addHelpText('after', '\nExamples:\n  wvm ps\n  wvm ps --json | jq -r ".[].id"')
    .action(ps);
}

async function ps(flags: { readonly json?: true }): Promise<void> {
  const machines = await describeMachines();
  if (flags.json) {
    writeText(stdoutFd, `${toJson(machines, 2)}\n`);
    return;
  }
  const rows = [['ID', 'NAME', 'PID', 'STATE', 'AGE', 'MEMORY', 'FUEL USED', 'PROGRAM']];
  for (const { id, name, pid, state, startedAtMs, memoryBytes, fuelUsed, program } of machines) {
    const age = formatDuration(Math.max(0, Date.now() - startedAtMs));
    rows.push([id, name, String(pid), state, age, formatSize(memoryBytes), fuelUsed, printable(program)]);
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  writeText(stdoutFd, `${lines.join('\n')}\n`);
}

/** A file name may hold anything, also what moves a terminal's cursor. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}
