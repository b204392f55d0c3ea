// The options that `run` and `resume` share, and what they become: options of a Machine and of its Supervisor.

import { openSync } from 'node:fs';
import { type Command, Option } from 'commander';
import {
  type DirectoryGrant,
  type OwnStore,
  readModule,
  type SuperviseOptions,
  type Supervisor,
  type ThreadHooks,
  type ThreadMachineOptions,
  WvmError,
} from '../index.ts';
import { addDirectory, addOverlay, addProgram, addVariable, addVariablesOfFile } from './grants.ts';
import { addOptionalValue } from './optional-value.ts';
import { formatDuration, formatSize, parseCount, parseDuration, parseFuel, parseSize } from './quantities.ts';
import { printNote, printWarning } from './report.ts';
import { addSealOptions, readSealKeys, type SealFlags } from './seal-option.ts';
import { addStoreKeys, type PlaceFlags, printable, shortId, storeKeys, storePlace } from './store-option.ts';
import { stderrFd } from './terminal.ts';
import { printTrap } from './trap-text.ts';

/** As commander hands them over. */
export interface MachineFlags extends PlaceFlags, SealFlags {
  readonly dir?: DirectoryGrant[];
  readonly overlay?: DirectoryGrant[];
  readonly env?: Record<string, string>;
  readonly maxMemory?: number;
  readonly timeout?: number;
  readonly fuel?: bigint;
  readonly name?: string;
  readonly trace?: true;
  readonly traceFile?: string;
  readonly quiet?: true;
  readonly json?: true;
  readonly jsonFile?: string;
  readonly snapshotEvery?: number;
  readonly snapshotOn?: string;
  readonly output?: string;
  readonly keep?: number;
  readonly outputCommit?: true;
  readonly markWrites?: true;
  /** Paths by name. */
  readonly map?: Record<string, string>;
  /** False for --no-cache. */
  readonly cache: boolean;
  readonly cacheDir?: string;
}

export function addMachineOptions(command: Command): void {
  command
    .option('--dir <host[::guest][:ro]>', 'lend a directory to the guest (repeatable)', addDirectory)
    .option('--overlay <host[::guest]>', 'lend a directory whose changes stay in the machine (repeatable)', addOverlay)
    .option('--env <name[=value]>', 'set a variable; NAME alone takes its value here (repeatable)', addVariable)
    .addOption(
      // Its values go where those of --env are: the later of two settings counts, whichever option made it.
      new Option('--env-file <file>', 'set the variables of a .env file (repeatable)').argParser((path) => {
        const variables = command.getOptionValue('env') as Record<string, string> | undefined;
        command.setOptionValue('env', addVariablesOfFile(path, variables));
      }),
    )
    .option('--map <name=file>', 'let the guest run the module FILE by this name (repeatable)', addProgram)
    .option('--max-memory <size>', 'let the guest have no more memory than this (64M, 1G)', parseSize)
    .option('--timeout <duration>', 'stop after this time (500ms, 10s, 1h30m): exit code 124', parseDuration)
    .option('--fuel <number>', 'stop after this much work: exit code 123', parseFuel)
    .option('--name <name>', 'name the machine for ps, snapshot and kill')
    .option('--snapshot-every <duration>', 'save the machine into the store again and again', parseDuration)
    .option('--snapshot-on <events>', 'save it at SIGUSR2 or another signal, or at its last moment (exit)')
    .option('--store <dir>', "that store (default: the user's own); also lets the guest ask for snapshots")
    .option('--keep <count>', 'forget all but the newest so many of them', parseCount)
    .option('--output-commit', 'show only output that a snapshot on disk covers: no crash takes back or repeats any')
    .option('--mark-writes', 'shorten the stops for snapshots: the program marks what it writes, and is slower')
    .option('--output <dir>', 'write images NAME-0001.wvm … there instead; also lets the guest ask for them');
  addSealOptions(addStoreKeys(command));
  addOptionalValue(command, '--trace', 'print the system calls, to stderr or with --trace=FILE to a file');
  addOptionalValue(command, '--json', 'print the result as JSON, as last line of stderr or with --json=FILE to a file');
  command
    .option('--quiet', 'print nothing about the machine, not even why it stopped')
    .option('--no-cache', 'prepare the module anew')
    .option('--cache-dir <dir>', 'cache prepared modules there');
}

