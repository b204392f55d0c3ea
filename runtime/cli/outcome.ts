// How `run` and `resume` end: what they print about the machine, and their exit code.
//
// The object of --json (one line):
//   status      'exited' | 'trapped' | 'stopped' | 'error'
//   exitCode    wvm's own exit code
//   id, name    as in `wvm ps`
//   guestExitCode       exited: the guest's 32 bits
//   guestSignal exited by proc_raise: the number of the signal
//   reason      stopped: 'fuel' | 'timeout' | 'snapshot' | 'kill'
//   signal      stopped by a signal or `wvm kill`: its name
//   trap        trapped: { message, backtrace: [{ functionIndex, functionName, codeOffset, moduleOffset }] }
//   error       error: { code, message, hint }
//   fuelUsed, memoryBytes, wallTimeMs
//   snapshots   [{ file (an image, or the id in a store), event, sizeBytes, newBytes, stopNs }]

import {
  exitCodeOfSignal,
  type MachineExit,
  type MachineOutcome,
  type MachineStats,
  type SupervisedMachine,
} from '../index.ts';
import { exitCodes } from './exit-codes.ts';
import type { MachineFlags } from './machine-options.ts';
import { formatDuration } from './quantities.ts';
import { printJson, printNote, printWarning } from './report.ts';
import { printTrap } from './trap-text.ts';

type TrapExit = Extract<MachineExit, { kind: 'trap' }>;

/** Prints what the flags want to see of `outcome` and ends the process with its exit code. */
export async function finish(machine: SupervisedMachine, outcome: MachineOutcome, flags: MachineFlags): Promise<never> {
  // Its end has not come to pass if nobody has seen it all: it will when the machine is resumed.
  const isLost = outcome.heldOutputBytes > 0 && outcome.exit.kind === 'exit';
  const exitCode = isLost ? exitCodes.failure : exitCodeOf(outcome);
  if (isLost && !flags.quiet) {
    printWarning(
      `${outcome.heldOutputBytes} bytes of output did not go out: no snapshot covers them. wvm resume goes on from the last one`,
    );
  }
  const target = flags.jsonFile ?? flags.json;
  if (target !== undefined) printJson(describe(await machine.stats(), outcome, exitCode), target);
  else if (!flags.quiet) printOutcome(outcome, flags);
  // Not by running out of work: a guest's stdin that nobody reads any more may be open for ever.
  process.exit(exitCode);
}

/** Ends the process as a program that was not supervised. */
export function exitAs(exit: MachineExit): never {
  process.exit(exitCodeOf({ exit, signal: undefined }));
}

function exitCodeOf({ exit, signal }: Pick<MachineOutcome, 'exit' | 'signal'>): number {
  switch (exit.kind) {
    case 'exit':
      // A guest that raises a signal ends as a native program would.
      return exit.signal === undefined ? exit.code & 0xff : 128 + exit.signal;
    case 'trap':
      return exitCodes.trap;
    case 'stopped': {
      if (exit.reason !== 'kill') return exitCodes[exit.reason];
      return exitCodeOfSignal(signal ?? 'SIGTERM');
    }
  }
}

function describe(stats: MachineStats, outcome: MachineOutcome, exitCode: number): Record<string, unknown> {
  const { exit, signal, id, name, snapshots, wallNs } = outcome;
  const { fuelUsed, memoryBytes } = stats;
  const common = { exitCode, id, name, fuelUsed, memoryBytes, wallTimeMs: Number(wallNs) / 1e6, snapshots };
  switch (exit.kind) {
    case 'exit':
      return {
        status: 'exited',
        guestExitCode: exit.code,
        ...(exit.signal === undefined ? {} : { guestSignal: exit.signal }),
        ...common,
      };
    case 'trap':
      return {
        status: 'trapped',
        trap: { message: exit.message, backtrace: exit.backtrace.map(nameOrNull) },
        ...common,
      };
    case 'stopped':
      return { status: 'stopped', reason: exit.reason, ...(signal === undefined ? {} : { signal }), ...common };
  }
}

/** JSON leaves out what is undefined; readers want every field. */
function nameOrNull(frame: TrapExit['backtrace'][number]): Record<string, unknown> {
  return { ...frame, functionName: frame.functionName ?? null };
}

function printOutcome({ exit }: MachineOutcome, flags: MachineFlags): void {
  if (exit.kind === 'trap') printTrap(exit, 'the guest trapped');
  if (exit.kind !== 'stopped') return;
  if (exit.reason === 'fuel') printNote(`stopped: --fuel ${flags.fuel} is used up`);
  if (exit.reason === 'timeout') printNote(`stopped: --timeout of ${formatDuration(flags.timeout ?? 0)} is over`);
  if (exit.reason === 'snapshot') printNote('stopped by wvm snapshot --stop; wvm resume goes on from there');
}
