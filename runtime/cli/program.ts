// The command tree. Only the file of the command that was asked for is loaded, and with it what does the work:
// `wvm --version` and `wvm ps` must not wait for the engine.

import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { Command, CommanderError } from 'commander';
import { exitCodes, exitCodesHelp, ownExitCodesHelp } from './exit-codes.ts';
import { jsonTarget, rewriteOptionalValues } from './optional-value.ts';
import { exitCodeOfFailure, type Failure, printFailure, printJson, toFailure } from './report.ts';
import { stderrFd, stdoutFd, styleOf, writeText } from './terminal.ts';

interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<{ define: (command: Command) => void }>;
}

const entries: readonly CommandEntry[] = [
  { name: 'run', summary: 'run a WASI program', load: () => import('./run.ts') },
  { name: 'snapshot', summary: 'save a running machine to an image', load: () => import('./snapshot.ts') },
  { name: 'resume', summary: 'let the machine of an image go on', load: () => import('./resume.ts') },
  { name: 'ps', summary: 'list the running machines', load: () => import('./ps.ts') },
  { name: 'kill', summary: 'end a running machine', load: () => import('./kill.ts') },
  { name: 'continue', summary: 'let a frozen machine run', load: () => import('./continue.ts') },
  { name: 'inspect', summary: 'show what is in an image', load: () => import('./inspect.ts') },
  { name: 'log', summary: 'list the snapshots of a store', load: () => import('./log.ts') },
  { name: 'diff', summary: 'show what differs between two snapshots', load: () => import('./diff.ts') },
  { name: 'tag', summary: 'name a snapshot', load: () => import('./tag.ts') },
  { name: 'export', summary: 'write a snapshot to an image in one file', load: () => import('./export.ts') },
  { name: 'import', summary: 'take an image into the store', load: () => import('./import.ts') },
  { name: 'push', summary: 'copy a snapshot into another store', load: () => import('./push.ts') },
  { name: 'pull', summary: 'copy a snapshot out of another store', load: () => import('./pull.ts') },
  { name: 'verify', summary: 'check a store', load: () => import('./verify.ts') },
  { name: 'gc', summary: 'free what no snapshot needs', load: () => import('./gc.ts') },
  { name: 'rm', summary: 'forget snapshots', load: () => import('./rm.ts') },
  { name: 'cache', summary: 'show or clear the cache of prepared modules', load: () => import('./cache.ts') },
];

/** Lines that are easy to read, on whatever terminal. */
const helpWidth = 100;

/** Runs one command line; sets the exit code of the process. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = await createProgram(argv);
  const command = program.commands.find((candidate) => candidate.name() === argv[0]);
  const args = command === undefined ? argv : [argv[0]!, ...rewriteOptionalValues(command, argv.slice(1))];
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    const failure = error instanceof CommanderError ? usageFailure(error, argv) : toFailure(error);
    if (failure === undefined) return;
    const target = command === undefined ? undefined : jsonTarget(command, args.slice(1));
    const exitCode = exitCodeOfFailure(failure);
    if (target === undefined) printFailure(failure);
    else printJson({ status: 'error', exitCode, error: failure }, target);
    // A failed command may have left a stream or a timer open.
    process.exit(exitCode);
  }
}

async function createProgram(argv: readonly string[]): Promise<Command> {
  const program = new Command('wvm')
    .description('Runs WebAssembly programs and can stop, save and resume them exactly, anywhere.')
    .version(readVersion(), '-V, --version')
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => writeText(stdoutFd, text),
      writeErr: (text) => writeText(stderrFd, text),
      outputError: () => {}, // main() prints it.
    })
    .configureHelp({ styleTitle: (title) => styleOf(stdoutFd)('bold', title), helpWidth })
    .addHelpText(
      'after',
      `
Examples:
  wvm run --dir . app.wasm input.txt       what follows app.wasm belongs to the guest
  wvm snapshot app -o app.wvm --stop
  wvm resume app.wvm --dir .

wvm COMMAND --help tells more, wvm help exit-codes what the exit codes mean.`,
    );
  const wanted = argv[0] === 'help' ? argv[1] : argv[0];
  for (const { name, summary, load } of entries) {
    const command = program
      .command(name)
      .summary(summary)
      .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`);
    if (name === wanted) (await load()).define(command);
    // Theirs is the guest's, as they say themselves.
    if (name !== 'run' && name !== 'resume') command.addHelpText('after', ownExitCodesHelp);
  }
  program
    .command('help')
    .summary('explain a command, or exit-codes')
    .argument('[topic]')
    .addHelpText('after', `\nExamples:\n  wvm help run\n  wvm help exit-codes\n${ownExitCodesHelp}`)
    .action((topic: string | undefined) => showHelp(program, topic));
  return program;
}

function showHelp(program: Command, topic: string | undefined): void {
  if (topic === 'exit-codes') {
    writeText(stdoutFd, exitCodesHelp);
    return;
  }
  const command = topic === undefined ? program : program.commands.find((candidate) => candidate.name() === topic);
  if (command === undefined) {
    program.error(`error: no help about '${topic}'`, { code: 'wvm.help', exitCode: exitCodes.usage });
  } else {
    command.outputHelp();
  }
}

/** Undefined if commander has shown what was asked for: help or the version. */
function usageFailure(error: CommanderError, argv: readonly string[]): Failure | undefined {
  if (error.exitCode === 0) return undefined;
  const message = error.code === 'commander.help' ? 'no command was given' : error.message.replace(/^error: /, '');
  const isProgram = /\.(wasm|wat)$/.test(argv[0] ?? '');
  const isCommand = entries.some((entry) => entry.name === argv[0]);
  const hint = isProgram ? `wvm run ${argv[0]}` : isCommand ? `see wvm ${argv[0]} --help` : 'see wvm --help';
  return { code: 'WVM_USAGE', message: message.replaceAll('\n', ' '), hint };
}

/** Of the package.json above this file, which is in another place when compiled. */
function readVersion(): string {
  const path = findPackageJSON('..', import.meta.url);
  const { version } = JSON.parse(readFileSync(path ?? '', 'utf8')) as { version: string };
  return version;
}