const OUTPUT_COMMIT_KEEP = 60;

type Events = ReturnType<typeof import('../index.ts').parseSnapshotEvents> | undefined;

/** What both load and resume take. */
type CommonOptions = Omit<ThreadMachineOptions, 'args' | 'programName' | 'seed' | 'tmpfs' | 'devices'>;

export async function toMachineOptions(flags: MachineFlags): Promise<CommonOptions> {
  return {
    env: flags.env ?? {},
    directories: [...(flags.dir ?? []), ...(flags.overlay ?? [])],
    ...(flags.map === undefined ? {} : { programs: await readPrograms(flags.map) }),
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(flags.maxMemory === undefined ? {} : { maxMemoryBytes: flags.maxMemory }),
    ...(flags.outputCommit ? { outputCommit: true } : {}),
    ...(flags.markWrites ? { marksWrites: true } : {}),
    ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout }),
    ...(flags.fuel === undefined ? {} : { fuel: flags.fuel }),
    ...(flags.trace || flags.traceFile !== undefined
      ? { traceFd: flags.traceFile === undefined ? stderrFd : openSync(flags.traceFile, 'w') }
      : {}),
    ...(flags.cache
      ? flags.cacheDir === undefined
        ? {}
        : { cacheDirectory: flags.cacheDir }
      : { cacheDirectory: null }),
  };
}

async function readPrograms(paths: Readonly<Record<string, string>>): Promise<Record<string, Uint8Array>> {
  const programs: Record<string, Uint8Array> = {};
  for (const [name, path] of Object.entries(paths)) programs[name] = await readModule(path);
  return programs;
}

/** `supervisor` is asked only once the guest runs. */
export function toHooks(flags: MachineFlags, events: Events, supervisor: () => Supervisor): ThreadHooks {
  return {
    ...(events?.atEnd || flags.outputCommit ? { beforeEnd: () => supervisor().saveBeforeEnd() } : {}),
    ...(flags.outputCommit ? { onOutputHeld: () => supervisor().outputHeld() } : {}),
    // Else a guest that asks for snapshots would fill a place that nobody has lent it.
    ...(flags.output === undefined && flags.store === undefined
      ? {}
      : { onSelfSnapshot: () => supervisor().saveForGuest() }),
    onProcessTrap: (trap) => {
      if (!flags.quiet) printTrap(trap, `process ${trap.pid} (${printable(trap.program)}) trapped`);
    },
  };
}

/** `parent`: the snapshot of the store that the machine is resumed from. */
export function toSuperviseOptions(
  flags: MachineFlags,
  events: Events,
  parent?: OwnStore['parent'],
): Omit<SuperviseOptions, 'program'> {
  const isQuiet = flags.quiet === true;
  if (flags.outputCommit && flags.output !== undefined) {
    throw new WvmError(
      'WVM_USAGE',
      '--output-commit: what it holds goes out when a snapshot is in a store, not in --output',
    );
  }
  // Of those that only let output out nobody wants to keep all.
  const keepCount = flags.keep ?? (flags.outputCommit ? OUTPUT_COMMIT_KEEP : undefined);
  return {
    name: flags.name,
    snapshotEveryMs: flags.snapshotEvery,
    snapshotSignals: events?.signals,
    snapshotAtEnd: events?.atEnd,
    outputCommit: flags.outputCommit,
    outputDirectory: flags.output,
    ...(flags.output === undefined ? {} : { seal: readSealKeys(flags) }),
    store: { place: storePlace(flags), keys: storeKeys(flags), keepCount, parent },
    onWarning: (error) => {
      if (!isQuiet) printWarning(`${error.code}: ${error.message}`);
    },
    onSaved: ({ file, event, sizeBytes, newBytes, stopNs }) => {
      const isStored = flags.output === undefined;
      // One every second is no news: wvm log lists them.
      if (isQuiet || (isStored && (event === 'timer' || flags.outputCommit))) return;
      const size = isStored ? `${formatSize(newBytes)} new` : formatSize(sizeBytes);
      const stop = formatDuration(Number(stopNs) / 1e6);
      printNote(`saved ${isStored ? shortId(file) : file} (${size}, the guest stood still for ${stop})`);
    },
  };
}
