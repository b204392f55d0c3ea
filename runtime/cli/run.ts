// wvm run: loads a module and runs it to its end.

import { basename } from 'node:path';
import type { Command } from 'commander';
import {
  findProgram,
  parseSnapshotEvents,
  releaseRecordOf,
  Supervisor,
  type TmpfsGrant,
  tryProgram,
} from '../index.ts';
import { addTmpfs } from './grants.ts';
import {
  addMachineOptions,
  type MachineFlags,
  toHooks,
  toMachineOptions,
  toSuperviseOptions,
} from './machine-options.ts';
import { addOptionalValue } from './optional-value.ts';
import { exitAs, finish } from './outcome.ts';
import { parseSeed } from './quantities.ts';
import { guestThread } from './thread.ts';

interface RunFlags extends MachineFlags {
  readonly seed?: bigint;
  readonly tmpfs?: TmpfsGrant[];
  readonly dev?: true;
  readonly devFile?: string;
}

/** With any other the user wants to look into the machine, or to find it again. */
const trialFlags: ReadonlySet<string> = new Set(['dir', 'env', 'envFile', 'quiet', 'cache', 'cacheDir']);

export function define(command: Command): void {
  command
    .description('Run a WASI program. Everything after the program belongs to the guest.')
    .argument('<program>', 'a WebAssembly module, binary (.wasm) or text (.wat)')
    .argument('[args...]', "the guest's arguments")
    .passThroughOptions()
    .addHelpText(
      'after',
      `
Examples:
  wvm run app.wasm one two
  wvm run --dir . --dir /srv/data::/data:ro --env HOME=/ app.wasm
  wvm run --timeout 10s --max-memory 256M --json=result.json app.wasm
  wvm run --overlay .::/src --tmpfs /tmp:64M app.wasm
  wvm run --name job --snapshot-every 1s --keep 60 app.wasm      wvm resume job goes on after a crash
  wvm run --dev --dir . --map sh=shell.wasm --map cat=cat.wasm shell.wasm -c 'cat a 2>/dev/null | cat'

The exit code is the guest's; wvm help exit-codes lists the others.`,
    );
  addMachineOptions(command);
  command.option(
    '--tmpfs <guest[:size]>',
    'give it an empty directory in memory, kept in images (repeatable)',
    addTmpfs,
  );
  addOptionalValue(
    command,
    '--dev',
    'give it /dev, or another path with --dev=GUEST: null, zero, full, random, tty, fd/N, …',
  );
  command.option('--seed <number>', 'make random numbers and clocks the same in every run', parseSeed);
  command.action(run);
}

async function run(program: string, args: string[], flags: RunFlags): Promise<void> {
  const events = flags.snapshotOn === undefined ? undefined : parseSnapshotEvents(flags.snapshotOn);
  const options = {
    ...(await toMachineOptions(flags)),
    args,
    programName: basename(program),
    ...(flags.seed === undefined ? {} : { seed: flags.seed }),
    ...(flags.tmpfs === undefined ? {} : { tmpfs: flags.tmpfs }),
    ...(flags.dev === undefined && flags.devFile === undefined ? {} : { devices: flags.devFile ?? '/dev' }),
  };
  const isForTrial = Object.keys(flags).every((flag) => trialFlags.has(flag));
  if (!isForTrial) guestThread(); // It starts while the program is looked up.
  const found = await findProgram(program, options);
  const exit = isForTrial ? await tryProgram(found, options) : undefined;
  if (exit !== undefined) exitAs(exit);
  const thread = guestThread();
  const supervisor = new Supervisor({ ...toSuperviseOptions(flags, events), program });
  const held = flags.outputCommit ? { releaseRecord: releaseRecordOf(supervisor.id) } : {};
  const loaded = thread.load(
    found,
    { ...options, ...held },
    toHooks(flags, events, () => supervisor),
  );
  await finish(thread, await supervisor.run(thread, loaded), flags);
}
