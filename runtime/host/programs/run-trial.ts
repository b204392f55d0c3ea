// One trial run, from a compiled module to its exit. In a file of its own, with all that runs a guest behind it: the command line
// loads it when there is something to try.

import type { PreparedModule } from '../../engine/stored-module.ts';
import { Machine } from '../machine/machine.ts';
import type { MachineOptions } from '../machine/machine-options.ts';
import type { MachineExit } from '../machine/machine-status.ts';
import { adoptModule } from './recent-modules.ts';
import { Trial } from './trial.ts';

/** Undefined if the program has to be run anew, whatever the reason. */
export async function runTrial(
  module: PreparedModule,
  options: MachineOptions,
  budgetMs: number,
): Promise<MachineExit | undefined> {
  const trial = new Trial(budgetMs);
  adoptModule(module);
  let exit: MachineExit;
  try {
    const machine = await Machine.load(module.bytes, { ...options, trial });
    exit = await machine.run();
  } catch {
    return undefined; // What is wrong with it, the run that counts will say.
  }
  // A trap, too, is for that one: its stack is as deep as it always is.
  return exit.kind === 'exit' && (await trial.keep()) ? exit : undefined;
}
