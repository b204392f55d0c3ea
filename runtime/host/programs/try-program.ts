// Which programs get a trial run (trial.ts), and for how long.

import { plainModule } from '../../engine/stored-module.ts';
import type { MachineOptions } from '../machine/machine-options.ts';
import type { MachineExit } from '../machine/machine-status.ts';
import type { FoundProgram } from './find-program.ts';

/**
 * About as long as it takes to start a thread and to instrument the program there: whatever it turns out to be, it has not waited more than twice as
 * long as with the better choice. Nobody hears of the program meanwhile, therefore the limit.
 */
const BUDGET_MS = 100;
const BUDGET_MS_PER_MB = 250;
const MAX_BUDGET_MS = 400;

/** All else asks to look at the run: its fuel, its calls, its name in `wvm ps`. */
const HARMLESS_OPTIONS: ReadonlySet<string> = new Set<keyof MachineOptions>([
  'args',
  'programName',
  'env',
  'directories',
  'cacheDirectory',
  'stdin',
  'stdout',
  'stderr',
]);

/**
 * The exit of the program, if it is new, short and does nothing but compute, read files and print a little. Undefined if it has
 * to be run in earnest; then nothing of it has been seen outside. Blocks this thread for a fraction of a second at most.
 */
export async function tryProgram(program: FoundProgram, options: MachineOptions): Promise<MachineExit | undefined> {
  const { bytes } = program;
  if (program.module !== undefined) return undefined;
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !HARMLESS_OPTIONS.has(name)) return undefined;
  }
  const module = plainModule(bytes);
  if (module === undefined) return undefined;
  const { runTrial } = await import('./run-trial.ts');
  return await runTrial(module, options, Math.min(MAX_BUDGET_MS, BUDGET_MS + (BUDGET_MS_PER_MB * bytes.length) / 1e6));
}
