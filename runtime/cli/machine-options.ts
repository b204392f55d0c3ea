// The options that `run` and `resume` share, and what they become: options of a Machine and of its Supervisor.

import { openSync } from 'node:fs';
import { type Command, Option } from 'commander';
import type { DirectoryGrant, SuperviseOptions, Supervisor, ThreadHooks, ThreadMachineOptions } from '../index.ts';
import { addDirectory, addVariable, addVariablesOfFile } from './grants.ts';
import { addOptionalValue } from './optional-value.ts';
import { formatDuration, formatSize, parseDuration, parseFuel, parseSize } from './quantities.ts';
import { printNote, printWarning } from './report.ts';
import { stderrFd } from './terminal.ts';

/** As commander hands them over. */
export interface MachineFlags {
  readonly dir?: DirectoryGrant[];
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
  /** False for --no-cache. */
  readonly cache: boolean;
  readonly cacheDir?: string;
}

export function addMachineOptions(command: Command): void {
  command
    .option('--dir <host[::guest][:ro]>', 'lend a directory to the guest (repeatable)', addDirectory)
    .option('--env <name[=value]>', 'set a variable; NAME alone takes its value here (repeatable)', addVariable)
    .addOption(
      // Its values go where those of --env are: the later of two settings counts, whichever option made it.
      new Option('--env-file <file>', 'set the variables of a .env file (repeatable)').argParser((path) => {
        const variables = command.getOptionValue('env') as Record<string, string> | undefined;
        command.setOptionValue('env', addVariablesOfFile(path, variables));
      }),
    )
    .option('--max-memory <size>', 'let the guest have no more memory than this (64M, 1G)', parseSize)
    .option('--timeout <duration>', 'stop after this time (500ms, 10s, 1h30m): exit code 124', parseDuration)
    .option('--fuel <number>', 'stop after this much work: exit code 123', parseFuel)
    .option('--name <name>', 'name the machine for ps, snapshot and kill')
    .option('--snapshot-every <duration>', 'save an image again and again', parseDuration)
    .option('--snapshot-on <events>', 'save an image at SIGUSR2 or another signal, or of the last moment (exit)')
    .option('--output <dir>', 'where those images go, as NAME-0001.wvm …; also lets the guest ask for them');
  addOptionalValue(command, '--trace', 'print the system calls, to stderr or with --trace=FILE to a file');
  addOptionalValue(command, '--json', 'print the result as JSON, as last line of stderr or with --json=FILE to a file');
  command
    .option('--quiet', 'print nothing about the machine, not even why it stopped')
    .option('--no-cache', 'prepare the module anew')
    .option('--cache-dir <dir>', 'cache prepared modules there');
}

type Events = ReturnType<typeof import('../index.ts').parseSnapshotEvents> | undefined;

/** What both load and resume take. */
type CommonOptions = Omit<ThreadMachineOptions, 'args' | 'programName' | 'seed'>;

export function toMachineOptions(flags: MachineFlags): CommonOptions {
  return {
    env: flags.env ?? {},
    directories: flags.dir ?? [],
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(flags.maxMemory === undefined ? {} : { maxMemoryBytes: flags.maxMemory }),
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

/** `supervisor` is asked only once the guest runs. */
export function toHooks(flags: MachineFlags, events: Events, supervisor: () => Supervisor): ThreadHooks {
  return {
    ...(events?.atEnd ? { beforeEnd: () => supervisor().saveBeforeEnd() } : {}),
    // Without --output a guest that asks for snapshots would fill a directory that nobody has lent it.
    ...(flags.output === undefined ? {} : { onSelfSnapshot: () => supervisor().saveForGuest() }),
  };
}

export function toSuperviseOptions(flags: MachineFlags, events: Events): Omit<SuperviseOptions, 'program'> {
  const isQuiet = flags.quiet === true;
  return {
    name: flags.name,
    snapshotEveryMs: flags.snapshotEvery,
    snapshotSignals: events?.signals,
    snapshotAtEnd: events?.atEnd,
    outputDirectory: flags.output,
    onWarning: (error) => {
      if (!isQuiet) printWarning(`${error.code}: ${error.message}`);
    },
    onSaved: ({ file, sizeBytes, stopNs }) => {
      const stopMs = Number(stopNs) / 1e6;
      if (!isQuiet)
        printNote(`saved ${file} (${formatSize(sizeBytes)}, the guest stood still for ${formatDuration(stopMs)})`);
    },
  };
}
