// wvm ps: lists the running machines of this user.

import type { Command } from 'commander';
import { connectMachine, describeMachines, type MachineInfo, type ProcessInfo, WvmError } from '../index.ts';
import { formatDuration, formatSize } from './quantities.ts';
import { toJson } from './report.ts';
import { printable } from './store-option.ts';
import { stdoutFd, writeText } from './terminal.ts';
import { treeLines } from './tree-text.ts';

export function define(command: Command): void {
  command
    .description('List the running machines of this user, oldest first.')
    .option('--tree', 'with the processes of each machine, children below their parents')
    .option('--json', 'print an array of objects')
    .addHelpText('after', '\nExamples:\n  wvm ps\n  wvm ps --tree\n  wvm ps --json | jq -r ".[].id"')
    .action(ps);
}

interface PsFlags {
  readonly json?: true;
  readonly tree?: true;
}

async function ps(flags: PsFlags): Promise<void> {
  const running = await describeMachines();
  const machines: readonly (MachineInfo & { readonly processes?: readonly ProcessInfo[] })[] = flags.tree
    ? await withProcesses(running)
    : running;
  if (flags.json) {
    writeText(stdoutFd, `${toJson(machines, 2)}\n`);
    return;
  }
  const rows = [['ID', 'NAME', 'PID', 'STATE', 'AGE', 'MEMORY', 'FUEL USED', 'PROGRAM']];
  const trees = new Map<number, string[]>();
  for (const machine of machines) {
    const { id, name, pid, state, startedAtMs, memoryBytes, fuelUsed, program } = machine;
    if (machine.processes !== undefined) trees.set(rows.length, treeLines(machine.processes, processLine));
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
  const shown = lines.flatMap((line, index) => [line, ...(trees.get(index) ?? [])]);
  writeText(stdoutFd, `${shown.join('\n')}\n`);
}

type MachineWithProcesses = MachineInfo & { readonly processes: readonly ProcessInfo[] };

/** A machine that does not answer has no processes to show. */
async function withProcesses(machines: readonly MachineInfo[]): Promise<MachineWithProcesses[]> {
  return await Promise.all(
    machines.map(async (machine) => {
      try {
        const client = await connectMachine(machine.id);
        const processes = await client.processes().finally(() => client.close());
        return { ...machine, processes };
      } catch (error) {
        if (!(error instanceof WvmError)) throw error;
        return { ...machine, processes: [] };
      }
    }),
  );
}

function processLine({ pid, state, args, threadCount, scheduling, fdCount, memoryBytes }: ProcessInfo): string {
  const threads = threadCount > 1 ? `, ${threadCount} threads` : '';
  const special = scheduling === '' ? '' : `, ${scheduling}`;
  const facts = state === 'zombie' ? state : `${state}${special}${threads}, ${fdCount} fds, ${formatSize(memoryBytes)}`;
  return `${pid} ${printable(args.join(' ').slice(0, 60))}  (${facts})`;
}
